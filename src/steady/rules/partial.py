"""
What may still become a match: from an RE2 pattern, the pattern of every beginning of its matches.

A stream may release text up to the first place from which the text, as far as it has come, is the beginning of a match.
That set of beginnings is regular too: those of `ab` are those of `a`, and `a` with those of `b` behind it. Anchored at
the end of the text it is one search, linear in what it reads (RE2 runs it backwards from the end). Counts above `MANY`
are taken for unbounded, which keeps the automaton small; the width of a match bounds what is held all the same. A
pattern with syntax that the reader does not know has no such set; a stream then holds back by width.
"""

from functools import lru_cache
from typing import NamedTuple

import re2

from steady.rules.width import ASSERTIONS, CLASS, DEPTH, ESCAPE, GROUP, ONE, REPEAT, UNKNOWN

MANY = 16  # a higher count is taken for no bound: the set of beginnings grows, and is never too small


class _Part(NamedTuple):
    """Sources of RE2 patterns: what is matched, and what the beginnings of that are, both ends included."""

    whole: str
    begun: str
    flags: bool = False  # (?i) and the like: nothing by itself, but holds for what follows in its group


class _Unknown(Exception):
    pass


class _Reader:
    """A recursive descent over one valid pattern; raises _Unknown for what it does not know."""

    def __init__(self, pattern: str) -> None:
        self.pattern, self.at = pattern, 0

    def peek(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def alternatives(self, depth: int) -> _Part:
        if depth > DEPTH:
            raise _Unknown
        flags = ""
        branches = []
        while True:
            parts = self.sequence(depth)
            branches.append((flags, parts))
            flags += "".join(part.whole for part in parts if part.flags)
            if self.peek() != "|":
                break
            self.at += 1
        whole = "|".join(before + "".join(part.whole for part in parts) for before, parts in branches)
        begun = "|".join(before + _begun(parts) for before, parts in branches)
        return _Part(f"(?:{whole})", f"(?:{begun})")

    def sequence(self, depth: int) -> list[_Part]:
        parts = []
        while self.at < len(self.pattern) and self.peek() not in ("|", ")"):
            parts.append(self.repeated(self.atom(depth)))
        return parts

    def repeated(self, part: _Part) -> _Part:
        while found := REPEAT.match(self.pattern, self.at):
            self.at = found.end()
            sign, low, comma, high = found.groups()
            least = int(low) if low else int(sign == "+")
            most = None if sign in ("*", "+") or (comma and not high) else 1 if sign == "?" else int(high or low)
            if most is not None and most > MANY:
                least, most = min(least, MANY), None
            count = f"{{{least},{'' if most is None else most}}}"
            before = "*" if most is None else f"{{0,{most - 1}}}" if most > 1 else ""
            begun = "" if most == 0 else (f"{part.whole}{before}{part.begun}" if before else part.begun)
            part = _Part(f"(?:{part.whole}{count})", f"(?:{begun})")
        return part

    def atom(self, depth: int) -> _Part:
        char = self.peek()
        if char == "(":
            return self.group(depth)
        if char in "^$":
            self.at += 1
            return _Part(f"(?:{char})", "")
        found = {"[": CLASS, "\\": ESCAPE}.get(char, ONE).match(self.pattern, self.at)
        if found is None or found[0] in UNKNOWN:
            raise _Unknown
        self.at = found.end()
        if found[0] in ASSERTIONS:
            return _Part(f"(?:{found[0]})", "")
        source = found[0] if char in "[\\." else re2.escape(char)
        return _Part(source, f"{source}?")

    def group(self, depth: int) -> _Part:
        found = GROUP.match(self.pattern, self.at)
        if found is None:
            raise _Unknown
        self.at = found.end()
        if found[2] == ")":
            return _Part(found[0], "", flags=True)
        part = self.alternatives(depth + 1)
        if self.peek() != ")":
            raise _Unknown
        self.at += 1
        return _Part(f"(?{found[1]}:{part.whole})", f"(?{found[1]}:{part.begun})") if found[1] else part


def _begun(parts: list[_Part]) -> str:
    """Return the beginnings of a sequence: of its first part, or all of it and those of the rest."""
    out = ""
    for part in reversed(parts):
        if part.flags:
            out = part.whole + out if out else ""
        elif part.begun == f"{part.whole}?":  # one character
            out = f"(?:{part.whole}{out})?"
        else:
            out = f"(?:{part.begun}|{part.whole}{out})" if out else f"(?:{part.begun}|{part.whole})"
    return out


@lru_cache(maxsize=512)
def beginnings(pattern: str) -> str | None:
    """
    Return an RE2 pattern of every text that a match of `pattern`, a valid RE2 pattern, begins with, matches included.

    The empty text is one of them; where a count is above `MANY`, so are longer texts. None where the pattern holds
    syntax that is not known here.
    """
    reader = _Reader(pattern)
    try:
        part = reader.alternatives(0)
    except _Unknown:
        return None
    return part.begun if reader.at == len(pattern) else None


def at_end(pattern: str) -> str | None:
    """Return the pattern of the beginnings that reach the end of a text; the leftmost match is the longest of them."""
    begun = beginnings(pattern)
    return None if begun is None else rf"{begun}\z"
