"""`number_format`: every number in a text has the same decimal mark and the same mark between thousands."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal, NamedTuple

from steady.rules.rule import Match, Rule, Searching, Whole

_GROUPS = ",.'’\u00a0\u202f"  # a plain space may part two numbers
_NUMBER = re.compile(rf"(?<![\w.,/:-])-?(?P<n>\d+(?:[{_GROUPS}]\d+)*)(?![\w/:])(?!-\d)")
_SPACES = " \u00a0\u202f"


class _Parts(NamedTuple):
    """A number read: its whole digits, those after the decimal mark ("" without), whether it was grouped."""

    whole: str
    decimals: str
    grouped: bool


def _split(text: str) -> tuple[list[str], list[str]]:
    """The runs of digits, and the marks between them."""
    return re.findall(r"\d+", text), re.findall(r"\D", text)


def _groups(runs: list[str]) -> bool:
    return 1 <= len(runs[0]) <= 3 and all(len(run) == 3 for run in runs[1:]) and runs[0][0] != "0"


def _readings(text: str) -> list[_Parts]:
    """All ways in which digits with marks are a number."""
    runs, marks = _split(text)
    if not marks:
        return [_Parts(text, "", False)]
    out = []
    first = {" " if mark in _SPACES else "'" if mark == "’" else mark for mark in marks[:-1]}
    last = " " if marks[-1] in _SPACES else "'" if marks[-1] == "’" else marks[-1]
    if first | {last} == {last} and _groups(runs):
        out.append(_Parts("".join(runs), "", True))
    if last in ".," and last not in first and len(first) <= 1 and (len(runs) == 2 or _groups(runs[:-1])):
        out.append(_Parts("".join(runs[:-1]), runs[-1], len(runs) > 2))
    return out


class _Numbers(Searching):
    """A search for numbers that are written otherwise."""

    def __init__(self, decimal: str, thousands: str) -> None:
        self._decimal, self._thousands = decimal, thousands
        between = f"[{_SPACES}]" if thousands == " " else "['’]" if thousands == "'" else re.escape(thousands)
        grouped = rf"|[1-9]\d{{0,2}}(?:{between}\d{{3}})+" if thousands else ""
        self._form = re.compile(rf"(?:\d+{grouped})(?:{re.escape(decimal)}\d+)?")
        self.streams = Whole("how a number goes on may be seen late")
        shown = self._written(_Parts("1234567", "5", True))
        self.reason = f"A number is not written as {shown}."

    def find(self, text: str, start: int = 0) -> Iterator[Match]:
        for hit in _NUMBER.finditer(text, start):
            if self._form.fullmatch(hit["n"]):
                continue
            readings = _readings(hit["n"])
            if not readings:
                yield from self._listed(hit)
                continue
            right = self._written(readings[0]) if len(readings) == 1 else None
            yield Match(hit.start("n"), hit.end("n"), right)

    def _listed(self, hit: "re.Match[str]") -> Iterator[Match]:
        """Numbers in a row (`3, 4`, `12 500 7`) and versions (`1.2.3`) are no number; those parted by spaces may be."""
        at = hit.start("n")
        for part in re.split(rf"([{_SPACES}])", hit["n"]):
            if any(mark in part for mark in ".,'’") and not self._form.fullmatch(part):
                readings = _readings(part)
                if len(readings) == 1:
                    yield Match(at, at + len(part), self._written(readings[0]))
            at += len(part)

    def _written(self, parts: _Parts) -> str:
        whole = parts.whole
        if parts.grouped and self._thousands:
            head = len(whole) % 3 or 3
            whole = self._thousands.join([whole[:head], *(whole[at : at + 3] for at in range(head, len(whole), 3))])
        return f"{whole}{self._decimal}{parts.decimals}" if parts.decimals else whole


class NumberFormat(Rule, frozen=True, kw_only=True, tag="number_format"):
    """
    How every number in the text is written: its decimal mark, and what may stand between thousands.

    Numbers of any length may go without a mark between thousands. What is no number in any notation (a version such as
    `1.2.3`, a time, a date) is left alone.

    A fix rewrites a number that can be read in one way only: `1.234,56` or `12,5`, but not `1,234`, which is another
    number in Boston and in Berlin.
    """

    example: ClassVar[Mapping[str, Any]] = {"decimal": ",", "thousands": ".", "on_fail": "fix"}
    can_fix: ClassVar[bool] = True

    decimal: Literal[".", ","] = "."
    """The decimal mark."""
    thousands: Literal[",", ".", " ", "'", ""] = ","
    """The mark between thousands (a space may be a narrow or unbreakable one); empty: none may stand there."""

    def build(self) -> _Numbers:
        """See Rule."""
        if self.decimal == self.thousands:
            raise ValueError(f"`decimal` and `thousands` are both {self.decimal!r}: no reader could tell them apart.")
        return _Numbers(self.decimal, self.thousands)

    def statement(self) -> str:
        """See Rule."""
        between = {"": "nothing", " ": "a space"}.get(self.thousands, repr(self.thousands))
        return f"Write numbers with {self.decimal!r} before decimals and {between} between thousands."
