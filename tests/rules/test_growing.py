"""What is said of a JSON text of which only the beginning is there: never too much, and early."""

import itertools
import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steady.rules.catalog import decode
from steady.rules.growing import Reading, Reads
from steady.rules.rule import Context, Growing, Partial
from steady.types import Piece

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["total"],
    "additionalProperties": False,
    "properties": {
        "total": {"type": "integer", "minimum": 0},
        "currency": {"enum": ["EUR", "USD", "euro"]},
        "note": {"type": "string", "maxLength": 8},
        "free": {"type": "string"},
        "code": {"type": "string", "pattern": "^[A-Z]{2}$"},
        "tags": {"type": "array", "maxItems": 2, "items": {"type": "string"}},
        "pair": {"prefixItems": [{"type": "number"}, {"const": "x"}], "items": False},
        "child": {"$ref": "#/$defs/node"},
        "any": {"anyOf": [{"type": "null"}, {"type": "string", "minLength": 2}]},
        "all": {"allOf": [{"type": "object"}, {"required": ["a"]}, {"additionalProperties": {"type": "boolean"}}]},
    },
    "$defs": {
        "node": {
            "type": "object",
            "properties": {"value": {"type": "number"}, "next": {"$ref": "#/$defs/node"}},
            "additionalProperties": False,
        }
    },
}


def check(rule: dict[str, Any]) -> Any:
    made = decode(rule).build()
    assert isinstance(made, Partial)
    assert isinstance(made, Reads)
    assert isinstance(made.streams, Growing)
    return made


ANY = check({"rule": "json"})
OBJECT = check({"rule": "json", "type": "object"})
UNDER = check({"rule": "json_schema", "schema": SCHEMA})
CHECKS = {"json": ANY, "object": OBJECT, "schema": UNDER}

strings = st.text(st.sampled_from('ab"\\\n é😀\u0001/{[,:'), max_size=6) | st.sampled_from(["EUR", "x", "XY", "EURO"])
scalars = (
    st.none() | st.booleans() | st.integers(-3, 10**6) | st.floats(allow_nan=False, allow_infinity=False) | strings
)
keys = st.sampled_from([*SCHEMA["properties"], "value", "next", "other", "a"])
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4), max_leaves=8
)
objects = st.dictionaries(keys, values, max_size=5)
nodes = st.recursive(
    st.just({}),
    lambda inner: st.fixed_dictionaries({}, optional={"value": st.integers() | st.just(1.5), "next": inner}),
    max_leaves=3,
)
good = st.fixed_dictionaries(
    {"total": st.integers(0, 10**9)},
    optional={
        "currency": st.sampled_from(["EUR", "USD", "euro"]),
        "note": st.text(max_size=8),
        "free": strings,
        "code": st.just("XY"),
        "tags": st.lists(strings, max_size=2),
        "pair": st.sampled_from([[], [1], [0.5, "x"]]),
        "child": nodes,
        "any": st.none() | st.just("ab"),
        "all": st.dictionaries(st.sampled_from("bc"), st.booleans()).map(lambda rest: {"a": True, **rest}),
    },
)
written = st.builds(
    lambda value, indent, plain: json.dumps(value, indent=indent, ensure_ascii=plain),
    good | objects | values,
    st.sampled_from([None, 1]),
    st.booleans(),
)
broken = st.builds(
    lambda text, at, junk: text[: at % (len(text) + 1)] + junk + text[at % (len(text) + 1) :],
    written,
    st.integers(0, 200),
    st.sampled_from(
        ["", ",", '"', "}", "]", "{", "0", "-", "e", "tru", "\\", "\\u12", "\ud800", "NaN", " ", "'", ":", "."]
    ),
)


def passes(made: Any, text: str) -> bool:
    return bool(made.judge(Piece("answer", (), text), Context()).passed)


@pytest.mark.parametrize("name", CHECKS)
@settings(deadline=None, max_examples=60)
@given(text=written | broken, data=st.data())
def test_nothing_that_passes_is_doomed_at_any_beginning(name: str, text: str, data: st.DataObject) -> None:
    made = CHECKS[name]
    at = data.draw(st.integers(0, len(text)))

    if passes(made, text):
        assert made.doomed(text[:at], Context()) is None
        assert made.doomed(text, Context()) is None


@pytest.mark.parametrize("name", CHECKS)
@settings(deadline=None, max_examples=60)
@given(text=written | broken, cuts=st.lists(st.integers(0, 120), max_size=20))
def test_a_reading_in_parts_says_what_a_reading_of_the_whole_says(name: str, text: str, cuts: list[int]) -> None:
    reading: Reading = CHECKS[name].reading(Context())
    why = None
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    for start, end in itertools.pairwise(edges):
        before = reading.safe
        why = reading.feed(text[start:end])
        if why is not None:
            break
        assert before <= reading.safe <= end

    assert (why is None) == (CHECKS[name].doomed(text, Context()) is None)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[", "type object"),
        ('{"x"', "does not know the key"),
        ('{"total": "', "type integer"),
        ('{"total": 1.5,', "not valid"),
        ('{"total": -1}', "not valid"),
        ('{"total": 1, "total"', "twice"),
        ('{"currency": "X', "none of those"),
        ('{"currency": 1', "none of those"),
        ('{"currency": "EU"', "none of those|not valid"),
        ('{"note": "123456789', "at most 8"),
        ('{"note": "\\u0031\\n345678\\"', "at most 8"),
        ('{"code": "abc"', "not valid"),
        ('{"tags": ["a", "b", "', "at most 2"),
        ('{"tags": ["a", 1', "type string"),
        ('{"pair": [1, "y"', "none of those|not valid"),
        ('{"pair": [1, "x", ', None),
        ('{"pair": [1, "x", 2', "no value here"),
        ('{"child": {"next": {"next": {"value": "', "type number"),
        ('{"child": {"next": {"more"', "does not know"),
        ('{"any": 3', None),
        ('{"any": 3}', "not valid"),
        ('{"any": "a",', "not valid"),
        ('{"all": {"b": 1', "type boolean"),
        ('{"all": {"b": true}', "not valid"),
        ('{"free": "x"}', "not valid"),  # total is required, which only the end tells
        ('{"free": "x"', None),
        ("{'", "can't stand here"),
        ('{"free": "\t', "no string can hold"),
        ('{"total": 01', "no number"),
        ('{"total": 1} {', "something follows"),
        ("```json", "begins no value"),
        ('{"total": 1,}', "can't stand here"),
        ('{"total": tru', "type integer"),
        ('{"free": "\ud800', "no string can hold"),
    ],
)
def test_what_is_wrong_shows_as_early_as_it_can(text: str, why: str | None) -> None:
    said = UNDER.doomed(text, Context())

    if why is None:
        assert said is None
    else:
        assert said is not None
        assert not said.passed
        assert any(part in said.reason for part in why.split("|")), said.reason
        assert not passes(UNDER, text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"total": 12', '{"total": '),  # it may become 123, or 12.5
        ('{"tot', "{"),
        ('{"currency": "EU', '{"currency": '),  # it may become EUX
        ('{"free": "so it is, and', '{"free": "so it is, and'),  # whatever it becomes, it can stay
        ('{"free": "so \\u00', '{"free": "so '),
        ('{"note": "1234', '{"note": "1234'),
        ('{"code": "A', '{"code": '),
        ('{"total": 1, ', '{"total": 1, '),
        ('{"any": "abc', '{"any": '),
        ('{"pair": [1, "x', '{"pair": [1, '),
    ],
)
def test_what_can_still_turn_out_wrong_is_held_back(text: str, shown: str) -> None:
    reading: Reading = UNDER.reading(Context())

    assert reading.feed(text) is None
    assert text[: reading.safe] == shown


def test_every_value_of_a_schema_with_an_anchor_is_judged_at_the_end() -> None:
    schema = {"properties": {"a": {"$ref": "#spot"}}, "$defs": {"x": {"$anchor": "spot", "type": "integer"}}}
    made = check({"rule": "json_schema", "schema": schema})

    assert made.doomed('{"a": "no", "b": 1', Context()) is None
    assert not passes(made, '{"a": "no"}')
    assert made.doomed('{"a": "no"}', Context()) is not None  # with the last brace the whole is there


@pytest.mark.parametrize(
    "draft", ["http://json-schema.org/draft-07/schema#", "https://json-schema.org/draft/2019-09/schema"]
)
def test_older_drafts_are_read_by_their_own_words(draft: str) -> None:
    schema = {
        "$schema": draft,
        "definitions": {"n": {"type": "number"}},
        "properties": {
            "pair": {"items": [{"type": "number"}], "additionalItems": {"type": "string"}},
            "ref": {"$ref": "#/definitions/n", "type": "string"},
            "pre": {"prefixItems": [{"type": "string"}]},
        },
    }
    made = check({"rule": "json_schema", "schema": schema})

    assert made.doomed('{"pair": ["', Context()) is not None
    assert made.doomed('{"pair": [1, 2', Context()) is not None
    assert made.doomed('{"pre": [1, ', Context()) is None
    assert (made.doomed('{"ref": 1,', Context()) is None) == ("07" in draft)


@pytest.mark.parametrize("size", [1, 64, 5_000_000])
def test_a_long_text_is_read_once_however_it_comes(size: int) -> None:
    """A reading that began again with each part would take minutes."""
    text = json.dumps([{"value": i, "next": {"value": i}} for i in range(2_000)])
    schema = {"type": "array", "items": {"$ref": "#/$defs/node"}, "$defs": SCHEMA["$defs"]}
    reading: Reading = check({"rule": "json_schema", "schema": schema}).reading(Context())
    began = time.process_time()
    for at in range(0, len(text), size):
        assert reading.feed(text[at : at + size]) is None

    assert reading.safe == len(text)
    assert time.process_time() - began < 4


def test_a_long_string_a_long_number_and_deep_brackets_are_bounded() -> None:
    reading = ANY.reading(Context())
    assert reading.feed('{"a": "') is None
    for _ in range(2_000):
        assert reading.feed("x" * 100) is None
    assert ANY.doomed("[" * 10_000, Context()) is not None
    assert ANY.doomed("1" * 2_000, Context()) is not None
