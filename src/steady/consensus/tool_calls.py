"""Consensus on tool calls: first which tools are called, then with which arguments."""

import json
from collections.abc import Sequence
from fractions import Fraction

from msgspec.structs import replace

from steady.consensus.clusters import ordered
from steady.consensus.json_fields import whole_consensus
from steady.types import Aggregate, Consensus, Vote


def names_of(text: str) -> tuple[str, ...] | None:
    """Return the tools that `[[name, arguments], ...]` calls, in order, or None where the text is something else."""
    try:
        calls = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(calls, list) or not all(isinstance(c, list) and c and isinstance(c[0], str) for c in calls):
        return None
    return tuple(call[0] for call in calls)


def tool_call_consensus(penalty: Fraction) -> Aggregate:
    """
    Return the vote on calls: on the sequence of tool names first, then on whole arguments among those that won.

    Arguments are the same if their values are (keys in any order, numbers by value). Both shares count over all
    completed first draws, so the agreement, the lesser of the two, is the share that made just this call; the share of
    the names stands beside it under the field "/names". Calls are never blended.
    """
    whole = whole_consensus(penalty)

    def aggregate(given: Sequence[Vote]) -> Consensus:
        votes = ordered(given)
        groups: dict[tuple[str, ...], list[Vote]] = {}
        for vote in votes:
            names = None if vote.refusal else names_of(vote.text)
            if names is not None:
                groups.setdefault(names, []).append(vote)
        every = whole(votes)
        if every.winner is None or not groups:
            return every
        best = min(groups, key=lambda names: (-_weight(groups[names]), names))
        if not _weight(groups[best]):
            return every
        inner = whole(groups[best])
        rest = tuple(item for item in every.ranked if item[0] not in dict(inner.ranked))
        rivals = [len(group) for names, group in groups.items() if names != best]
        agreement = replace(
            inner.agreement,
            share=Fraction(inner.leader, len(votes)),
            of=len(votes),
            method="vote on names, then arguments",
            clusters=every.agreement.clusters,
            fields=(("/names", Fraction(len(groups[best]), len(votes))),),
            tie=inner.agreement.tie or any(_weight(g) == _weight(groups[best]) for n, g in groups.items() if n != best),
        )
        return inner._replace(
            ranked=(*inner.ranked, *rest), agreement=agreement, runner_up=max([inner.runner_up, *rivals])
        )

    return aggregate


def _weight(votes: Sequence[Vote]) -> Fraction:
    return sum((vote.quality for vote in votes if vote.accepted), Fraction(0))
