"""
Votes that say the same, put together: the shape of a cluster, how clusters rank, and complete linkage.

A cluster's weight is the summed quality of its accepted members, as a Fraction. Clusters rank by weight, then by the
order that the policy declares, then by canonical content; never by slot or arrival.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import NamedTuple

from steady.consensus.similarity import canonical_text
from steady.types import Vote

INVALID = 1_000_000  # the order of clusters that can't win: behind every declared one
REFUSED = 2_000_000


class Member(NamedTuple):
    """One vote in a cluster. `away`: how far it is from the cluster's medoid, nearest first when sorted."""

    vote: Vote
    canon: str
    away: tuple[Fraction | int, ...] = ()


class Cluster(NamedTuple):
    """Votes that say the same. `order` ranks it among equals, then `canon`. Not `valid`: no answer, it never wins."""

    order: int
    canon: str
    members: tuple[Member, ...]
    valid: bool = True

    @property
    def weight(self) -> Fraction:
        """The summed quality of its accepted members."""
        return sum((member.vote.quality for member in self.members if member.vote.accepted), Fraction(0))

    @property
    def electable(self) -> bool:
        """Whether it holds an answer that may be released."""
        return self.valid and any(member.vote.accepted for member in self.members)


def ordered(votes: Sequence[Vote]) -> list[Vote]:
    """
    Return the votes in canonical order: by content, and by slot only where all content is equal.

    Raises:
        ValueError: If there is no vote, or two have the same slot.
    """
    if not votes:
        raise ValueError("consensus needs at least one vote.")
    if len({vote.slot for vote in votes}) != len(votes):
        raise ValueError(f"each vote needs a slot of its own, got {sorted(vote.slot for vote in votes)}.")
    return sorted(votes, key=lambda vote: (vote.text, not vote.accepted, -vote.quality, vote.refusal, vote.slot))


def refused(votes: Sequence[Vote]) -> list[Cluster]:
    """Return the one cluster of all refusals, however they are worded; [] if nothing was refused."""
    members = tuple(Member(vote, canonical_text(vote.text)) for vote in votes if vote.refusal)
    return [Cluster(REFUSED, "", members)] if members else []


def in_rank(clusters: Sequence[Cluster]) -> list[Cluster]:
    """Return the clusters that can win, best first."""
    return sorted((c for c in clusters if c.electable), key=lambda c: (-c.weight, c.order, c.canon))


def by_size(clusters: Sequence[Cluster]) -> tuple[tuple[int, ...], ...]:
    """Return the slots of all clusters, biggest first; equals by their order, then their canonical content."""
    biggest_first = sorted(clusters, key=lambda c: (-len(c.members), c.order, c.canon))
    return tuple(tuple(sorted(member.vote.slot for member in c.members)) for c in biggest_first)


def complete_linkage(count: int, alike: Callable[[int, int], int], least: int) -> list[list[int]]:
    """
    Merge items into clusters in which every pair is at least `least` alike (complete linkage).

    The most alike pair of clusters is merged first; among equals the pair whose lowest items come first. So with the
    items in canonical order the result depends on nothing else.

    Args:
        count: How many items there are; they are known by their index.
        alike: Similarity of two items, symmetric.
        least: The similarity below which a pair never shares a cluster.

    Returns:
        Clusters as ascending indices, ordered by their lowest item.
    """
    clusters: dict[int, list[int]] = {item: [item] for item in range(count)}
    between = {(a, b): s for a in range(count) for b in range(a + 1, count) if (s := alike(a, b)) >= least}
    while between:
        left, right = min(between, key=lambda pair: (-between[pair], pair))
        clusters[left] += clusters.pop(right)
        del between[left, right]
        for other in clusters:
            if other == left:
                continue
            near, far = (min(left, other), max(left, other)), (min(right, other), max(right, other))
            merged = between.pop(far, None)
            if near in between:
                if merged is None:
                    del between[near]
                else:
                    between[near] = min(between[near], merged)
    return [sorted(clusters[item]) for item in sorted(clusters)]


def medoid(items: Sequence[int], counts: Sequence[int], alike: Callable[[int, int], int]) -> int:
    """Return the item most alike to the rest, each item `counts` times there; among equals the lowest."""
    return max(items, key=lambda item: (sum(alike(item, other) * counts[other] for other in items), -item))
