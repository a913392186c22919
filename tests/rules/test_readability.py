"""`reading_level` by Flesch and Kincaid, `reading_time` by words and pace."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steady.rules.length import Bounds
from steady.rules.readability import Grade, ReadingLevel, ReadingTime, grade, syllables
from steady.rules.rule import Constraint, Context, Prefix, Whole, apply_edits
from steady.types import Piece


def piece(text: str) -> Piece:
    return Piece("answer", ("message", "content"), text)


@pytest.mark.parametrize(
    ("word", "count"),
    [
        ("cat", 1), ("table", 2), ("made", 1), ("added", 2), ("boxes", 2), ("rules", 1), ("beautiful", 3),
        ("media", 3), ("nation", 2), ("question", 2), ("university", 5), ("the", 1), ("don't", 1), ("rhythm", 1),
    ],
)  # fmt: skip
def test_syllables_are_told_by_spelling(word: str, count: int) -> None:
    assert syllables(word) == count


def test_the_grade_is_the_published_formula() -> None:
    """12 words in 2 sentences with 14 syllables."""
    text = "The cat sat on the mat. It was a very happy cat."
    words, told, spoken = 12, 2, 14

    expected = (
        Fraction(39, 100) * Fraction(words, told) + Fraction(118, 10) * Fraction(spoken, words) - Fraction(1559, 100)
    )
    assert grade(text) == expected
    assert grade("1, 2, 3") is None


def test_hard_prose_fails_and_plain_prose_passes() -> None:
    check = ReadingLevel(grade=Grade(max=8)).build()
    hard = "Notwithstanding organizational heterogeneity, institutional accountability necessitates documentation."

    assert check.judge(piece("We go home. It is late."), Context()).passed
    finding = check.judge(piece(hard), Context())
    assert not finding.passed
    assert "at most 8 allowed" in finding.reason
    assert not check.judge(piece("..."), Context()).passed
    assert not ReadingLevel(grade=Grade(min=5)).build().judge(piece("We go home."), Context()).passed


def test_reading_takes_words_at_a_pace() -> None:
    rule = ReadingTime(seconds=Bounds(max=30), words_per_minute=60)

    assert rule.build().judge(piece("word " * 30), Context()).passed
    finding = rule.build().judge(piece("word " * 31), Context())
    assert finding.reason == "The text takes 31 seconds to read, at most 30 seconds allowed."
    assert rule.constraint() == Constraint(words=(0, 30))
    assert rule.build().streams == Prefix(0)
    assert isinstance(ReadingTime(seconds=Bounds(max=3), on_fail="fix").build().streams, Whole)


@settings(max_examples=60)
@given(text=st.lists(st.sampled_from(["one two.", "a", " ", "\n", "so. "]), max_size=20).map("".join))
def test_a_fix_keeps_whole_sentences_that_fit(text: str) -> None:
    rule = ReadingTime(seconds=Bounds(max=3), words_per_minute=60)
    edits = rule.build().fix(piece(text), Context())

    if edits is not None:
        mended = apply_edits(text, edits)
        assert text.startswith(mended)
        assert rule.build().judge(piece(mended), Context()).passed


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (ReadingLevel(grade=Grade()), "`grade` sets no limit"),
        (ReadingLevel(grade=Grade(min=9, max=8)), "`grade.min` 9 is over"),
        (ReadingTime(seconds=Bounds()), "`seconds` sets no limit"),
        (ReadingTime(seconds=Bounds(min=9, max=8)), "`seconds.min` 9 is over"),
    ],
)
def test_limits_that_mean_nothing_are_refused(rule: ReadingLevel | ReadingTime, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        rule.build()


def test_statements_are_plain() -> None:
    assert "at most 8 (Flesch-Kincaid grade)" in ReadingLevel(grade=Grade(max=8)).statement()
    assert ReadingTime(seconds=Bounds(max=60)).statement() == (
        "The answer must take at most 60 seconds to read: no more than 238 words."
    )
