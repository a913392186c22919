"""Two policies over recorded traffic: what would change is counted; what a journal can't say is not guessed."""

import asyncio
from typing import Any

import pytest
from tests.pipeline.worlds import QUIET, BySlot, Ticking

from steady.pipeline.respond import receipt_of
from steady.pipeline.run import run
from steady.pipeline.world import Live
from steady.policy.load import parse
from steady.policy.resolve import resolve
from steady.policy.resolved import Resolved, Target
from steady.providers.capabilities import capabilities
from steady.records.codec import without_content
from steady.studies.changes import Changes, Side, as_json, changes
from steady.types import Receipt, Request, Sampling

FOUR = {"sampling": {"preset": "balanced"}, "candidates": {"min": 4, "max": 4}}
BAN = {"rule": "excludes", "terms": ["guarantee"], "on_fail": "filter"}
MAIL = {"rule": "no_pii", "kinds": ["email"], "on_fail": "fix"}
TARGET = Target(provider="s", model="m", capabilities=capabilities("scripted", ""))


def doc(*rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"steady": 1, "name": "p", "disclose": QUIET, "rules": list(rules), **FOUR, **more}


def side(*rules: dict[str, Any], **more: Any) -> Side:
    return Side("p", parse(doc(*rules, **more)))


def resolved(*rules: dict[str, Any], **more: Any) -> Resolved:
    return resolve(parse(doc(*rules, **more)), target=TARGET)


def recorded(policy: Resolved, lines: dict[Any, Any], *, content: str = "a question", name: str = "r") -> Receipt:
    """Return the receipt of one real run over scripted lines."""
    request = Request(messages=({"role": "user", "content": content},), sampling=Sampling(seed=7))
    by_place = {(key, 0) if isinstance(key, int) else key: line for key, line in lines.items()}
    world = Live({"s": BySlot(by_place)}, Ticking())
    outcome = asyncio.run(run(request, policy, world))
    return receipt_of(outcome, request, policy, id=name, created=0.0, tenant="local")


def compared(receipts: list[Receipt], a: Side, b: Side) -> Changes:
    return asyncio.run(changes(receipts, a, b))


LINES = {0: "I guarantee it", 1: "It is so", 2: "It is so", 3: "It is so"}


def test_a_policy_compared_with_itself_changes_nothing() -> None:
    found = compared([recorded(resolved(BAN), LINES)], side(BAN), side(BAN))

    assert (found.compared, found.changed, found.lacking) == (1, (), {})


def test_a_new_rule_changes_answer_choice_agreement_and_verdicts() -> None:
    lines = {0: "I guarantee it", 1: "I guarantee it", 2: "I guarantee it", 3: "It is so"}
    found = compared([recorded(resolved(), lines, name="r1")], side(), side(BAN))
    fields = found.changed[0].fields

    assert found.by_field == {
        "action": 0, "answer": 1, "chosen": 1, "agreement": 1, "disclosure": 0, "verdicts": 1, "fixes": 0
    }  # fmt: skip
    assert fields["chosen"] == ([0], [3]) and fields["agreement"] == ("3/4 of 4", "1/4 of 4")
    assert fields["verdicts"][1] == {f"excludes #{i}": "fails (filter)" for i in range(3)}
    assert found.rules == {"excludes": (None, 1)}


def test_a_new_rule_that_everything_passes_is_no_change() -> None:
    found = compared([recorded(resolved(), dict.fromkeys(range(4), "fine"))], side(), side(BAN))

    assert found.changed == () and found.rules == {"excludes": (None, 0)}


def test_what_a_sensitive_rule_of_either_policy_matches_is_masked() -> None:
    receipt = recorded(resolved(), dict.fromkeys(range(4), "Mail canary@example.com"))
    found = compared([receipt], side(), side(MAIL))

    assert found.by_field["fixes"] == 1 and "canary" not in str(as_json(found))


def test_a_policy_that_asks_for_more_is_counted_apart() -> None:
    receipt = recorded(resolved(BAN), LINES)
    found = compared([receipt], side(BAN), side(BAN, candidates={"min": 6, "max": 6}))

    assert (found.compared, list(found.lacking)) == (0, ["more candidates"])


def test_a_policy_that_asks_for_fewer_is_computed() -> None:
    found = compared([recorded(resolved(), LINES)], side(), side(candidates={"min": 1, "max": 1}))

    assert found.compared == 1 and found.changed[0].fields["agreement"][1] == "not measured"
    assert any("`candidates` differs" in note for note in found.notes)


def test_waves_that_are_cut_otherwise_are_computed_from_the_same_draws() -> None:
    found = compared([recorded(resolved(), LINES)], side(), side(candidates={"min": 2, "max": 4, "wave": 1}))

    assert found.compared == 1 and found.lacking == {}


def test_a_receipt_of_hashes_is_counted_apart() -> None:
    found = compared([without_content(recorded(resolved(), LINES))], side(), side(BAN))

    assert (found.compared, list(found.lacking)) == (0, ["hashes only"])


def test_an_input_rule_that_changes_the_question_is_not_guessed() -> None:
    """Candidates drawn for one question are no answers to another."""
    mask = {**MAIL, "on": ["input"]}
    receipts = [
        recorded(resolved(), LINES, content="I am ann@example.com", name="with"),
        recorded(resolved(), LINES, content="I am Ann", name="without"),
    ]
    found = compared(receipts, side(), side(mask))

    assert found.compared == 1 and found.changed == ()
    assert [name for name, _ in found.lacking["another question to the model"]] == ["with"]


def test_a_reask_in_other_words_is_not_guessed() -> None:
    again = {**BAN, "on_fail": "reask"}
    lines = {
        (slot, attempt): "I guarantee it" if not attempt else "It is so" for slot in range(4) for attempt in range(3)
    }
    receipt = recorded(resolved(again, candidates={"min": 2, "max": 4}), lines)
    more = {"min": 2, "max": 4}
    same = compared([receipt], side(again, candidates=more), side(again, candidates=more))
    other = {**again, "terms": ["guarantee", "it"]}
    found = compared([receipt], side(again, candidates=more), side(other, candidates=more))

    assert same.compared == 1 and same.changed == ()
    assert list(found.lacking) == ["another question to the model"]


def test_an_outside_verdict_is_used_for_the_same_question_only() -> None:
    foreign = {"rule": "guardrails", "validator": "json:JSONDecoder", "on_fail": "filter"}
    receipt = recorded(resolved(foreign), LINES)
    stricter = {**foreign, "on_fail": "noop"}
    reworded = {**foreign, "args": {"strict": True}}

    loosened = compared([receipt], side(foreign), side(stricter))
    assert loosened.compared == 1 and loosened.changed[0].fields["action"][1] == "answered"
    assert list(compared([receipt], side(foreign), side(reworded)).lacking) == ["another outside verdict"]
    assert list(compared([receipt], side(foreign), side(foreign, {**foreign, "id": "two"})).lacking) == [
        "another outside verdict"
    ]


def test_no_model_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    receipt = recorded(resolved(), LINES)

    async def fail(self: object, *_: Any) -> Any:
        raise AssertionError("a model was asked")

    monkeypatch.setattr(Live, "complete", fail)
    assert compared([receipt], side(), side(BAN)).compared == 1


def test_a_receipts_own_policy_can_be_a_side() -> None:
    policy = resolved(BAN)
    receipt = recorded(policy, LINES)
    found = compared([receipt], Side("p", bytes=policy.canonical), side(BAN))

    assert (found.compared, found.changed) == (1, ())


def test_a_failure_of_a_model_is_told_again() -> None:
    from steady.errors import ProviderError

    down: dict[Any, Any] = {0: ProviderError("down", status=500), **dict.fromkeys(range(1, 8), "It is so")}
    found = compared([recorded(resolved(), down)], side(), side(BAN))

    assert found.compared == 1 and found.changed == ()
