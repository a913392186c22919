"""
The search for keys, quick for any text.

What `Scanner` finds, found with less: in a long run of key characters there is a place in every second character where
a link of a key might begin, and each would be tried by itself. Here the places where none can, since 64 characters
from there hold no digit, no small or no capital letter, are known for a whole run at once. At a place that is tried,
one alternation of all formats says which may match, and only what may is tried.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import re2

from steady.rules.normal import View
from steady.rules.rule import Match
from steady.rules.scan import Format, Scanner, compile_bytes

_TURN = re.compile("[a-z](?=[A-Z0-9])")
_TAIL = re.compile(r"\{(\d+),\d+\}$")


class Run(NamedTuple):
    """A format for what begins at the start of a run of key characters, or at a turn in it: `aB`, `a1`."""

    chars: str  # the characters of the run, for a class
    least: int  # characters of a link
    most: int  # that one match covers at most
    needs: tuple[str, ...]  # classes; each occurs among the first `least` characters of a link
    stops: str  # characters behind the run that make a match that ends there none


_Table = tuple["re.Pattern[str]", tuple[Any, ...]]
"""The alternation of some formats, each a group, and the formats."""


class _Zone(NamedTuple):
    low: int  # the first and last place where a link may begin
    high: int


@lru_cache(maxsize=8)
def _pattern(run: Run) -> "re2._Regexp[bytes]":
    return compile_bytes(f"[{run.chars}]{{{run.least},}}")


def _runs(data: bytes, run: Run) -> Iterator[tuple[int, int]]:
    at = 0
    while found := _pattern(run).search(data, at):
        yield found.span()
        at = found.end()


def zones(view: str, run: Run) -> Iterator[_Zone]:
    """Yield the stretches of `view` in which links of `run` may begin, in order, not overlapping."""
    gaps = [re.compile(f"[^{need}]{{{run.least},}}") for need in run.needs]
    for low, end in _runs(view.encode("ascii"), run):
        high = end - run.least
        if view[end : end + 1] and view[end] in run.stops:
            high = min(high, end - run.most - 2)
        dead = sorted(
            (gap.start(), gap.end() - run.least) for wanted in gaps for gap in wanted.finditer(view, low, end)
        )
        for first, last in dead:
            if first > high:
                break
            if low < first:
                yield _Zone(low, first - 1)
            low = max(low, last + 1)
        if low <= high:
            yield _Zone(low, high)


class _Places:
    """The places where links may begin: starts of runs and turns, within their zones."""

    def __init__(self, view: str, runs: Sequence[Run]) -> None:
        self.view = view
        self.waiting = [zones(view, run) for run in runs]
        self.zones = [next(each, None) for each in self.waiting]

    def next(self, at: int) -> int:
        """Return the first place at or after `at`; beyond the text where there is none. `at` never goes back."""
        return min((self._in(n, at) for n in range(len(self.zones))), default=len(self.view) + 1)

    def _in(self, n: int, at: int) -> int:
        while (zone := self.zones[n]) is not None:
            low = max(at, zone.low)
            if low <= zone.high:
                if low == zone.low:  # the start of its run, or next to a place that is none: tried in any case
                    return low
                turn = _TURN.search(self.view, low - 1, zone.high + 1)
                if turn:
                    return turn.end()
            self.zones[n] = next(self.waiting[n], None)
        return len(self.view) + 1


def _either(forms: Sequence[Any]) -> _Table:
    return re.compile("|".join(f"({form.anchored.pattern})" for form in forms)), tuple(forms)


class KeyScanner(Scanner):
    """
    A Scanner some of whose formats are runs of key characters.

    Args:
        formats: All formats, as Scanner takes them.
        runs: What those with the label `material` are.
        material: The label of the runs' formats.
        replace: See Scanner.
        reason: See Scanner.
    """

    def __init__(
        self,
        formats: Sequence[Format],
        runs: Sequence[Run],
        material: str,
        replace: Callable[[str, str], str],
        reason: str,
    ) -> None:
        super().__init__(formats, replace, reason)
        others = [form for form in formats if form.label != material]
        shortest = [_TAIL.sub(r"{\1}", form.pattern) for form in others]  # where it begins shows without the rest
        self._others = compile_bytes(
            "|".join(f"(?:{f.before}(?:{source}))" for f, source in zip(others, shortest, strict=True))
        )
        self._runs = runs
        tables = {forms: _either(forms) for forms in {self._first, *self._after.values()}}
        self._opening = tables[self._first]
        self._behind = {left: tables[forms] for left, forms in self._after.items()}

    def _seen(self, part: str, view: View, start: int) -> Iterator[Match]:
        text, starts, ends = view
        data = b"\n" + text.encode("ascii")  # one character before each, the first included
        places = _Places(text, self._runs)
        at, hit, place = 0, -1, -1
        while True:
            if hit < at:
                found = self._others.search(data, at)
                hit = found.start() if found else len(text) + 1
            if place < at:
                place = places.next(at)
            first = hit if hit < place else place
            if first > len(text):
                return
            at = first + 1
            if first == len(text) or starts[first] < start:
                continue
            match = self._match(self._behind[text[first - 1]] if first else self._opening, text, first)
            if match is not None and self.wanted(part[starts[first] : ends[match[0] - 1]]):
                at, label = match
                low, high = starts[first], ends[at - 1]
                yield Match(low, high, self._replace(label, part[low:high]), label)

    def _match(self, table: _Table, view: str, first: int) -> tuple[int, str] | None:
        """Return where the match of the first format that holds at a place ends, and its label."""
        either, forms = table
        found = either.match(view, first)
        if found is None or found.lastindex is None:
            return None
        index = found.lastindex
        sure = forms[index - 1]
        end = found.end() if sure.confirm is None else sure.confirm(view, first, found.end())
        if end is not None:
            return end, sure.label
        for form in forms[index:]:
            end = self._end(form, view, first)
            if end is not None:
                return end, form.label
        return None
