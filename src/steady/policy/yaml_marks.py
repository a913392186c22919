"""
YAML 1.2 as plain data, with the line on which each field stands.

The core schema and nothing beyond it: `no`, `on` and `2024-01-01` are words; a repeated key, a key that is no text, a
tag, a merge key's magic, infinity and numbers that JSON can't carry exactly are errors. Aliases are expanded under a
bound, so that a small file can't become a large one. Built on the parser's events, since a constructor would lose both
the lines and the repeated keys.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from steady.errors import ConfigError, Problem

MAX_BYTES = 1 << 20
MAX_DEPTH = 40
MAX_NODES = 100_000  # after aliases are expanded
MAX_EXACT = (1 << 53) - 1  # the largest integer that every JSON reader keeps exactly

_NULL = {"", "~", "null", "Null", "NULL"}
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NO_NUMBER = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_STR_TAGS = {"!", "tag:yaml.org,2002:str"}
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_$@/-]+")


class Marked(NamedTuple):
    """Plain data (None, bool, int, float, str, list, dict with str keys), and where each field of it stands."""

    data: Any
    lines: Mapping[str, int]  # "rules[0].limit" -> 1-based line of its key, or of the item in a list


def join(path: str, key: str | int) -> str:
    """Return the path of `key` within `path`: `rules[0].limit`, and `labels["a.b"]` for a key that is no plain word."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    if not _PLAIN_KEY.fullmatch(key):
        return f"{path}[{json.dumps(key, ensure_ascii=False)}]"
    return f"{path}.{key}" if path else key


def line_of(lines: Mapping[str, int], field: str) -> int:
    """Return the line of `field`, or of the nearest field around it that has one, or 0."""
    while field and field not in lines:
        field = field[: max(field.rfind("."), field.rfind("["), 0)]
    return lines.get(field, 0)


def read_yaml(source: bytes | str, file: str) -> Marked:
    """
    Read one YAML document.

    Args:
        source: At most `MAX_BYTES` of UTF-8.
        file: What to call it in problems.

    Raises:
        ConfigError: With every problem that could be found; a syntax error is the only one that is told.
    """
    text = _decode(source, file)
    nodes = _Composer(text, file).document()
    builder = _Builder(file)
    data = builder.build(nodes, "", 0) if nodes is not None else None
    if builder.problems:
        raise ConfigError(builder.problems)
    if nodes is not None:
        builder.lines.setdefault("", nodes.line)
    return Marked(data, builder.lines)


def _decode(source: bytes | str, file: str) -> str:
    raw = source.encode("utf-8", "surrogatepass") if isinstance(source, str) else source
    if len(raw) > MAX_BYTES:
        raise ConfigError([Problem(file, 0, "", f"the file has {len(raw)} bytes; at most {MAX_BYTES} are read.")])
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        message = f"byte 0x{raw[error.start]:02x} is not UTF-8; save the file as UTF-8."
        raise ConfigError([Problem(file, line, "", message)]) from None


class _Node(NamedTuple):
    """One node as written; an alias is the same node again."""

    kind: str  # "scalar", "sequence", "mapping"
    value: Any  # (text, plain, tag) | list[_Node] | list[(_Node, _Node)]
    line: int
    tag: str | None


class _Composer:
    """Turns parser events into nodes; bounded in depth."""

    def __init__(self, text: str, file: str) -> None:
        from ruamel.yaml import YAML

        self.file = file
        self.anchors: dict[str, _Node] = {}
        self.events: Iterator[Any] = iter(YAML(typ="safe", pure=True).parse(text))

    def fail(self, line: int, message: str) -> ConfigError:
        return ConfigError([Problem(self.file, line, "", message)])

    def next(self) -> tuple[str, Any]:
        from ruamel.yaml.error import MarkedYAMLError, YAMLError

        try:
            event = next(self.events)
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            words = " ".join(str(part) for part in (error.context, error.problem) if part)
            raise self.fail(mark.line + 1 if mark else 0, f"not YAML: {words}.") from None
        except YAMLError as error:  # the reader's: a character that YAML does not allow
            words = str(error).splitlines()[0]
            raise self.fail(0, f"not YAML: {words}.") from None
        except (ValueError, OverflowError) as error:  # an escape such as "\UFFFFFFFF", which the scanner lets through
            raise self.fail(0, f"not YAML: {error}.") from None
        return type(event).__name__.removesuffix("Event"), event

    def document(self) -> _Node | None:
        root: _Node | None = None
        while True:
            name, event = self.next()
            if name == "StreamEnd":
                return root
            if name == "DocumentStart":
                if event.version not in (None, (1, 2)):
                    raise self.fail(1, "only YAML 1.2 is read; remove the %YAML line.")
                if root is not None:
                    raise self.fail(_line(event), "a second document begins here; one file holds one document.")
                root = self.node(*self.next(), depth=0)

    def node(self, name: str, event: Any, depth: int) -> _Node:
        line = _line(event)
        if depth > MAX_DEPTH:
            raise self.fail(line, f"nested deeper than {MAX_DEPTH} levels.")
        if name == "Alias":
            if event.anchor not in self.anchors:
                raise self.fail(line, f"the alias *{event.anchor} names no complete node before it.")
            return self.anchors[event.anchor]._replace(line=line)
        tag = str(event.tag) if event.tag is not None else None
        if name == "Scalar":
            node = _Node("scalar", (event.value, event.implicit[0] and event.style is None), line, tag)
        elif name == "SequenceStart":
            node = _Node("sequence", list(self.items("SequenceEnd", depth)), line, tag)
        else:
            found = list(self.items("MappingEnd", depth))
            node = _Node("mapping", list(zip(found[::2], found[1::2], strict=True)), line, tag)
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        return node

    def items(self, end: str, depth: int) -> Iterator[_Node]:
        while (step := self.next())[0] != end:
            yield self.node(*step, depth=depth + 1)


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


class _Builder:
    """Turns nodes into plain data; collects problems and lines; bounded in nodes after expansion."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.lines: dict[str, int] = {}
        self.count = 0

    def wrong(self, node: _Node, path: str, message: str) -> None:
        self.problems.append(Problem(self.file, node.line, path, message))

    def build(self, node: _Node, path: str, depth: int) -> Any:
        self.count += 1
        if self.count > MAX_NODES or depth > MAX_DEPTH:
            bound = f"{MAX_NODES} values" if self.count > MAX_NODES else f"{MAX_DEPTH} levels"
            raise ConfigError([Problem(self.file, node.line, path, f"more than {bound}, aliases expanded.")])
        if node.tag is not None and not (node.kind == "scalar" and node.tag in _STR_TAGS):
            self.wrong(node, path, "tags are not taken; write the plain value.")
            return None
        if node.kind == "sequence":
            out = []
            for index, item in enumerate(node.value):
                at = join(path, index)
                self.lines[at] = item.line
                out.append(self.build(item, at, depth + 1))
            return out
        if node.kind == "mapping":
            return self.mapping(node, path, depth)
        return self.scalar(node, path)

    def mapping(self, node: _Node, path: str, depth: int) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self.key(key_node, path)
            if key is None:
                continue
            at = join(path, key)
            if key in out:
                first = self.lines[at]
                self.wrong(key_node, at, f"the key {key!r} is there twice; the first is on line {first}.")
                continue
            self.lines[at] = key_node.line
            out[key] = self.build(value_node, at, depth + 1)
        return out

    def key(self, node: _Node, path: str) -> str | None:
        value = self.scalar(node, path) if node.kind == "scalar" and node.tag in (None, *_STR_TAGS) else None
        if isinstance(value, str):
            return value
        shown = repr(node.value[0]) if node.kind == "scalar" else f"a {node.kind}"
        self.wrong(node, path, f"the key {shown} is not text; quote it if it is meant as a name.")
        return None

    def scalar(self, node: _Node, path: str) -> Any:
        text, plain = node.value
        if not plain or node.tag is not None:
            return self.word(node, path, text)
        if text in _NULL:
            return None
        if text in _BOOL:
            return _BOOL[text]
        if _NO_NUMBER.fullmatch(text):
            self.wrong(node, path, f"{text} is no number that JSON can carry; quote it if it is meant as text.")
            return None
        if _INT.fullmatch(text):
            return self.integer(node, path, text)
        if _FLOAT.fullmatch(text):
            number = float(text)
            if math.isinf(number):
                self.wrong(node, path, f"{text[:40]} is too big for a number.")
                return None
            return number
        return self.word(node, path, text)

    def integer(self, node: _Node, path: str, text: str) -> int | None:
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        number = int(text.removeprefix("0o").removeprefix("0x"), base) if len(text) < 60 else MAX_EXACT + 1
        if abs(number) > MAX_EXACT:
            self.wrong(node, path, f"{text[:40]} is too big to be exact everywhere; quote it if it is meant as text.")
            return None
        return number

    def word(self, node: _Node, path: str, text: str) -> str:
        if any("\ud800" <= char <= "\udfff" for char in text):
            self.wrong(node, path, "half of a surrogate pair is no character.")
            return ""
        return str(text)
