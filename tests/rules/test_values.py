"""The rules `one_of` and `range`: only the exact value passes, and a fix never guesses."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steady.rules.rule import Constraint, Context, Rule, apply_edits
from steady.rules.values import OneOf, Range, parse_number, snap
from steady.types import Edit, Piece

LABELS = ("spam", "ham", "not_spam", "very positive", "unclear", "neutral", "c++", "c")


def piece(text: str) -> Piece:
    return Piece("answer", ("message", "content"), text)


def passes(rule: Rule, text: str) -> bool:
    return rule.build().judge(piece(text), Context()).passed  # type: ignore[union-attr]


def mend(rule: Rule, text: str) -> tuple[str, bool] | None:
    edits = rule.build().fix(piece(text), Context())  # type: ignore[union-attr]
    return None if edits is None else (apply_edits(text, edits), any(edit.invented for edit in edits))


def test_only_the_exact_spelling_passes() -> None:
    rule = OneOf(values=LABELS)

    assert all(passes(rule, label) for label in LABELS)
    assert not any(passes(rule, text) for text in ("Spam", " spam", "spam\n", "spam.", "", "spam ham"))
    assert "exactly one of: spam, ham" in rule.build().judge(piece("x"), Context()).reason


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Spam", "spam"),
        ("**Ham**.", "ham"),
        ("Answer: spam", "spam"),
        ("The answer is ham.", "ham"),
        (" spam\n", "spam"),
        ("not spam", "not_spam"),
        ("“Very  Positive”", "very positive"),
        ("C++", "c++"),
        ("C", "c"),
        ("Final label = unclear", "unclear"),
        ("ｓｐａｍ", "spam"),
    ],
)
def test_another_spelling_of_a_value_is_mended_without_inventing(text: str, value: str) -> None:
    assert mend(OneOf(values=LABELS), text) == (value, False)
    assert mend(OneOf(values=LABELS, repair="form_only"), text) == (value, False)
    assert mend(OneOf(values=LABELS, repair="none"), text) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("I think it is ham because of the tone", "ham"),
        ("neutrl", "neutral"),
        ("netural", "neutral"),
        ("spma", "spam"),
        ("It's unclear", "unclear"),
        ("clearly not spam at all", "not_spam"),
    ],
)
def test_an_inferred_value_is_marked_as_invented_and_can_be_forbidden(text: str, value: str) -> None:
    assert mend(OneOf(values=LABELS), text) == (value, True)
    assert mend(OneOf(values=LABELS, repair="form_only"), text) is None


@pytest.mark.parametrize(
    "text",
    [
        "maybe spam or ham",
        "this is not ham",
        "it isn't ham",
        "it isn’t ham",
        "hxm",
        "aneutral",
        "",
        "???",
        "das ist kein spam",
        "something else",
        "x" * 20_001,
    ],
)
def test_where_it_is_unclear_which_value_is_meant_none_is_chosen(text: str) -> None:
    assert mend(OneOf(values=LABELS), text) is None


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("possible", ("impossible", "likely")),
        ("atypical", ("typical",)),
        ("grade 3", ("grade 1", "grade 2")),
        ("cat", ("car",)),
        ("abcde", ("abcdf", "abcdg")),
    ],
)
def test_nearness_never_crosses_an_opposite_a_digit_or_a_tie(text: str, values: tuple[str, ...]) -> None:
    assert snap(text, values) is None


def test_two_values_of_one_spelling_are_never_snapped_to() -> None:
    assert snap("YES", ("Yes", "yes")) is None
    assert snap("Yes", ("Yes", "yes"), case=True) == ("Yes", False)


def test_case_can_be_made_to_matter() -> None:
    assert mend(OneOf(values=("Spam",), case=True), "spam it is") is None
    assert mend(OneOf(values=("Spam",)), "spam") == ("Spam", False)


def test_the_edits_keep_the_value_where_it_stands() -> None:
    edits = OneOf(values=("spam", "ham")).build().fix(piece("Answer: ham."), Context())

    assert edits == (Edit(0, 8, ""), Edit(11, 12, ""))


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ((), "1 to 1000"),
        (("a", ""), "must not be empty"),
        (("a", " b"), "blanks"),
        (("a", "b", "a"), "'a' twice"),
        (tuple(map(str, range(1001))), "1 to 1000"),
    ],
)
def test_values_that_make_no_sense_do_not_compile(values: tuple[str, ...], says: str) -> None:
    with pytest.raises(ValueError, match=f"^`values`.*{says}"):
        OneOf(values=values).build()


def test_values_are_asked_of_generation_and_in_words() -> None:
    rule = OneOf(values=("a", "b"))

    assert rule.constraint() == Constraint(choices=("a", "b"))
    assert rule.statement() == "Answer with exactly one of these and nothing else: a, b."


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", "1"),
        ("1,234", "1234"),
        ("1,234.5", "1234.5"),
        ("1.234,5", "1234.5"),
        ("1.234", "1.234"),
        ("1.234.567", "1234567"),
        ("1,234,567", "1234567"),
        ("1,5", "1.5"),
        ("0,123", "0.123"),
        ("1e3", "1000"),
        ("-5", "-5"),
        ("−5", "-5"),
        ("+.5", "0.5"),
        ("1'234", "1234"),
        ("1’234.5", "1234.5"),
        ("007", "7"),
        ("1 234", "1234"),
        ("1 234,5", "1234.5"),
        ("1\u00a0234\u202f567", None),
        ("1\u00a0234\u00a0567", "1234567"),
        (" 7\n", "7"),
        ("1_000", "1000"),
        ("12,34,567", None),
        ("1,234,56", None),
        ("5.", None),
        ("½", None),
        ("NaN", None),
        ("inf", None),
        ("-Infinity", None),
        ("١٢", None),
        ("１２", None),
        ("1e401", None),
        ("1e99999", None),
        ("0x1F", None),
        ("1 23", None),
        ("", None),
        ("-", None),
        ("--1", None),
        ("1" * 101, None),
        ("1.2.3", None),
        ("12kg", None),
    ],
)
def test_a_number_is_read_by_rule_not_by_locale(text: str, number: str | None) -> None:
    assert parse_number(text) == (None if number is None else Decimal(number))


@settings(deadline=None, max_examples=100)
@given(st.integers(-(10**12), 10**12), st.integers(0, 3))
def test_grouped_numbers_read_back_in_every_convention(whole: int, places: int) -> None:
    english = f"{Decimal(whole).scaleb(-places):,f}"
    swapped = english.translate(str.maketrans(",.", ".,"))

    assert parse_number(english) == Decimal(whole).scaleb(-places)
    points, _, decimals = swapped.partition(",")
    decimal_point = points.count(".") == 1 and not decimals  # one point alone is read as decimals
    thousands = "." not in points and len(decimals) == 3  # one comma before three digits is not
    if not decimal_point and not thousands:
        assert parse_number(swapped) == Decimal(whole).scaleb(-places)


@pytest.mark.parametrize(
    ("fields", "good", "bad"),
    [
        ({"min": 0, "max": 10}, ["0", "10", "3.5", " 7\n"], ["-0.1", "10.1", "11", "seven", ""]),
        ({"min": 0, "exclusive_min": True}, ["0.1"], ["0", "-1"]),
        ({"max": 5, "exclusive_max": True}, ["4.99"], ["5", "6"]),
        ({"integer": True}, ["3", "3.0", "1e2"], ["3.5", "1e-2"]),
        ({"min": 0.1, "max": 0.3}, ["0.1", "0.3"], ["0.0999999999999999999999", "0.3000000000000000000001"]),
        ({"unit": "%"}, ["12%", "12 %", "12", "% 12"], ["12 percent", "12%%", "about 12%"]),
        ({"unit": "EUR"}, ["1,200 EUR", "EUR 5"], ["5 USD"]),
    ],
)
def test_the_number_must_lie_within_its_bounds(fields: dict[str, object], good: list[str], bad: list[str]) -> None:
    """Bounds are compared as the decimals that were written, so 0.1 is within 0.1 .. 0.3."""
    rule = Range(**fields)  # type: ignore[arg-type]

    assert [text for text in good if not passes(rule, text)] == []
    assert [text for text in bad if passes(rule, text)] == []


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ("about 1,200 EUR", "1,200"),
        ("it is 12.", "12"),
        ("answer: 7\n", "7"),
        ("EUR 12 today", "12"),
        ("**5**", "5"),
        ("a loss of -5?", None),
        ("between 10 and 20", None),
        ("GPT-4", None),
        ("2nd", None),
        ("10-20", None),
        ("3/4", None),
        ("none", None),
        ("½ of 5", None),
        ("1.5.2", None),
        ("12kg", None),
        ("5000 in all", None),
        ("5000", None),
        ("no. 7 of ٣", None),
    ],
)
def test_a_fix_takes_the_only_number_out_and_never_moves_it(text: str, mended: str | None) -> None:
    assert mend(Range(min=0, max=2000), text) == (None if mended is None else (mended, False))


@pytest.mark.parametrize(
    "text",
    [
        "It is not 5",
        "The answer isn't 5.",
        "minus 5",
        "5 million",
        "less than 5",
        "no more than 5",
        "half of 5",
        "nicht 5",
    ],
)
def test_no_number_is_taken_out_of_a_sentence_that_says_another(text: str) -> None:
    assert mend(Range(min=0, max=2000), text) is None


def test_a_unit_that_touches_its_number_is_no_part_of_a_word() -> None:
    assert mend(Range(unit="kg"), "roughly 12kg") == ("12", False)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"min": 2, "max": 1}, "leave no number"),
        ({"min": 1, "max": 1, "exclusive_max": True}, "leave no number"),
        ({"min": float("nan")}, "finite"),
        ({"max": float("inf")}, "finite"),
        ({"unit": "m2"}, "digits"),
    ],
)
def test_bounds_that_no_number_meets_do_not_compile(fields: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Range(**fields).build()  # type: ignore[arg-type]


def test_the_bounds_are_said_in_words() -> None:
    rule = Range(min=0, max=0.5, exclusive_max=True, integer=True, unit="%")

    assert rule.statement() == "Answer with a whole number at least 0 and below 0.5 in % and nothing else."
    assert "it must be a number at most 3" in Range(max=3).build().judge(piece("4"), Context()).reason


TEXTS = st.text(st.characters(), max_size=40) | st.lists(
    st.sampled_from(
        ["spam", "ham", "Answer: ", "not ", " ", ".", "1", "1,234", "EUR", "-", "e5", "\ud800", "\x00", "½"]
    ),
    max_size=6,
).map("".join)


@settings(deadline=None, max_examples=150)
@given(TEXTS, st.sampled_from([OneOf(values=LABELS), Range(min=-10, max=5000, unit="EUR"), Range(integer=True)]))
def test_no_text_raises_and_every_fix_passes_and_is_its_own_fix(text: str, rule: Rule) -> None:
    if passes(rule, text):
        assert mend(rule, text) == (text, False)
        return
    mended = mend(rule, text)
    if mended is not None:
        assert passes(rule, mended[0])
        assert mend(rule, mended[0]) == (mended[0], False)


@pytest.mark.parametrize("text", ["1," * 500_000, "1 234 " * 200_000, "a" * 1_000_000, "\ud800" * 10, "-" * 1_000_000])
def test_huge_texts_are_judged_at_once(text: str) -> None:
    for rule in (OneOf(values=LABELS), Range(min=0, unit="EUR")):
        assert not passes(rule, text)
        assert mend(rule, text) is None
