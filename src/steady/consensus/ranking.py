"""Consensus on a ranking: exact Kemeny for few items, Schulze for many, Borda on request; Kendall's W as agreement."""

from collections.abc import Sequence
from fractions import Fraction
from math import lcm
from typing import Literal, NamedTuple

from steady.consensus.lists import Ballot, Ballots, ballots, concluded, flat, listed
from steady.types import Aggregate, Agreement, Consensus, Vote

EXACT = 12  # items: the subset table has 2**12 rows

Method = Literal["kemeny", "borda"]
Pairs = list[list[int]]  # [i][j]: the weight of the ballots that put i before j, in one unit for all


def pairs(rankings: Sequence[Sequence[int]], weights: Sequence[Fraction], count: int) -> Pairs:
    """
    Return for each two items the weight of the rankings that put the first before the second, as whole numbers.

    An item that a ranking leaves out stands behind those it names; two that it leaves out are not compared.
    """
    unit = lcm(*(weight.denominator for weight in weights))
    before: Pairs = [[0] * count for _ in range(count)]
    for ranking, weight in zip(rankings, weights, strict=True):
        whole, named = int(weight * unit), set(ranking)
        rest = [item for item in range(count) if item not in named]
        for place, item in enumerate(ranking):
            row = before[item]
            for other in (*ranking[place + 1 :], *rest):
                row[other] += whole
    return before


class Ranked(NamedTuple):
    """A ranking, and whether the votes would allow another just as well."""

    order: list[int]
    tie: bool


def kemeny(before: Pairs) -> Ranked:
    """
    Return the ranking with the least summed disagreement over all pairs; of several the first in the order of items.

    Exact, by dynamic programming over subsets in O(2^m m) (Davenport and Kalagnanam 2004); m <= 12. Kemeny 1959.

    Raises:
        ValueError: For more than 12 items.
    """
    count = len(before)
    if count > EXACT:
        raise ValueError(f"kemeny() is exact up to {EXACT} items, got {count}.")
    against = [_against(before, item) for item in range(count)]
    cost, first = [0] * (1 << count), [0] * (1 << count)  # of ranking a subset, and what comes first in it
    tied = [False] * (1 << count)
    for subset in range(1, 1 << count):
        best = -1
        for item in range(count):
            bit = 1 << item
            if subset & bit:
                total = against[item][subset ^ bit] + cost[subset ^ bit]
                if best < 0 or total < best:  # the lowest item of equals, so the first ranking in order
                    best, first[subset], tied[subset] = total, item, tied[subset ^ bit]
                elif total == best:
                    tied[subset] = True
        cost[subset] = best
    out, left = [], (1 << count) - 1
    while left:
        out.append(first[left])
        left ^= 1 << first[left]
    return Ranked(out, tied[-1])


def _against(before: Pairs, item: int) -> list[int]:
    """Return for each subset of items the weight that would rather have it before `item`."""
    sums = [0] * (1 << len(before))
    for subset in range(1, len(sums)):
        low = subset & -subset
        sums[subset] = sums[subset ^ low] + before[low.bit_length() - 1][item]
    return sums


def schulze(before: Pairs) -> Ranked:
    """
    Return the ranking by beat-paths (Schulze 2011, winning votes); ties go to the order of items.

    It is Condorcet-consistent and independent of clones. Duels are taken strongest first, and who reaches whom is kept
    as bits: one item beats another if a path to it is there at a strength at which none leads back.
    """
    count = len(before)
    duels: dict[int, list[tuple[int, int]]] = {}
    for i in range(count):
        for j in range(count):
            if before[i][j] > before[j][i]:
                duels.setdefault(before[i][j], []).append((i, j))
    reach, reached = [0] * count, [0] * count  # bits of the items that one reaches, and that reach it
    beats = [0] * count
    for strength in sorted(duels, reverse=True):
        known = list(reach)
        for i, j in duels[strength]:
            if not reach[i] >> j & 1:
                _connect(reach, reached, i, j)
        for i in range(count):
            new = reach[i] & ~known[i] & ~(1 << i)
            beats[i] += (new & ~reached[i]).bit_count()
    return Ranked(sorted(range(count), key=lambda item: (-beats[item], item)), len(set(beats)) < count)


def _connect(reach: list[int], reached: list[int], i: int, j: int) -> None:
    sources, targets = reached[i] | 1 << i, reach[j] | 1 << j
    for rows, mine, added in ((reach, sources, targets), (reached, targets, sources)):
        while mine:
            low = mine & -mine
            rows[low.bit_length() - 1] |= added
            mine ^= low


def borda(rankings: Sequence[Sequence[int]], weights: Sequence[Fraction], count: int) -> Ranked:
    """Return the ranking by mean rank, an item left out having the average of the ranks left; ties by order."""
    total = [Fraction(0)] * count
    for ranking, weight in zip(rankings, weights, strict=True):
        for item, rank in enumerate(_ranks(ranking, count)):
            total[item] += weight * rank
    return Ranked(sorted(range(count), key=lambda item: (total[item], item)), len(set(total)) < count)


def _ranks(ranking: Sequence[int], count: int) -> list[Fraction]:
    """Return each item's rank from 1; those left out share the average of what is left."""
    ranks = [Fraction(len(ranking) + 1 + count, 2)] * count
    for place, item in enumerate(ranking):
        ranks[item] = Fraction(place + 1)
    return ranks


def concordance(rankings: Sequence[Sequence[int]], count: int) -> Fraction:
    """
    Return Kendall's W, corrected for ties: 0 for no concordance, 1 where all rankings are equal.

    W = 12 S / (k^2 (m^3 - m) - k T), S the squared deviations of the rank sums from their mean, T the sum of t^3 - t
    over the tied items of each ranking (Kendall and Babington Smith 1939; ties: Siegel 1956). k unrelated rankings
    have an expected W of 1/k, not 0. Rankings that compare nothing (all items tied) have a W of 1.
    """
    k = len(rankings)
    sums = [Fraction(0)] * count
    ties = 0
    for ranking in rankings:
        for item, rank in enumerate(_ranks(ranking, count)):
            sums[item] += rank
        left = count - len(ranking)
        ties += left**3 - left
    mean = sum(sums, Fraction(0)) / count
    spread = sum(((one - mean) ** 2 for one in sums), Fraction(0))
    most = k * k * (count**3 - count) - k * ties
    return 12 * spread / most if most else Fraction(1)


def ranking_consensus(legal: Sequence[str], method: Method, penalty: Fraction) -> Aggregate:
    """
    Return the ranking that disagrees least with the accepted ones, each counting as much as its quality.

    Up to 12 items Kemeny's, beyond that Schulze's; `borda` takes mean ranks. Agreement is Kendall's W of all rankings,
    times their share of all completed first draws (refusals and what is no list agree with nobody). The answer may be
    a ranking that no draw gave; then the accepted one nearest to it by Spearman's footrule stands ready.
    """

    def aggregate(given: Sequence[Vote]) -> Consensus:
        made = ballots(given, legal, flat)
        items = sorted({item for ballot in made.read for item in ballot.items}, key=made.place)
        number = {item: index for index, item in enumerate(items)}
        every = {ballot.vote.slot: [number[item] for item in ballot.items] for ballot in made.read}
        best, tie = _best(made, every, len(items), method)
        place = _ranks(best, len(items))
        share = (
            concordance(list(every.values()), len(items)) * Fraction(len(made.read), len(made.votes)) if items else 0
        )

        def away(ballot: Ballot) -> Fraction:
            mine = every[ballot.vote.slot]
            if mine == best:
                return Fraction(0)
            ranks = _ranks(mine, len(items))
            return 1 + sum((abs(a - b) for a, b in zip(ranks, place, strict=True)), Fraction(0))

        return concluded(
            made,
            listed([items[index] for index in best], made),
            key=lambda ballot: "\n".join(ballot.items),
            away=away,
            alike=lambda a, b: _alike(every[a.vote.slot], every[b.vote.slot], len(items)),
            agreement=Agreement(share=Fraction(share), method="Kendall's W", tie=tie),
            penalty=penalty,
        )

    return aggregate


def _best(made: Ballots, every: dict[int, list[int]], count: int, method: Method) -> Ranked:
    accepted = [ballot.vote for ballot in made.read if ballot.vote.accepted]
    rankings, weights = [every[vote.slot] for vote in accepted], [vote.quality for vote in accepted]
    used = sorted({item for ranking in rankings for item in ranking})  # what only a refused ballot names is not ranked
    if method == "borda":
        found, tie = borda(rankings, weights, count)
        return Ranked([item for item in found if item in set(used)], tie)
    table = pairs([[used.index(i) for i in ranking] for ranking in rankings], weights, len(used))
    order, tie = kemeny(table) if len(used) <= EXACT else schulze(table)
    return Ranked([used[index] for index in order], tie)


def _alike(one: Sequence[int], other: Sequence[int], count: int) -> Fraction:
    """Return 1 less Spearman's footrule distance over the greatest there is, in [0, 1]."""
    mine, theirs = _ranks(one, count), _ranks(other, count)
    most = Fraction(count * count // 2)
    return (
        1 - min(Fraction(1), sum((abs(a - b) for a, b in zip(mine, theirs, strict=True)), Fraction(0)) / most)
        if most
        else Fraction(1)
    )
