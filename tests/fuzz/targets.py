"""
What is fuzzed: each target takes bytes, makes a text of them, and raises AssertionError where a promise is broken.

Everything is computed twice, by checks that were built apart; a difference is a broken promise too. Nothing here needs
a fuzzer: hypothesis feeds the same targets in the fast tests, atheris for minutes (`run.py`).
"""

import json
from collections.abc import Callable, Mapping
from functools import cache
from itertools import pairwise
from typing import Any

from steady.rules.catalog import decode
from steady.rules.json_text import NotJson, parse_json
from steady.rules.normal import normalise, plain
from steady.rules.repair import compose, find_json
from steady.rules.rule import Context, Finder, apply_edits
from steady.rules.schema_safety import compile_schema
from steady.types import Edit, Piece

PIECES = [
    *"{}[]\",:'“”‘’`\\/#*-_.@+=()<>|&;!?%$~^ \n\t\r\x00\x7f",
    *(
        "true",
        "false",
        "null",
        "None",
        "True",
        "0",
        "12",
        "-1.5e3",
        "007",
        '"a"',
        '"b": ',
        "```",
        "```json\n",
        "//",
        "/*",
    ),
    *(
        "*/",
        "\\u00e9",
        "\\ud800",
        "\ud800",
        "\udc00",
        "\ufeff",
        "\u200b",
        "\u200b\u200b",
        "\u00ad",
        "é",
        "ß",
        "İ",
        "漢",
    ),
    *(
        "１",
        "＠",
        "．",
        "👨‍👩‍👧",
        "\u0301",
        "joe@example.com",
        "+1 415 555 0123",
        "4111 1111 1111 1111",
        "GB82 WEST 1234",
    ),
    *(" 5698 7654 32", "460-89-9847", "192.168.1.10", "2001:db8::1", "phone: ", "call me on ", "born on ", "7/14/1995"),
    *(
        "PESEL 44051401359",
        "sk-",
        "ghp_",
        "eyJ",
        "aB3" * 8,
        "aB3" * 22,
        "password=",
        "://u:p@",
        "-----BEGIN PRIVATE KEY-----",
    ),
    *("https://", "good.com", "evil.com", "javascript:", "www.", "xn--", "münchen.de"),
    *(
        '"$ref":',
        '"#"',
        '"$defs":',
        '"properties":',
        '"items":',
        '"anyOf":',
        '"type":',
        '"string"',
        '"pattern":',
        '"(a+)+$"',
    ),
    *('"enum":', '"default":', '"required":', '"additionalProperties":', '"oneOf":', '"not":', '"const":', '"$id":'),
]
SCHEMA = {
    "type": "object",
    "properties": {
        "a": {"type": "integer"},
        "b": {"enum": ["open", "closed"]},
        "c": {"type": "array", "items": {"type": ["string", "null"]}},
        "d": {"anyOf": [{"$ref": "#"}, {"type": "null"}]},
        "e": {"type": "boolean", "default": False},
    },
    "required": ["e"],
    "additionalProperties": False,
}
SCANNERS: tuple[Mapping[str, Any], ...] = (
    {"rule": "no_pii"},
    {"rule": "no_pii", "replace": "mask"},
    {"rule": "no_secrets"},
    {"rule": "no_urls"},
    {"rule": "urls_allowed", "domains": ["good.com", "münchen.de"]},
    {"rule": "excludes", "terms": ["evil", "é ß", "C++"], "replace": "[x]"},
)


def text_of(data: bytes) -> str:
    """Return the text that some bytes stand for: themselves, or, where the first is odd, pieces by number."""
    if data[:1] and data[0] % 2:
        return "".join(PIECES[byte % len(PIECES)] for byte in data[1:4_000])
    return data[1:20_000].decode("utf-8", "surrogateescape")


@cache
def built(item: str, copy: int) -> Any:
    """Return a check; `copy` tells apart those that are compared."""
    return decode(json.loads(item)).build()


def _piece(text: str) -> Piece:
    return Piece("answer", ("message", "content"), text)


def _ordered(text: str, edits: tuple[Edit, ...]) -> None:
    assert all(0 <= edit.start <= edit.end <= len(text) for edit in edits)
    assert all(one.end <= two.start for one, two in pairwise(edits))


def _fixes(item: Mapping[str, Any], text: str) -> None:
    """A fix holds, is its own fix, and is the same from a check built apart."""
    one, two = built(json.dumps(item), 1), built(json.dumps(item), 2)
    for finish in ("stop", "length"):
        context = Context(finish_reason=finish)
        finding, edits = one.judge(_piece(text), context), one.fix(_piece(text), context)
        assert (finding, edits) == (two.judge(_piece(text), context), two.fix(_piece(text), context))
        assert finding.passed or finding.reason
        finding.reason.encode()
        assert not (finding.passed and edits)
        if edits:
            _ordered(text, edits)
            fixed = _piece(apply_edits(text, edits))
            assert one.judge(fixed, context).passed
            assert not one.fix(fixed, context)


def json_repair(data: bytes) -> None:
    """Repair of JSON: form alone, and under a schema."""
    text = text_of(data)
    for repair in ("any", "form_only"):
        _fixes({"rule": "json", "repair": repair}, text)
        _fixes({"rule": "json_schema", "schema": SCHEMA, "repair": repair}, text)
    edits = find_json(text, may_close=False)
    if edits is not None:
        _ordered(text, edits)
        assert not any(edit.invented for edit in edits)
        assert compose(text, edits, ()) == edits
    try:
        value = parse_json(text)
    except NotJson as error:
        assert error.at is None or 0 <= error.at <= len(text)
    else:
        assert parse_json(json.dumps(value)) == value


def normal_view(data: bytes) -> None:
    """The views: maps that are in order, and the view of a part is that part of the view."""
    text = text_of(data)[:2_000]
    for make in (normalise, plain):
        view = make(text)
        assert view == make(text) or list(view.starts) == list(make(text).starts)
        starts, ends = list(view.starts), list(view.ends)
        assert len(view.text) == len(starts) == len(ends)
        assert all(0 <= low < high <= len(text) for low, high in zip(starts, ends, strict=True))
        assert all(one <= two for one, two in pairwise(starts))
        assert all(one <= two for one, two in pairwise(ends))
    assert plain(text).text.isascii()


def scanners(data: bytes) -> None:
    """The searches: in order, within their width, the same from any free place, and gone after a fix."""
    text = text_of(data)
    for item in SCANNERS:
        one, two = built(json.dumps(item), 1), built(json.dumps(item), 2)
        assert isinstance(one, Finder)
        found = list(one.find(text))
        assert found == list(two.find(text))
        assert all(0 <= match.start < match.end <= len(text) for match in found)
        assert all(a.end <= b.start for a, b in pairwise(found))
        assert all(match.end - match.start <= one.streams.width for match in found)  # type: ignore[union-attr]
        half = len(text) // 2
        if not any(match.start < half < match.end for match in found):
            assert list(one.find(text, half)) == [match for match in found if match.start >= half]
        assert 0 <= one.open(text) <= len(text)
        early = one.open(text[:half])
        decided = [match for match in one.find(text[:half]) if match.end <= early]
        assert found[: len(decided)] == decided
        _fixes(item, text)


def schema_safety(data: bytes) -> None:
    """Any JSON as a schema: compiled, or refused in one sentence; what is compiled judges and mends any text."""
    text = text_of(data)
    edits = find_json(text)
    try:
        schema = parse_json(apply_edits(text, edits) if edits else text)
    except NotJson:
        return
    try:
        compiled = compile_schema(schema)
    except ValueError as refused:
        said = str(refused)
        assert said.startswith("`schema` ") and "\n" not in said and len(said) < 400
        return
    assert compiled.max_depth >= 3
    for answer in ("{}", '{"a": [{"a": 1}]}', '"a"', "[[1, null]]", text):
        _fixes({"rule": "json_schema", "schema": schema}, answer) if isinstance(schema, dict) else None


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    target.__name__: target for target in (json_repair, normal_view, scanners, schema_safety)
}
