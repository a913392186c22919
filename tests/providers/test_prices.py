"""Prices come exact, from the right vendor, and without importing litellm."""

import subprocess
import sys
from decimal import Decimal

import pytest

from steady.providers.prices import _decimal, facts, price


def test_a_price_is_exact_decimal_text() -> None:
    """As a float 2.5e-06 would become something else once summed."""
    assert price("gpt-4o", "openai") == ("0.0000025", "0.00001")


def test_a_model_is_found_with_its_vendor_before_it() -> None:
    assert (
        price("anthropic/claude-sonnet-4-5", "") == price("claude-sonnet-4-5", "anthropic") == ("0.000003", "0.000015")
    )
    assert price("openai/gpt-4o", "") == price("gpt-4o", "openai")
    assert price("gemini-2.5-flash", "gemini") is not None


@pytest.mark.parametrize(
    ("model", "provider"),
    [("no-such-model", ""), ("gpt-4o", "anthropic"), ("anthropic/gpt-4o", ""), ("", ""), ("sample_spec", "")],
)
def test_an_unknown_model_or_anothers_vendor_has_no_price(model: str, provider: str) -> None:
    assert price(model, provider) is None


def test_a_model_that_makes_no_text_is_not_known() -> None:
    assert facts("text-embedding-3-small", "openai") is None


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("2.5e-06", "0.0000025"),
        ("0", "0"),
        ("0.0", "0"),
        ("1", "1"),
        ("-1", None),
        (None, None),
        ("x", None),
        ({}, None),
    ],
)
def test_numbers_are_read_without_exponents(raw: object, text: str | None) -> None:
    assert _decimal(raw) == text
    assert text is None or Decimal(text) == Decimal(str(raw))


def test_asking_a_price_does_not_import_litellm() -> None:
    """That takes seconds."""
    code = (
        "import sys; from steady.providers.prices import price; assert price('gpt-4o', 'openai'); "
        "assert 'litellm' not in sys.modules"
    )

    subprocess.run([sys.executable, "-c", code], check=True)
