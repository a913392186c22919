"""
From clusters to a Consensus: the score of each vote, the rank, and the shares.

A vote's score is its quality less `variability_penalty` times how unlike the other votes it is on average. Within a
cluster the best score comes first, then the vote nearest to the medoid, then canonical content; the slot decides only
between votes that are equal in everything else.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction

from steady.consensus.clusters import Cluster, Member, by_size, in_rank
from steady.consensus.similarity import UNIT
from steady.types import Agreement, Consensus, Vote

Alike = Callable[[Vote, Vote], int]  # in billionths, symmetric


def score(vote: Vote, votes: Sequence[Vote], alike: Alike, penalty: Fraction) -> Fraction:
    """
    Return quality - penalty * (1 - mean similarity to the other votes), exactly.

    A single vote has no others and loses nothing.
    """
    if not penalty or len(votes) == 1:
        return vote.quality
    total = sum(alike(vote, other) for other in votes if other.slot != vote.slot)
    return vote.quality - penalty * (1 - Fraction(total, UNIT * (len(votes) - 1)))


def best_first(members: Sequence[Member], scores: dict[int, Fraction]) -> list[Member]:
    """Return the accepted members, best first."""
    accepted = [member for member in members if member.vote.accepted]
    return sorted(accepted, key=lambda m: (-scores[m.vote.slot], m.away, m.canon, m.vote.text, m.vote.slot))


def elect(
    votes: Sequence[Vote], clusters: Sequence[Cluster], *, alike: Alike, penalty: Fraction, method: str
) -> Consensus:
    """
    Return the consensus of votes that have been put into clusters.

    The winner is the best accepted vote of the heaviest cluster that holds one; `agreement.share` is that cluster's
    share of all votes, also where a bigger cluster holds no accepted vote. `leader` counts the winner's cluster and
    `runner_up` the biggest other one, so that a stopping rule never takes the lead of what can't be released for an
    answer. Votes that are no answer (unparsable, off the labels) are not in `ranked`.
    """
    scores = {vote.slot: score(vote, votes, alike, penalty) for vote in votes}
    rank = in_rank(clusters)
    ranked = tuple(
        (member.vote.slot, scores[member.vote.slot]) for c in rank for member in best_first(c.members, scores)
    )
    slots = by_size(clusters)
    if not rank:
        return nobody(len(votes), slots, method)
    best = rank[0]
    winner = best_first(best.members, scores)[0].vote
    agreement = Agreement(
        share=Fraction(len(best.members), len(votes)),
        of=len(votes),
        method=method,
        clusters=slots,
        tie=len(rank) > 1 and rank[1].weight == best.weight,
    )
    rival = max((len(c.members) for c in clusters if c is not best), default=0)
    return Consensus(winner.slot, winner.text, False, ranked, agreement, len(best.members), rival)


def nobody(of: int, slots: tuple[tuple[int, ...], ...], method: str) -> Consensus:
    """Return the consensus where no vote may win: no winner, no share, and no lead for a stopping rule."""
    agreement = Agreement(of=of, method=method, why="no acceptable answer to agree on", clusters=slots)
    return Consensus(None, None, False, (), agreement, 0, len(slots[0]))
