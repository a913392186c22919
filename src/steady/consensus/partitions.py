"""Consensus on a grouping: co-association of items, average linkage, and the adjusted Rand index as agreement."""

from collections.abc import Sequence
from fractions import Fraction
from heapq import heapify, heappop, heappush
from itertools import combinations
from math import comb, lcm

from steady.consensus.lists import Ballots, ballots, concluded, grouped
from steady.types import Aggregate, Agreement, Consensus, Vote

UNIT = 1 << 40  # full co-association


def adjusted_rand(one: dict[str, int], other: dict[str, int]) -> Fraction:
    """
    Return the adjusted Rand index of two groupings over the items that both have (Hubert and Arabie 1985).

    1 for equal groupings, about 0 for unrelated ones, and below 0 for less than chance. Two groupings in which chance
    leaves no room (one group each, or all apart) count 1 if equal, else 0; so do fewer than two shared items.
    """
    shared = sorted(one.keys() & other.keys())
    cells: dict[tuple[int, int], int] = {}
    rows: dict[int, int] = {}
    columns: dict[int, int] = {}
    for item in shared:
        a, b = one[item], other[item]
        cells[a, b] = cells.get((a, b), 0) + 1
        rows[a] = rows.get(a, 0) + 1
        columns[b] = columns.get(b, 0) + 1
    both = sum(comb(n, 2) for n in cells.values())
    left, right = (sum(comb(n, 2) for n in counts.values()) for counts in (rows, columns))
    every = comb(len(shared), 2)
    if not every:
        return Fraction(1)
    expected, most = Fraction(left * right, every), Fraction(left + right, 2)
    return Fraction(int(left == right == both)) if most == expected else (both - expected) / (most - expected)


def average_linkage(count: int, together: dict[tuple[int, int], float]) -> tuple[list[list[int]], bool]:
    """
    Merge items while two groups are, over their pairs on average, together in at least half of the samples.

    The pair of groups that is together most is merged first; among equals the one whose lowest items come first.

    Args:
        count: How many items there are, in the order that breaks ties.
        together: For i < j the share of the samples with both that put them together; absent: 0. Sums of such shares
            are rounded to 40 bits, so that the order of merging never depends on the order of adding.

    Returns:
        The groups, and whether two of them were merged that are together in just half of the samples.
    """
    tie = False
    groups = {index: [index] for index in range(count)}
    sums = {pair: round(share * UNIT) for pair, share in together.items()}
    heap = [(-total, pair) for pair, total in sums.items()]  # the mean of two single items
    heapify(heap)
    while heap:
        mean, (left, right) = heappop(heap)
        if -mean * 2 < UNIT:
            break
        if (left, right) not in sums or -mean != _mean(sums, groups, left, right):
            continue  # one of the two has grown since
        tie = tie or -mean * 2 == UNIT
        groups[left] += groups.pop(right)
        del sums[left, right]
        for other in groups:
            if other == left:
                continue
            near = (min(left, other), max(left, other))
            total = sums.get(near, 0) + sums.pop((min(right, other), max(right, other)), 0)
            if total:
                sums[near] = total
                heappush(heap, (-_mean(sums, groups, *near), near))
    return [sorted(groups[first]) for first in sorted(groups)], tie


def _mean(sums: dict[tuple[int, int], int], groups: dict[int, list[int]], left: int, right: int) -> int:
    return sums[left, right] // (len(groups[left]) * len(groups[right]))


def partition_consensus(legal: Sequence[str], penalty: Fraction) -> Aggregate:
    """
    Return the grouping in which items are together that most accepted ballots put together.

    An answer is a JSON array of arrays of items; an item named twice belongs to the first group. Co-association (Fred
    and Jain 2005) with average linkage, cut at 1/2; a ballot that lacks one of two items does not count for them.
    Agreement is the mean adjusted Rand index of all pairs of ballots, at least 0, times the share of the completed
    first draws that are groupings at all. The answer may be a grouping that no draw gave; the accepted one most like it
    stands ready.
    """

    def aggregate(given: Sequence[Vote]) -> Consensus:
        made = ballots(given, legal, grouped)
        parts = {ballot.vote.slot: dict(zip(ballot.items, ballot.groups, strict=True)) for ballot in made.read}
        answer, tie = _answer(made, parts)
        label = {item: index for index, group in enumerate(answer) for item in group}
        return concluded(
            made,
            "[" + ",".join("[" + ",".join(made.spelling[item] for item in group) + "]" for group in answer) + "]",
            key=lambda ballot: repr(_canonical(parts[ballot.vote.slot])),
            away=lambda ballot: _away(parts[ballot.vote.slot], label),
            alike=lambda a, b: max(Fraction(0), adjusted_rand(parts[a.vote.slot], parts[b.vote.slot])),
            agreement=Agreement(
                share=_agreement(made, list(parts.values())), method="mean adjusted Rand index", tie=tie
            ),
            penalty=penalty,
        )

    return aggregate


def _canonical(part: dict[str, int]) -> tuple[tuple[str, ...], ...]:
    groups: dict[int, list[str]] = {}
    for item, group in part.items():
        groups.setdefault(group, []).append(item)
    return tuple(sorted(tuple(sorted(group)) for group in groups.values()))


def _away(part: dict[str, int], label: dict[str, int]) -> Fraction:
    same = _canonical(part) == _canonical(label)
    return Fraction(0) if same else 2 - adjusted_rand(part, label) + abs(len(part) - len(label))


def _answer(made: Ballots, parts: dict[int, dict[str, int]]) -> tuple[list[list[str]], bool]:
    accepted = [b.vote for b in made.read if b.vote.accepted]
    items = sorted({item for vote in accepted for item in parts[vote.slot]}, key=made.place)
    place = {item: index for index, item in enumerate(items)}
    unit = lcm(*(vote.quality.denominator for vote in accepted))
    same: dict[tuple[int, int], int] = {}
    absent: dict[tuple[int, int], int] = {}  # the weight of the ballots that lack one of the two
    whole = 0
    for vote in accepted:
        weight, part = int(vote.quality * unit), parts[vote.slot]
        whole += weight
        for group in _canonical(part):
            for pair in combinations(sorted(place[item] for item in group), 2):
                same[pair] = same.get(pair, 0) + weight
        for gone in (index for index, item in enumerate(items) if item not in part):
            for other in range(len(items)):
                pair = (min(gone, other), max(gone, other))
                if other != gone and (items[other] in part or gone < other):
                    absent[pair] = absent.get(pair, 0) + weight
    shares = {pair: weight / (whole - absent.get(pair, 0)) for pair, weight in same.items() if weight}
    groups, tie = average_linkage(len(items), shares)
    return [[items[index] for index in group] for group in groups], tie


def _agreement(made: Ballots, parts: Sequence[dict[str, int]]) -> Fraction:
    if not parts:
        return Fraction(0)
    scaled = Fraction(len(parts), len(made.votes))
    pairs = [adjusted_rand(a, b) for i, a in enumerate(parts) for b in parts[i + 1 :]]
    return max(Fraction(0), sum(pairs, Fraction(0)) / len(pairs)) * scaled if pairs else scaled
