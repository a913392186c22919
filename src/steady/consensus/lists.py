"""
Answers that are lists: how they are read, and what ballots of them have in common.

An answer is a JSON array of strings or numbers (a ranking, recommendations) or of such arrays (a grouping). Items are
the same where they are equal in NFKC without case, white space and the punctuation around them; where the policy names
the legal items, an item means the one that reads like it. A repeated item counts where it stands first.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import NamedTuple

from msgspec.structs import replace

from steady.consensus.clusters import INVALID, Cluster, Member, by_size, ordered, refused
from steady.consensus.json_values import NotJSON, Number, read_json, written
from steady.consensus.label import label_reader
from steady.consensus.scores import elect, score
from steady.consensus.similarity import UNIT, canonical_text, folded
from steady.types import JSON, Agreement, Consensus, Vote

MOST = 200  # items of one list; a longer one is no ballot


class Ballot(NamedTuple):
    """A vote that is a list, with its items as keys."""

    vote: Vote
    items: tuple[str, ...]
    groups: tuple[int, ...]  # for each item which array it stands in; all 0 where the answer is one array


class Ballots(NamedTuple):
    """All votes of one decision: those that could be read, and the clusters of those that could not."""

    votes: list[Vote]
    read: list[Ballot]
    unread: list[Cluster]
    spelling: dict[str, str]  # key -> the JSON token that most ballots have for it
    order: dict[str, int]  # key -> its place in the policy's own list; by content behind them

    def place(self, item: str) -> tuple[int, str]:
        """Return what breaks ties between items: the order that the policy declares, else their content."""
        return self.order.get(item, len(self.order)), item


def item_reader(legal: Sequence[str]) -> Callable[[JSON], tuple[str, str] | None]:
    """Return a function from a JSON value to (key, JSON token), or None where it is no item."""
    read = label_reader(legal)

    def one(value: JSON) -> tuple[str, str] | None:
        if not isinstance(value, str | Number):
            return None
        text = value.text if isinstance(value, Number) else value
        if legal:
            known = read(text)
            return None if known is None else (known, written(known))
        if isinstance(value, Number):
            return value.canon, written(value)
        key = canonical_text(folded(text))
        return (key, written(canonical_text(text))) if key else None

    return one


Rows = list[tuple[JSON, int]]  # what an answer lists, each with the group that it stands in


def ballots(given: Sequence[Vote], legal: Sequence[str], rows: Callable[[str], Rows | None]) -> Ballots:
    """
    Read all votes.

    Args:
        given: Votes, in any order.
        legal: The items that the policy names; () for any.
        rows: Gives what a text lists, or None where the text is no such answer.

    Raises:
        ValueError: If there is no vote, or two have the same slot.
    """
    votes, one = ordered(given), item_reader(legal)
    read: list[Ballot] = []
    unread = refused(votes)
    wrong: dict[str, list[Vote]] = {}
    spelled: dict[str, dict[str, int]] = {}
    for vote in (vote for vote in votes if not vote.refusal):
        found = _items(rows(vote.text), one)
        if found is None:
            wrong.setdefault(canonical_text(vote.text), []).append(vote)
            continue
        for key, (spelling, _) in found.items():
            counts = spelled.setdefault(key, {})
            counts[spelling] = counts.get(spelling, 0) + 1
        read.append(Ballot(vote, tuple(found), tuple(group for _, group in found.values())))
    for text, same in wrong.items():
        unread.append(Cluster(INVALID, text, tuple(Member(vote, text) for vote in same), valid=False))
    tokens = {key: min(counts, key=lambda s: (-counts[s], s)) for key, counts in spelled.items()}
    order = {key: place for place, key in enumerate(dict.fromkeys(legal))}
    return Ballots(votes, read, unread, tokens, order)


def _items(rows: Rows | None, one: Callable[[JSON], tuple[str, str] | None]) -> dict[str, tuple[str, int]] | None:
    if rows is None or not 0 < len(rows) <= MOST:
        return None
    found: dict[str, tuple[str, int]] = {}
    for value, group in rows:
        item = one(value)
        if item is None:
            return None
        key, spelling = item
        found.setdefault(key, (spelling, group))
    return found


def flat(text: str) -> Rows | None:
    """Return the values of a JSON array, or None."""
    value = _array(text)
    return None if value is None else [(item, 0) for item in value]


def grouped(text: str) -> Rows | None:
    """Return the values of a JSON array of arrays, each with the place of its array, or None."""
    value = _array(text)
    if value is None or not all(isinstance(group, list) for group in value):
        return None
    return [(item, index) for index, group in enumerate(value) for item in group]


def _array(text: str) -> list[JSON] | None:
    try:
        value = read_json(text)
    except NotJSON:
        return None
    return value if isinstance(value, list) else None


def listed(items: Sequence[str], made: Ballots) -> str:
    """Return items as the JSON array that an answer is."""
    return "[" + ",".join(made.spelling[item] for item in items) + "]"


def concluded(
    made: Ballots,
    text: str,
    key: Callable[[Ballot], str],
    away: Callable[[Ballot], Fraction | int],
    alike: Callable[[Ballot, Ballot], Fraction],
    agreement: Agreement,
    penalty: Fraction,
    order: Sequence[str] = (),
) -> Consensus:
    """
    Return the consensus whose answer is `text`: the vote that says just that, else the blend.

    Args:
        made: All ballots.
        text: The answer, as a blend would be written.
        key: What makes two ballots the same; `text` read as a ballot has the key of the ballots that say it.
        away: How far a ballot is from the answer, 0 where it says the same; the nearest accepted one is the winner.
        alike: How alike two ballots are, in [0, 1], for `variability_penalty`.
        agreement: Its share, method, fields and bounds; clusters are filled in here.
        penalty: See `scores.score`.
        order: Of accepted ballots that are equally near, one that lists its items just so comes first.

    All other votes together are the runner-up: a ballot that most draws give decides pairs, shares and groups alike.
    Where no list is accepted, or accepted refusals outweigh all lists together, they win.
    """
    by_slot = {ballot.vote.slot: ballot for ballot in made.read}

    def near(a: Vote, b: Vote) -> int:
        one, other = by_slot.get(a.slot), by_slot.get(b.slot)
        if one is None or other is None:
            return UNIT if a.refusal and b.refusal else 0
        share = alike(one, other)
        return share.numerator * UNIT // share.denominator

    scores = {vote.slot: score(vote, made.votes, near, penalty) for vote in made.votes}
    same: dict[str, list[Ballot]] = {}
    for ballot in made.read:
        same.setdefault(key(ballot), []).append(ballot)
    groups = [Cluster(0, name, tuple(Member(b.vote, name) for b in many)) for name, many in sorted(same.items())]
    slots = by_size([*made.unread, *groups])
    accepted = [ballot for ballot in made.read if ballot.vote.accepted]
    backed = sum((ballot.vote.quality for ballot in accepted), Fraction(0))
    if not accepted or any(cluster.electable and cluster.weight > backed for cluster in made.unread):
        return elect(made.votes, [*made.unread, *groups], alike=near, penalty=penalty, method=agreement.method)
    wanted = tuple(order)
    accepted.sort(key=lambda b: (away(b), -scores[b.vote.slot], b.items != wanted, key(b), b.vote.text, b.vote.slot))
    first = accepted[0]
    own = away(first) == 0
    leader = len(same[key(first)])
    ranked = tuple((ballot.vote.slot, scores[ballot.vote.slot]) for ballot in accepted)
    full = replace(agreement, of=len(made.votes), clusters=slots)
    return Consensus(
        first.vote.slot, first.vote.text if own else text, not own, ranked, full, leader, len(made.votes) - leader
    )
