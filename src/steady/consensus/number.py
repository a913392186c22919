"""Consensus on a number: tolerance clusters, and the lower median of the biggest."""

from collections.abc import Sequence
from fractions import Fraction
from math import comb
from typing import Literal, NamedTuple

import msgspec

from steady.consensus.clusters import INVALID, Cluster, Member, ordered, refused
from steady.consensus.numbers import Numeral, parse_number, places, plain, rounded
from steady.consensus.scores import elect
from steady.consensus.similarity import UNIT, billionths, canonical_text
from steady.types import Aggregate, Consensus, Vote

COVERAGE = Fraction(15, 16)  # of the order-statistic interval: what 5 values give from least to greatest
TRIMMED_FROM = 8  # values


class Reading(NamedTuple):
    """A vote that is a number. Readings sort by value, and among equals by the vote's canonical place."""

    value: Fraction
    place: int
    vote: Vote
    numeral: Numeral


class Tolerance(NamedTuple):
    """When two numbers count as the same: within either bound, the relative one of the larger magnitude."""

    absolute: Fraction
    relative: Fraction

    def joins(self, a: Fraction, b: Fraction) -> bool:
        """Return whether a and b are the same within the tolerance."""
        gap = abs(a - b)
        return gap <= self.absolute or gap <= self.relative * max(abs(a), abs(b))


def lower_median(values: Sequence[Fraction]) -> Fraction:
    """Return the lower middle of ascending values: always one of them."""
    return values[(len(values) - 1) // 2]


def windows(values: Sequence[Fraction], tolerance: Tolerance) -> list[tuple[int, int]]:
    """
    Split ascending values into clusters, as half-open index ranges in ascending order.

    A cluster is a run of values that all lie within the tolerance of its lower median. The run of the most values is
    taken first (among equals the narrower, then the lower one), then the next that shares no value with it, and so on.
    So the result depends on the values alone; a chain of close values that spans far does not become one cluster.
    """
    starts = [i for i, value in enumerate(values) if i == 0 or values[i - 1] != value]
    ends = [*starts[1:], len(values)]
    runs = []
    for first in starts:
        for end in (end for end in ends if end > first):
            middle = values[first + (end - first - 1) // 2]
            if not tolerance.joins(values[first], middle):
                break  # a longer run has no lower median
            if tolerance.joins(values[end - 1], middle):
                runs.append((-(end - first), values[end - 1] - values[first], first, end))
    taken = [False] * len(values)
    chosen = []
    for _, _, first, end in sorted(runs):
        if not any(taken[first:end]):
            taken[first:end] = [True] * (end - first)
            chosen.append((first, end))
    return sorted(chosen)


def interval(values: Sequence[Fraction]) -> tuple[Fraction, Fraction] | None:
    """
    Return the narrowest symmetric order-statistic interval of the median with a coverage of at least 15/16.

    The interval [x_(j), x_(n+1-j)] of n independent values covers the median of their distribution with probability
    1 - 2 P(Binomial(n, 1/2) < j), whatever the distribution. None for fewer than 5 values, where none reaches it.
    """
    n, j = len(values), 0
    while 2 * j < n and 1 - Fraction(2 * sum(comb(n, k) for k in range(j + 1)), 2**n) >= COVERAGE:
        j += 1
    return (values[j - 1], values[n - j]) if j else None


def deviation(values: Sequence[Fraction]) -> Fraction:
    """Return the median absolute deviation from the median, both medians averaged in the middle where n is even."""

    def median(ascending: Sequence[Fraction]) -> Fraction:
        return (ascending[(len(ascending) - 1) // 2] + ascending[len(ascending) // 2]) / 2

    middle = median(values)
    return median(sorted(abs(value - middle) for value in values))


def number_consensus(tolerance: Tolerance, estimate: Literal["median", "trimmed_mean"], penalty: Fraction) -> Aggregate:
    """
    Return the consensus on a number: a value that was sampled, never the middle between two camps.

    Values are clustered (see `windows`), those of different units apart; a bare number joins the one unit that the
    others name. The answer is the accepted vote nearest to the lower median of the accepted values of the heaviest
    cluster, which is that median itself unless scores differ; its text is the vote's own. With `trimmed_mean` and at
    least 8 accepted values in that cluster it is their 20% trimmed mean, in the winner's wording, rounded half to even
    to two places more than the most precise of them has.

    Agreement is the share of all completed first draws in that cluster; a text that holds no number, or more than one,
    is a cluster of its own that never wins, refusals are one. Beside it stand, of all values of the winner's unit, the
    order-statistic interval (5 values or more) and the median absolute deviation (2 or more), as decimal text.
    """

    def aggregate(given: Sequence[Vote]) -> Consensus:
        votes = ordered(given)
        readings = _read(votes)
        clusters = refused(votes) + _unread(votes, readings)
        units = sorted({reading.numeral.unit for reading in readings})
        numeric = [cluster for unit in units for cluster in _clusters(readings, unit, tolerance)]
        clusters += [cluster._replace(order=order) for order, cluster in enumerate(numeric)]
        by_slot = {reading.vote.slot: reading for reading in readings}
        consensus = elect(
            votes,
            clusters,
            alike=lambda a, b: _alike(a, b, by_slot, tolerance),
            penalty=penalty,
            method="tolerance clusters",
        )
        if consensus.winner not in by_slot:
            return consensus  # nobody, or a refusal
        won = by_slot[consensus.winner]
        consensus = _with_spread(consensus, [r.value for r in readings if r.numeral.unit == won.numeral.unit])
        if estimate == "trimmed_mean":
            cluster = next(c for c in clusters if any(m.vote.slot == won.vote.slot for m in c.members))
            return _trimmed(consensus, [by_slot[m.vote.slot] for m in cluster.members if m.vote.accepted], won)
        return consensus

    return aggregate


def _read(votes: Sequence[Vote]) -> list[Reading]:
    parsed = [(place, vote, parse_number(vote.text)) for place, vote in enumerate(votes) if not vote.refusal]
    readings = [Reading(numeral.value, place, vote, numeral) for place, vote, numeral in parsed if numeral]
    named = sorted({reading.numeral.unit for reading in readings if reading.numeral.unit})
    if len(named) == 1:
        readings = [r._replace(numeral=r.numeral._replace(unit=named[0])) for r in readings]
    return sorted(readings, key=lambda reading: (reading.value, reading.place))


def _unread(votes: Sequence[Vote], readings: Sequence[Reading]) -> list[Cluster]:
    read = {reading.vote.slot for reading in readings}
    texts: dict[str, list[Member]] = {}
    for vote in votes:
        if not vote.refusal and vote.slot not in read:
            canon = canonical_text(vote.text)
            texts.setdefault(canon, []).append(Member(vote, canon))
    return [Cluster(INVALID, canon, tuple(members), valid=False) for canon, members in texts.items()]


def _clusters(readings: Sequence[Reading], unit: str, tolerance: Tolerance) -> list[Cluster]:
    mine = [reading for reading in readings if reading.numeral.unit == unit]
    clusters = []
    for first, end in windows([reading.value for reading in mine], tolerance):
        run = mine[first:end]
        middle = lower_median([r.value for r in run if r.vote.accepted] or [r.value for r in run])
        members = tuple(Member(r.vote, plain(r.value), (abs(r.value - middle), r.value)) for r in run)
        clusters.append(Cluster(0, plain(run[0].value), members))
    return clusters


def _alike(a: Vote, b: Vote, by_slot: dict[int, Reading], tolerance: Tolerance) -> int:
    """Return 1 within the tolerance, else 1 - |a - b| / (|a| + |b|), in billionths; 0 across units and kinds."""
    one, other = by_slot.get(a.slot), by_slot.get(b.slot)
    if one is None or other is None:
        return UNIT if one is other and ((a.refusal and b.refusal) or a.text == b.text) else 0
    if one.numeral.unit != other.numeral.unit:
        return 0
    if tolerance.joins(one.value, other.value):
        return UNIT
    return billionths(1 - abs(one.value - other.value) / (abs(one.value) + abs(other.value)))


def _with_spread(consensus: Consensus, values: Sequence[Fraction]) -> Consensus:
    bounds = interval(values)
    agreement = msgspec.structs.replace(
        consensus.agreement,
        low=plain(bounds[0]) if bounds else None,
        high=plain(bounds[1]) if bounds else None,
        spread=plain(deviation(values)) if len(values) > 1 else None,
    )
    return consensus._replace(agreement=agreement)


def _trimmed(consensus: Consensus, accepted: Sequence[Reading], won: Reading) -> Consensus:
    """Return the consensus with the 20% trimmed mean of `accepted` (ascending) in the wording of the winner."""
    if len(accepted) < TRIMMED_FROM:
        return consensus
    cut = len(accepted) // 5
    kept = [reading.value for reading in accepted[cut : len(accepted) - cut]]
    mean = sum(kept, Fraction(0)) / len(kept)
    mean = Fraction(rounded(mean, 2 + max(places(reading.value) for reading in accepted)))
    equal = [reading for reading in accepted if reading.value == mean]
    if equal:
        own = won if won in equal else equal[0]
        first = [pair for pair in consensus.ranked if pair[0] == own.vote.slot]
        rest = [pair for pair in consensus.ranked if pair[0] != own.vote.slot]
        return consensus._replace(winner=own.vote.slot, text=own.vote.text, ranked=(*first, *rest))
    shown = mean / 10**won.numeral.scale
    if (mean < 0) != (won.value < 0):
        return consensus._replace(text=plain(mean), blended=True)
    text = won.vote.text
    wording = text[: won.numeral.start] + plain(abs(shown)) + text[won.numeral.end :]
    return consensus._replace(text=wording, blended=True)
