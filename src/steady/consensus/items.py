"""Consensus on a set of items (recommendations): what to keep, by expected F1 or by a threshold on the share."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Literal

from steady.consensus.lists import Ballot, Ballots, ballots, concluded, flat, listed
from steady.types import Aggregate, Agreement, Consensus, Vote

Keep = Literal["f1", "threshold"]


def best_prefix(ordered: Sequence[str], sets: Sequence[tuple[frozenset[str], Fraction]]) -> int:
    """
    Return how many of the first items to keep so that the mean F1 against the sets is greatest; the fewest of equals.

    Args:
        ordered: Items, most wanted first; at least one.
        sets: The sampled sets, none empty, with their weights.
    """
    hits = [0] * len(sets)
    best, most = 1, Fraction(-1)
    for size, item in enumerate(ordered, start=1):
        mean = Fraction(0)
        for index, (wanted, weight) in enumerate(sets):
            hits[index] += item in wanted
            mean += weight * Fraction(2 * hits[index], size + len(wanted))
        if mean > most:
            best, most = size, mean
    return best


def items_consensus(legal: Sequence[str], keep: Keep, least: Fraction, penalty: Fraction) -> Aggregate:
    """
    Return the items to give, those that most accepted ballots name first.

    `f1`: the prefix with the greatest mean F1 against the accepted ballots. `threshold`: what at least that share of
    them names (1/2 gives the least expected symmetric difference); if that is nothing, the one named most. Agreement is
    the mean Jaccard likeness of the answer to all completed first draws, refusals and what is no list counting 0; each
    item's share of them stands beside it. The answer may be a set that no draw gave; the accepted one nearest to it
    stands ready.

    Args:
        legal: The items that the policy names, in the order that breaks ties; () for any.
        keep: How the answer is cut.
        least: For `threshold`: a share in (0, 1].
        penalty: See `scores.score`.
    """

    def aggregate(given: Sequence[Vote]) -> Consensus:
        made = ballots(given, legal, flat)
        answer, tie = _answer(made, keep, least)
        wanted = frozenset(answer)
        everybody = [jaccard(frozenset(ballot.items), wanted) for ballot in made.read]
        return concluded(
            made,
            listed(answer, made),
            key=lambda ballot: "\n".join(sorted(ballot.items)),
            away=lambda ballot: 1 - jaccard(frozenset(ballot.items), wanted),
            alike=lambda a, b: jaccard(frozenset(a.items), frozenset(b.items)),
            agreement=Agreement(
                share=sum(everybody, Fraction(0)) / len(made.votes),
                method="mean Jaccard",
                fields=_shares(made, answer),
                tie=tie,
            ),
            penalty=penalty,
            order=answer,
        )

    return aggregate


def _answer(made: Ballots, keep: Keep, least: Fraction) -> tuple[list[str], bool]:
    """Return the answer, and whether an item that was left out is named as often as one that was kept."""
    accepted = [ballot for ballot in made.read if ballot.vote.accepted]
    if not accepted:
        return [], False
    weight: dict[str, Fraction] = {}
    for ballot in accepted:
        for item in ballot.items:
            weight[item] = weight.get(item, Fraction(0)) + ballot.vote.quality
    places = mean_places(accepted)
    ordered = sorted(weight, key=lambda item: (-weight[item], places[item], made.place(item)))
    if keep == "f1":
        size = best_prefix(ordered, [(frozenset(ballot.items), ballot.vote.quality) for ballot in accepted])
    else:
        total = sum((ballot.vote.quality for ballot in accepted), Fraction(0))
        size = max(1, sum(1 for item in ordered if weight[item] >= least * total))
    return ordered[:size], any(weight[item] == weight[ordered[size - 1]] for item in ordered[size:])


def mean_places(accepted: Sequence[Ballot]) -> Mapping[str, Fraction]:
    """Return each item's mean place in the ballots that name it."""
    seen: dict[str, list[int]] = {}
    for ballot in accepted:
        for place, item in enumerate(ballot.items):
            seen.setdefault(item, []).append(place)
    return {item: Fraction(sum(places), len(places)) for item, places in seen.items()}


def _shares(made: Ballots, answer: Sequence[str]) -> tuple[tuple[str, Fraction], ...]:
    """Return (JSON pointer, share of all draws that name it) of each item of the answer."""
    sets = [frozenset(ballot.items) for ballot in made.read]
    return tuple(
        (f"/{index}", Fraction(sum(item in named for named in sets), len(made.votes)))
        for index, item in enumerate(answer)
    )


def jaccard(one: frozenset[str], other: frozenset[str]) -> Fraction:
    """Return the shared part of two sets in [0, 1]; 1 for two empty ones."""
    union = len(one | other)
    return Fraction(len(one & other), union) if union else Fraction(1)
