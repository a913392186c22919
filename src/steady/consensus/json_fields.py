"""Consensus on JSON documents: a blend field by field, and the medoid document for when the blend breaks a rule."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from steady.consensus.clusters import INVALID, Cluster, Member, by_size, in_rank, ordered, refused
from steady.consensus.json_merge import Blender, Entry, Merged
from steady.consensus.json_schema import place
from steady.consensus.json_values import LARGEST, NotJSON, canonical, features, read_json, size, written
from steady.consensus.scores import Alike, best_first, elect, score
from steady.consensus.similarity import UNIT, Measure, canonical_text, dice
from steady.types import JSON, Aggregate, Agreement, Consensus, Vote

FIELDS = 200  # pointers reported


class Document(NamedTuple):
    """A vote that is JSON."""

    vote: Vote
    value: JSON
    canon: str
    size: int
    marks: frozenset[tuple[str, int]] = frozenset()  # where likeness is asked for: its `features`


class Ballots(NamedTuple):
    """The votes, read: documents, and clusters of equal documents, of equal texts that are none, and of refusals."""

    votes: list[Vote]
    documents: list[Document]
    clusters: list[Cluster]


def _read(given: Sequence[Vote]) -> Ballots:
    votes = ordered(given)
    documents: list[Document] = []
    groups: dict[str, list[Vote]] = {}
    broken: dict[str, list[Vote]] = {}
    for vote in votes:
        if vote.refusal:
            continue
        try:
            value = read_json(vote.text)
        except NotJSON:
            broken.setdefault(canonical_text(vote.text), []).append(vote)
            continue
        canon = canonical(value)
        documents.append(Document(vote, value, canon, size(value)))
        groups.setdefault(canon, []).append(vote)
    clusters = refused(votes)
    clusters += [Cluster(0, canon, tuple(Member(v, canon) for v in same)) for canon, same in groups.items()]
    clusters += [Cluster(INVALID, c, tuple(Member(v, c) for v in same), valid=False) for c, same in broken.items()]
    return Ballots(votes, documents, clusters)


def _comparable(documents: Sequence[Document]) -> list[Document]:
    """
    Return the documents that are merged, their features noted: all, or the accepted ones where all are too large.

    [] where the accepted ones are too large, too. What is left out counts as disagreeing everywhere.
    """
    for some in (documents, [document for document in documents if document.vote.accepted]):
        if sum(document.size for document in some) <= LARGEST:
            return [document._replace(marks=features(document.value)) for document in some]
    return []


def _likeness(ballots: Ballots) -> Alike:
    known = {document.vote.slot: document for document in ballots.documents}

    def alike(a: Vote, b: Vote) -> int:
        one, other = known.get(a.slot), known.get(b.slot)
        if one is None or other is None:
            return UNIT if one is other and ((a.refusal and b.refusal) or a.text == b.text) else 0
        return UNIT if one.canon == other.canon else dice(one.marks, other.marks)

    return alike


def whole_consensus(penalty: Fraction) -> Aggregate:
    """
    Return the vote on whole JSON texts, such as the arguments of a forced tool call; nothing is blended.

    Texts are the same if their values are: keys in any order, numbers by value, strings in NFC with whitespace
    collapsed. Agreement is the share of all completed first draws that gave the winning value. A text that is no JSON
    is a cluster of its own that never wins; refusals are one cluster.
    """

    def aggregate(given: Sequence[Vote]) -> Consensus:
        return _whole(_read(given), penalty)

    return aggregate


def _whole(ballots: Ballots, penalty: Fraction) -> Consensus:
    if penalty:
        ballots = ballots._replace(documents=_comparable(ballots.documents))
    return elect(
        ballots.votes, ballots.clusters, alike=_likeness(ballots), penalty=penalty, method="vote on whole values"
    )


def json_consensus(
    schema: Mapping[str, Any] | None, measure: Measure, threshold: Fraction, penalty: Fraction
) -> Aggregate:
    """
    Return the blend of the documents, field by field (see `json_merge`), and the medoid document beside it.

    Scalars are voted on. Where none leads alone, numbers that the schema types as such give their lower median; without
    a majority, strings are clustered like open text. Where the blend equals an accepted document, that document's own
    text is the answer. The blend may be one that no vote gave, so it has to pass the rules again; `winner` is then the
    medoid: the accepted document most alike to the others (Dice overlap of paths, values and words).

    Agreement is the least over the required fields of the schema (over all top-level fields, kept or left out, where
    none is required), each the share of all completed first draws that have the blend's value there; an object or array
    is as agreed as its least agreed part, and an array's length is one of its parts. `fields` gives it for each JSON
    pointer, the 200 nearest to the root. `leader` is the least count of those fields and `runner_up` the greatest count
    of a rival in them. Refusals are one cluster and win only where they outweigh all documents together; texts that are
    no JSON never win. Where the documents together have more than 12,000 values, those not accepted are left out (they
    count as disagreeing); where the accepted ones alone have more, whole documents are voted on instead.
    """

    root = place(schema or {}, [schema] if schema else [])

    def aggregate(given: Sequence[Vote]) -> Consensus:
        ballots = _read(given)
        spoken = sum((d.vote.quality for d in ballots.documents if d.vote.accepted), Fraction(0))
        silent = sum((vote.quality for vote in ballots.votes if vote.refusal and vote.accepted), Fraction(0))
        parsed, merged = len(ballots.documents), _comparable(ballots.documents)
        if silent > spoken or not any(document.vote.accepted for document in merged):
            return _whole(ballots, penalty)
        ballots = ballots._replace(documents=merged)
        alike = _likeness(ballots)
        scores = {vote.slot: score(vote, ballots.votes, alike, penalty) for vote in ballots.votes}
        centre = _medoid(merged, alike, scores)
        outside = max((len(cluster.members) for cluster in ballots.clusters if cluster.order), default=0)
        blender = Blender(parsed, outside, measure, threshold, centre.vote.slot)
        entries = [Entry(document.vote, document.value) for document in merged]
        return _decide(ballots, scores, centre, blender, blender.merge(entries, root, ""))

    return aggregate


def _medoid(documents: Sequence[Document], alike: Alike, scores: dict[int, Fraction]) -> Document:
    def closeness(document: Document) -> int:
        return sum(alike(document.vote, other.vote) for other in documents if other is not document)

    accepted = [document for document in documents if document.vote.accepted]
    return min(accepted, key=lambda d: (-closeness(d), -scores[d.vote.slot], d.canon, d.vote.text, d.vote.slot))


def _decide(
    ballots: Ballots, scores: dict[int, Fraction], centre: Document, blender: Blender, merged: Merged
) -> Consensus:
    of, blend = len(ballots.votes), canonical(merged.value)
    ranked = [m.vote for cluster in in_rank(ballots.clusters) for m in best_first(cluster.members, scores)]
    own = next((c for c in ballots.clusters if not c.order and c.canon == blend and c.electable), None)
    winner = best_first(own.members, scores)[0].vote if own else centre.vote
    ranked.sort(key=lambda vote: vote.slot != winner.slot)
    nearest = sorted(blender.fields, key=lambda path: (path.count("/"), path))[:FIELDS]
    agreement = Agreement(
        share=Fraction(merged.support, of),
        of=of,
        method="fields",
        clusters=by_size(ballots.clusters),
        fields=tuple((path, Fraction(blender.fields[path], of)) for path in sorted(nearest)),
        tie=merged.tie,
    )
    return Consensus(
        winner.slot,
        winner.text if own else written(merged.value),
        own is None,
        tuple((vote.slot, scores[vote.slot]) for vote in ranked),
        agreement,
        merged.support,
        merged.rival,
    )
