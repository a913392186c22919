"""act: what each `on_fail` does to a candidate, and what a fix may never touch."""

from fractions import Fraction
from typing import Any

import pytest
from tests.pipeline.worlds import judged, policy, tool_call

from steady.errors import ConfigError
from steady.pipeline.act import may_change
from steady.types import Piece

PII = {"rule": "no_pii", "kinds": ["email"]}
EVERYWHERE = ["answer", "tool_arguments", "reasoning"]
MAIL = "Write to ann@example.com now."


async def shout(text: str, reason: str) -> str | None:
    return "Nobody."


async def nobody(text: str, reason: str) -> str | None:
    return None


async def same(text: str, reason: str) -> str | None:
    return text


FUNCTIONS = {"shout": shout, "nobody": nobody, "same": same}


@pytest.mark.parametrize(
    ("on_fail", "fate"),
    [
        ("reask", "reask"),
        ("fix", "accepted"),
        ("fix_reask", "accepted"),
        ("filter", "dropped"),
        ("refrain", "refrain"),
        ("noop", "accepted"),
        ("exception", "exception"),
        ("penalize", "accepted"),
    ],
)
async def test_each_action_decides_what_becomes_of_a_candidate(on_fail: str, fate: str) -> None:
    acted = await judged(policy({**PII, "on_fail": on_fail}, candidates={"max": 2}), MAIL)

    assert acted.fate == fate
    assert acted.fixed == on_fail.startswith("fix")
    assert acted.verdicts[0].passed is False


@pytest.mark.parametrize(("function", "fate"), [("shout", "accepted"), ("nobody", "dropped"), ("same", "dropped")])
async def test_a_custom_function_gives_a_new_text_that_is_judged_again(function: str, fate: str) -> None:
    resolved = policy({**PII, "on_fail": "custom", "function": function})
    acted = await judged(resolved, MAIL, FUNCTIONS)

    assert acted.fate == fate
    assert (acted.choice["message"]["content"] == "Nobody.") == (fate == "accepted")


async def test_a_function_that_the_operator_does_not_allow_drops_the_candidate() -> None:
    acted = await judged(policy({**PII, "on_fail": "custom", "function": "shout"}), MAIL, {})

    assert acted.fate == "dropped"


@pytest.mark.parametrize("on_fail", ["reask", "fix", "filter", "refrain", "exception"])
async def test_shadow_computes_the_verdict_and_acts_on_nothing(on_fail: str) -> None:
    acted = await judged(policy({**PII, "on_fail": on_fail, "mode": "shadow"}), MAIL)

    assert (acted.fate, acted.fixed, acted.quality) == ("accepted", False, Fraction(1))
    assert acted.verdicts[0].passed is False
    assert acted.verdicts[0].spans


async def test_penalties_lower_the_quality_by_exact_weights() -> None:
    rules = ({**PII, "on_fail": "penalize", "weight": 0.3}, {"rule": "regex", "pattern": "zzz", "on_fail": "penalize"})
    acted = await judged(policy(*rules), MAIL)

    assert acted.quality == Fraction(6, 10)


async def test_the_strictest_of_several_failures_decides() -> None:
    long = {"rule": "length", "words": {"max": 1}}
    for other, fate in (("filter", "dropped"), ("refrain", "refrain"), ("exception", "exception")):
        resolved = policy({**long, "on_fail": "reask"}, {**PII, "on_fail": other}, candidates={"max": 2})
        assert (await judged(resolved, MAIL)).fate == fate


async def test_a_fix_is_recorded_as_a_diff() -> None:
    acted = await judged(policy({**PII, "on_fail": "fix"}), MAIL)
    (edit,) = acted.verdicts[0].edits

    assert MAIL[edit.start : edit.end] == "ann@example.com"
    assert acted.choice["message"]["content"] == MAIL.replace("ann@example.com", edit.text)
    assert acted.candidate.choice["message"]["content"] == MAIL


async def test_all_rules_run_again_after_a_fix() -> None:
    """The replacement is what another rule forbids."""
    forbids = {"rule": "excludes", "terms": ["***"], "words": False, "on_fail": "filter"}
    replaces = {"rule": "excludes", "id": "two", "terms": ["Lyon"], "replace": "***", "on_fail": "fix"}
    acted = await judged(policy(forbids, replaces), "It is Lyon.")

    assert acted.fate == "dropped"
    assert [v.reason.startswith("after fixes") for v in acted.verdicts if v.passed is False][-1]


async def test_fixes_that_undo_each_other_end() -> None:
    """A bound, not a loop: two rules that never both pass leave a candidate that fails."""
    ends = {"rule": "ends_with", "text": "!", "on_fail": "fix"}
    bans = {"rule": "not_regex", "pattern": "!", "replace": "?", "on_fail": "fix", "mode": "enforce"}
    with pytest.raises(ConfigError, match="requires"):
        policy(ends, bans)
    starts = {"rule": "starts_with", "text": "Well: ", "on_fail": "fix"}
    short = {"rule": "length", "characters": {"max": 5}, "on_fail": "fix"}
    acted = await judged(policy(starts, short), "Paris")

    assert acted.fate == "dropped"


@pytest.mark.parametrize(("on_fail", "fate"), [("fix", "reask"), ("fix_reask", "reask"), ("filter", "dropped")])
async def test_nothing_is_fixed_inside_tool_arguments(on_fail: str, fate: str) -> None:
    said = {"content": None, "tool_calls": [tool_call('{"to": "ann@example.com"}')]}
    acted = await judged(policy({**PII, "on_fail": on_fail}, candidates={"max": 2}), said)

    assert acted.fate == fate
    assert acted.choice == acted.candidate.choice


async def test_signed_reasoning_is_withheld_whole() -> None:
    block = {"type": "thinking", "thinking": MAIL, "signature": "c2ln"}
    said = {"content": "Paris.", "thinking_blocks": [{"type": "thinking", "thinking": "Fine."}, block]}
    acted = await judged(policy({**PII, "on_fail": "fix"}), said)

    assert acted.fate == "accepted"
    assert acted.choice["message"]["thinking_blocks"] == [{"type": "thinking", "thinking": "Fine."}]
    assert acted.choice["message"]["content"] == "Paris."


async def test_reasoning_without_a_signature_is_fixed() -> None:
    acted = await judged(policy({**PII, "on_fail": "fix"}), {"content": "Paris.", "reasoning_content": MAIL})

    assert acted.fate == "accepted"
    assert "ann@" not in acted.choice["message"]["reasoning_content"]


async def test_signatures_and_ids_travel_untouched() -> None:
    call = {**tool_call("{}", id="ann@example.com"), "extra_content": {"google": {"thought_signature": "ann@b.com"}}}
    said = {"content": MAIL, "tool_calls": [call]}
    acted = await judged(policy({**PII, "on_fail": "fix"}), said)

    assert acted.choice["message"]["tool_calls"] == [call]
    assert acted.choice["message"]["content"] != MAIL


async def test_a_field_of_tomorrow_is_looked_at_as_reasoning() -> None:
    said = {"content": "Paris.", "inner_voice": {"parts": [{"deep": MAIL}]}}
    dropped = await judged(policy({**PII, "on_fail": "filter"}), said)
    fixed = await judged(policy({**PII, "on_fail": "fix"}), said)

    assert dropped.fate == "dropped"
    assert "ann@" not in str(fixed.choice)
    assert fixed.fate == "accepted"


async def test_token_logprobs_that_spell_what_was_fixed_go() -> None:
    said = {"message": {"content": MAIL}, "logprobs": {"content": [{"token": "ann@example.com"}]}}
    acted = await judged(policy({**PII, "on_fail": "fix"}), said)

    assert "ann@" not in str(acted.choice)


async def test_a_refusal_is_judged_as_an_answer() -> None:
    acted = await judged(policy({**PII, "on_fail": "filter"}), {"content": None, "refusal": MAIL})

    assert acted.fate == "dropped"


async def test_a_choice_deeper_than_rules_look_is_never_accepted() -> None:
    deep: Any = "x"
    for _ in range(40):
        deep = {"k": deep}
    acted = await judged(policy({**PII, "on_fail": "filter"}), {"content": "Paris.", "deep": deep})

    assert acted.fate == "dropped"


async def test_a_text_that_passes_is_left_as_it_is() -> None:
    acted = await judged(policy({**PII, "on_fail": "fix"}, {"rule": "no_urls", "on_fail": "fix"}), "Paris.")

    assert acted.choice is acted.candidate.choice
    assert not acted.fixed


async def test_text_rules_do_not_apply_where_there_is_no_text() -> None:
    said = {"content": None, "tool_calls": [tool_call("{}")]}
    acted = await judged(policy({"rule": "length", "words": {"min": 3}, "on_fail": "filter"}), said)

    assert acted.fate == "accepted"
    assert [v.passed for v in acted.verdicts] == [None]


def test_what_may_be_changed() -> None:
    assert may_change(Piece("answer", (), ""))
    assert may_change(Piece("reasoning", (), ""))
    assert not may_change(Piece("reasoning", (), "", signed=True))
    assert not may_change(Piece("tool_arguments", (), ""))
