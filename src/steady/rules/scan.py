"""
One scanner for all formats made of ASCII: addresses, numbers, keys, links.

A `Format` is an RE2 pattern over the plain view (`normal.plain`) with what may stand before it and a check in Python
for what no pattern can say (checksums). All formats of a rule are searched in one pass.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import re2

from steady.rules.normal import REPLACED, RIGHT, RUN, View, hidden_runs, plain, trailing_run
from steady.rules.partial import beginnings
from steady.rules.rule import Match, Searching, Window
from steady.rules.width import widest

NOT_WORD = r"[^0-9A-Za-z\x01]"  # what may stand before most formats

Confirm = Callable[[str, int, int], int | None]


class Format(NamedTuple):
    """One thing to look for."""

    label: str
    pattern: str  # RE2, over the plain view; of bounded width; matches no empty text
    before: str = NOT_WORD  # RE2 class of the one character that may stand before it; the start of the text always may
    confirm: Confirm | None = None  # (view, start, end) -> the end of the match, at most `end`, or None
    looks: int = 3  # at most so many characters behind `end` does `confirm` look at


class _Compiled(NamedTuple):
    label: str
    anchored: "re.Pattern[str]"  # at one place Python's own engine is quicker; bounded width bounds its backtracking
    confirm: Confirm | None
    looks: int


def _allowed(before: str) -> frozenset[str]:
    pattern = re.compile(before)
    return frozenset(char for char in map(chr, range(128)) if pattern.fullmatch(char))


@lru_cache(maxsize=128)  # every policy with the same rule searches with the same automaton, and warms it up once
def compile_bytes(pattern: str) -> "re2._Regexp[bytes]":
    """Return a built-in pattern, compiled to search ASCII bytes."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 64 << 20
    options.encoding = re2.Options.Encoding.LATIN1
    return re2.compile(pattern.encode("latin-1"), options)


Replace = Callable[[str, str], str]
"""(label, matched raw text) -> what a fix puts there."""

Splits = Callable[[str, str], bool]
"""(visible character before, after; both plain): whether a hidden run between them can split a match."""


def between_words(before: str, after: str) -> bool:
    """Splits for most formats: both sides can belong to one address, number or key."""
    core = "@.+_-:/"
    return (before.isalnum() or before in core) and (after.isalnum() or after in core)


class Scanner(Searching):
    """
    The search for formats.

    Where two formats start at one place, the earlier in `formats` wins. Hidden runs of invisible characters that could
    split a match are matches labelled `hidden`.

    Args:
        formats: What to look for.
        replace: What a fix puts in a match's place.
        reason: One sentence for the finding; must not quote.
        splits: Where a hidden run counts.
    """

    def __init__(
        self, formats: Sequence[Format], replace: Replace, reason: str, splits: Splits = between_words
    ) -> None:
        compiled = tuple(
            (_allowed(f.before), _Compiled(f.label, re.compile(f.pattern.replace(r"\z", r"\Z")), f.confirm, f.looks))
            for f in formats
        )
        self._first = tuple(form for _, form in compiled)  # what may begin the text
        self._after = {
            left: tuple(form for allowed, form in compiled if left in allowed) for left in map(chr, range(128))
        }
        self._any = compile_bytes("|".join(f"(?:{f.before}(?:{f.pattern}))" for f in formats))
        self._begun = _ending(formats)
        self._replace = replace
        self._splits = splits
        self.reason = reason
        width = max((widest(f.pattern) or 0) + f.looks - 1 for f in formats)
        self.streams = Window(max(2 * width, RUN + 2), RIGHT)

    def find(self, text: str, start: int = 0) -> Iterator[Match]:
        """See Finder."""
        base = max(0, start - 1)
        part = text[base:]
        view = plain(part)
        hidden = self._hidden(part, start - base) if isinstance(view.starts, list) else iter(())
        waiting = next(hidden, None)
        for match in self._seen(part, view, start - base):
            while waiting is not None and waiting.start < match.start:
                yield _moved(waiting, base)
                waiting = next(hidden, None)
            yield _moved(match, base)
        while waiting is not None:
            yield _moved(waiting, base)
            waiting = next(hidden, None)

    def open(self, text: str, start: int = 0) -> int:
        """See Finder."""
        if self._begun is None:
            return super().open(text, start)
        base = max(0, start - 1)
        part = text[base:]
        view = plain(part)
        place = self._open(part, view, start - base)
        place = view.starts[place] if place < len(view.text) else len(part)
        run = trailing_run(part)  # one invisible character begins what follows it; two may be hidden ones
        if run < len(part):
            place = min(place, run if run > 0 and len(part) - run <= RUN else len(part) - 1)
        return max(super().open(text, start), base + place)

    def _open(self, part: str, view: View, start: int) -> int:
        """Return the first place of the view from which a match may begin that is not decided yet."""
        data = b"\n" + view.text.encode("ascii")
        low = next((i for i, raw in enumerate(view.starts) if raw >= start), len(view.text))
        at, most = low, self._begins(data, low)
        while (hit := self._any.search(data, at)) and (first := hit.start()) < most:
            at = first + 1
            for form in self._after[view.text[first - 1]] if first else self._first:
                found = form.anchored.match(view.text, first)
                if found is None:
                    continue
                if form.confirm is not None and found.end() + form.looks > len(view.text):
                    return int(first)
                end = self._end(form, view.text, first)
                if end is not None and self.wanted(part[view.starts[first] : view.ends[end - 1]]):
                    at, most = end, most if most >= end else self._begins(data, end)
                    break
        return int(most)

    def _begins(self, data: bytes, at: int) -> int:
        """Return the first place from `at` on from which the rest of the view is the beginning of a match."""
        hit = self._begun.search(data, at) if self._begun else None
        return hit.start() if hit else len(data) - 1

    def wanted(self, raw: str) -> bool:
        """Whether a match, as it stands in the text, counts; the search goes on inside one that does not."""
        return True

    def _seen(self, part: str, view: View, start: int) -> Iterator[Match]:
        text, starts, ends = view
        data = b"\n" + text.encode("ascii")  # one character before each, the first included
        at = 0
        while hit := self._any.search(data, at):
            first = hit.start()
            at = first + 1
            if starts[first] < start:
                continue
            for form in self._after[text[first - 1]] if first else self._first:
                end = self._end(form, text, first)
                if end is not None and self.wanted(part[starts[first] : ends[end - 1]]):
                    low, high = starts[first], ends[end - 1]
                    yield Match(low, high, self._replace(form.label, part[low:high]), form.label)
                    at = end
                    break

    @staticmethod
    def _end(form: _Compiled, view: str, first: int) -> int | None:
        found = form.anchored.match(view, first)
        if found is None:
            return None
        return found.end() if form.confirm is None else form.confirm(view, first, found.end())

    def _hidden(self, part: str, start: int) -> Iterator[Match]:
        for run in hidden_runs(part, start):
            if run.after == "":
                continue
            before = plain(run.before).text
            if self._splits(before, before if run.after is None else plain(run.after).text):
                yield Match(run.start, run.end, REPLACED, "hidden")


def _ending(formats: Sequence[Format]) -> "re2._Regexp[bytes] | None":
    """Return the pattern of what may become a match when more text comes, or None where it can't be told."""
    begun = [beginnings(form.pattern) for form in formats]
    if None in begun:
        return None
    either = "|".join(f"{form.before}{source}" for form, source in zip(formats, begun, strict=True))
    try:
        return compile_bytes(rf"(?:{either})\z")
    except re2.error:
        return None


def _moved(match: Match, by: int) -> Match:
    return match._replace(start=match.start + by, end=match.end + by) if by else match


def ends_word(view: str, start: int, end: int) -> int | None:
    """A `confirm`: no letter or digit follows."""
    return None if view[end : end + 1].isalnum() or view[end : end + 1] == "\x01" else end
