"""Fixes that contradict each other are an error that names both rules, streamed or not; they never have a winner."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.pipeline.worlds import decided, judged, policy, question, world

from steady.pipeline.fixing import Stage, groups, replace_all
from steady.pipeline.stream import Done, stream
from steady.providers.scripted import ScriptedProvider
from steady.rules.rule import Match, Searching, Window

ONE = {"rule": "not_regex", "id": "one", "pattern": "ab", "replace": "<1>", "on_fail": "fix"}
TWO = {"rule": "not_regex", "id": "two", "pattern": "bc", "replace": "<2>", "on_fail": "fix"}
WIDE = {"rule": "not_regex", "id": "wide", "pattern": "xabx", "replace": "<w>", "on_fail": "fix"}
MAIL = {"rule": "no_pii", "kinds": ["email"], "on_fail": "fix"}
HOST = {"rule": "not_regex", "id": "host", "pattern": "example.com/x", "replace": "<host>", "on_fail": "fix"}
LONG = "So it is, and so it will be. " * 10


def found(*spans: tuple[int, int, str | None, int]) -> list[tuple[Match, int]]:
    return [(Match(start, end, replacement), rule) for start, end, replacement, rule in spans]


@pytest.mark.parametrize(
    ("spans", "masks", "expected"),
    [
        ([(0, 4, "a", 0), (2, 6, "b", 1)], None, (0, 6, "a", ())),  # where all are masks they unite
        ([(0, 4, "a", 0), (2, 6, "b", 1)], {0, 1}, (0, 6, "a", ())),
        ([(0, 4, "a", 0), (2, 6, "b", 1)], {0}, (0, 6, "a", (0, 1))),  # one that is no mask
        ([(0, 4, "a", 0), (0, 4, "b", 1)], (), (0, 4, "a", (0, 1))),  # the same span
        ([(0, 4, "a", 0), (0, 4, "b", 1)], {0, 1}, (0, 4, "a", ())),
        ([(0, 4, "a", 0), (2, 6, "a", 1)], (), (0, 6, "a", ())),  # the same replacement is no conflict
        ([(2, 4, "a", 0), (0, 6, "b", 1)], (), (0, 6, "b", ())),  # what covers another wins
        ([(0, 4, "a", 0), (0, 6, "b", 1)], (), (0, 6, "b", ())),
        ([(0, 6, "b", 1), (2, 6, "a", 0)], (), (0, 6, "b", ())),
        ([(0, 6, "b", 1), (1, 3, "a", 0), (4, 8, "c", 2)], (), (0, 8, "b", (1, 2))),
        ([(0, 6, "b", 1), (1, 3, "a", 0), (4, 8, "c", 2)], {1, 2}, (0, 8, "b", ())),
    ],
)
def test_overlapping_matches_are_merged_or_in_conflict(spans: Any, masks: Any, expected: Any) -> None:
    (group,) = groups(found(*spans), masks)

    assert (group.start, group.end, group.replacement, group.clash) == expected


def test_matches_that_only_touch_are_two_groups() -> None:
    assert [g[:3] for g in groups(found((0, 2, "a", 0), (2, 4, "b", 1)), ())] == [(0, 2, "a"), (2, 4, "b")]


def test_a_hidden_run_is_only_taken_out_whoever_finds_it() -> None:
    both = [(Match(3, 6, "\ufffd", "hidden"), 0), (Match(4, 8, "[URL]", "hidden"), 1)]

    assert groups(both, ())[0].clash == ()


@pytest.mark.parametrize(("rules", "text"), [((ONE, TWO), "x abc y"), ((MAIL, HOST), "ann@example.com/x")])
async def test_a_conflict_fails_both_rules_and_names_them(rules: Any, text: str) -> None:
    acted = await judged(policy(*rules), text)
    errors = {v.rule: v.error for v in acted.verdicts if v.error}
    names = [rule.get("id", rule["rule"]) for rule in rules]

    assert acted.fate == "dropped"
    assert sorted(errors) == sorted(names)
    assert all(repr(name) in error for name in names for error in errors.values())
    assert not acted.fixed
    assert "ann" not in str(errors)


async def test_what_becomes_of_the_candidate_is_what_on_fail_says() -> None:
    again = [{**rule, "on_fail": "fix_reask"} for rule in (ONE, TWO)]
    acted = await judged(policy(*again, candidates={"max": 2}), "x abc y")

    assert acted.fate == "reask"
    assert all("differ where they overlap" in why for _, why in acted.failing)


async def test_a_covering_span_wins_and_is_no_conflict() -> None:
    acted = await judged(policy(ONE, WIDE), "an xabx and ab")

    assert (acted.fate, acted.choice["message"]["content"]) == ("accepted", "an <w> and <1>")


async def test_a_conflict_made_by_an_earlier_fix_is_one_too() -> None:
    """The first round makes `abc`; nobody can say what becomes of it."""
    maker = {"rule": "not_regex", "id": "maker", "pattern": "-q", "replace": "", "on_fail": "fix"}
    acted = await judged(policy(maker, ONE, TWO), "x a-qb-qc y")

    assert acted.fate == "dropped"


CAPITALS = {"rule": "starts_with", "any": ["A", "B"], "on_fail": "fix"}


async def up(text: str, reason: str) -> str | None:
    return "up"


async def down(text: str, reason: str) -> str | None:
    return "down"


async def test_fixes_that_undo_each_other_are_a_conflict() -> None:
    """Else the outcome would hang on how often they may follow each other."""
    no_down = {"rule": "contains", "id": "no-down", "none": ["down"], "on_fail": "custom", "function": "up"}
    no_up = {"rule": "contains", "id": "no-up", "none": ["up"], "on_fail": "custom", "function": "down"}
    acted = await judged(policy(no_down, no_up), "down", {"up": up, "down": down})
    errors = {v.rule: v.error for v in acted.verdicts if v.error}

    assert acted.fate == "dropped"
    assert "'no-down' and 'no-up' undo what was fixed" in errors["no-up"]


async def test_fixes_that_follow_each_other_to_an_end_are_none() -> None:
    no_down = {"rule": "contains", "id": "no-down", "none": ["down"], "on_fail": "custom", "function": "up"}
    acted = await judged(policy(no_down, {**CAPITALS}), "down", {"up": up})

    assert (acted.fate, acted.choice["message"]["content"]) == ("accepted", "Aup")


async def events(resolved: Any, text: str, size: int) -> tuple[str, Done]:
    got = [e async for e in stream(question(), resolved, world(ScriptedProvider([text], size=size)))]
    sent = "".join(c["delta"].get("content") or "" for e in got[:-1] for c in e.chunk["choices"])  # type: ignore[union-attr]
    assert isinstance(got[-1], Done)
    return sent, got[-1]


@pytest.mark.parametrize("size", [1, 2, 5, 400])
async def test_a_live_stream_ends_with_an_error_where_two_fixes_contradict_each_other(size: int) -> None:
    resolved = policy(ONE, TWO)
    assert resolved.plan.live
    sent, done = await events(resolved, LONG + "it abc is " + LONG, size)
    whole = await decided(resolved, [LONG + "it abc is " + LONG])

    assert done.outcome.decision == whole.decision
    assert (LONG + "it abc").startswith(sent)
    assert "a" not in sent[len(LONG) :]
    assert done.broken or done.whole
    assert {v.rule for v in done.outcome.decision.verdicts if v.error} == {"one", "two"}


class Letters(Searching):
    """A word, as a rule that replaces it."""

    streams = Window(3, 1)

    def __init__(self, word: str, replacement: str) -> None:
        self._word, self._replacement = word, replacement

    def find(self, text: str, start: int = 0) -> Iterator[Match]:
        at = text.find(self._word, start)
        while at >= 0:
            yield Match(at, at + len(self._word), self._replacement)
            at = text.find(self._word, at + len(self._word))


FINDERS = [Letters("ab", "1"), Letters("bc", "2"), Letters("abc", "3"), Letters("cd", "2")]


@settings(deadline=None, max_examples=60)
@given(st.text(st.sampled_from("abcd"), max_size=40), st.lists(st.integers(0, 40), max_size=12))
def test_a_stage_is_in_conflict_where_the_whole_text_is(text: str, cuts: list[int]) -> None:
    """And what it has let go by then is what stands before the first place of conflict."""
    stage, out = Stage(FINDERS, {1}), ""
    for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(text)], strict=True):
        out += stage.feed(text[start:end], final=False)
    out += stage.feed("", final=True)
    whole, merged = replace_all(text, FINDERS, {1})
    clash = next((group.clash for group in merged if group.clash), ())

    assert stage.clash == clash
    assert whole.startswith(out) if clash else out == whole
