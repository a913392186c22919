"""`letter_frequency` and `keyword_frequency`: literal counts, whole words, and what a stream may know."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steady.rules.frequency import KeywordFrequency, LetterFrequency
from steady.rules.length import Bounds
from steady.rules.rule import Constraint, Context, Growing, Prefix, Whole
from steady.types import Piece

texts = st.text(alphabet=st.sampled_from("aAb_ é.Kσς\ud800"), max_size=40)


def piece(text: str) -> Piece:
    return Piece("answer", ("message", "content"), text)


def passes(rule: LetterFrequency | KeywordFrequency, text: str) -> bool:
    return rule.build().judge(piece(text), Context()).passed


def word(keyword: str, low: int | None = None, high: int | None = None, whole: bool = False) -> KeywordFrequency:
    return KeywordFrequency(keyword=keyword, count=Bounds(min=low, max=high), whole_words=whole)


def test_a_letter_is_counted_in_either_case() -> None:
    rule = LetterFrequency(letter="e", count=Bounds(min=2, max=3))

    assert passes(rule, "Eve")
    assert not passes(rule, "Every eye here")
    assert not passes(LetterFrequency(letter="e", count=Bounds(min=2), case=True), "Eve")
    assert passes(LetterFrequency(letter="#", count=Bounds(min=1)), "# a")


def test_the_final_sigma_counts_as_the_letter_that_it_is() -> None:
    assert not passes(LetterFrequency(letter="σ", count=Bounds(max=1)), "ΑΣ ΑΣ")


@settings(max_examples=60)
@given(text=texts, more=texts, letter=st.sampled_from("abσς"))
def test_too_many_letters_stay_too_many(text: str, more: str, letter: str) -> None:
    """The final sigma is one letter with the other, so that what follows never takes one back."""
    rule = LetterFrequency(letter=letter, count=Bounds(max=1))

    if not passes(rule, text):
        assert not passes(rule, text + more)


@pytest.mark.parametrize(
    ("text", "whole", "count"),
    [
        ("cat, CAT and category", False, 3),
        ("cat, CAT and category", True, 2),
        ("tomcat cat_x cat-x", True, 1),
        ("catcat", False, 2),
        ("e\u0301cat\u0301 cat", True, 1),
        ("\ud800cat😀cat", True, 2),
    ],
)
def test_a_word_is_counted_literally(text: str, whole: bool, count: int) -> None:
    assert passes(word("cat", count, count, whole), text)


def test_a_keyword_is_no_pattern() -> None:
    assert passes(word("a.c", 1, 1), "abc a.c")


def test_an_occurrence_inside_another_word_hides_none_after_it() -> None:
    assert passes(word("a a", 1, 1, whole=True), "ba a a")


@settings(max_examples=60)
@given(text=texts, keyword=st.sampled_from(["a", "aa", "a b", "é"]))
def test_the_count_is_that_of_python_s_patterns(text: str, keyword: str) -> None:
    count = len(re.findall(re.escape(keyword), text, re.IGNORECASE))

    assert passes(word(keyword, 0, count), text)
    assert count == 0 or not passes(word(keyword, 0, count - 1), text)


def test_the_verdict_points_at_what_is_too_many() -> None:
    finding = word("no", high=0).build().judge(piece("é no é"), Context())

    assert not finding.passed
    assert [(span.start, span.end) for span in finding.spans] == [(2, 4)]
    assert finding.reason == "'no' occurs 1 times; not at all is wanted."


def test_a_word_that_may_go_on_dooms_nothing_yet() -> None:
    check = word("cat", high=0, whole=True).build()

    assert check.doomed("a cat", Context()) is None
    assert check.doomed("a cat ", Context()) is not None
    assert check.doomed("a category ", Context()) is None


def test_how_it_streams() -> None:
    assert word("a", high=1).build().streams == Prefix(0)
    assert isinstance(word("a", high=1, whole=True).build().streams, Growing)
    assert isinstance(word("a", low=1).build().streams, Whole)
    assert LetterFrequency(letter="a", count=Bounds(max=1)).build().streams == Prefix(0)


def test_generation_is_told() -> None:
    assert word("cat", high=0).constraint() == Constraint(excludes=("cat",))
    assert word("cat", low=2).constraint() == Constraint(contains=(("cat", 2),))
    assert word("cat", high=2).constraint() is None
    assert LetterFrequency(letter="é", count=Bounds(max=0)).constraint() == Constraint(without="Éé")
    assert LetterFrequency(letter="a", count=Bounds(max=1)).constraint() == Constraint(without="Aa")
    assert LetterFrequency(letter="a", count=Bounds(max=2)).constraint() is None
    assert LetterFrequency(letter="!", count=Bounds(min=6)).constraint() == Constraint(contains=(("!", 6),))


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (word("a"), "sets no limit"),
        (word("a", 3, 2), "`count.min` 3 is over `count.max` 2"),
        (word(" ", 1), "`keyword` is white space"),
        (LetterFrequency(letter="a", count=Bounds()), "sets no limit"),
    ],
)
def test_counts_that_mean_nothing_are_refused(rule: KeywordFrequency, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        rule.build()


def test_statements_are_plain() -> None:
    assert word("cat", 2, 2).statement() == "The answer must use 'cat' exactly 2 times."
    assert word("cat", high=0).statement() == "Do not use 'cat'."
    assert (
        LetterFrequency(letter="#", count=Bounds(min=4)).statement() == "The character '#' must occur at least 4 times."
    )
