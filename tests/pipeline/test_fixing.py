"""Search fixes: merged by span, and the same for a text that arrives in parts."""

import re
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from steady.pipeline.fixing import ROUNDS, Stage, edits_for, groups, replace_all
from steady.rules.rule import Match, Searching, Window, apply_edits


class Pattern(Searching):
    """A bounded pattern, as rules make them."""

    def __init__(self, pattern: str, width: int, replacement: str | None) -> None:
        self._pattern = re.compile(pattern)
        self.streams = Window(width=width, right=1)
        self._replacement = replacement

    def find(self, text: str, start: int = 0) -> Iterator[Match]:
        for match in self._pattern.finditer(text, start):
            yield Match(match.start(), match.end(), self._replacement)


DIGITS = Pattern(r"\b\d{3}-\d{2}\b", 6, "[N]")
WORD = Pattern(r"ab{1,3}c", 5, "*")
LETTERS = Pattern(r"c-?\d{2}", 4, "")
FINDERS = [DIGITS, WORD, LETTERS]
TEXT = st.text(st.sampled_from("abc0123-- [N]*"), max_size=60)


def in_stages(text: str, cuts: list[int], finders: list[Pattern], rounds: int) -> str:
    stages = [Stage(finders) for _ in range(rounds)]
    parts = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    out = ""
    for i, part in enumerate(parts):
        for stage in stages:
            part = stage.feed(part, final=i == len(parts) - 1)
        out += part
    return out


@settings(deadline=None, max_examples=400)
@given(TEXT, st.data())
def test_a_stage_gives_the_text_of_replace_all_however_the_text_is_cut(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=12)))

    assert in_stages(text, cuts, FINDERS, 1) == replace_all(text, FINDERS)[0]


@settings(deadline=None, max_examples=200)
@given(TEXT, st.data())
def test_a_chain_of_stages_gives_the_text_of_as_many_rounds(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=12)))
    whole = text
    for _ in range(ROUNDS):
        whole = replace_all(whole, FINDERS)[0]

    assert in_stages(text, cuts, FINDERS, ROUNDS) == whole


def test_a_stage_holds_back_what_may_still_become_a_match() -> None:
    """A scanner of single chunks would let `123-` go, and with it half of a number that must not be seen."""
    stage = Stage([DIGITS])

    assert stage.feed("call 123-") == "cal"
    assert stage.feed("45 now", final=True) == "l [N] now"


def test_overlapping_matches_are_replaced_once_by_the_leftmost() -> None:
    text = "xabc-12y"

    new, merged = replace_all(text, [WORD, LETTERS])

    assert new == "x*y"
    assert [(g.start, g.end, g.rules) for g in merged] == [(1, 7, (0, 1))]


def test_a_match_without_a_replacement_is_left_alone() -> None:
    assert groups([(Match(0, 3, None), 0)]) == []


def test_the_edits_put_down_to_the_rules_make_the_fixed_text() -> None:
    text = "123-45 abbc c-12"

    new, merged = replace_all(text, FINDERS)
    edits = sorted(edit for i in range(len(FINDERS)) for edit in edits_for(i, merged))

    assert apply_edits(text, edits) == new
