from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from steady.consensus.json_schema import Place, place

INVOICE: dict[str, Any] = {
    "$defs": {"money": {"type": ["number", "null"]}, "line": {"properties": {"price": {"$ref": "#/$defs/money"}}}},
    "type": "object",
    "required": ["total"],
    "allOf": [{"required": ["id"]}],
    "anyOf": [{"required": ["paid"]}, {"required": ["due"]}],
    "properties": {
        "total": {"$ref": "#/$defs/money"},
        "lines": {"type": "array", "items": {"$ref": "#/$defs/line"}},
        "pair": {"prefixItems": [{"type": "integer"}, {"type": "string"}], "items": {"type": "number"}},
        "state": {"enum": ["open", "paid"]},
        "level": {"type": "integer", "enum": [1, 2]},
        "either": {"anyOf": [{"type": "number"}, {"type": "string"}]},
    },
    "additionalProperties": {"type": "number"},
}


def root(schema: dict[str, Any] = INVOICE) -> Place:
    return place(schema, [schema])


def test_numbers_are_known_through_references() -> None:
    assert root().key("total").numeric
    assert root().key("lines").item(3).key("price").numeric
    assert root().key("pair").item(0).numeric
    assert root().key("pair").item(7).numeric
    assert root().key("anything else").numeric


def test_what_may_be_something_else_is_no_number() -> None:
    assert not root().key("either").numeric
    assert not root().key("pair").item(1).numeric
    assert not root().key("level").numeric
    assert not place({}, []).numeric


def test_an_enum_leaves_no_room() -> None:
    assert root().key("state").listed
    assert root().key("level").listed
    assert not root().key("total").listed


def test_only_what_is_always_required_is_required() -> None:
    """A key that one branch of an anyOf requires is no required field of the document."""
    assert root().required == ("total", "id")


def test_references_in_a_circle_end() -> None:
    circle = {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#"}}}

    assert len(root(circle).schemas) <= 32
    assert not root(circle).numeric


def test_nothing_is_fetched() -> None:
    assert root({"$ref": "https://example.com/schema.json"}).schemas == ({"$ref": "https://example.com/schema.json"},)


words = st.sampled_from(
    ["type", "properties", "items", "required", "anyOf", "$ref", "prefixItems", "additionalProperties"]
)
junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["#", "#/items", "number", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=4),
    max_leaves=15,
)


@given(st.dictionaries(words, junk, max_size=5))
def test_a_schema_of_junk_is_ignored_and_never_raises(schema: dict[str, Any]) -> None:
    at = root(schema)
    for there in (at, at.key("a"), at.item(0), at.item(1).key("b")):
        assert isinstance(there.numeric, bool)
        assert isinstance(there.listed, bool)
        assert all(isinstance(name, str) for name in there.required)
