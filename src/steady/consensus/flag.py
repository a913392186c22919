"""Consensus on a flag (yes or no, alarm or none): a threshold that weighs what each mistake costs."""

from collections.abc import Sequence
from fractions import Fraction
from math import comb

from msgspec.structs import replace

from steady.consensus.label import label_consensus, label_reader
from steady.types import Aggregate, Consensus, Vote

GRID = 1000  # the interval's ends are told in thousandths
COVERAGE = Fraction(95, 100)


def below(x: Fraction, a: int, b: int) -> Fraction:
    """Return P(Beta(a, b) <= x) for whole a, b >= 1, exactly: a binomial tail."""
    n = a + b - 1
    return sum((comb(n, k) * x**k * (1 - x) ** (n - k) for k in range(a, n + 1)), Fraction(0))


def beta_interval(yes: int, no: int) -> tuple[Fraction, Fraction]:
    """
    Return the central 95% interval of the share of yes, given a uniform prior: of Beta(yes + 1, no + 1).

    Its ends are whole thousandths, rounded outwards, so that every machine gives the same.
    """
    tail = (1 - COVERAGE) / 2

    def least(target: Fraction) -> int:
        low, high = 0, GRID  # the least thousandth at which the distribution reaches the target
        while low < high:
            middle = (low + high) // 2
            low, high = (
                (low, middle) if below(Fraction(middle, GRID), yes + 1, no + 1) >= target else (middle + 1, high)
            )
        return low

    return Fraction(max(0, least(tail) - 1), GRID), Fraction(least(1 - tail), GRID)


def flag_consensus(labels: Sequence[str], threshold: Fraction, penalty: Fraction) -> Aggregate:
    """
    Return the first label (yes, the alarm) where its share of the accepted answers reaches the threshold.

    The threshold that costs least on average is c / (c + d), c the cost of a false alarm and d that of a missed one.
    Agreement is the share of all completed first draws with the decision; beside it stands the 95% Beta interval of the
    share of the first label among the draws that answered either. A text that is neither label never wins. Where the
    mistakes cost differently no early stop is offered: all draws are made.

    Args:
        labels: Two, the first of which raises the flag.
        threshold: In (0, 1).
        penalty: See `scores.score`.

    Raises:
        ValueError: If there are not two labels or the threshold is outside its range.
    """
    if len(labels) != 2:
        raise ValueError(f"a flag has two labels, got {len(labels)}.")
    if not 0 < threshold < 1:
        raise ValueError(f"`threshold` must be in (0, 1), got {threshold}.")
    vote, read = label_consensus(labels, penalty), label_reader(labels)

    def aggregate(given: Sequence[Vote]) -> Consensus:
        plain = vote(given)
        said = {v.slot: None if v.refusal else read(v.text) for v in given}
        weight = {
            label: sum((v.quality for v in given if v.accepted and said[v.slot] == label), Fraction(0))
            for label in labels
        }
        total = weight[labels[0]] + weight[labels[1]]
        counts = [sum(1 for label in said.values() if label == one) for one in labels]
        if not total or plain.winner is None or said[plain.winner] is None:  # nothing accepted, or refusals outweigh
            return plain
        raised = weight[labels[0]] >= threshold * total
        winner = labels[0] if raised and weight[labels[0]] else labels[1] if weight[labels[1]] else labels[0]
        low, high = beta_interval(*counts)
        slots = {slot for slot, label in said.items() if label == winner}
        ranked = tuple(sorted(plain.ranked, key=lambda item: item[0] not in slots))
        text = next(v.text for v in given if v.slot == ranked[0][0])
        agreement = replace(
            plain.agreement,
            share=Fraction(len(slots), len(given)),
            method="cost-based threshold",
            low=f"{float(low):.3f}",
            high=f"{float(high):.3f}",
            tie=weight[labels[0]] == threshold * total,
        )
        even = threshold == Fraction(1, 2)  # a lead in votes says little about a share that has to be reached
        leader, rival = (len(slots), counts[1 - labels.index(winner)]) if even else (0, 0)
        return Consensus(ranked[0][0], winner, text != winner, ranked, agreement, leader, rival)

    return aggregate
