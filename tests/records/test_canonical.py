"""RFC 8785, with Trail of Bits' `rfc8785` package as the oracle."""

import struct

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from steady.records.canonical import canonical, number

SAFE = 2**53 - 1
text = st.text(st.characters(codec="utf-8"), max_size=12)
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-SAFE, SAFE),
    st.floats(allow_nan=False, allow_infinity=False),
    text,
)
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4), max_leaves=12
)


@settings(deadline=None, max_examples=300)
@given(values)
def test_every_value_is_written_as_the_reference_implementation_writes_it(value: object) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@settings(deadline=None, max_examples=500)
@given(st.binary(min_size=8, max_size=8))
def test_every_finite_double_is_written_as_ecmascript_writes_it(bits: bytes) -> None:
    """Uniform over bit patterns, so that huge and tiny exponents come up as often as everyday numbers."""
    (value,) = struct.unpack(">d", bits)
    if value == value and abs(value) != float("inf"):
        assert number(value).encode() == rfc8785.dumps(value)
        assert float(number(value)) == value


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (1.0, "1"),
        (-1.5, "-1.5"),
        (1e21, "1e+21"),
        (1e20, "100000000000000000000"),
        (123456789012345680000.0, "123456789012345680000"),
        (1e-6, "0.000001"),
        (1e-7, "1e-7"),
        (5e-324, "5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (333333333.33333329, "333333333.3333333"),
        (4.50, "4.5"),
        (2e-3, "0.002"),
    ],
)
def test_the_numbers_of_the_rfc_and_its_thresholds_come_out_as_printed_there(value: float, written: str) -> None:
    assert number(value) == written


def test_keys_are_ordered_by_utf_16_unit_and_not_by_code_point() -> None:
    """U+1F600 is D83D DE00 in UTF-16, so it sorts before U+FF00 although its code point is higher."""
    assert canonical({"\uff00": 2, "\U0001f600": 1}) == '{"\U0001f600":1,"\uff00":2}'.encode()


def test_a_lone_surrogate_is_written_as_its_escape_and_does_not_crash() -> None:
    """A model can be made to answer `\\ud800` in JSON; its answer must still be decided and kept."""
    assert canonical({"a\udfff": "x\ud800"}) == b'{"a\\udfff":"x\\ud800"}'


def test_a_surrogate_written_out_is_not_mistaken_for_a_lone_one() -> None:
    assert canonical("\\ud800") != canonical("\ud800")


def test_integers_beyond_a_double_keep_every_digit() -> None:
    """2**53 and 2**53 + 1 are one double; as one sequence of bytes two different answers would look equal."""
    assert canonical([2**53, 2**53 + 1, -(2**70)]) == b"[9007199254740992,9007199254740993,-1180591620717411303424]"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1: 2}, {"a": object()}, b"bytes"])
def test_what_json_does_not_have_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"no JSON form|must be a str"):
        canonical(value)


def test_tuples_are_arrays() -> None:
    assert canonical(((1, 2), ())) == b"[[1,2],[]]"
