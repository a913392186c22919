"""What a text is made of, where `length` counts more than words: runs, lines, paragraphs, sentences by marks alone."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steady.rules.length import Bounds, Length
from steady.rules.prose import lines, paragraphs, runs, sentences, words
from steady.rules.rule import Constraint, Context, Prefix, Whole, apply_edits
from steady.types import Piece

texts = st.lists(
    st.sampled_from(["word", " ", ".", "\n", "\n\n", "***", "---", " \n", "é", "P.S.", "\ud800", "* * *"]), max_size=20
).map("".join)


def piece(text: str) -> Piece:
    return Piece("answer", ("message", "content"), text)


def passes(rule: Length, text: str) -> bool:
    return rule.build().judge(piece(text), Context()).passed


def mend(rule: Length, text: str) -> str | None:
    edits = rule.build().fix(piece(text), Context())
    return None if edits is None else apply_edits(text, edits)


def exactly(number: int, separator: str = "") -> Length:
    return Length(paragraphs=Bounds(min=number, max=number), separator=separator)


@pytest.mark.parametrize(
    ("text", "count"), [("don't", 2), ("well-known a_b", 3), ("हिन्दी में", 2), ("1,000", 2), ("漢字", 1), ("", 0)]
)
def test_runs_are_unbroken(text: str, count: int) -> None:
    assert runs(text) == count


def test_blank_lines_are_no_lines() -> None:
    assert lines("a\n \n\nb\n") == 2
    assert lines(" \n") == 0


@pytest.mark.parametrize(
    ("text", "separator", "found"),
    [
        ("a\n\nb\n \n\nc", "", ["a", "b", "c"]),
        ("a\nb", "", ["a\nb"]),
        ("a\n\n\n\nb", "\n\n", ["a", "b"]),
        ("***a***b***", "***", ["a", "b"]),
        ("a******b", "***", ["a", "", "b"]),
        ("", "", []),
    ],
)
def test_paragraphs_stand_between_separators(text: str, separator: str, found: list[str]) -> None:
    assert [text[span.start : span.end] for span in paragraphs(text, separator)] == found


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("One.\nTwo", 2),
        ("One\nTwo", 1),
        ("P.S. I go. See U.S. law.", 3),
        ("* a\n* b.", 1),
        ("A. Smith\nB. Jones", 1),
        ("So.** Then", 2),
    ],
)
def test_marks_alone_may_end_sentences(text: str, count: int) -> None:
    assert len(sentences(text, "marks")) == count


def test_an_empty_paragraph_is_a_failure_of_its_own() -> None:
    finding = exactly(3, "***").build().judge(piece("a******b"), Context())

    assert not finding.passed
    assert finding.reason == "The text has nothing between two '***'."


@pytest.mark.parametrize(
    ("rule", "text", "mended"),
    [
        (exactly(2, "***"), "a\n---\nb", "a\n\n***\n\nb"),
        (exactly(2, "***"), "a\n\nb", "a\n\n***\n\nb"),
        (exactly(2, "***"), "a\n\nb\n\nc", "a\n\n***\n\nb\n\nc"),
        (exactly(3, "***"), "a\n\nb", None),
        (exactly(2, "\n\n"), "a\nb", "a\n\nb"),
        (exactly(2), "a\n***\nb", "a\n\nb"),
    ],
)
def test_dividers_and_white_space_are_mended_first(rule: Length, text: str, mended: str | None) -> None:
    assert mend(rule, text) == mended


@settings(max_examples=60)
@given(
    text=texts, rule=st.sampled_from([exactly(2, "***"), exactly(3), exactly(2, "\n\n"), Length(lines=Bounds(max=2))])
)
def test_a_fixed_text_passes(text: str, rule: Length) -> None:
    mended = mend(rule, text)

    if mended is not None:
        assert passes(rule, mended)
        assert mend(rule, mended) == mended
        kept = [c for c in mended if c not in "*- \n"]
        assert kept == [c for c in text if c not in "*- \n"][: len(kept)]


@settings(max_examples=60)
@given(text=texts, more=texts)
def test_too_many_lines_stay_too_many(text: str, more: str) -> None:
    rule = Length(lines=Bounds(max=2), words=Bounds(max=4), words_by="runs")

    assert rule.build().streams == Prefix(0)
    if not passes(Length(lines=Bounds(max=2)), text):
        assert not passes(Length(lines=Bounds(max=2)), text + more)


def test_paragraphs_wait_for_the_end() -> None:
    assert isinstance(Length(paragraphs=Bounds(max=2)).build().streams, Whole)


def test_generation_is_told() -> None:
    assert exactly(2, "***").constraint() == Constraint(paragraphs=(2, 2), separator="***")
    assert exactly(2).constraint() == Constraint(paragraphs=(2, 2), separator="\n\n")
    assert Length(words=Bounds(max=9), tokens=Bounds(max=5)).constraint() == Constraint(words=(0, 9), max_tokens=5)
    assert Length(lines=Bounds(min=1)).constraint() is None


def test_a_separator_without_paragraphs_is_refused() -> None:
    with pytest.raises(ValueError, match="`separator` stands between paragraphs"):
        Length(words=Bounds(max=2), separator="***").build()


def test_a_statement_names_the_separator() -> None:
    assert exactly(2, "***").statement() == "The answer must have exactly 2 paragraphs, with '***' between paragraphs."


def test_which_words_and_sentences_are_meant_is_the_policy_s_to_say() -> None:
    one_word, one_sentence = Bounds(max=1), Bounds(max=1)

    assert passes(Length(words=one_word), "don't")
    assert not passes(Length(words=one_word, words_by="runs"), "don't")
    assert passes(Length(sentences=one_sentence, sentences_by="marks"), "a\nb")
    assert not passes(Length(sentences=one_sentence), "a\nb")


@settings(deadline=None, max_examples=200)
@given(st.text(st.sampled_from(" \n\tabcXYZ019.,'-_’‐‑–—“”…€éßÖœşǅ:;!?/()"), max_size=40))
def test_the_fast_count_of_latin_words_is_the_slow_one(text: str) -> None:
    """A character of another script sends the whole text the slow way, and is a word of its own."""
    assert words(text) == words(f"{text} ж") - 1
