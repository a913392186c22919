"""Broken documents as models write them: what was meant, or that nobody can know; beside the package `json_repair`."""

import json
from typing import Any

import pytest

from steady.rules.json_text import Json
from steady.rules.rule import Context, apply_edits
from steady.types import Piece

UNKNOWN = object()  # cut off, contradictory, or no JSON at all: to give a value is to make one up

DOCUMENTS: list[tuple[str, Any]] = [
    ('```json\n{"a": 1}\n```', {"a": 1}),
    ('Here you go:\n```json\n{"a": 1}\n```\nHope that helps!', {"a": 1}),
    ('Sure! {"a": 1} Let me know.', {"a": 1}),
    ('{"a": 1,}', {"a": 1}),
    ("[1, 2, 3,]", [1, 2, 3]),
    ('{"a": [1,2,],}', {"a": [1, 2]}),
    ("{'a': 'b'}", {"a": "b"}),
    ("{“a”: “b”}", {"a": "b"}),
    ("{'a': \"it's\"}", {"a": "it's"}),
    ("{'a': 'it\\'s'}", {"a": "it's"}),
    ("{'a': 'don't'}", {"a": "don't"}),
    ('{"a": True, "b": False, "c": None}', {"a": True, "b": False, "c": None}),
    ('{a: 1, b_c: "x"}', {"a": 1, "b_c": "x"}),
    ('{"a": 1 // one\n, "b": 2 /* two */, # three\n "c": 3}', {"a": 1, "b": 2, "c": 3}),
    ('{"a": 1 "b": 2}', {"a": 1, "b": 2}),
    ('{"a": 1\n"b": 2}', {"a": 1, "b": 2}),
    ('[{"a": 1} {"a": 2}]', [{"a": 1}, {"a": 2}]),
    ('{"a": "line one\nline two"}', {"a": "line one\nline two"}),
    ('{"a": "tab\there"}', {"a": "tab\there"}),
    ('{"a": "C:\\Users\\x"}', {"a": "C:\\Users\\x"}),
    ('{"a": .5, "b": 5., "c": +1, "d": 1_000}', {"a": 0.5, "b": 5.0, "c": 1, "d": 1000}),
    ('{"a": 1} }', {"a": 1}),
    ('{"a": {"b": 1}', {"a": {"b": 1}}),
    ('{"a": {"b": "x"}', {"a": {"b": "x"}}),
    ('{"a": "x", "b": [1, 2', UNKNOWN),
    ('{"a": "cut of', UNKNOWN),
    ('{"a": "x", "b":', UNKNOWN),
    ('{"a": "x", "b', UNKNOWN),
    ("[1, 2, 3", UNKNOWN),
    ('{"a": 12', UNKNOWN),
    ('["a", "b', UNKNOWN),
    ('{"items": [{"a": 1}, {"a": 2}', UNKNOWN),
    ('{"a": tru', UNKNOWN),
    ('{"a": "say "hi" now"}', {"a": 'say "hi" now'}),
    ('{"a": 1, "a": 2}', UNKNOWN),
    ('{"a": 1}\n{"b": 2}', UNKNOWN),
    ("I have no answer.", UNKNOWN),
    ("The set {1, 2} is fine.", UNKNOWN),
    ("See [1] for it.", UNKNOWN),
    ('<json>{"a": 1}</json>', {"a": 1}),
    ('json\n{"a": 1}', {"a": 1}),
    ('answer = {"a": 1};', {"a": 1}),
    ('{"a": 007}', UNKNOWN),
    ('{"a": 1.2.3}', UNKNOWN),
    ('{"a": NaN}', UNKNOWN),
    ('{"a": Infinity}', UNKNOWN),
    ('{"a": undefined}', UNKNOWN),
    ('{"a": "x"; "b": 1}', UNKNOWN),
    ('{"a" = 1}', UNKNOWN),
    ('{"a": "1", ...}', UNKNOWN),
    ('{"a": [1, 2, ...]}', UNKNOWN),
    ('"{\\"a\\": 1}"', '{"a": 1}'),
    ('{"a": "b", }\n\nNote: {x} is a placeholder.', {"a": "b"}),
    ('\ufeff{"a": 1}', {"a": 1}),
    ('{"a":\xa01}', {"a": 1}),
    ('{"a": `b`}', UNKNOWN),
    ("['a', 'b']", ["a", "b"]),
    ('{"a": "\\x41"}', {"a": "\\x41"}),
    ('{"a": "\\u00e"}', {"a": "\\u00e"}),
    ('{"k": "v" , , "z": 1}', UNKNOWN),
    ('{{"a": 1}}', UNKNOWN),
    ('{"emoji": "😀", \'q\': "ü"}', {"emoji": "😀", "q": "ü"}),
    ('{"a": (1, 2)}', UNKNOWN),
    ("{'name': 'O'Brien', 'age': 7}", {"name": "O'Brien", "age": 7}),
    ('{"a": "b"}.', {"a": "b"}),
    ('**Answer:** {"a": 1}', {"a": 1}),
    ('{"a": 1e3, "b": -0}', {"a": 1000.0, "b": 0}),
    ('{"path": "C:\\new\\table"}', {"path": "C:\new\table"}),
    ('```\n{"a": 1}\n', {"a": 1}),
    ('{"a": null, "b": nul', UNKNOWN),
    ('{"a": "x"} trailing "quoted" words', {"a": "x"}),
    ('{"a": {"b": {"c": [1]}}', {"a": {"b": {"c": [1]}}}),
    ('{"a": {"b": [1, {"c": 2}', UNKNOWN),
    ('{"a": 1, "b": 2, "c"', UNKNOWN),
    ('{"text": "line\\\nbreak"}', {"text": "line\\\nbreak"}),
    ('{"a": "Total: $5", "b": "50%",}', {"a": "Total: $5", "b": "50%"}),
]


def read(text: str, finish_reason: str = "stop") -> Any:
    """What the rule `json` makes of a text."""
    edits = Json().build().fix(Piece("answer", (), text), Context(finish_reason=finish_reason))
    return UNKNOWN if edits is None else json.loads(apply_edits(text, edits))


@pytest.mark.parametrize(("text", "meant"), DOCUMENTS, ids=[repr(text)[:60] for text, _ in DOCUMENTS])
def test_a_broken_document_is_read_as_it_was_meant_or_not_at_all(text: str, meant: Any) -> None:
    assert read(text) == meant or read(text) is meant


def test_the_peer_makes_up_values_where_this_refuses(capsys: pytest.CaptureFixture[str]) -> None:
    """The peer's aim is another: always some value. What it makes up here would be released as an answer."""
    peer = pytest.importorskip("json_repair", reason="json-repair is not installed here")
    counts = {"read as meant": 0, "misread": 0, "made up": 0}
    for text, meant in DOCUMENTS:
        value = peer.loads(text)
        if meant is UNKNOWN:
            counts["made up"] += value != ""
        else:
            counts["read as meant" if value == meant else "misread"] += 1
    known = sum(meant is not UNKNOWN for _, meant in DOCUMENTS)
    with capsys.disabled():
        print(f"\njson_repair: {counts} of {known} known, {len(DOCUMENTS) - known} unknown; steady: all as meant")  # noqa: T201

    assert counts["read as meant"] <= known
    assert counts["made up"] > 0


@pytest.mark.parametrize(("text", "meant"), [pair for pair in DOCUMENTS if pair[1] is not UNKNOWN], ids=repr)
def test_no_beginning_of_a_document_is_read_as_something_else_after_a_cut(text: str, meant: Any) -> None:
    """Cut anywhere, it is read as nothing, or as all that was meant."""
    for cut in range(len(text)):
        value = read(text[:cut], "length")
        assert value is UNKNOWN or value == meant, text[:cut]
