"""`punctuation`: marks that may not occur, quotation, the mark at the end; fixes touch marks and spaces alone."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steady.rules.punctuation import Punctuation
from steady.rules.rule import Constraint, Context, Finder, Whole, Window, apply_edits
from steady.types import Piece

texts = st.text(alphabet=st.sampled_from("ab 1,;.!?\"“”'’\n\ud800"), max_size=40)
MARKS = "".join(",;.!?\"“”'’ \n")


def piece(text: str) -> Piece:
    return Piece("answer", ("message", "content"), text)


def passes(rule: Punctuation, text: str) -> bool:
    return rule.build().judge(piece(text), Context()).passed


def mend(rule: Punctuation, text: str) -> str | None:
    edits = rule.build().fix(piece(text), Context())
    return None if edits is None else apply_edits(text, edits)


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ("a, b and c", "a b and c"),
        ("a,b", "a b"),
        ("1,000 men", "1000 men"),
        ("a,,b", "a b"),
        ('he said, "no," twice', 'he said "no" twice'),
        (", a", " a"),
        ("end,", "end"),
        ("none", "none"),
    ],
)
def test_commas_are_taken_out_and_words_stay_apart(text: str, mended: str) -> None:
    assert mend(Punctuation(without=(",",)), text) == mended


@pytest.mark.parametrize(
    ("mark", "text"),
    [
        (",", "a rate of 1,5 points"),
        (",", "1,234.56 and 1.234,56"),
        (",", "1,2,3"),
        (".", "pi is 3.14"),
        (".", "the odds are .5"),
        ("-", "it is -5 degrees"),
        ("-", "due 2024-02-30"),
        ("−", "−5"),
        (":", "at 10:30"),
        ("/", "3/4 of it"),
        ("%", "50% of it"),
        ("'", "5'10 tall"),
    ],
)
def test_no_mark_is_taken_out_where_that_makes_another_number(mark: str, text: str) -> None:
    """`1,5` without its comma is 15: a wrong figure that passes is worse than a mark too many."""
    assert mend(Punctuation(without=(mark,)), text) is None
    assert mend(Punctuation(without=(mark,), quotation=True), text) is None


@pytest.mark.parametrize(
    ("mark", "text", "mended"),
    [(",", "1,234,567.89", "1234567.89"), ("'", "1'000", "1000"), ("-", "A-5", "A 5"), (",", "a,5", "a 5")],
)
def test_marks_between_thousands_and_beside_words_go(mark: str, text: str, mended: str) -> None:
    assert mend(Punctuation(without=(mark,)), text) == mended


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ("```python\nx\n```", '"```python\nx\n```"'),
        ("“a” and “b”", '"“a” and “b”"'),
        ("«a» und «b»", '"«a» und «b»"'),
        ("'a' and 'b'", "\"'a' and 'b'\""),
        ("'don't do it'", '"don\'t do it"'),
        ("`x`", '"x"'),
        ("“a”", '"a"'),
    ],
)
def test_quotation_marks_replace_a_pair_around_all_and_no_fence(text: str, mended: str) -> None:
    """The marks of a code fence, or of two quotations, belong to what is inside."""
    assert mend(Punctuation(quotation=True), text) == mended


def test_an_apostrophe_leaves_no_space() -> None:
    assert mend(Punctuation(without=("'",)), "don't") == "dont"


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ("so it is", '"so it is"'),
        (" so it is\n", ' "so it is"\n'),
        ("“so it is”", '"so it is"'),
        ('"so it is', '"so it is"'),
        ('he said "no"', '"he said "no""'),
        ('"so"', '"so"'),
        ('"', '""'),
        (" ", None),
    ],
)
def test_a_text_is_wrapped_in_quotation_marks(text: str, mended: str | None) -> None:
    assert mend(Punctuation(quotation=True), text) == mended


@pytest.mark.parametrize(
    ("text", "mended"),
    [("so it is", "so it is."), ("so it is,", "so it is."), ('"so"', '"so."'), ("so?", "so?"), ("**so!**", "**so!**")],
)
def test_the_end_gets_its_mark(text: str, mended: str) -> None:
    assert mend(Punctuation(ends=(".", "!", "?")), text) == mended


def test_several_demands_are_met_at_once() -> None:
    rule = Punctuation(without=(",",), quotation=True, ends=(".",))

    assert mend(rule, ",a, b,") == '"a b."'
    assert not rule.build().judge(piece('a, b"'), Context()).passed


@settings(max_examples=60)
@given(
    text=texts,
    rule=st.sampled_from(
        [
            Punctuation(without=(",",)),
            Punctuation(without=(",", "."), quotation=True),
            Punctuation(quotation=True, ends=(".",)),
            Punctuation(ends=("!",)),
            Punctuation(without=(",",), quotation=True, ends=("?",)),
        ]
    ),
)
def test_a_fixed_text_passes_and_keeps_its_letters(text: str, rule: Punctuation) -> None:
    mended = mend(rule, text)

    if mended is not None:
        assert passes(rule, mended)
        assert mend(rule, mended) == mended
        assert [c for c in mended if c not in MARKS] == [c for c in text if c not in MARKS]


@settings(max_examples=60)
@given(text=texts, start=st.integers(0, 40))
def test_a_mark_is_found_from_one_character_before_and_four_after(text: str, start: int) -> None:
    """What a stream may rely on: a match looks no further."""
    check = Punctuation(without=(",", ";")).build()
    assert isinstance(check, Finder)
    start = min(start, len(text))

    for match in check.find(text, start):
        part = text[max(0, match.start - 1) : match.end + 4]
        at = min(1, match.start)
        assert [m.replacement for m in check.find(part, at)][:1] == [match.replacement]


def test_only_forbidden_marks_stream() -> None:
    assert Punctuation(without=(",",)).build().streams == Window(1, 4)
    assert isinstance(Punctuation(quotation=True).build().streams, Whole)


def test_generation_is_told() -> None:
    assert Punctuation(without=(",",)).constraint() == Constraint(without=",")
    assert Punctuation(quotation=True).constraint() == Constraint(wrapped=('"', '"'))
    assert Punctuation(ends=("!",)).constraint() == Constraint(ends="!")
    assert Punctuation(ends=("!", ".")).constraint() is None


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (Punctuation(), "say nothing"),
        (Punctuation(without=("ab",)), "`without` holds 'ab'"),
        (Punctuation(ends=("a",)), "`ends` holds 'a'"),
        (Punctuation(without=('"',), quotation=True), "no text can satisfy both"),
        (Punctuation(without=(".",), ends=(".",)), "no text can satisfy both"),
    ],
)
def test_demands_that_mean_nothing_are_refused(rule: Punctuation, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        rule.build()


def test_a_statement_names_every_demand() -> None:
    rule = Punctuation(without=(",", ";"), quotation=True, ends=(".",))

    assert rule.statement() == (
        "Do not use ',' or ';' anywhere. Put the whole answer in double quotation marks. End the answer with '.'."
    )
