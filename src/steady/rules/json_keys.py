"""The rule `json_keys`: which keys a JSON answer has, without a schema."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, NamedTuple

from steady.rules.json_text import NotJson, not_json, parse_json, shown
from steady.rules.rule import ANSWER, Context, Rule, Streams, Whole
from steady.types import Edit, Finding, Piece, Surface

MAX_PATHS = 200  # that one rule may name
MAX_STEPS = 32  # of one path
MAX_VALUES = 100_000  # that one path may pass through; an answer with more fails
_ESCAPE = re.compile("~(?![01])")
_TOLD = 10  # problems that a reason names


class TooMany(ValueError):
    """A path with `*` passes through more values than are looked at."""


class _Path(NamedTuple):
    written: str
    steps: tuple[str, ...]


def _path(field: str, written: str) -> _Path:
    """Read a JSON pointer (`/a/0/b`) or a dotted path (`a.*.b`). Raises ValueError."""
    if written.startswith("/"):
        if _ESCAPE.search(written):
            raise ValueError(f"`{field}` holds {written!r}: in a JSON pointer `~` is written `~0` and `/` is `~1`.")
        steps = tuple(step.replace("~1", "/").replace("~0", "~") for step in written[1:].split("/"))
    else:
        steps = tuple(written.split("."))
        if not all(steps):
            raise ValueError(f"`{field}` holds {written!r}, which has an empty step; write `a.b`, or a pointer `/a/b`.")
    if len(steps) > MAX_STEPS:
        raise ValueError(f"`{field}` holds a path of {len(steps)} steps; at most {MAX_STEPS} are read.")
    return _Path(written, steps)


def _children(value: Any, step: str) -> Iterator[Any]:
    if step == "*":
        yield from value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    elif isinstance(value, dict) and step in value:
        yield value[step]
    elif isinstance(value, list) and step.isascii() and step.isdigit() and len(step) < 8 and int(step) < len(value):
        yield value[int(step)]


class JsonKeys(Rule, frozen=True, kw_only=True, tag="json_keys"):
    """
    A JSON answer has some keys, has no others, or lacks some.

    A key is named by a dotted path (`customer.name`) or a JSON pointer (`/customer/name`, RFC 6901); `*` is every item
    of an array or every value of an object: `items.*.price`. A step of digits is a place in an array, or a key.
    A text that is not one JSON value fails. There is no fix: a value that is missing can't be made up.
    """

    example: ClassVar[Mapping[str, Any]] = {"required": ["id", "customer.name"], "allowed": ["id", "customer", "note"]}
    default_on: ClassVar[tuple[Surface, ...]] = ANSWER

    required: tuple[str, ...] = ()
    """Keys that must be there; below `*`, in every item. A value of null counts as there, unless `not_null`."""
    allowed: tuple[str, ...] | None = None
    """The keys that may stand at the top, or, given as paths, below them: `a.b` says what `a` may hold."""
    forbidden: tuple[str, ...] = ()
    """Keys that must not be there."""
    not_null: bool = False
    """Whether a required key whose value is null, or an empty text, counts as missing."""

    def build(self) -> "JsonKeysCheck":
        """Return the check. Raises ValueError where nothing is asked, or what can't be met."""
        if not (self.required or self.forbidden) and self.allowed is None:
            raise ValueError("`required`, `allowed` and `forbidden` are all missing: give one of them.")
        lists = {"required": self.required, "allowed": self.allowed or (), "forbidden": self.forbidden}
        for field, written in lists.items():
            if len(written) > MAX_PATHS:
                raise ValueError(f"`{field}` holds {len(written)} paths; at most {MAX_PATHS} may be given.")
        check = JsonKeysCheck(self)
        check.refuse_contradictions()
        return check

    def statement(self) -> str:
        """See Rule."""
        parts = [f"It must have the keys {', '.join(self.required)}."] if self.required else []
        if self.allowed is not None:
            parts.append(f"It may have no other keys than {', '.join(self.allowed) or 'none'}.")
        if self.forbidden:
            parts.append(f"It must not have the keys {', '.join(self.forbidden)}.")
        return " ".join(["Answer with one JSON value.", *parts])


class JsonKeysCheck:
    """See JsonKeys."""

    def __init__(self, rule: JsonKeys) -> None:
        self.streams: Streams = Whole("which keys there are shows at its end")
        self._rule = rule
        self._required = tuple(_path("required", written) for written in rule.required)
        self._forbidden = tuple(_path("forbidden", written) for written in rule.forbidden)
        self._allowed: dict[tuple[str, ...], set[str]] = {(): set()} if rule.allowed is not None else {}
        for path in (_path("allowed", written) for written in rule.allowed or ()):
            for at, step in enumerate(path.steps):
                self._allowed.setdefault(path.steps[:at], set()).add(step)

    def refuse_contradictions(self) -> None:
        """Raise ValueError for a required key that is forbidden, or not among those allowed."""
        forbidden = {path.steps for path in self._forbidden}
        for path in self._required:
            for at, step in enumerate(path.steps):
                legal = self._allowed.get(path.steps[:at])
                if legal is not None and step not in legal and "*" not in legal and step != "*":
                    raise ValueError(f"`allowed` leaves out {path.written!r}, which `required` asks for.")
                if path.steps[: at + 1] in forbidden:
                    raise ValueError(f"`forbidden` holds what {path.written!r} of `required` needs.")

    def judge(self, piece: Piece, context: Context) -> Finding:
        """Fail what is no JSON, lacks a key, or has one too many."""
        try:
            value = parse_json(piece.text)
        except NotJson as error:
            return not_json(error, piece.text)
        try:
            wrong = list(self._wrong(value))
        except TooMany as error:
            return Finding(passed=False, reason=str(error))
        if not wrong:
            return Finding(passed=True)
        more = f"; and {len(wrong) - _TOLD} more" if len(wrong) > _TOLD else ""
        return Finding(passed=False, reason=f"{'; '.join(wrong[:_TOLD])}{more}.")

    def _wrong(self, value: Any) -> Iterator[str]:
        for path in self._required:
            yield from self._missing(value, path)
        for steps, legal in self._allowed.items():
            yield from _extra(value, steps, legal)
        for path in self._forbidden:
            if any(follow(value, path.steps)):
                yield f"{path.written} must not be there"

    def _missing(self, value: Any, path: _Path) -> Iterator[str]:
        for parent in follow(value, path.steps[:-1], strict=True):
            there = [] if parent == (None,) else list(_children(parent[0], path.steps[-1]))
            if not there and not (path.steps[-1] == "*" and parent != (None,)):
                yield f"{path.written} is missing"
                return
            if self._rule.not_null and any(one is None or one == "" for one in there):
                yield f"{path.written} is empty"
                return

    def fix(self, piece: Piece, context: Context) -> tuple[Edit, ...] | None:
        """There is none: a missing value would be made up, a surplus one lost."""
        return () if self.judge(piece, context).passed else None


def read_path(field: str, written: str) -> tuple[str, ...]:
    """Return the steps of a dotted path or a JSON pointer. Raises ValueError, with `field` first."""
    return _path(field, written).steps


def follow(value: Any, steps: tuple[str, ...], *, strict: bool = False) -> Iterator[tuple[Any]]:
    """Yield the values that the steps lead to, each in a tuple; with `strict`, (None,) for each way that ends early."""
    waiting: list[tuple[Any, int]] = [(value, 0)]
    seen = 0
    while waiting:
        at, depth = waiting.pop()
        seen += 1
        if seen > MAX_VALUES:
            raise TooMany(f"It has more than {MAX_VALUES:,} values where a path has `*`.")
        if depth == len(steps):
            yield (at,)
            continue
        below = list(_children(at, steps[depth]))
        if not below and strict and not (steps[depth] == "*" and isinstance(at, dict | list)):
            yield (None,)
        waiting += [(one, depth + 1) for one in reversed(below)]


def _extra(value: Any, steps: tuple[str, ...], legal: set[str]) -> Iterator[str]:
    surplus: dict[str, None] = {}
    for (parent,) in follow(value, steps):
        if isinstance(parent, dict) and "*" not in legal:
            surplus |= dict.fromkeys(key for key in parent if key not in legal)
    where = f" in {'.'.join(steps)}" if steps else ""
    for key in list(surplus)[: _TOLD + 1]:
        yield f"the key {shown(repr(key))}{where} is not allowed"
