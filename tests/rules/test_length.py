"""`length`: what a word and a sentence are, limits, and a fix that never leaves half a sentence."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steady.rules.length import Bounds, Length, sentences, words
from steady.rules.rule import Context, Prefix, Whole, apply_edits
from steady.types import Piece

texts = st.lists(
    st.sampled_from(
        [
            "word",
            " ",
            ". ",
            "! ",
            "Dr. ",
            "\n",
            "3.5",
            "1,000",
            "don't",
            "-",
            "漢字",
            "。",
            "e.g. ",
            '?" ',
            "é",
            "\ud800",
        ]
    ),
    max_size=25,
).map("".join)


def piece(text: str) -> Piece:
    return Piece("answer", ("message", "content"), text)


def passes(rule: Length, text: str) -> bool:
    return rule.build().judge(piece(text), Context()).passed


def mend(rule: Length, text: str) -> str | None:
    edits = rule.build().fix(piece(text), Context())
    return None if edits is None else apply_edits(text, edits)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("one two  three", 3),
        ("don't well-known o’clock", 3),
        ("1,000.5 and 3.5kg", 3),
        ("a_b x", 2),
        ("end.Next", 2),
        ("— … !", 0),
        ("हिन्दी में लिखा", 3),
        ("今日は元気", 5),
        ("abc漢字def", 4),
        ("e\u0301te\u0301 fini", 2),
        ("\ud800a b", 2),
    ],
)
def test_words_are_counted_in_any_script(text: str, count: int) -> None:
    assert words(text) == count


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("Dr. Smith paid 3.50. He left.", ["Dr. Smith paid 3.50.", "He left."]),
        ("See e.g. this, i.e. that. Ok", ["See e.g. this, i.e. that.", "Ok"]),
        ("J. R. Doe came. Then No. 5 and Fig. 3 too.", ["J. R. Doe came.", "Then No. 5 and Fig. 3 too."]),
        ("The U.S. Army won. Yes", ["The U.S. Army won.", "Yes"]),
        ('He said "No!" Then left...', ['He said "No!"', "Then left..."]),
        ("1. First\n2. Second item. Third", ["1. First", "2. Second item.", "Third"]),
        ("今日は。元気？はい", ["今日は。", "元気？", "はい"]),
        ("यह है। वह भी।", ["यह है।", "वह भी।"]),
        ("In 2020. Then", ["In 2020.", "Then"]),
        ("no end", ["no end"]),
        ("...\n\n---", []),
        ("Really?! Yes.", ["Really?!", "Yes."]),
        ("file.txt is here", ["file.txt is here"]),
    ],
)
def test_sentences_are_told_apart(text: str, parts: list[str]) -> None:
    assert [text[span.start : span.end] for span in sentences(text)] == parts


@settings(deadline=None)
@given(texts)
def test_sentences_are_in_order_and_cover_all_words(text: str) -> None:
    spans = sentences(text)
    rest = text
    for span in reversed(spans):
        assert text[span.start : span.end] == text[span.start : span.end].strip()
        rest = rest[: span.start] + rest[span.end :]

    assert not any(char.isalnum() for char in rest)
    assert all(a.end <= b.start for a, b in itertools.pairwise(spans))


@settings(deadline=None)
@given(texts, texts)
def test_words_never_become_fewer_as_a_text_grows(text: str, more: str) -> None:
    """A maximum that a prefix breaks stays broken: so it may stream."""
    assert words(text) <= words(text + more)


def test_limits_hold_in_every_unit() -> None:
    text = "One two three. Four five."

    assert passes(Length(characters=Bounds(min=25, max=25)), text)
    assert not passes(Length(characters=Bounds(max=24)), text)
    assert not passes(Length(words=Bounds(min=6)), text)
    assert not passes(Length(sentences=Bounds(max=1)), text)
    assert passes(Length(tokens=Bounds(min=5, max=8)), text)
    assert not passes(Length(tokens=Bounds(max=3)), text)


def test_the_reason_counts() -> None:
    finding = Length(words=Bounds(max=2), sentences=Bounds(min=3)).build().judge(piece("a b c."), Context())

    assert finding.reason == "The text has 3 words, at most 2 allowed; 1 sentences, at least 3 needed."


def test_a_fix_cuts_after_the_last_sentence_that_fits() -> None:
    text = "One two three. Four five six. Seven eight."

    assert mend(Length(words=Bounds(max=7)), text) == "One two three. Four five six."
    assert mend(Length(sentences=Bounds(max=1)), text) == "One two three."
    assert mend(Length(characters=Bounds(max=30)), text) == "One two three. Four five six."
    assert mend(Length(tokens=Bounds(max=8)), text) == "One two three. Four five six."
    assert mend(Length(words=Bounds(max=8)), text) == text


def test_half_a_sentence_and_padding_are_no_fix() -> None:
    assert mend(Length(words=Bounds(max=2)), "One two three. Four.") is None
    assert mend(Length(words=Bounds(min=9)), "One two three.") is None
    assert mend(Length(words=Bounds(min=5, max=6)), "One two three. Four five six seven.") is None


@settings(deadline=None)
@given(texts, st.sampled_from(["characters", "words", "sentences"]), st.integers(0, 20))
def test_a_fixed_text_passes_and_a_passing_one_is_left_alone(text: str, unit: str, most: int) -> None:
    rule = Length(**{unit: Bounds(max=most)})  # type: ignore[arg-type]
    fixed = mend(rule, text)
    if passes(rule, text):
        assert fixed == text
    elif fixed is not None:
        assert passes(rule, fixed)
        assert mend(rule, fixed) == fixed
        assert text.startswith(fixed)


def test_only_a_maximum_of_characters_or_words_streams() -> None:
    assert Length(words=Bounds(max=5)).build().streams == Prefix(0)
    assert Length(characters=Bounds(max=5), words=Bounds(max=2)).build().streams == Prefix(0)
    for rule in (
        Length(words=Bounds(min=1)),
        Length(sentences=Bounds(max=1)),
        Length(tokens=Bounds(max=1)),
        Length(words=Bounds(max=5), on_fail="fix"),  # what was released can't be taken back
    ):
        assert isinstance(rule.build().streams, Whole)


@pytest.mark.parametrize(
    ("rule", "words_in_error"),
    [
        (Length(), "set no limit"),
        (Length(words=Bounds()), "set no limit"),
        (Length(words=Bounds(min=5, max=4)), "`words.min` 5 is over `words.max` 4"),
        (Length(tokens=Bounds(max=4), tokenizer="cl100k"), "Did you mean 'cl100k_base'"),
    ],
)
def test_limits_that_mean_nothing_are_refused(rule: Length, words_in_error: str) -> None:
    with pytest.raises(ValueError, match=words_in_error):
        rule.build()


def test_a_statement_gives_every_limit() -> None:
    rule = Length(words=Bounds(min=1, max=9), sentences=Bounds(max=2))

    assert rule.statement() == "The answer must have at least 1 word and at most 9 words and at most 2 sentences."
