"""What a schema may be: bounded in size and work, and without one byte of I/O."""

import sys
from typing import Any

import pytest

from steady.rules.schema_safety import MAX_VISITS, canonical, compile_schema

TREE = {"type": "object", "properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}}}
DOUBLE = {"anyOf": [{"properties": {"a": {"$ref": "#"}}}, {"properties": {"a": {"$ref": "#"}}}]}


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(levels):
        schema = {"not": schema}
    return schema


def chain(levels: int, word: str, wrap: bool) -> dict[str, Any]:
    """A schema in which each definition uses the next one twice."""
    defs: dict[str, Any] = {f"d{levels}": {}}
    for n in range(levels):
        ref = {"$ref": f"#/$defs/d{n + 1}"}
        defs[f"d{n}"] = {word: [{"properties": {"a": ref}} if wrap else ref] * 2}
    return {"$defs": defs, "$ref": "#/$defs/d0"}


OUTSIDE = ["http://127.0.0.1:9/x.json", "https://example.com/s", "file:///etc/hostname", "other.json", "urn:x", "//h/x"]


@pytest.mark.parametrize("ref", OUTSIDE)
@pytest.mark.parametrize("place", ["top", "property", "definition"])
def test_a_reference_outside_the_schema_is_refused_without_io(ref: str, place: str) -> None:
    """The audit hook sees every socket and every file that Python or an extension opens through Python."""
    schema: dict[str, Any] = {
        "top": {"$ref": ref},
        "property": {"properties": {"a": {"items": {"$ref": ref}}}},
        "definition": {"$defs": {"a": {"$ref": ref}}},
    }[place]
    compile_schema({"type": "string", "pattern": "a"})  # whatever is imported late is imported now
    with watched() as events, pytest.raises(ValueError, match=r"nothing is fetched"):
        compile_schema(schema)

    assert events == []


class watched:
    """Collects what is opened or connected to while it is active."""

    seen: list[str] | None = None
    hooked = False

    def __enter__(self) -> list[str]:
        if not watched.hooked:
            sys.addaudithook(watched.hear)
            watched.hooked = True
        watched.seen = []
        return watched.seen

    def __exit__(self, *_: object) -> None:
        watched.seen = None

    @staticmethod
    def hear(event: str, args: tuple[object, ...]) -> None:
        if watched.seen is not None and (event == "open" or event.startswith(("socket.", "urllib.", "http."))):
            watched.seen.append(f"{event} {args[:1]}")


def test_the_engine_itself_is_offline() -> None:
    """A second wall: were the survey to miss a reference, the engine would refuse it too."""
    import jsonschema_rs

    with watched() as events, pytest.raises(jsonschema_rs.ValidationError, match="Retrieval is disabled"):
        jsonschema_rs.Draft202012Validator({"$ref": "http://127.0.0.1:9/x"}, offline=True)

    assert events == []


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ("schema.json", "path that was not inlined"),
        (3, "must be an object"),
        ({"$schema": "http://json-schema.org/draft-04/schema#"}, "names the dialect"),
        ({"$schema": "https://example.com/mine"}, "names the dialect"),
        ({"type": "nope"}, "not a valid JSON Schema at /type"),
        ({"properties": [1]}, "not a valid JSON Schema"),
        ({"properties": {"a": 3}}, "not a valid JSON Schema"),
        ({"allOf": 3}, "not a valid JSON Schema"),
        ({"required": "a"}, "not a valid JSON Schema at /required"),
        ({"$ref": "#/$defs/none"}, "does not contain"),
        ({"$ref": "#anchor"}, "an anchor that it does not have"),
        ({"$ref": "#/type", "type": "string"}, "which is no schema"),
        ({"$ref": "#"}, "without a step in between"),
        ({"properties": {"n\n" * 500: {"$ref": "x"}}}, "nothing is fetched"),
        ({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"allOf": [{"$ref": "#/$defs/a"}]}}}, "without a step in between"),
        ({"$dynamicRef": "#a"}, "use [$]ref"),
        ({"items": {"$id": "http://example.com/x"}}, "only the top"),
        ({"pattern": "(?=a)b"}, "not linear-time"),
        ({"pattern": r"(a)\1"}, "not linear-time"),
        ({"patternProperties": {"(?!x)": {}}}, "not linear-time"),
        ({"pattern": "a" * 1001}, "more than 1000 characters"),
        ({"allOf": [{"pattern": "a"}] * 201}, "201 patterns"),
        ({"enum": ["x" * 300_000]}, "300,013 bytes"),
        ({"allOf": [{}] * 2_001}, "more than 2,000 subschemas"),
        (nested(65), "more than 64 deep"),
        (nested(50_000), "more than 64 deep"),
        ({"default": float("nan")}, "can't be written as JSON"),
        ({"const": "\ud800"}, "can't be written as JSON"),
        ({"const": {1, 2}}, "can't be written as JSON"),
        (chain(20, "allOf", wrap=False), "applies more than"),
        ({"anyOf": [{"properties": {"a": {"$ref": "#"}}}] * 30}, "would not end in time"),
    ],
)
def test_a_schema_that_is_invalid_or_unsafe_is_refused_in_one_sentence(schema: Any, says: str) -> None:
    with pytest.raises(ValueError, match=f"^`schema` .*{says}") as refused:
        compile_schema(schema)

    assert len(str(refused.value)) < 400
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("schema", "draft"),
    [
        ({}, 2020),
        (True, 2020),
        ({"$schema": "https://json-schema.org/draft/2020-12/schema"}, 2020),
        ({"$schema": "https://json-schema.org/draft/2019-09/schema"}, 2019),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, 7),
        ({"$schema": "http://json-schema.org/draft-07/schema", "dependencies": {"a": ["b"], "c": {}}}, 7),
        ({"properties": {"$ref": {"type": "string"}, "$id": {}, "pattern": {}}}, 2020),
        ({"const": {"$ref": "http://127.0.0.1:9/"}}, 2020),
        ({"$defs": {"a": {"$anchor": "q"}}, "$ref": "#q"}, 2020),
        ({"$defs": {"a/b~c": {}}, "$ref": "#/$defs/a~1b~0c"}, 2020),
        ({"$id": "http://example.com/x", "$ref": "#/$defs/a", "$defs": {"a": {}}}, 2020),
    ],
)
def test_what_is_safe_compiles_in_its_draft(schema: Any, draft: int) -> None:
    assert compile_schema(schema).draft == draft


def test_recursion_that_visits_each_place_once_is_not_bounded_further() -> None:
    json_value = {
        "anyOf": [
            {"type": ["string", "number", "boolean", "null"]},
            {"type": "array", "items": {"$ref": "#"}},
            {"type": "object", "additionalProperties": {"$ref": "#"}},
        ]
    }
    linked = {
        "properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}, "tags": {"items": {"type": "string"}}}
    }

    assert [compile_schema(schema).max_depth for schema in (TREE, json_value, linked)] == [200, 200, 200]


@pytest.mark.parametrize("schema", [DOUBLE, chain(40, "anyOf", wrap=True)])
def test_recursion_that_multiplies_lowers_the_depth_of_documents(schema: dict[str, Any]) -> None:
    """Errors of this schema grow as 2 ** depth: at depth 17 one judgement took 46 seconds."""
    compiled = compile_schema(schema)

    assert 3 <= compiled.max_depth <= 12
    assert 2**compiled.max_depth <= MAX_VISITS
    assert not compiled.plain


def test_a_schema_of_1500_references_to_itself_compiles_at_once() -> None:
    assert compile_schema({"properties": {f"p{n}": {"$ref": "#"} for n in range(999)}}).max_depth == 200


def test_the_canonical_form_does_not_depend_on_the_order_of_keys() -> None:
    assert canonical({"b": 1, "a": "é"}) == canonical({"a": "é", "b": 1}) == '{"a":"é","b":1}'.encode()
