"""Consensus on open text: clusters with hard separators, and the medoid of the biggest."""

from collections.abc import Sequence
from fractions import Fraction

from steady.consensus.clusters import Cluster, Member, complete_linkage, medoid, ordered, refused
from steady.consensus.scores import elect
from steady.consensus.separators import opposed, signature
from steady.consensus.similarity import LONGEST, UNIT, Matrix, Measure, billionths, canonical_text, matrix
from steady.types import Aggregate, Consensus, Vote


def group(texts: Sequence[str], alike: Matrix, threshold: Fraction) -> list[list[int]]:
    """
    Return clusters of texts that say the same, as ascending indices.

    Args:
        texts: Distinct canonical texts in code point order, so that the result depends on them alone.
        alike: `similarity.matrix` of the texts.
        threshold: The least similarity of each pair in a cluster, in [0, 1].
    """
    least = billionths(threshold)
    marks = [signature(text) if len(text) <= LONGEST else None for text in texts]

    def same(a: int, b: int) -> int:
        one, other = marks[a], marks[b]
        # Texts too long to compare are distinct here, and so never merge, not even at threshold 0.
        if one is None or other is None or alike[a][b] < least or opposed(one, other):
            return -1
        return alike[a][b]

    return complete_linkage(len(texts), same, least)


def text_consensus(measure: Measure, threshold: Fraction, penalty: Fraction) -> Aggregate:
    """
    Return the medoid of the biggest cluster of texts that say the same.

    Texts equal in NFC with whitespace collapsed are one; the rest are merged by complete linkage where each pair is at
    least `threshold` alike and no hard separator stands between (see `separators`). The medoid is the text most alike
    to the others of its cluster. Agreement is the share of all completed first draws in the winner's cluster; refusals
    are one cluster. For open text that share is naturally low.
    """

    def aggregate(given: Sequence[Vote]) -> Consensus:
        votes = ordered(given)
        canon = {vote.slot: canonical_text(vote.text) for vote in votes}
        spoken = [vote for vote in votes if not vote.refusal]
        texts = sorted({canon[vote.slot] for vote in spoken})
        index = {text: number for number, text in enumerate(texts)}
        rows = matrix(texts, measure)
        of_text: list[list[Vote]] = [[] for _ in texts]
        for vote in spoken:
            of_text[index[canon[vote.slot]]].append(vote)

        clusters = refused(votes)
        for items in group(texts, rows, threshold):
            centre = medoid(items, [len(same) for same in of_text], lambda a, b: rows[a][b])
            members = tuple(
                Member(vote, texts[item], (item != centre, -rows[item][centre]))
                for item in items
                for vote in of_text[item]
            )
            clusters.append(Cluster(0, texts[items[0]], members))

        def alike(a: Vote, b: Vote) -> int:
            if a.refusal or b.refusal:
                return UNIT if a.refusal and b.refusal else 0
            return rows[index[canon[a.slot]]][index[canon[b.slot]]]

        return elect(votes, clusters, alike=alike, penalty=penalty, method="text clusters")

    return aggregate
