"""Cheap rules first: whom recorded rules are asked about, what a fix of theirs starts, what an error counts as."""

from typing import Any

import pytest
from tests.pipeline.asking_outside import CALL, HOOK, Told, asked, fails
from tests.pipeline.worlds import draws, policy

from steady.errors import RuleError
from steady.pipeline.replay import replay
from steady.pipeline.respond import receipt_of
from steady.policy.resolved import Resolved
from steady.types import Outcome, Verdict

LAVA = {"rule": "excludes", "terms": ["lava"], "replace": "***"}
MAIL = {"rule": "no_pii", "kinds": ["email"]}


def of(outcome: Outcome, rule: str) -> list[Verdict]:
    return [v for v in outcome.decision.verdicts if v.rule == rule]


@pytest.mark.parametrize("on_fail", ["filter", "refrain", "exception", "reask"])
async def test_nobody_is_asked_about_a_candidate_that_a_pure_rule_decided_against(on_fail: str) -> None:
    told = Told(fails())
    resolved = policy(HOOK, {**LAVA, "on_fail": on_fail}, candidates={"max": 1 if on_fail != "reask" else 2})
    outcome = await asked(resolved, ["hot lava"], told)

    assert told.asked == []
    (verdict, *_) = of(outcome, "webhook")
    assert (verdict.passed, verdict.reason) == (None, "not asked: rule excludes failed already")


@pytest.mark.parametrize(
    "more", [{"on_fail": "noop"}, {"on_fail": "penalize"}, {"on_fail": "filter", "mode": "shadow"}]
)
async def test_a_pure_rule_that_enforces_nothing_keeps_nobody_from_being_asked(more: dict[str, Any]) -> None:
    told = Told(fails())
    outcome = await asked(policy(HOOK, {**LAVA, **more}), ["hot lava"], told)

    assert told.texts == ["hot lava"]
    assert outcome.decision.action == "answered"


async def test_what_is_asked_about_is_what_pure_rules_made_of_the_text() -> None:
    told = Told(fails())
    outcome = await asked(policy(HOOK, {**LAVA, "on_fail": "fix"}), ["hot lava"], told)

    assert told.texts == ["hot ***"]
    assert outcome.text == "hot ***"


async def test_verdicts_stand_in_the_order_of_the_policy_whoever_was_asked_first() -> None:
    rules = (HOOK, {"rule": "length", "words": {"max": 9}}, {**CALL, "id": "own"}, LAVA)
    outcome = await asked(policy(*rules), ["calm"], Told(fails(), {"mine": lambda text, about: True}))

    assert [v.rule for v in outcome.decision.verdicts] == ["webhook", "length", "own", "excludes"]
    assert all(v.passed for v in outcome.decision.verdicts)


async def test_a_fix_from_outside_is_a_new_text_that_every_rule_judges_again() -> None:
    told = Told(fails("plain", fix="hot lava, says ann@example.com"))
    rules = ({**HOOK, "on_fail": "fix"}, {**LAVA, "on_fail": "fix"}, {**MAIL, "on_fail": "fix"})
    outcome = await asked(policy(*rules), ["plain"], told)

    assert outcome.text == "hot ***, says [EMAIL]"
    assert told.texts == ["plain", outcome.text]
    (verdict,) = of(outcome, "webhook")
    assert verdict.edits[0].invented and verdict.edits[0].text.startswith("hot lava")


async def test_fixes_from_outside_that_never_pass_end() -> None:
    told = Told(lambda text: {"passed": False, "reason": "more", "fix": text + "!"})
    outcome = await asked(policy({**HOOK, "on_fail": "fix"}), ["plain"], told)

    assert told.texts == ["plain", "plain!", "plain!!"]
    assert outcome.decision.action == "error"


async def test_a_fix_from_outside_that_breaks_a_pure_rule_is_never_released() -> None:
    told = Told(fails("plain", fix="hot lava"))
    outcome = await asked(policy({**HOOK, "on_fail": "fix"}, {**LAVA, "on_fail": "filter"}), ["plain"], told)

    assert outcome.decision.action == "error"
    assert [v.passed for v in of(outcome, "excludes")] == [True, False]


@pytest.mark.parametrize(("on_error", "action"), [("fail", "error"), ("pass", "answered")])
@pytest.mark.parametrize(
    "said",
    [
        RuleError("unreachable"),
        ValueError("secret words"),
        {"passed": "yes"},
        {},
        None,
        [],
        {"passed": 1},
        {"ok": True},
    ],
)
async def test_what_could_not_judge_counts_as_on_error_says_and_is_visible(
    said: Any, on_error: str, action: str
) -> None:
    outcome = await asked(policy({**HOOK, "on_error": on_error}), ["calm"], Told(lambda text: said))

    assert outcome.decision.action == action
    (verdict,) = of(outcome, "webhook")
    assert verdict.error and verdict.passed == (on_error == "pass")
    assert "secret words" not in str(outcome.decision)


@pytest.mark.parametrize(("on_error", "action"), [("fail", "error"), ("pass", "answered")])
async def test_a_rule_that_takes_longer_than_its_timeout_could_not_judge(on_error: str, action: str) -> None:
    import asyncio

    async def slow(text: str, about: dict[str, Any]) -> bool:
        await asyncio.sleep(30)
        return True

    told = Told(fails(), {"mine": slow})
    outcome = await asked(policy({**CALL, "timeout": "20ms", "on_error": on_error}), ["calm"], told)

    assert outcome.decision.action == action
    assert of(outcome, "python")[0].error == "no verdict within 20ms"


async def test_each_rule_within_a_rule_is_asked_under_its_own_key() -> None:
    one, two = {"rule": "webhook", "url": "https://a.test/"}, {"rule": "webhook", "url": "https://b.test/"}
    either = {"rule": "any", "id": "either", "of": [one, two]}
    told = Told(lambda text: {"passed": False, "reason": "no"})
    outcome = await asked(policy(either), ["calm"], told)

    assert [url for url, _ in told.asked] == ["https://a.test/", "https://b.test/"]
    assert sorted(e.rule.partition("#")[0] for e in outcome.journal if e.what == "rule") == [
        "either/of[0]", "either/of[1]",
    ]  # fmt: skip
    assert of(outcome, "either")[0].passed is False


async def test_within_a_rule_too_nobody_is_asked_for_what_is_decided_already() -> None:
    told = Told(fails("calm"))
    calm = {"rule": "contains", "any": ["calm"]}
    await asked(policy({"rule": "any", "of": [HOOK, calm]}), ["calm"], told)
    await asked(policy({"rule": "all", "of": [HOOK, {"rule": "not", "of": calm}]}), ["calm"], told)
    await asked(policy({"rule": "when", "if": {"rule": "not", "of": calm}, "then": HOOK}), ["calm"], told)

    assert told.asked == []


@pytest.mark.parametrize("wrap", ["not", "when"])
@pytest.mark.parametrize(("on_error", "action"), [("fail", "error"), ("pass", "answered")])
async def test_an_error_within_a_rule_is_not_turned_into_its_opposite(wrap: str, on_error: str, action: str) -> None:
    inner = {**HOOK, "on_error": on_error}
    rule = {"rule": "not", "of": inner} if wrap == "not" else {"rule": "when", "if": inner, "then": LAVA}
    outcome = await asked(policy(rule), ["calm"], Told(lambda text: RuleError("down")))

    assert outcome.decision.action == action
    assert of(outcome, wrap)[0].error == "down"


async def test_a_pure_rule_that_raises_within_a_mixed_one_fails_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    from steady.rules import terms

    def broken(*_: Any) -> Any:
        raise RuntimeError("bug")

    resolved = policy({"rule": "any", "of": [{"rule": "starts_with", "text": "x"}, HOOK]})
    monkeypatch.setattr(terms._StartsWith, "judge", broken)
    outcome = await asked(resolved, ["calm"], Told(fails()))

    assert outcome.decision.action == "error"
    assert of(outcome, "any")[0].error == "RuntimeError"


async def test_a_fix_from_outside_counts_within_a_rule_too() -> None:
    both = {"rule": "all", "of": [{"rule": "ends_with", "text": "!"}, HOOK], "on_fail": "fix"}
    outcome = await asked(policy(both), ["plain!"], Told(fails("plain!", fix="better!")))

    assert outcome.text == "better!"


async def test_what_a_sensitive_rule_matched_is_masked_in_what_others_say_of_it() -> None:
    told = Told(lambda text: {"passed": False, "reason": f"I saw {text}"})
    rules = ({**MAIL, "on_fail": "noop"}, {**HOOK, "on_fail": "noop"})
    outcome = await asked(policy(*rules), ["ann@example.com"], told)

    assert of(outcome, "webhook")[0].reason == "I saw [withheld]"


RULES = (
    {**HOOK, "on_fail": "fix"},
    {**LAVA, "on_fail": "fix"},
    {"rule": "not", "id": "n", "of": CALL, "on_fail": "noop"},
)


async def replayed(resolved: Resolved, outcome: Outcome) -> Any:
    from tests.pipeline.worlds import question

    return await replay(receipt_of(outcome, question(), resolved, id="r", created=0.0, tenant="t"))


async def test_a_replay_asks_nobody_and_decides_the_same() -> None:
    told = Told(fails("hot ***", fix="cold"), {"mine": lambda text, about: text == "cold"})
    resolved = policy(*RULES, candidates=draws(3))
    outcome = await asked(resolved, ["hot lava", "cold", "warm"], told)
    before = len(told.asked)
    again = await replayed(resolved, outcome)

    assert again.equal, again.diff
    assert len(told.asked) == before > 3


async def test_the_time_of_each_rule_is_told_and_is_no_part_of_the_decision() -> None:
    told = Told(fails(), {"mine": lambda text, about: False})
    resolved = policy(*RULES)
    one, two = await asked(resolved, ["calm"], told), await asked(resolved, ["calm"], told)

    assert sorted({rule for rule, _ in one.rule_timings}) == ["excludes", "n", "webhook"]
    assert all(seconds > 0 for _, seconds in one.rule_timings)
    assert one.decision == two.decision and one.journal == two.journal
    quiet = await asked(policy(), ["calm"], told)
    assert quiet.rule_timings == ()
