"""
What a JSON Schema may be, whoever wrote it, and its compilation.

Nothing is ever fetched: a `$ref` must point into its own document. Size, depth, number of subschemas and patterns are
capped. Work is bounded too: from the references it is computed how often, at most, one place of a document is visited,
by its depth; where that number explodes the schema gets a lower cap on the depth of its documents, or is refused.
"""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import unquote

from steady.rules.json_reader import MAX_DEPTH

MAX_BYTES = 256 * 1024  # of the schema as compact JSON
MAX_SCHEMA_DEPTH = 64  # containers inside one another
MAX_SUBSCHEMAS = 2_000
MAX_PATTERNS = 200
MAX_PATTERN = 1_000  # characters
MAX_VISITS = 4_000  # of one place of a document, by all subschemas together
MAX_SENTENCE = 390  # characters of what is said of a schema that is refused
LEAST_DEPTH = 3  # a schema whose documents may not even be this deep is refused

DRAFTS = {
    "json-schema.org/draft-07/schema": 7,
    "json-schema.org/draft/2019-09/schema": 2019,
    "json-schema.org/draft/2020-12/schema": 2020,
}
LATEST = 2020

_HERE_LISTS = ("allOf", "anyOf", "oneOf")
_HERE = ("not", "if", "then", "else")
_HERE_MAPS = ("dependentSchemas", "dependencies")
_OTHER = ("additionalProperties", "unevaluatedProperties", "propertyNames")
_ELEMENT = ("items", "prefixItems", "additionalItems", "unevaluatedItems", "contains")
_STORES = ("$defs", "definitions")
_WILD, _ITEM = "*", "[]"  # "any property" and "any element"; a named property is ".name"

Schema = dict[str, Any] | bool
Key = str


class Compiled(NamedTuple):
    """A schema ready to judge: the engine that decides, and the bounds within which it is asked."""

    schema: Schema
    validator: Any  # of jsonschema_rs
    draft: int  # 7, 2019 or 2020
    max_depth: int  # of documents
    plain: bool  # no pattern on property names, no amplifying recursion: another engine may word the reason


class _Facts(NamedTuple):
    nodes: dict[str, Schema]  # by JSON pointer
    here: dict[str, list[str]]  # applied at the same place of a document
    below: dict[str, list[tuple[Key, str]]]  # applied to its properties and elements
    patterns: list[str]


def canonical(schema: Any) -> bytes:
    """Return a schema as compact JSON with sorted keys. Raises ValueError for what JSON can't hold or is too big."""
    try:
        text = json.dumps(schema, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
        data = text.encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"`schema` can't be written as JSON: {str(error)[:100]}.") from None
    if len(data) > MAX_BYTES:
        raise ValueError(f"`schema` has {len(data):,} bytes; at most {MAX_BYTES:,} are taken.")
    return data


def compile_schema(schema: Any) -> Compiled:
    """
    Return `schema` compiled.

    Args:
        schema: A JSON Schema of draft 7, 2019-09 or 2020-12 (by `$schema`; without it the last).

    Raises:
        ValueError: One sentence: the schema is not valid, refers outside itself or is over a cap. No I/O is done.
    """
    try:
        return _compiled(schema)
    except ValueError as error:  # a sentence may quote names and patterns of any length
        said = " ".join(str(error).split())
        raise ValueError(said if len(said) <= MAX_SENTENCE else said[: MAX_SENTENCE - 1] + "…") from None


def _compiled(schema: Any) -> Compiled:
    if isinstance(schema, str):
        raise ValueError("`schema` is a path that was not inlined; give the schema itself.")
    if not isinstance(schema, dict | bool):
        raise ValueError(f"`schema` must be an object, not {type(schema).__name__}.")
    _shallow(schema)
    canonical(schema)
    draft = _draft(schema)
    facts = _survey(schema)
    _check_patterns(facts.patterns)
    depth = _depth_bound(facts) if any(isinstance(n, dict) and "$ref" in n for n in facts.nodes.values()) else MAX_DEPTH
    named = any(isinstance(node, dict) and "patternProperties" in node for node in facts.nodes.values())
    return Compiled(schema, engine(schema, draft), draft, depth, depth == MAX_DEPTH and not named)


def _shallow(schema: Any) -> None:
    level = [schema]
    for _ in range(MAX_SCHEMA_DEPTH + 1):
        inner = (node.values() if isinstance(node, dict) else node for node in level if isinstance(node, dict | list))
        level = [child for children in inner for child in children if isinstance(child, dict | list)]
        if not level:
            return
        if len(level) > MAX_BYTES:
            break
    raise ValueError(f"`schema` is nested more than {MAX_SCHEMA_DEPTH} deep.")


def _draft(schema: Schema) -> int:
    uri = schema.get("$schema") if isinstance(schema, dict) else None
    if uri is None:
        return LATEST
    draft = DRAFTS.get(str(uri).removeprefix("https://").removeprefix("http://").removesuffix("#"))
    if draft is None:
        raise ValueError(f"`schema` names the dialect {str(uri)[:80]!r}; known: draft-07, 2019-09, 2020-12.")
    return draft


def _children(node: dict[str, Any]) -> Iterator[tuple[str, Key | None, Any]]:
    """Yield (pointer from here, key or None for the same place, subschema)."""
    for word in _HERE_LISTS:
        for n, child in enumerate(node.get(word) or ()):
            yield f"/{word}/{n}", None, child
    for word in _HERE:
        if word in node:
            yield f"/{word}", None, node[word]
    for word in _HERE_MAPS:
        for name, child in (node.get(word) or {}).items():
            yield f"/{word}/{_escape(name)}", None, child
    for name, child in (node.get("properties") or {}).items():
        yield f"/properties/{_escape(name)}", f".{name}", child
    for name, child in (node.get("patternProperties") or {}).items():
        yield f"/patternProperties/{_escape(name)}", _WILD, child
    for word in (*_OTHER, *_ELEMENT):
        if word in node:
            key = _WILD if word in _OTHER else _ITEM
            several = node[word] if isinstance(node[word], list) else None
            if several is None:
                yield f"/{word}", key, node[word]
            for n, child in enumerate(several or ()):
                yield f"/{word}/{n}", key, child


def _at(pointer: str) -> str:
    """Return a place for a sentence: names in a schema may be of any length, and hold line breaks."""
    shown = "".join(char if char.isprintable() else "?" for char in pointer[:80])
    return (shown + "…" if len(pointer) > 80 else shown) or "its top"


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _survey(schema: Schema) -> _Facts:
    """Walk every subschema, and everything that a `$ref` names, once."""
    facts = _Facts({}, {}, {}, [])
    anchors: dict[str, str] = {}
    waiting: list[tuple[str, Any]] = [("", schema)]
    references: list[tuple[str, str]] = []
    while waiting or references:
        if not waiting:  # every anchor that can be reached is known by now
            pointer, ref = references.pop()
            target = _target(ref, anchors)
            facts.here[pointer].append(target)
            waiting.append((target, _resolve(schema, target, ref)))
        pointer, node = waiting.pop()
        if pointer in facts.nodes:
            continue
        if len(facts.nodes) >= MAX_SUBSCHEMAS:
            raise ValueError(f"`schema` has more than {MAX_SUBSCHEMAS:,} subschemas.")
        facts.nodes[pointer], facts.here[pointer], facts.below[pointer] = node, [], []
        if isinstance(node, dict):
            try:
                _visit(pointer, node, facts, anchors, waiting, references)
            except (AttributeError, TypeError):  # a keyword of the wrong type
                raise ValueError(f"`schema` is not a valid JSON Schema at {_at(pointer)}.") from None
    return facts


def _visit(
    pointer: str,
    node: dict[str, Any],
    facts: _Facts,
    anchors: dict[str, str],
    waiting: list[tuple[str, Any]],
    references: list[tuple[str, str]],
) -> None:
    for word in ("$dynamicRef", "$recursiveRef"):
        if word in node:
            raise ValueError(f"`schema` uses {word} at {_at(pointer)}; use $ref.")
    if pointer and "$id" in node:
        raise ValueError(f"`schema` has an $id at {_at(pointer)}; only the top may have one.")
    if isinstance(node.get("$anchor"), str):
        anchors[node["$anchor"]] = pointer
    if "$ref" in node:
        if not isinstance(node["$ref"], str) or not node["$ref"].startswith("#"):
            raise ValueError(
                f"`schema` refers to {str(node['$ref'])[:80]!r} at {_at(pointer)}; "
                "nothing is fetched: a $ref must begin with '#' and point into the same schema."
            )
        references.append((pointer, node["$ref"]))
    facts.patterns.extend([node["pattern"]] if "pattern" in node else [])
    facts.patterns.extend(node.get("patternProperties") or ())
    for step, key, child in _children(node):
        if isinstance(child, list) and step.startswith("/dependencies/"):
            continue
        if not isinstance(child, dict | bool):
            raise TypeError(step)
        waiting.append((pointer + step, child))
        if key is None:
            facts.here[pointer].append(pointer + step)
        else:
            facts.below[pointer].append((key, pointer + step))
    for word in _STORES:
        for name, child in (node.get(word) or {}).items():
            waiting.append((f"{pointer}/{word}/{_escape(name)}", child))
    if "contentSchema" in node:  # never applied, but read by the engine
        waiting.append((f"{pointer}/contentSchema", node["contentSchema"]))


def _target(ref: str, anchors: dict[str, str]) -> str:
    fragment = unquote(ref[1:])
    if not fragment or fragment.startswith("/"):
        return fragment
    if fragment not in anchors:
        raise ValueError(f"`schema` refers to {ref[:80]!r}, an anchor that it does not have.")
    return anchors[fragment]


def _resolve(schema: Schema, pointer: str, ref: str) -> Any:
    node: Any = schema
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(node, list) and name.isascii() and name.isdigit() and int(name) < len(node):
            node = node[int(name)]
        elif isinstance(node, dict) and name in node:
            node = node[name]
        else:
            raise ValueError(f"`schema` refers to {ref[:80]!r}, which it does not contain.")
    if not isinstance(node, dict | bool):
        raise ValueError(f"`schema` refers to {ref[:80]!r}, which is no schema.")
    return node


def _check_patterns(patterns: list[Any]) -> None:
    import re2

    if len(patterns) > MAX_PATTERNS:
        raise ValueError(f"`schema` has {len(patterns)} patterns; at most {MAX_PATTERNS} are taken.")
    options = re2.Options()
    options.log_errors = False
    for pattern in patterns:
        if not isinstance(pattern, str) or len(pattern) > MAX_PATTERN:
            raise ValueError(f"`schema` has a pattern of more than {MAX_PATTERN} characters, or one that is no text.")
        try:
            re2.compile(pattern, options)
        except re2.error as error:
            why = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
            raise ValueError(f"`schema` has the pattern {pattern[:60]!r}, which is not linear-time: {why}.") from None


def _depth_bound(facts: _Facts) -> int:
    """
    Return how deep documents may be so that no place in them is visited more than MAX_VISITS times.

    V(S, d) is the most visits that one place, d levels below where S is applied, gets from S: the sum over all
    subschemas applied below S under one key, for the worst key. V(S, 0) counts those applied at the place itself.
    """
    here = _totals(facts)
    keys = _by_key(facts)
    distinct = list({id(ways): ways for ways in keys.values()}.values())
    visits: dict[str, int] = dict(here)
    for depth in range(MAX_DEPTH + 1):
        if visits[""] > MAX_VISITS:
            if depth - 1 < LEAST_DEPTH:
                raise ValueError(
                    "`schema` refers to itself in so many ways that checking with it would not end in time."
                )
            return depth - 1
        worst = {
            id(ways): max((sum(n * visits[t] for t, n in way.items()) for way in ways), default=0) for ways in distinct
        }
        deeper = {pointer: worst[id(ways)] for pointer, ways in keys.items()}
        if deeper == visits:
            break
        visits = deeper
    return MAX_DEPTH


def _order(facts: _Facts) -> list[str]:
    """Return the subschemas, each after those applied at its own place. Raises for a loop without a step."""
    done: dict[str, bool] = {}  # False: being visited
    out: list[str] = []
    for start in facts.nodes:
        stack = [(start, False)]
        while stack:
            pointer, leave = stack.pop()
            if leave:
                done[pointer] = True
                out.append(pointer)
            elif pointer not in done:
                done[pointer] = False
                stack.append((pointer, True))
                stack.extend((child, False) for child in facts.here[pointer])
            elif not done[pointer]:
                raise ValueError(f"`schema` refers from {_at(pointer)} to itself without a step in between.")
    return out


def _totals(facts: _Facts) -> dict[str, int]:
    totals: dict[str, int] = {}
    for pointer in _order(facts):
        totals[pointer] = 1 + sum(totals[child] for child in facts.here[pointer])
        if totals[pointer] > MAX_VISITS:
            raise ValueError(f"`schema` applies more than {MAX_VISITS:,} subschemas at {_at(pointer)}.")
    return totals


def _by_key(facts: _Facts) -> dict[str, list[Counter[str]]]:
    """Return, for each subschema and each key below it, what is applied there and how often."""
    merged: dict[str, dict[Key, Counter[str]]] = {}
    size = 0
    for pointer in _order(facts):
        parts, own = facts.here[pointer], facts.below[pointer]
        if len(parts) == 1 and not own:  # a plain reference
            merged[pointer] = merged[parts[0]]
            continue
        ways: dict[Key, Counter[str]] = {}
        for key, child in own:
            ways.setdefault(key, Counter())[child] += 1
        for part in parts:
            size += len(merged[part])
            if size > MAX_BYTES:
                raise ValueError("`schema` is too interwoven: too many subschemas describe the same properties.")
            for key, more in merged[part].items():
                ways.setdefault(key, Counter()).update(more)
        merged[pointer] = ways
    shared: dict[int, list[Counter[str]]] = {}  # what several references have in common is worked out once
    for ways in merged.values():
        wild = ways.get(_WILD, Counter())
        if id(ways) not in shared:
            shared[id(ways)] = [n + wild if key[0] == "." and wild else n for key, n in ways.items()]
    return {pointer: shared[id(merged[pointer])] for pointer in sorted(_steps(facts))}


def _steps(facts: _Facts) -> frozenset[str]:
    """Return the top and every subschema that is applied to a property or an element."""
    return frozenset(child for below in facts.below.values() for _, child in below) | {""}


def engine(schema: Schema, draft: int) -> Any:
    """Return the engine that decides under a schema whose references, if any, were seen to be its own."""
    import jsonschema_rs

    classes = {
        7: jsonschema_rs.Draft7Validator,
        2019: jsonschema_rs.Draft201909Validator,
        2020: jsonschema_rs.Draft202012Validator,
    }
    try:
        return classes[draft](
            schema, offline=True, validate_formats=True, pattern_options=jsonschema_rs.RegexOptions(), mask="the value"
        )
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        path = "".join(f"/{step}" for step in getattr(error, "instance_path", ()))
        why = str(getattr(error, "message", error))[:160]
        raise ValueError(f"`schema` is not a valid JSON Schema at {_at(path)}: {why}.") from None
