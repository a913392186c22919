"""explain: every candidate and verdict, and nothing of what a sensitive rule matched."""

import json
from typing import Any

from tests.pipeline.worlds import decided, draws, policy, question

from steady.pipeline.explain import explain, keyed_hash, mask, mask_all, sensitive
from steady.policy.resolved import Bound
from steady.rules.pii import NoPii

KEY = b"k" * 32
MAIL = "ann@example.com"
FILTER = {"rule": "no_pii", "kinds": ["email"], "on_fail": "filter"}


async def shown(*rules: dict[str, Any], lines: list[Any], request: Any = None, **doc: Any) -> dict[str, Any]:
    resolved = policy(*rules, **doc)
    outcome = await decided(resolved, lines, request)
    made = explain(outcome, resolved, KEY)
    json.dumps(made)  # it is JSON as it stands
    return made


async def test_candidates_stand_side_by_side_with_their_verdicts() -> None:
    made = await shown(FILTER, lines=["Paris.", f"Ask {MAIL}.", "Paris."], candidates=draws(3))

    assert [c["slot"] for c in made["candidates"]] == [0, 1, 2]
    assert [c["verdicts"][0]["passed"] for c in made["candidates"]] == [True, False, True]
    assert made["chosen"] == [0]
    assert made["scores"]
    assert made["stopped"] == "max"


async def test_what_a_sensitive_rule_matched_is_never_shown() -> None:
    said = {"content": f"Ask {MAIL}.", "reasoning_content": f"Or {MAIL}", "odd": {"deep": [MAIL]}}
    made = await shown({**FILTER, "on_fail": "fix"}, lines=[said])
    (candidate,) = made["candidates"]

    assert MAIL not in json.dumps(made)
    assert "example.com" not in json.dumps(made)
    assert [t["surface"] for t in candidate["texts"]] == ["answer", "reasoning", "reasoning"]
    assert candidate["verdicts"][0]["spans"] == [[4, 19]]
    assert candidate["verdicts"][0]["hashes"] == [keyed_hash(MAIL, KEY)]


async def test_another_rules_reason_does_not_quote_it_either() -> None:
    """`one_of` would say what it got instead."""
    made = await shown(
        {**FILTER, "on_fail": "noop"}, {"rule": "one_of", "values": ["spam", "ham"], "on_fail": "filter"}, lines=[MAIL]
    )

    assert MAIL not in json.dumps(made)


async def test_verdicts_on_the_input_are_shown_apart_and_masked() -> None:
    made = await shown({**FILTER, "on": ["input"]}, lines=["x"], request=question(f"I am {MAIL}"))

    assert [v["surface"] for v in made["input"]] == ["input"]
    assert made["candidates"] == []
    assert MAIL not in json.dumps(made)


def test_masks_reach_every_string_of_a_value() -> None:
    rules = sensitive(policy(FILTER, {"rule": "excludes", "terms": ["Lyon"]}))

    assert [b.rule.key for b in rules] == ["no_pii"]
    assert mask("Lyon", rules) == "Lyon"
    assert MAIL not in str(mask_all({"a": [MAIL, {"b": f"x {MAIL}"}], "n": 1}, rules))
    assert mask_all({"n": 1, "none": None}, rules) == {"n": 1, "none": None}


def test_hashes_are_equal_only_under_one_key() -> None:
    assert keyed_hash(MAIL, KEY) == keyed_hash(MAIL, KEY)
    assert keyed_hash(MAIL, KEY) != keyed_hash(MAIL, b"j" * 32)
    assert len(keyed_hash("\ud800", KEY)) == 16


def test_personal_data_spelled_with_json_escapes_is_not_shown_either() -> None:
    bound = Bound(NoPii(), NoPii().build())

    assert mask('{"to": "ann\\u0040example.com"}', [bound]) == "[withheld]"
    assert mask('{"to": "nobody\\nhere"}', [bound]) == '{"to": "nobody\\nhere"}'


async def test_what_a_sensitive_rule_within_another_one_matched_is_not_shown_whatever_came_of_it() -> None:
    """An address may be allowed there, and stays one that nobody is shown."""
    pii = {"rule": "no_pii", "kinds": ["email"]}
    one_of = {"rule": "one_of", "values": ["spam", "ham"], "on_fail": "noop"}
    rules: list[dict[str, Any]] = [
        {"rule": "any", "of": [{"rule": "contains", "any": ["Ask"]}, pii]},
        {"rule": "any", "of": [{"rule": "contains", "any": ["nothing"]}, pii], "on_fail": "noop"},
        {"rule": "not", "of": pii},
        {"rule": "all", "of": [pii, {"rule": "no_urls"}], "on_fail": "fix"},
    ]
    for rule in rules:
        resolved = policy(rule, one_of)
        outcome = await decided(resolved, [f"Ask {MAIL}"])

        assert MAIL not in str(outcome.decision.verdicts), rule
        made = explain(outcome, resolved, KEY)
        assert MAIL not in json.dumps(made), rule
    assert made["candidates"][0]["verdicts"][0]["hashes"] == [keyed_hash(MAIL, KEY)]
