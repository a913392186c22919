"""
How wide a match of an RE2 pattern can be, and which characters it can hold: a reader of RE2's own syntax.

RE2 has judged the pattern before; this only measures. What the reader does not know has no bounded width, so that the
bound is sound and never tight by luck. Syntax: https://github.com/google/re2/wiki/Syntax
"""

import re
from typing import NamedTuple

CLASS = re.compile(r"\[\^?\]?(?:\[:\^?\w+:\]|\\[pP]\{\^?\w+\}|\\x\{[0-9A-Fa-f]+\}|\\.|[^\]\\])*\]", re.DOTALL)
ESCAPE = re.compile(r"\\(?:[pP](?:\{\^?\w+\}|[A-Za-z])|x(?:\{[0-9A-Fa-f]+\}|[0-9A-Fa-f]{2})|[0-7]{1,3}|.)", re.DOTALL)
REPEAT = re.compile(r"(?:([*+?])|\{(\d+)(,(\d*))?\})\??")
GROUP = re.compile(r"\((?:\?(?:P?<\w+>|([imsU]*(?:-[imsU]+)?)(:|\))))?")
ASSERTIONS = {"\\b", "\\B", "\\A", "\\z"}
UNKNOWN = ("\\Q", "\\E", "\\C")
ONE = re.compile(r".", re.DOTALL)
DEPTH = 100


class Shape(NamedTuple):
    """What is known of a pattern."""

    widest: int | None  # characters of the widest match; None: no bound
    atoms: frozenset[str]  # source of every atom that takes one character
    asserts: frozenset[str]  # \\b, \\B, ^, $, ... in it
    branches: int  # alternatives at the top level


class _Unknown(Exception):
    pass


class _Reader:
    """A recursive descent over one pattern; raises _Unknown for what it does not know."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.atoms: set[str] = set()
        self.asserts: set[str] = set()
        self.branches = 1

    def alternatives(self, depth: int) -> int | None:
        if depth > DEPTH:
            raise _Unknown
        widths = [self.sequence(depth)]
        while self.peek() == "|":
            self.at += 1
            widths.append(self.sequence(depth))
        if depth == 0:
            self.branches = len(widths)
        return None if None in widths else max(w for w in widths if w is not None)

    def peek(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def sequence(self, depth: int) -> int | None:
        total: int | None = 0
        while self.at < len(self.pattern) and self.peek() not in ("|", ")"):
            width = self.repeated(self.atom(depth))
            total = None if total is None or width is None else total + width
        return total

    def repeated(self, width: int | None) -> int | None:
        while found := REPEAT.match(self.pattern, self.at):
            self.at = found.end()
            sign, low, comma, high = found.groups()
            if sign == "?":
                continue
            most = None if sign or (comma and not high) else int(high or low)
            if width == 0:
                continue
            width = None if width is None or most is None else width * most
        return width

    def atom(self, depth: int) -> int | None:
        char = self.peek()
        if char == "(":
            return self.group(depth)
        if char in "^$":
            self.at += 1
            self.asserts.add(char)
            return 0
        found = {"[": CLASS, "\\": ESCAPE}.get(char, ONE).match(self.pattern, self.at)
        if found is None:
            raise _Unknown
        self.at = found.end()
        if found[0] in ASSERTIONS:
            self.asserts.add(found[0])
            return 0
        if found[0] in UNKNOWN:
            raise _Unknown
        self.atoms.add(re.escape(char) if char not in "[\\." else found[0])
        return 1

    def group(self, depth: int) -> int | None:
        found = GROUP.match(self.pattern, self.at)
        if found is None:
            raise _Unknown
        self.at = found.end()
        if found[2] == ")":  # (?i): flags for what follows; they change no width
            return 0
        width = self.alternatives(depth + 1)
        if self.peek() != ")":
            raise _Unknown
        self.at += 1
        return width


def shape(pattern: str) -> Shape | None:
    """Return what a valid RE2 pattern can match, or None if it holds syntax that is not known here."""
    reader = _Reader(pattern)
    try:
        width = reader.alternatives(0)
    except _Unknown:
        return None
    if reader.at != len(pattern):
        return None
    return Shape(width, frozenset(reader.atoms), frozenset(reader.asserts), reader.branches)


def widest(pattern: str) -> int | None:
    """Return a sound upper bound of a match's width in characters, or None if there is none or it is not known."""
    known = shape(pattern)
    return None if known is None else known.widest
