"""Blocks of code in a text: CommonMark's fences, in one pass over the lines."""

import re
from typing import NamedTuple

_FENCE = re.compile(r"^[ >]{0,12}(`{3,}|~{3,})[ \t]*([^\s`]*)[^\n`]*$")
_LINE = re.compile(r"[^\n]*\n?")


class Block(NamedTuple):
    """One fenced block: text[start:end] is the code, without its fences."""

    start: int
    end: int
    language: str  # the first word after the fence, in small letters, "" if there is none
    closed: bool


def blocks(text: str) -> list[Block]:
    """Return the fenced blocks of a text; one without an end goes to the end of the text."""
    out: list[Block] = []
    opened: tuple[str, str, int] | None = None
    at = 0
    while at < len(text):
        found = _LINE.match(text, at)
        end = found.end() if found else len(text)
        fence = _FENCE.match(text[at : min(end, at + 300)].rstrip("\r\n"))
        if fence and opened is None:
            opened = (fence[1], fence[2].casefold().strip("{}."), end)
        elif fence and opened and fence[1][0] == opened[0][0] and len(fence[1]) >= len(opened[0]) and not fence[2]:
            out.append(Block(opened[2], at, opened[1], closed=True))
            opened = None
        at = end
    if opened is not None:
        out.append(Block(opened[2], len(text), opened[1], closed=False))
    return out
