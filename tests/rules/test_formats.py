"""`date_format` and `number_format`: what is found, and that only what can be read one way is rewritten."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steady.rules.catalog import decode
from steady.rules.formats_dates import DateFormat
from steady.rules.formats_numbers import NumberFormat
from steady.rules.rule import Context, Finder, Rule, Window, apply_edits
from steady.types import Piece


def passes(rule: Rule, text: str) -> bool:
    return rule.build().judge(Piece("answer", (), text), Context()).passed  # type: ignore[union-attr]


def mend(rule: Rule, text: str) -> str | None:
    edits = rule.build().fix(Piece("answer", (), text), Context())  # type: ignore[union-attr]
    return None if edits is None else apply_edits(text, edits)


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("iso", "2024-03-25"),
        ("us", "03/25/2024"),
        ("european", "25/03/2024"),
        ("german", "25.03.2024"),
        ("long_us", "March 25, 2024"),
        ("long", "25 March 2024"),
    ],
)
def test_each_format_takes_its_own_dates_and_writes_them(name: Any, good: str) -> None:
    rule = DateFormat(format=name)

    assert passes(rule, f"on {good}.")
    for other in ("2024-03-25", "25.3.2024", "3/25/2024", "25th of March 2024", "Mar. 25 2024"):
        assert mend(rule, f"({other})") == f"({good})"
    assert good in rule.statement()


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ("02/03/2024", None),
        ("05/05/2024", "2024-05-05"),
        ("13/02/2024", "2024-02-13"),
        ("31.02.2024", None),
        ("2024-13-01", None),
        ("1.2.3 and 10.0.0.1 and 24/7", "1.2.3 and 10.0.0.1 and 24/7"),
        ("12-34-5678-9", "12-34-5678-9"),
    ],
)
def test_only_what_can_be_read_one_way_is_rewritten(text: str, mended: str | None) -> None:
    assert mend(DateFormat(format="iso"), text) == mended


def test_a_day_that_is_not_in_the_calendar_fails_in_any_form() -> None:
    assert not passes(DateFormat(format="iso"), "2023-02-29")
    assert not passes(DateFormat(format="us"), "02/30/2024")


def test_a_pattern_of_one_s_own() -> None:
    rule = DateFormat(pattern="%-d.%-m.%Y")

    assert passes(rule, "5.3.2024")
    assert mend(rule, "2024-03-05") == "5.3.2024"


@settings(max_examples=60)
@given(
    parts=st.lists(
        st.sampled_from(["2024-03-25", "3/4/2024", "May 5, 2024", "5 May 2024", " ", ",", ".", "1", "/", "x\ud800"]),
        max_size=8,
    ),
    start=st.integers(0, 30),
)
def test_a_date_looks_no_further_than_it_says(parts: list[str], start: int) -> None:
    """What a stream may rely on."""
    text = "".join(parts)
    check = DateFormat(format="iso").build()
    assert isinstance(check, Finder)
    assert isinstance(check.streams, Window)
    reach = check.streams.width + check.streams.right
    for match in check.find(text, min(start, len(text))):
        part = text[max(0, match.start - 1) : match.start + reach]
        again = next(check.find(part, min(1, match.start)))
        assert (again.end - again.start, again.replacement) == (match.end - match.start, match.replacement)


@pytest.mark.parametrize(
    ("fields", "text", "mended"),
    [
        ({}, "1,234.50 and 12 and -3.5", "1,234.50 and 12 and -3.5"),
        ({}, "1.234,56", "1,234.56"),
        ({}, "12,5 kg", "12.5 kg"),
        ({"decimal": ",", "thousands": "."}, "1,234.56", "1.234,56"),
        ({"decimal": ",", "thousands": "."}, "1.234 or 1,234", "1.234 or 1,234"),
        ({"decimal": ".", "thousands": ""}, "1,234,567", "1234567"),
        ({"decimal": ".", "thousands": ""}, "1,234", None),
        ({"decimal": ",", "thousands": " "}, "1\u202f234.5", "1 234,5"),
        ({}, "v1.2.3, 10:30, 2024-03-25, 1/2", "v1.2.3, 10:30, 2024-03-25, 1/2"),
    ],
)
def test_numbers_are_read_and_rewritten(fields: dict[str, Any], text: str, mended: str | None) -> None:
    assert mend(decode({"rule": "number_format", **fields}), text) == mended


@settings(max_examples=60)
@given(text=st.text(alphabet=st.sampled_from("0123,.' -/x\u202f\ud800"), max_size=30))
def test_a_rewritten_text_passes_and_keeps_its_digits(text: str) -> None:
    for rule in (NumberFormat(), NumberFormat(decimal=",", thousands=".")):
        mended = mend(rule, text)
        if mended is not None:
            assert passes(rule, mended)
            assert [c for c in mended if c.isdigit()] == [c for c in text if c.isdigit()]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (DateFormat(), "either `format` or `pattern`"),
        (DateFormat(format="iso", pattern="%Y"), "either `format` or `pattern`"),
        (DateFormat(pattern="%Y-%m-%H"), "`pattern` holds '%H'"),
        (DateFormat(pattern="%Y-%m"), "must name the day once"),
        (DateFormat(pattern="%Y:%m:%d"), "would not find"),
        (NumberFormat(decimal=",", thousands=","), "both ','"),
    ],
)
def test_formats_that_mean_nothing_are_refused(rule: Rule, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        rule.build()


def test_a_statement_of_numbers_is_plain() -> None:
    assert NumberFormat().statement() == "Write numbers with '.' before decimals and ',' between thousands."
