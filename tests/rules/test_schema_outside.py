"""No keyword of any draft makes a schema reach outside itself: no file is opened, no name looked up, no host asked."""

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steady.rules.schema_safety import compile_schema

HOST = "http://127.0.0.1:9/"
D7 = "http://json-schema.org/draft-07/schema#"
D2019 = "https://json-schema.org/draft/2019-09/schema"
D2020 = "https://json-schema.org/draft/2020-12/schema"
FAR = {"$ref": HOST + "x"}

APPLY = [
    *({word: FAR} for word in ("not", "if", "then", "else", "items", "contains", "additionalProperties")),
    *({word: FAR} for word in ("propertyNames", "unevaluatedItems", "unevaluatedProperties", "contentSchema")),
    *({word: [FAR]} for word in ("allOf", "anyOf", "oneOf", "prefixItems")),
    *({word: {"a": FAR}} for word in ("properties", "patternProperties", "dependentSchemas", "$defs", "definitions")),
    {"dependencies": {"a": FAR}},
    {"items": [{}, FAR], "$schema": D7},
    {"items": [{}], "additionalItems": FAR, "$schema": D7},
]
REFUSED: list[tuple[Any, str]] = [
    *((schema, "nothing is fetched") for schema in APPLY),
    ({"$id": HOST, "$ref": "x"}, "nothing is fetched"),
    ({"$ref": ""}, "nothing is fetched"),
    ({"$ref": "file:///etc/hostname"}, "nothing is fetched"),
    ({"$ref": "FILE:///etc/hostname#"}, "nothing is fetched"),
    ({"$ref": "ftp://127.0.0.1/x"}, "nothing is fetched"),
    ({"$ref": "//127.0.0.1:9/x"}, "nothing is fetched"),
    ({"$ref": "../../etc/passwd"}, "nothing is fetched"),
    ({"$ref": "https://json-schema.org/draft/2020-12/schema"}, "nothing is fetched"),
    ({"const": FAR, "properties": {"a": {"$ref": "#/const"}}}, "nothing is fetched"),
    ({"enum": [FAR], "properties": {"a": {"$ref": "#/enum/0"}}}, "nothing is fetched"),
    ({"examples": [FAR], "items": {"$ref": "#/examples/0"}}, "nothing is fetched"),
    ({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": FAR}}, "nothing is fetched"),
    ({"x": {"$id": HOST + "y", "$ref": "z"}, "items": {"$ref": "#/x"}}, "only the top"),
    ({"$defs": {"a": {"$id": HOST}}}, "only the top"),
    ({"contentSchema": {"$id": HOST}}, "only the top"),
    ({"$schema": D2019, "$recursiveRef": "#"}, "use [$]ref"),
    ({"$schema": D2019, "items": {"$recursiveRef": "#"}}, "use [$]ref"),
    ({"$dynamicRef": HOST}, "use [$]ref"),
    ({"$dynamicRef": "#x", "$dynamicAnchor": "x"}, "use [$]ref"),
    ({"$schema": HOST + "meta"}, "names the dialect"),
    ({"$schema": {"$ref": HOST}}, "names the dialect"),
    ({"$schema": "http://json-schema.org/draft-04/schema#"}, "names the dialect"),
    ({"$id": "http://[bad"}, "not a valid JSON Schema"),
]
TAKEN: list[Any] = [
    {"$id": HOST, "properties": {"a": {"$ref": "#/$defs/b"}}, "$defs": {"b": {"type": "string"}}},
    {"$id": "file:///etc/", "type": "object"},
    {"$schema": D2020, "$vocabulary": {HOST + "v": True}},
    {"properties": {"a": {"$schema": HOST + "meta"}}},
    {"$schema": D2019, "$recursiveAnchor": True, "items": {"$ref": "#"}},
    {"$anchor": "x", "items": {"$ref": "#x"}},
    {"const": FAR},
    {"default": FAR, "examples": [FAR]},
    {"extends": FAR, "disallow": [FAR], "links": [{"href": HOST}], "$import": HOST, "xml": FAR},
    {"format": "uri", "contentEncoding": "base64", "contentMediaType": "text/html"},
]
WATCH = """
import json, sys
seen = []
def hook(event, args):
    if event == "open" or event.startswith(("socket.", "urllib.", "http.", "subprocess.", "os.system", "ftplib.")):
        seen.append(f"{event} {args[:1]}")
from steady.rules.json_schema import JsonSchema
from steady.rules.rule import Context
from steady.types import Piece
def run(schema):
    try:
        check = JsonSchema(schema=schema).build()
    except ValueError as error:
        return str(error)
    for text in ('{"a": 1}', '["x"]', '"x"', "{'a': 1"):
        check.judge(Piece("answer", (), text), Context())
        check.fix(Piece("answer", (), text), Context())
    return ""
run({"type": "string", "pattern": "a", "format": "uri", "items": {"$ref": "#"}})  # imports what is imported late
schemas = json.load(sys.stdin)
sys.addaudithook(hook)
said = [run(schema) for schema in schemas]
print(json.dumps({"said": said, "seen": seen}))
"""


def test_no_keyword_of_any_draft_reaches_outside() -> None:
    """In a process of its own, whose audit hook hears every socket and every file that is opened through Python."""
    schemas = [schema for schema, _ in REFUSED] + TAKEN
    code = f"import sys; sys.path[:0] = {sys.path!r}\n{WATCH}"
    run = subprocess.run([sys.executable, "-c", code], input=json.dumps(schemas), capture_output=True, text=True)

    assert run.returncode == 0, run.stderr[-2_000:]
    answer = json.loads(run.stdout)
    assert answer["seen"] == []
    refused = [bool(said) for said in answer["said"]]
    assert refused == [True] * len(REFUSED) + [False] * len(TAKEN), list(zip(schemas, answer["said"], strict=True))


@pytest.mark.parametrize(("schema", "says"), REFUSED, ids=lambda value: json.dumps(value)[:70])
def test_what_would_reach_outside_is_refused_in_one_clear_sentence(schema: Any, says: str) -> None:
    with pytest.raises(ValueError, match=f"^`schema` .*{says}") as refused:
        compile_schema(schema)

    assert len(str(refused.value)) < 400


WORDS = st.sampled_from(
    ["$ref", "$id", "$schema", "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$recursiveAnchor", "$defs",
     "definitions", "properties", "patternProperties", "items", "prefixItems", "additionalItems", "allOf", "anyOf",
     "not", "if", "then", "contains", "dependencies", "dependentSchemas", "contentSchema", "propertyNames", "type",
     "enum", "const", "pattern", "format", "multipleOf", "uniqueItems", "unevaluatedProperties", "required",
     "maxLength"]
)  # fmt: skip
LEAVES = (
    st.sampled_from(["#", "#/$defs/a", "#a", HOST, "x.json", D7, D2019, "string", "a|b", "(", "(?=a)", "uri", "", "a"])
    | st.integers(-2, 3)
    | st.booleans()
    | st.none()
    | st.just(0.01)
)
SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.just("a"), inner, max_size=4),
    max_leaves=14,
)


@settings(deadline=None, max_examples=30)
@given(SCHEMAS, st.sampled_from(["{}", '{"a": {"a": [1, "a"]}}', "[1, []]", '"a"', "1", "{'a': 1,}"]))
def test_any_schema_compiles_or_is_refused_in_one_sentence(schema: Any, text: str) -> None:
    """And judges and mends any text without an exception."""
    from steady.rules.json_schema import JsonSchema
    from steady.rules.rule import Context
    from steady.types import Piece

    if not isinstance(schema, dict):
        schema = {"items": schema, "properties": {"a": schema}}
    try:
        check = JsonSchema(schema=schema).build()
    except ValueError as refused:
        assert str(refused).startswith("`schema` ")
        assert "\n" not in str(refused)
        assert len(str(refused)) < 400
        return
    piece = Piece("answer", (), text)
    assert check.judge(piece, Context()).passed in (True, False)
    check.fix(piece, Context())
