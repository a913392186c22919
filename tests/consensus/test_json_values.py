import json
from fractions import Fraction
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steady.consensus.json_values import (
    DEEPEST,
    DIGITS,
    NotJSON,
    Number,
    canonical,
    features,
    pointer,
    read_json,
    size,
    written,
)
from steady.consensus.similarity import UNIT, dice

documents = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


def same(one: str, other: str) -> bool:
    return canonical(read_json(one)) == canonical(read_json(other))


@settings(deadline=None)
@given(documents)
def test_what_is_written_reads_back_as_the_same_document(document: object) -> None:
    text = written(read_json(json.dumps(document)))

    assert json.loads(text) == document
    assert same(text, json.dumps(document, indent=2, sort_keys=True))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1", "1.0"),
        ("100", "1e2"),
        ("0", "-0.0"),
        ("0.10", "1E-1"),
        ('{"a":1,"b":2}', '{"b": 2.0, "a": 1}'),
        ('"cafe\u0301 \\n x"', '"café x"'),
        ('{"a":1,"a":2}', '{"a":2}'),
    ],
)
def test_spelling_does_not_make_another_value(one: str, other: str) -> None:
    assert same(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1", "true"),
        ("0", "false"),
        ("1", '"1"'),
        ("1", "10"),
        ("null", '"null"'),
        ("null", '""'),
        ("[1,2]", "[2,1]"),
        ("[]", "{}"),
        ("0.1", "0.1000000000000000055"),
        ("12345678901234567890", "12345678901234567891"),
    ],
)
def test_different_values_stay_different(one: str, other: str) -> None:
    assert not same(one, other)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "NaN",
        "-Infinity",
        "[1,]",
        "{'a':1}",
        "01",
        "1 2",
        "```json\n1\n```",
        "\ufeff1",
        '"a',
        '"\t"',
        "\ud800",
        "tru",
    ],
)
def test_only_strict_json_is_read(text: str) -> None:
    with pytest.raises(NotJSON):
        read_json(text)


def test_nesting_is_bounded_wherever_the_stack_stands() -> None:
    """A recursion error would depend on how deep the caller is; the bound does not."""
    assert size(read_json("[" * DEEPEST + "]" * DEEPEST)) == DEEPEST
    with pytest.raises(NotJSON, match="deep"):
        read_json("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1))
    with pytest.raises(NotJSON):
        read_json("[" * 1_000_000)
    assert read_json(json.dumps("[" * 1_000)) == "[" * 1_000


@pytest.mark.parametrize("text", ['"\\"' * 300_000, '"' * 300_000, "\\" * 300_000, "[]" * 150_000])
def test_no_text_is_scanned_twice(text: str) -> None:
    began = process_time()
    with pytest.raises(NotJSON):
        read_json(text)

    assert process_time() - began < 60


def test_numbers_too_large_to_compare_are_compared_as_text() -> None:
    huge = read_json("1" * (DIGITS + 1))
    wide = read_json("1e999999999")

    assert isinstance(huge, Number) and huge.value is None
    assert isinstance(wide, Number) and wide.canon == "#1e999999999"
    assert read_json("2.50") == Number("2.50", "25e-1", Fraction(5, 2))


def test_lone_surrogates_are_written_as_escapes() -> None:
    """A text with one in it can't be encoded, and the answer has to leave the house."""
    assert written(read_json('"\\ud800é"')) == '"\\ud800é"'
    assert written({"\udfff": 1}) == '{"\\udfff":1}'


def test_features_leave_array_positions_out() -> None:
    one, moved, other = (features(read_json(text)) for text in ('[{"a":1},{"a":2}]', '[{"a":2},{"a":1}]', '[{"a":3}]'))

    assert dice(one, moved) == UNIT
    assert 0 < dice(one, other) < UNIT


def test_strings_are_alike_by_their_words() -> None:
    near, far = features("red apple"), features("blue car")

    assert dice(features("red apples"), near) > dice(features("red apples"), far)


def test_pointers_are_escaped() -> None:
    assert pointer(pointer("", "a/b~c"), 0) == "/a~1b~0c/0"
