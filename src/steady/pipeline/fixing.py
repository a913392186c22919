"""
Fixes by search: every match of every fixing rule is found, overlapping ones are merged, each group is replaced once.

`replace_all` does it on a whole text, `Stage` on a text that arrives in parts; both give the same text for every way
of cutting it up, because a search says from where on a match may still begin or change (see rules.rule.Finder.open). A
fix may make a new match, so several rounds follow each other, in a stream as a chain of stages.

Where matches overlap, one that covers another wins with its replacement; masks, which only take something out, unite,
and so do replacements that are the same. Anything else is a conflict: nobody can say which fix is meant, so none is
made.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from steady.policy.resolved import Bound
from steady.rules.rule import Finder, Match
from steady.types import Edit

ROUNDS = 3  # of replacing; a text that still has a match after these has failed
LIVE_ROUNDS = 1  # under a policy that streams live, streamed or not: each further round would hold back as much again

Found = tuple[Match, int]  # a match, and the index of the finder that found it


class Group(NamedTuple):
    """Overlapping matches as one span, replaced once by what the first of them says."""

    start: int
    end: int
    replacement: str
    rules: tuple[int, ...]  # which finders matched, in the order of the matches
    clash: tuple[int, ...] = ()  # those whose replacements can't both be made; the span is then left as it is


def groups(found: Sequence[Found], masks: Collection[int] | None = None) -> list[Group]:
    """
    Merge overlapping matches. The leftmost, then longest, then first rule leads.

    Args:
        found: Matches in any order; those without a replacement count for nothing.
        masks: The finders whose replacements are masks; None: all are.
    """
    merged: list[Group] = []
    for cluster in _clusters(found):
        first = cluster[0][0]
        end = max(match.end for match, _ in cluster)
        clash = _clash(cluster, masks) if len(cluster) > 1 else ()
        merged.append(Group(first.start, end, first.replacement or "", tuple(rule for _, rule in cluster), clash))
    return merged


def _clusters(found: Sequence[Found]) -> Iterator[list[Found]]:
    cluster: list[Found] = []
    end = 0
    for match, rule in sorted(found, key=lambda item: (item[0].start, -item[0].end, item[1])):
        if match.replacement is None:
            continue
        if cluster and match.start >= end:
            yield cluster
            cluster, end = [], 0
        cluster.append((match, rule))
        end = max(end, match.end)
    if cluster:
        yield cluster


def _clash(cluster: Sequence[Found], masks: Collection[int] | None) -> tuple[int, ...]:
    """Return the rules of one cluster whose replacements can't be merged, sorted."""
    if masks is None:
        return ()
    kept: list[Found] = []  # those that no other covers; their starts and their ends go up together
    for match, rule in cluster:
        if not kept or match.end > kept[-1][0].end or match[:2] == kept[-1][0][:2]:
            kept.append((match, rule))
    bad: set[int] = set()
    for i, (one, rule) in enumerate(kept):
        for two, other in kept[i + 1 :]:
            if two.start >= one.end:
                break
            united = _mask(one, rule, masks) and _mask(two, other, masks)
            if one.replacement != two.replacement and not united:
                bad |= {rule, other}
    return tuple(sorted(bad))


def _mask(match: Match, rule: int, masks: Collection[int]) -> bool:
    return rule in masks or match.label == "hidden"  # a run that nobody sees is only taken out, whoever finds it


def masks_of(rules: Sequence[Bound]) -> frozenset[int]:
    """Return which of the rules only mask: those that never show what they match."""
    return frozenset(i for i, bound in enumerate(rules) if bound.rule.sensitive)


def replace_all(text: str, finders: Sequence[Finder], masks: Collection[int] | None = None) -> tuple[str, list[Group]]:
    """Return `text` with every group replaced once, and the groups; those in conflict are left as they are."""
    found = [(match, i) for i, finder in enumerate(finders) for match in finder.find(text)]
    merged = groups(found, masks)
    parts, at = [], 0
    for group in merged:
        if not group.clash:
            parts += [text[at : group.start], group.replacement]
            at = group.end
    return "".join([*parts, text[at:]]), merged


def edits_for(rule: int, merged: Sequence[Group]) -> tuple[Edit, ...]:
    """Return the edits that are put down to one rule: the groups that it leads."""
    return tuple(Edit(g.start, g.end, g.replacement) for g in merged if g.rules[0] == rule)


class Stage:
    """
    One round of `replace_all` on a text that arrives in parts. Not frozen: it is the state of one stream.

    Args:
        finders: The searches that fix.
        masks: As in `groups`.
    """

    def __init__(self, finders: Sequence[Finder], masks: Collection[int] | None = None) -> None:
        self._finders = finders
        self._masks = masks
        self._held = ""
        self._context = 0  # 1 once a character to the left of the held text is kept
        self.groups = 0
        self.clash: tuple[int, ...] = ()  # the rules in conflict; nothing leaves any more

    def feed(self, text: str, *, final: bool = False) -> str:
        """Take the next part; return what can be released for good. `final`: nothing follows."""
        if self.clash:
            return ""
        self._held += text
        if not self._finders:
            out, self._held = self._held, ""
            return out
        cut = len(self._held) if final else opening(self._finders, self._held, self._context)
        found = [(m, i) for i, f in enumerate(self._finders) for m in f.find(self._held, self._context)]
        cut = before_matches([match for match, _ in found], cut)
        return self._release(cut, groups([(m, i) for m, i in found if m.start < cut], self._masks))

    def _release(self, cut: int, merged: Sequence[Group]) -> str:
        parts, at = [], self._context
        for group in merged:
            if group.clash:
                self.clash, cut = group.clash, group.start
                break
            parts += [self._held[at : group.start], group.replacement]
            at = group.end
            self.groups += 1
        parts.append(self._held[at:cut])
        if cut > 0:
            self._held, self._context = self._held[cut - 1 :], 1
        return "".join(parts)

    @property
    def holding(self) -> int:
        """Characters held back now."""
        return len(self._held) - self._context


def opening(finders: Sequence[Finder], text: str, start: int) -> int:
    """Return the first place at or after `start` from which a match of one of the searches may still begin."""
    return min((finder.open(text, start) for finder in finders), default=len(text))


def before_matches(found: Sequence[Match], cut: int) -> int:
    """Return the last place up to `cut` that is inside of no match, whoever found it: overlapping ones go together."""
    for match in sorted(found, key=lambda match: -match.start):
        if match.start < cut < match.end:
            cut = match.start
    return cut
