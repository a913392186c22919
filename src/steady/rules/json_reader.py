"""
A tolerant reader of JSON as models write it: one pass, linear, bounded, no recursion.

It forgives form: comments, trailing and missing commas, other quotes, unquoted keys, Python's words, raw control
characters and wrong escapes in strings, numbers such as `+1`, `.5`, `5.` and `1_000`. It never shortens: what ends
inside a string, a number or an array, after a comma or a colon, is not repaired, as what is missing can't be known.
The braces that end the last objects may be added where the caller allows it; that is `invented`.
"""

import re
from typing import Any, Literal, NamedTuple

from steady.types import Edit

MAX_DEPTH = 200  # containers inside one another

WORDS = {
    **dict.fromkeys(("true", "True", "TRUE"), "true"),
    **dict.fromkeys(("false", "False", "FALSE"), "false"),
    **dict.fromkeys(("null", "Null", "NULL", "None"), "null"),
}

_BLANK = re.compile(r"[ \t\n\r]*")
_SKIP = re.compile(r"//[^\n\r]*|#[^\n\r]*|[\s\ufeff\u200b-\u200d\u2060]")
_NUMBER = re.compile(r"[+-]?(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d+)?", re.ASCII)
_STRICT = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_GROUPED = re.compile(r"\d+(?:_\d+)*", re.ASCII)
_WORD = re.compile(r"[\w$][\w$.-]*")
_ESCAPE = re.compile(r'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})')
_CONTROL = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
_CLOSERS = {'"': '"', "'": "'", "“": "”“", "”": "”“", "„": "“”", "‘": "’", "’": "’"}
_APOSTROPHES = "'’"
_PLAIN = {
    opener: re.compile('[^"\\\\\\x00-\\x1f' + "".join(sorted(closers)) + "]*") for opener, closers in _CLOSERS.items()
}


class Node:
    """One value and where it stands. `members` are (key, value) of an object, `items` the elements of an array."""

    __slots__ = ("end", "items", "kind", "members", "start", "state", "value")

    def __init__(self, kind: str, start: int, value: Any = None) -> None:
        self.kind = kind  # "object", "array", "string", "number", "word"
        self.start = start
        self.end = start
        self.value = value  # of a word or a number: its text; of a string: nothing (the strict parser reads it)
        self.members: list[tuple[Node, Node]] = []
        self.items: list[Node] = []
        self.state = "first"  # first, next (after a comma), after (a value)


class Region(NamedTuple):
    """A value found in a text: text[start:end] with `edits` applied is meant to be JSON."""

    node: Node
    start: int
    end: int
    edits: tuple[Edit, ...]


class Stop(Exception):
    """The reader can't go on. `cut`: the text ended; `prose`: nothing was read yet, so the bracket may be prose."""

    def __init__(self, at: int, why: Literal["cut", "prose", "bad"]) -> None:
        super().__init__(why)
        self.at, self.why = at, why


class Reader:
    """Reads one value that begins at `start`."""

    def __init__(self, text: str, start: int, may_close: bool) -> None:
        self.text, self.at, self.may_close = text, start, may_close
        self.edits: list[Edit] = []
        self.stack: list[Node] = []
        self.touched = False  # something that prose does not have was read
        self.last: Node | None = None  # the scalar read last

    def read(self) -> Region:
        """Return the value. Raises Stop."""
        start = self.at
        root = self.value()
        while self.stack:
            self.step(self.stack[-1])
        return Region(root, start, self.at, tuple(sorted(self.edits, key=lambda e: (e.start, e.end))))

    def stop(self) -> Stop:
        """Return why the reader stops here."""
        if self.at >= len(self.text):
            return Stop(self.at, "cut")
        return Stop(self.at, "bad" if self.touched or len(self.stack) > 1 else "prose")

    def put(self, start: int, end: int, text: str, invented: bool = False) -> None:
        self.edits.append(Edit(start, end, text, invented))

    def peek(self) -> str:
        return self.text[self.at] if self.at < len(self.text) else ""

    def space(self) -> None:
        """Pass over blanks; comments and what JSON does not take for a blank are deleted."""
        while True:
            blank = _BLANK.match(self.text, self.at)
            self.at = blank.end() if blank else self.at
            skip = _SKIP.match(self.text, self.at)
            end = skip.end() if skip else self.at
            if self.text.startswith("/*", self.at):
                end = self.text.find("*/", self.at + 2) + 2
                if end < 2:
                    raise Stop(len(self.text), "cut")
            if end == self.at:
                return
            self.put(self.at, end, "")
            self.at = end

    def step(self, top: Node) -> None:
        """Read the next part of the innermost open container."""
        comma = self.at
        self.space()
        char = self.peek()
        if top.state == "after":
            self.after(top, char)
        elif char and char == ("}" if top.kind == "object" else "]"):
            if top.state == "next":
                self.drop_comma(comma)
            self.close(top)
        elif top.kind == "object":
            self.member(top)
        else:
            node = self.value()
            top.items.append(node)
            top.state = "after"

    def drop_comma(self, after: int) -> None:
        self.put(after - 1, after, "")

    def close(self, top: Node) -> None:
        self.at += 1
        top.end = self.at
        self.stack.pop()
        self.touched = True

    def after(self, top: Node, char: str) -> None:
        """Behind a value: a comma, the end of the container, or one of them missing."""
        if char == ",":
            self.at += 1
            top.state = "next"
        elif char and char == ("}" if top.kind == "object" else "]"):
            self.close(top)
        elif not char or self.text.startswith("```", self.at):
            self.finish()
        elif top.kind == "object" and char == "]" and self.may_close and self.parent_is_array():
            self.put(self.at, self.at, "}", True)
            top.end = self.at
            self.stack.pop()
        elif self.lacks_comma(top, char):
            self.put(self.at, self.at, ",")
            top.state = "next"
        else:
            raise self.stop()

    def lacks_comma(self, top: Node, char: str) -> bool:
        """Say whether the next member clearly begins here; `["a" "b"]` may also be one string with a quote in it."""
        if top.kind == "object":
            return char in "\"'“"
        return top.items[-1].kind == {"{": "object", "[": "array"}.get(char)

    def parent_is_array(self) -> bool:
        return len(self.stack) > 1 and self.stack[-2].kind == "array"

    def finish(self) -> None:
        """Add the braces of objects that are complete but for them; nothing else is ever closed."""
        last = self.last
        torn = last is not None and last.kind == "number" and last.end == len(self.text)  # 12 may have become 123
        if not self.may_close or torn or any(node.kind != "object" for node in self.stack):
            raise Stop(self.at, "cut")
        self.put(self.at, self.at, "}" * len(self.stack), True)
        for node in self.stack:
            node.end = self.at
        self.stack.clear()

    def member(self, top: Node) -> None:
        """Read `key: value`."""
        if self.peek() in _CLOSERS:
            key = self.string()
        else:
            word = _WORD.match(self.text, self.at)
            if word is None:
                raise self.stop()
            key = Node("string", word.start())
            key.end = self.at = word.end()
            self.put(key.start, key.start, '"')
            self.put(key.end, key.end, '"')
        self.space()
        if self.peek() != ":":
            raise self.stop()
        self.at += 1
        self.touched = True
        self.space()
        node = self.value()
        top.members.append((key, node))
        top.state = "after"

    def value(self) -> Node:
        """Read a scalar, or open a container."""
        char = self.peek()
        if char and char in "{[":
            if len(self.stack) >= MAX_DEPTH:
                raise Stop(self.at, "bad")
            node = Node("object" if char == "{" else "array", self.at)
            self.at += 1
            self.stack.append(node)
            return node
        if char in _CLOSERS:
            node = self.string()
        else:
            node = self.number() or self.word()
        self.last = node
        self.touched = True
        return node

    def word(self) -> Node:
        word = _WORD.match(self.text, self.at)
        good = WORDS.get(word.group()) if word else None
        if word is None or good is None:
            if word and word.end() == len(self.text):
                raise Stop(self.at, "cut")
            raise self.stop()
        if good != word.group():
            self.put(word.start(), word.end(), good)
        node = Node("word", word.start(), good)
        node.end = self.at = word.end()
        return node

    def number(self) -> Node | None:
        found = _NUMBER.match(self.text, self.at)
        if found is None:
            return None
        if _WORD.match(self.text, found.end()):  # 12abc, 1.2.3
            raise self.stop()
        raw = found.group()
        if any(not _GROUPED.fullmatch(part) for part in re.findall(r"[\d_]+", raw)):
            raise self.stop()
        good = raw.replace("_", "").removeprefix("+")
        good = re.sub(r"^(-?)\.", r"\g<1>0.", good)
        good = re.sub(r"\.(?=$|[eE])", "", good)
        if not _STRICT.fullmatch(good):  # 007 may be a code, not seven
            raise self.stop()
        if good != raw:
            self.put(found.start(), found.end(), good)
        node = Node("number", found.start(), good)
        node.end = self.at = found.end()
        return node

    def string(self) -> Node:
        """Read a string between any quotes; its content stays, its form becomes JSON's."""
        opener = self.text[self.at]
        closers = _CLOSERS[opener]
        node = Node("string", self.at)
        if opener != '"':
            self.put(self.at, self.at + 1, '"')
        self.at += 1
        plain = _PLAIN[opener]
        quoting = False  # between two quotes that are part of the string: `say "hi" now`
        while True:
            run = plain.match(self.text, self.at)
            self.at = run.end() if run else self.at
            char = self.peek()
            if not char:
                raise Stop(self.at, "cut")
            if char in closers and self.closes(char):
                if char != opener or not (quoting or self.quotes()):
                    break
                quoting = not quoting
            self.inner(char)
        if char != '"':
            self.put(self.at, self.at + 1, '"')
        self.at += 1
        node.end = self.at
        return node

    def closes(self, char: str) -> bool:
        """Say whether a quote ends its string; an apostrophe between two letters (`don't`) does not."""
        around = self.text[self.at - 1] + self.text[self.at + 1 : self.at + 2]
        return char not in _APOSTROPHES or len(around) < 2 or not around.isalnum()

    def quotes(self) -> bool:
        """Say whether a quote opens a quotation inside its string: behind a blank, before a word. What closes a string
        has a comma, a colon or a bracket behind it; if this one did after all, the text ends inside a string, and
        nothing is repaired."""
        return self.text[self.at - 1] in " (" and self.text[self.at + 1 : self.at + 2].isalnum()

    def inner(self, char: str) -> None:
        """Put one character of a string into JSON's form."""
        if char == "\\":
            escape = _ESCAPE.match(self.text, self.at)
            if escape:
                self.at = escape.end()
                return
            if self.at + 1 >= len(self.text):
                raise Stop(self.at, "cut")
            quoted = self.text[self.at + 1] in "'`’“”„"
            self.put(self.at, self.at + 1, "" if quoted else "\\\\")
            self.at += 2 if quoted else 1
            return
        if char == '"':
            self.put(self.at, self.at, "\\")
        elif char < " ":
            self.put(self.at, self.at + 1, _CONTROL.get(char) or f"\\u{ord(char):04x}")
        self.at += 1
