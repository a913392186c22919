"""
Fixes by search: every match of every fixing rule is found, overlapping ones are merged, each group is replaced once.

`replace_all` does it on a whole text, `Stage` on a text that arrives in parts; both give the same text for every way
of cutting it up, because a match at s is decided by text[s - 1 : s + width + right] alone (see rules.rule.Finder). A
fix may make a new match, so several rounds follow each other, in a stream as a chain of stages.
"""

from collections.abc import Sequence
from typing import NamedTuple

from steady.rules.rule import Finder, Match, Window
from steady.types import Edit

ROUNDS = 3  # of replacing; a text that still has a match after these has failed
LIVE_ROUNDS = 1  # under a policy that streams live, streamed or not: each further round would hold back as much again


class Group(NamedTuple):
    """Overlapping matches as one span, replaced once by what the first of them says."""

    start: int
    end: int
    replacement: str
    rules: tuple[int, ...]  # which finders matched, in the order of the matches


def groups(found: Sequence[tuple[Match, int]]) -> list[Group]:
    """Merge overlapping matches (each with its finder's index). The leftmost, then longest, then first rule leads."""
    merged: list[Group] = []
    for match, rule in sorted(found, key=lambda item: (item[0].start, -item[0].end, item[1])):
        if match.replacement is None:
            continue
        if merged and match.start < merged[-1].end:
            last = merged[-1]
            merged[-1] = last._replace(end=max(last.end, match.end), rules=(*last.rules, rule))
        else:
            merged.append(Group(match.start, match.end, match.replacement, (rule,)))
    return merged


def replace_all(text: str, finders: Sequence[Finder]) -> tuple[str, list[Group]]:
    """Return `text` with every group replaced once, and the groups."""
    found = [(match, i) for i, finder in enumerate(finders) for match in finder.find(text)]
    merged = groups(found)
    parts, at = [], 0
    for group in merged:
        parts += [text[at : group.start], group.replacement]
        at = group.end
    return "".join([*parts, text[at:]]), merged


def edits_for(rule: int, merged: Sequence[Group]) -> tuple[Edit, ...]:
    """Return the edits that are put down to one rule: the groups that it leads."""
    return tuple(Edit(g.start, g.end, g.replacement) for g in merged if g.rules[0] == rule)


def reach(finders: Sequence[Finder]) -> int:
    """Return how many characters from its start can decide a match."""
    widths = [f.streams.width + f.streams.right for f in finders if isinstance(f.streams, Window)]
    return max(widths, default=0)


class Stage:
    """One round of `replace_all` on a text that arrives in parts. Not frozen: it is the state of one stream."""

    def __init__(self, finders: Sequence[Finder]) -> None:
        self._finders = finders
        self._reach = reach(finders)
        self._held = ""
        self._context = 0  # 1 once a character to the left of the held text is kept
        self.groups = 0

    def feed(self, text: str, *, final: bool = False) -> str:
        """Take the next part; return what can be released for good. `final`: nothing follows."""
        self._held += text
        if not self._finders:
            out, self._held = self._held, ""
            return out
        end = len(self._held)
        cut = end if final else max(self._context, end - self._reach + 1)
        merged = self._decided(cut, final=final)
        if merged and merged[-1].end > cut:  # a later match may still join it
            cut = merged.pop().start
        return self._release(cut, merged)

    def _decided(self, cut: int, *, final: bool) -> list[Group]:
        found = [
            (match, i)
            for i, finder in enumerate(self._finders)
            for match in finder.find(self._held, self._context)
            if final or match.start < cut
        ]
        return groups(found)

    def _release(self, cut: int, merged: Sequence[Group]) -> str:
        parts, at = [], self._context
        for group in merged:
            parts += [self._held[at : group.start], group.replacement]
            at = group.end
        parts.append(self._held[at:cut])
        self.groups += len(merged)
        if cut > 0:
            self._held, self._context = self._held[cut - 1 :], 1
        return "".join(parts)

    @property
    def holding(self) -> int:
        """Characters held back now."""
        return len(self._held) - self._context
