from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steady.consensus.numbers import DIGITS, LONGEST, parse_number, places, plain, rounded

READ = [
    ("42", "42", ""),
    ("-3.5", "-3.5", ""),
    ("−7", "-7", ""),
    (".5", "0.5", ""),
    ("1,234", "1234", ""),
    ("1,234,567.89", "1234567.89", ""),
    ("12,34,567", "1234567", ""),
    ("1.234.567,89", "1234567.89", ""),
    ("1.234", "1.234", ""),
    ("1,5", "1.5", ""),
    ("0,500", "0.5", ""),
    ("1 234 567", "1234567", ""),
    ("1\u202f234,5", "1234.5", ""),
    ("1'234", "1234", ""),
    ("1e3", "1000", ""),
    ("2.5E-3", "0.0025", ""),
    ("1.5×10^3", "1500", ""),
    ("٤٢", "42", ""),
    ("４２", "42", ""),
    ("$1,200.50", "1200.5", "usd"),
    ("-$5", "-5", "usd"),
    ("$-5", "-5", "usd"),
    ("EUR 5", "5", "eur"),
    ("5 €", "5", "eur"),
    ("5%", "5", "%"),
    ("5 percent", "5", "%"),
    ("5 million", "5000000", ""),
    ("2.5 billion dollars", "2500000000", "usd"),
    ("about 5 days", "5", "d"),
    ("It takes 5 Tage to ship.", "5", "d"),
    ("The answer is 42.", "42", ""),
    ("42 is the answer", "42", ""),
    ("**42**", "42", ""),
    ("5kg", "5", "kg"),
    ("12 widgets", "12", "widget"),
    ("3 m²", "3", "m²"),
    ("- 5", "5", ""),
    ("the 5th", "5", ""),
]


@pytest.mark.parametrize(("text", "value", "unit"), READ)
def test_one_number_is_read_with_its_unit(text: str, value: str, unit: str) -> None:
    numeral = parse_number(text)

    assert numeral is not None
    assert (plain(numeral.value), numeral.unit) == (value, unit)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "none",
        "NaN",
        "inf",
        "-Infinity",
        "5 or 6",
        "5-6",
        "1/2",
        "5½",
        "2024-01-05",
        "1.2.2024",
        "v1.2.3",
        "B2",
        "_5",
        "1,2,3",
        "1234,567,8",
        "1e99999",
        "1" * (DIGITS + 1),
        "x" * LONGEST + " 5",
        "\ud800",
    ],
)
def test_what_is_no_single_number_is_not_read(text: str) -> None:
    """A guess among several numbers, or an infinity, would win a vote that nobody cast."""
    assert parse_number(text) is None


@given(st.integers(-(10**12), 10**12), st.integers(0, 6))
def test_decimal_text_reads_back_as_the_same_value(number: int, count: int) -> None:
    value = Fraction(number, 10**count)
    numeral = parse_number(plain(value))

    assert numeral is not None
    assert numeral.value == value
    assert places(value) <= count


@given(st.integers(0, 10**9))
def test_grouping_does_not_change_the_value(number: int) -> None:
    readings = [parse_number(f"{number:,}"), parse_number(f"{number:,}".replace(",", " "))]

    assert [reading and reading.value for reading in readings] == [number, number]


def test_rounding_is_half_to_even_and_drops_zeros() -> None:
    assert [rounded(Fraction(value), 1) for value in ("0.25", "0.35", "-0.25", "2", "-0.04")] == [
        "0.2",
        "0.4",
        "-0.2",
        "2",
        "0",
    ]
    assert rounded(Fraction(2, 3), 4) == "0.6667"
    assert rounded(Fraction(1250), 0) == "1250"


def test_a_third_has_no_decimal_text() -> None:
    with pytest.raises(ValueError, match="no finite decimal"):
        plain(Fraction(1, 3))


def test_figures_are_located_without_sign_and_scale() -> None:
    numeral = parse_number("about -$2.5 million net")

    assert numeral is not None
    assert (numeral.start, numeral.end, numeral.scale) == (8, 11, 6)
