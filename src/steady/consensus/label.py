"""Consensus on a label: a weighted vote."""

import unicodedata
from collections.abc import Callable, Sequence
from fractions import Fraction

from steady.consensus.clusters import INVALID, Cluster, Member, ordered, refused
from steady.consensus.scores import elect
from steady.consensus.similarity import UNIT, canonical_text
from steady.types import Aggregate, Consensus, Vote

_AROUND = " \t\r\n\"'`“”„‟«»‹›‘’‚*_.,;:!?()[]{}<>。、！？"  # quotes, brackets, emphasis and sentence punctuation


def label_reader(labels: Sequence[str]) -> Callable[[str], str | None]:
    """
    Return a function from an answer's text to the label it means, or None.

    The label's own spelling comes first; then it is read without case, in NFKC; then also without the quotes, brackets
    and punctuation around it. A reading that several labels share ("C" for "C" and "c.") goes to none of them.
    """
    exact = set(labels)
    by_case = _unambiguous(labels, _fold)
    bare = _unambiguous(labels, _bare)

    def read(text: str) -> str | None:
        if text in exact:
            return text
        return by_case.get(_fold(text)) or by_case.get(_bare(text)) or bare.get(_bare(text))

    return read


def _fold(text: str) -> str:
    return canonical_text(unicodedata.normalize("NFKC", text).casefold())


def _bare(text: str) -> str:
    return _fold(_fold(text).strip(_AROUND))


def _unambiguous(labels: Sequence[str], read: Callable[[str], str]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for label in dict.fromkeys(labels):
        found.setdefault(read(label), []).append(label)
    return {text: spelled[0] for text, spelled in found.items() if text and len(spelled) == 1}


def _reading_of(labels: Sequence[str]) -> Callable[[str], tuple[int, str]]:
    """Return a function from a text to the order and the canonical content of the cluster that it belongs to."""
    read = label_reader(labels)
    place = {label: index for index, label in enumerate(dict.fromkeys(labels))}

    def reading(text: str) -> tuple[int, str]:
        if not labels:
            return 0, _bare(text) or canonical_text(text)
        label = read(text)
        return (INVALID, canonical_text(text)) if label is None else (place[label], label)

    return reading


def label_consensus(labels: Sequence[str], penalty: Fraction) -> Aggregate:
    """
    Return the vote on a label.

    Agreement is the share of all completed first draws that gave the winning label. Each text that is none of the
    labels is a cluster of its own that never wins; refusals are one cluster. Ties go to the label declared first.
    Without `labels` every text, read without case and punctuation around it, is a label of its own.

    The answer is the label as the policy spells it; `blended` says that the winner spells it
    otherwise.
    """
    reading = _reading_of(labels)

    def aggregate(given: Sequence[Vote]) -> Consensus:
        votes = ordered(given)
        clusters = refused(votes)
        groups: dict[tuple[int, str], list[Vote]] = {}
        for vote in votes:
            if not vote.refusal:
                groups.setdefault(reading(vote.text), []).append(vote)
        for (order, canon), group in groups.items():
            members = tuple(Member(vote, canon, (int(vote.text != canon),)) for vote in group)
            clusters.append(Cluster(order, canon, members, valid=order != INVALID))
        cluster_of = {m.vote.slot: index for index, c in enumerate(clusters) for m in c.members}
        consensus = elect(
            votes,
            clusters,
            alike=lambda a, b: UNIT if cluster_of[a.slot] == cluster_of[b.slot] else 0,
            penalty=penalty,
            method="vote",
        )
        won = next((c for c in clusters for m in c.members if m.vote.slot == consensus.winner), None)
        if won is None or not labels or won.order >= INVALID:
            return consensus
        return consensus._replace(text=won.canon, blended=consensus.text != won.canon)

    return aggregate
