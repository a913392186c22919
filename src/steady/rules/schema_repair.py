"""
Repair of a valid JSON text under its schema: what can be coerced, snapped, filled in or left out.

Each change answers a violation, so a valid text is never touched. What adds or infers a value is `invented`: a type
coerced, a scalar put into an array, an enum value snapped to, a declared default filled in. Leaving out a property that
`additionalProperties: false` forbids is not. Dates and other formats stay as they are.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import unquote

from steady.rules.json_reader import Node
from steady.rules.json_text import kind_of
from steady.rules.repair import outline
from steady.rules.values import snap
from steady.types import Edit

MAX_PARTS = 32  # schemas that apply to one place and are looked at
MAX_NODES = 20_000  # values of a document that are looked at

_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,17})(?:\.\d{1,17})?", re.ASCII)
_WHOLE = re.compile(r"(-?(?:0|[1-9]\d{0,17}))(?:\.0+)?", re.ASCII)


class _Place(NamedTuple):
    """A value, the schemas for it, and how deep it lies."""

    node: Node
    parts: tuple[dict[str, Any], ...]
    depth: int


class _Change(NamedTuple):
    edit: Edit
    depth: int


def conform(text: str, schema: Any) -> tuple[Edit, ...]:
    """
    Return edits that bring `text`, which parses, nearer to `schema`; () if nothing can be done.

    The caller judges whether the result is valid. Only what the schema's plain keywords say is used: `type`,
    `properties`, `items`, `prefixItems`, `enum`, `const`, `required` with `default`, `additionalProperties: false`,
    through `$ref`, `allOf`, and through `anyOf` and `oneOf` where one branch besides null is left.
    """
    changes: list[_Change] = []
    waiting = [_Place(outline(text), _flat(schema, schema, ""), 0)]
    seen = 0
    while waiting and seen < MAX_NODES:
        seen += 1
        waiting.extend(_mend(text, schema, waiting.pop(), changes))
    ordered = sorted(changes, key=lambda change: (change.edit.start, change.edit.end, -change.depth))
    return tuple(change.edit for change in ordered)


def _flat(schema: Any, root: Any, kind: str) -> tuple[dict[str, Any], ...]:
    """Return the plain schemas that all apply where `schema` does, to a value of `kind` ("" if not known)."""
    out: list[dict[str, Any]] = []
    waiting, seen = [schema], 0
    while waiting and seen < MAX_PARTS:
        part = waiting.pop(0)
        seen += 1
        if not isinstance(part, dict):
            continue
        out.append(part)
        if isinstance(part.get("$ref"), str):
            waiting.append(_pointed(part["$ref"], root))
        waiting.extend(part.get("allOf") or ())
        for word in ("anyOf", "oneOf"):
            branches = [b for b in part.get(word) or () if isinstance(b, dict) and b.get("type") != "null"]
            if len(branches) == 1 and kind != "null":
                waiting.append(branches[0])
    return tuple(out)


def _pointed(ref: str, root: Any) -> Any:
    node = root
    for step in unquote(ref[1:]).split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(node, list) and name.isascii() and name.isdigit() and int(name) < len(node):
            node = node[int(name)]
        elif isinstance(node, dict):
            node = node.get(name)
        else:
            return None
    return node if ref == "#" or ref.startswith("#/") else None


def _types(parts: tuple[dict[str, Any], ...]) -> tuple[str, ...] | None:
    """Return the types that the first part with `type` takes; the others are left to the engine."""
    for part in parts:
        if "type" in part:
            return (part["type"],) if isinstance(part["type"], str) else tuple(part["type"])
    return None


def _union_types(parts: tuple[dict[str, Any], ...]) -> tuple[str, ...] | None:
    """Return the types taken, null added where a union with null led here."""
    types = _types(parts)
    nullable = any(
        isinstance(branch, dict) and branch.get("type") == "null"
        for part in parts
        for word in ("anyOf", "oneOf")
        for branch in part.get(word) or ()
    )
    return (*types, "null") if types and nullable else types


def _mend(text: str, root: Any, place: _Place, changes: list[_Change]) -> Iterator[_Place]:
    """Mend one value and yield those inside it."""
    node, parts, depth = place
    types = _union_types(parts)
    kind = {"word": "null" if node.value == "null" else "boolean"}.get(node.kind, node.kind)
    if types is not None and not _is(kind, node, types):
        if "array" in types and kind != "null":
            changes.append(_Change(Edit(node.start, node.start, "[", True), depth))
            changes.append(_Change(Edit(node.end, node.end, "]", True), depth))
            yield from _elements([node], parts, root, depth)
            return
        coerced = _coerced(text[node.start : node.end], kind, types)
        if coerced is None:
            return
        better = _snapped(coerced, parts) or coerced
        changes.append(_Change(Edit(node.start, node.end, better, True), depth))
        return
    if node.kind == "object":
        yield from _object(text, root, place, changes)
    elif node.kind == "array":
        yield from _elements(node.items, parts, root, depth)
    else:
        snapped = _snapped(text[node.start : node.end], parts)
        if snapped is not None:
            changes.append(_Change(Edit(node.start, node.end, snapped, True), depth))


def _is(kind: str, node: Node, types: tuple[str, ...]) -> bool:
    if kind == "number" and "integer" in types and "number" not in types:
        return bool(re.fullmatch(r"-?\d+(?:\.0+)?", str(node.value))) or "e" in str(node.value).lower()
    return kind in types


def _coerced(raw: str, kind: str, types: tuple[str, ...]) -> str | None:
    """Return the JSON of a scalar as one of `types`, or None."""
    if kind in ("number", "boolean") and "string" in types:
        return f'"{raw}"'
    if kind != "string":
        return None
    word = str(json.loads(raw)).strip()
    whole = _WHOLE.fullmatch(word)
    if "integer" in types and whole:
        return whole.group(1)
    if "number" in types and _NUMBER.fullmatch(word):
        return word
    if "boolean" in types and word.lower() in ("true", "false"):
        return word.lower()
    return "null" if "null" in types and word.lower() in ("null", "none") else None


def _snapped(raw: str, parts: tuple[dict[str, Any], ...]) -> str | None:
    """Return the JSON of the enum value that a scalar stands for, or None if it is one, or it is not clear which."""
    options: Any = None
    for part in parts:
        options = part.get("enum", [part["const"]] if "const" in part else None)
        if options is not None:
            break
    if not isinstance(options, list):
        return None
    value = json.loads(raw)
    if any(option == value and kind_of(option) == kind_of(value) for option in options):
        return None
    if not isinstance(value, str):
        same = [option for option in options if isinstance(option, str) and option == raw]
        return json.dumps(same[0], ensure_ascii=False) if same else None
    texts = tuple(option for option in options if isinstance(option, str))
    snapped = snap(value, texts) if texts else None
    if snapped is not None:
        return json.dumps(snapped.value, ensure_ascii=False)
    spelled = [json.dumps(option) for option in options if kind_of(option) in ("number", "boolean")]
    return value.strip() if value.strip() in spelled else None


def _elements(items: list[Node], parts: tuple[dict[str, Any], ...], root: Any, depth: int) -> Iterator[_Place]:
    for n, item in enumerate(items):
        inner: list[dict[str, Any]] = []
        for part in parts:
            first = part.get("prefixItems", part["items"] if isinstance(part.get("items"), list) else [])
            rest = part.get("additionalItems" if isinstance(part.get("items"), list) else "items")
            inner += _flat(first[n] if n < len(first) else rest, root, _kind(item))
        if inner:
            yield _Place(item, tuple(inner), depth + 1)


def _kind(node: Node) -> str:
    return "null" if node.value == "null" else node.kind


def _object(text: str, root: Any, place: _Place, changes: list[_Change]) -> Iterator[_Place]:
    """Leave out what is forbidden, fill in what has a default, and yield the rest."""
    node, parts, depth = place
    names = [str(json.loads(text[key.start : key.end])) for key, _ in node.members]
    kept = [n for n, name in enumerate(names) if not _forbidden(name, parts)]
    defaults = _defaults(names, parts)
    last = kept[-1] if kept else -1
    for n in range(last):
        if n not in kept:
            gone = Edit(node.members[n][0].start, node.members[n + 1][0].start, "")
            changes.append(_Change(gone, depth))
    start = node.members[last][1].end if kept else node.start + 1
    end = node.members[-1][1].end if last < len(names) - 1 else start
    added = ", ".join(defaults)
    if added or end > start:
        comma = ", " if kept and added else ""
        changes.append(_Change(Edit(start, end, comma + added, bool(added)), depth))
    for n in kept:
        child = node.members[n][1]
        inner: list[dict[str, Any]] = []
        for part in parts:
            if names[n] in (part.get("properties") or {}):
                inner += _flat(part["properties"][names[n]], root, _kind(child))
            elif isinstance(part.get("additionalProperties"), dict) and not part.get("patternProperties"):
                inner += _flat(part["additionalProperties"], root, _kind(child))
        if inner:
            yield _Place(child, tuple(inner), depth + 1)


def _forbidden(name: str, parts: tuple[dict[str, Any], ...]) -> bool:
    return any(
        part.get("additionalProperties") is False
        and name not in (part.get("properties") or {})
        and not part.get("patternProperties")
        for part in parts
    )


def _defaults(names: list[str], parts: tuple[dict[str, Any], ...]) -> list[str]:
    """Return `"name": default` for each property that is required, missing and has a default, in declared order."""
    out: list[str] = []
    required = [name for part in parts for name in part.get("required") or () if isinstance(name, str)]
    for name in dict.fromkeys(required):
        if name in names:
            continue
        for part in parts:
            declared = (part.get("properties") or {}).get(name)
            if isinstance(declared, dict) and "default" in declared:
                out.append(
                    f"{json.dumps(name, ensure_ascii=False)}: {json.dumps(declared['default'], ensure_ascii=False)}"
                )
                break
    return out
