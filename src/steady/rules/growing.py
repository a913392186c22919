"""
JSON as it comes: what can be said of a text of which only the beginning is there.

One pass over the text, each character read once, by the grammar of RFC 8259; what is closed is given to the strict
parser. What is wrong shows as early as it can: at the character that no JSON goes on with, at a second key of one
name, and, under a schema, at the value that is of another type than asked for, at the key that is not known, at the
element or the character too many, and at the value that is closed and not valid. What is told only by the end (a
required key, the least sizes, `not`) is told when the object, array or string around it is closed.

What may be shown is the text up to the last value that was judged: an open number, word, key, or string of which the
schema says more than its type is held back, since it may still turn out wrong.
"""

import re
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from steady.rules.rule import Context

_SPACE = re.compile(r"[ \t\n\r]*")
_INSIDE = re.compile(r'(?:[^"\\\x00-\x1f\ud800-\udfff]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*')
_ESCAPE_BEGUN = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?\Z")
_NUMBER = re.compile(r"[0-9+\-.eE]*")
_NUMBER_BEGUN = re.compile(
    r"-?(?:(?:0|[1-9][0-9]*)(?:\.(?:[0-9]+(?:[eE](?:[+-]?[0-9]*)?)?)?|[eE](?:[+-]?[0-9]*)?)?)?\Z", re.ASCII
)
_WORDS = {"t": "true", "f": "false", "n": "null"}
_KINDS = {"{": "object", "[": "array", '"': "string", "t": "boolean", "f": "boolean", "n": "null"}
_LONG = 1_000  # characters of a number from which the parser is asked before its end
JUDGED_DEPTH = 8  # containers above this depth are judged as they close; deeper ones with the one around them


class Doomed(Exception):
    """No text that begins like this can pass."""


class Place(Protocol):
    """What a schema asks of one place of a document, as far as it is known before all of it is there."""

    def may_begin(self, kind: str) -> None:
        """Raise Doomed if no value of this JSON type (or `number`) can stand here."""

    def member(self, key: str) -> "Place":
        """Return what is asked of a property. Raises Doomed for one that is not allowed."""
        ...

    def element(self, at: int) -> "Place":
        """Return what is asked of an element. Raises Doomed for one too many."""
        ...

    def string(self, length: int, begun: str | None) -> None:
        """Raise Doomed if no string of at least `length` characters (that begins so, where that is told) can stand."""

    @property
    def free(self) -> bool:
        """Whether every string that is not too long will do."""
        ...

    def closed(self, value: Any) -> None:
        """Raise Doomed if this whole value can't stand here."""


class Anything:
    """A place of which nothing is asked, but perhaps its type."""

    free = True

    def __init__(self, kind: str = "any") -> None:
        self._kind = kind

    def may_begin(self, kind: str) -> None:
        """See Place."""
        if self._kind not in ("any", kind):
            raise Doomed(f"the value must be of type {self._kind}, not {kind}")

    def member(self, key: str) -> "Anything":
        """See Place."""
        return _ANYTHING

    def element(self, at: int) -> "Anything":
        """See Place."""
        return _ANYTHING

    def string(self, length: int, begun: str | None) -> None:
        """See Place."""

    def closed(self, value: Any) -> None:
        """See Place."""


_ANYTHING = Anything()


class _Open:
    """A container whose end has not come. `state` says what comes next."""

    __slots__ = ("closer", "key", "place", "state", "value")

    def __init__(self, char: str, place: Place) -> None:
        self.place = place
        self.value: Any = {} if char == "{" else []
        self.closer = "}" if char == "{" else "]"
        self.state = "first"  # first, next (after a comma), colon, value (after a colon), after (a value)
        self.key = ""


class Reading:
    """
    One JSON text that arrives in parts. Not frozen: it is the state of one stream.

    Args:
        place: What is asked of the whole.
        max_depth: Containers inside one another.
        parse: The strict parser, for one scalar; it raises ValueError with what is wrong.
    """

    def __init__(self, place: Place, max_depth: int, parse: Callable[[str], Any]) -> None:
        self._top, self._max_depth, self._parse = place, max_depth, parse
        self._text, self._at = "", 0  # what is kept of the text, and the place in it that is read next
        self._before = 0  # characters that are no longer kept
        self._stack: list[_Open] = []
        self._scan = 0  # how far an open string was read, from `_at` on
        self._length = 0  # how many characters it has so far
        self._done = False
        self.safe = 0
        """Up to which character the text can stay: nothing in it can turn out wrong but by what is known at the end."""

    def feed(self, more: str) -> str | None:
        """Read on. Return what is wrong with every text that goes on like this, or None; after that, no more."""
        self._text += more
        try:
            while self._token():
                pass
        except Doomed as error:
            return f"At {self._pointer()}: {error}."
        except ValueError as error:
            return f"The text is not one JSON value: {error}."
        self._text, self._before, self._at = self._text[self._at :], self._before + self._at, 0
        return None

    def _pointer(self) -> str:
        steps = [str(o.key if o.closer == "}" else len(o.value)) for o in self._stack]
        return "".join("/" + s.replace("~", "~0").replace("/", "~1") for s in steps)[:80] or "the top"

    def _token(self) -> bool:
        """Read one token; return whether there may be another one."""
        space = _SPACE.match(self._text, self._at)
        if space and space.end() > self._at:
            self._pass(space.end())
        if self._at == len(self._text):
            return False
        char = self._text[self._at]
        top = self._stack[-1] if self._stack else None
        if self._done:
            raise Doomed("something follows the value")
        if top is None or top.state == "value" or (top.closer == "]" and top.state in ("first", "next")):
            if top is not None and char == top.closer and top.state == "first":
                return self._close(top)
            return self._value(char, top)
        if top.state == "colon" and char == ":":
            top.state = "value"
        elif top.state == "after" and char == ",":
            top.state = "next"
        elif char == top.closer and top.state in ("first", "after"):
            return self._close(top)
        elif top.closer == "}" and char == '"' and top.state in ("first", "next"):
            return self._key(top)
        else:
            raise Doomed(f"{char!r} can't stand here")
        return self._pass(self._at + 1)

    def _pass(self, end: int) -> bool:
        self._at, self._scan, self._length = end, 0, 0
        self.safe = self._before + end
        return True

    def _place(self, top: _Open | None) -> Place:
        if top is None:
            return self._top
        return top.place.member(top.key) if top.closer == "}" else top.place.element(len(top.value))

    def _value(self, char: str, top: _Open | None) -> bool:
        kind = _KINDS.get(char) or ("number" if char in "-0123456789" else "")
        if not kind:
            raise Doomed(f"{char!r} begins no value")
        place = self._place(top)
        place.may_begin(kind)
        if kind in ("object", "array"):
            if len(self._stack) >= self._max_depth:
                raise Doomed(f"it is nested more than {self._max_depth} deep")
            self._stack.append(_Open(char, place))
            return self._pass(self._at + 1)
        end = self._string(place) if kind == "string" else self._number() if kind == "number" else self._word(char)
        if end is None:
            return False
        value = self._parse(self._text[self._at : end])
        place.closed(value)
        self._add(top, value)
        return self._pass(end)

    def _add(self, top: _Open | None, value: Any) -> None:
        if top is None:
            self._done = True
            return
        if top.closer == "}":
            top.value[top.key] = value
        else:
            top.value.append(value)
        top.state = "after"

    def _close(self, top: _Open) -> bool:
        if len(self._stack) <= JUDGED_DEPTH:
            top.place.closed(top.value)
        self._stack.pop()
        self._add(self._stack[-1] if self._stack else None, top.value)
        return self._pass(self._at + 1)

    def _key(self, top: _Open) -> bool:
        end = self._string(None)
        if end is None:
            return False
        top.key = self._parse(self._text[self._at : end])
        if top.key in top.value:
            raise Doomed("the key is given twice in one object")
        top.place.member(top.key)
        top.state = "colon"
        return self._pass(end)

    def _string(self, place: Place | None) -> int | None:
        """Return where the string at the beginning ends, or None while it is open."""
        at = self._at + (self._scan or 1)
        inside = _INSIDE.match(self._text, at)
        end = inside.end() if inside else at
        if place is not None:
            part = self._text[at:end]
            self._length += len(part) if "\\" not in part else _decoded_at_least(part)
            place.string(self._length, None if place.free else self._text[self._at + 1 : end])
        self._scan = end - self._at
        if self._text[end : end + 1] == '"':
            return end + 1
        if end < len(self._text) and not _ESCAPE_BEGUN.match(self._text, end):
            raise Doomed("a string holds what no string can hold")
        if place is not None and place.free:
            self.safe = self._before + end
        return None

    def _number(self) -> int | None:
        found = _NUMBER.match(self._text, self._at)
        end = found.end() if found else self._at
        if not _NUMBER_BEGUN.match(self._text[self._at : end]):
            raise Doomed("no number is written like this")
        if end - self._at > _LONG:
            self._parse(self._text[self._at : end] + "0")
        return end if end < len(self._text) else None

    def _word(self, char: str) -> int | None:
        word = _WORDS[char]
        said = self._text[self._at : self._at + len(word)]
        if not word.startswith(said):
            raise Doomed("no JSON value is written like this")
        return self._at + len(word) if said == word else None


def _decoded_at_least(part: str) -> int:
    """Return how many characters a part of a string has at least once its escapes are read."""
    pairs = len(re.findall(r"\\u[dD][89abAB][0-9a-fA-F]{2}", part))  # the first half of one character
    return len(re.sub(r"\\(?:u[0-9a-fA-F]{4}|.)", "x", part)) - pairs


@runtime_checkable
class Reads(Protocol):
    """A check that can read a text as it comes, and say how much of it can stay."""

    def reading(self, context: Context) -> Reading:
        """Return a reading at its beginning."""
        ...
