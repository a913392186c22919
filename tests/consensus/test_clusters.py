from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steady.consensus.clusters import (
    INVALID,
    Cluster,
    Member,
    by_size,
    complete_linkage,
    in_rank,
    medoid,
    ordered,
    refused,
)
from steady.types import Vote


def cluster(canon: str, *votes: Vote, order: int = 0) -> Cluster:
    return Cluster(order, canon, tuple(Member(vote, canon) for vote in votes), valid=order != INVALID)


def by_hand(rows: list[list[int]], least: int) -> list[list[int]]:
    """Complete linkage as the textbook has it: look at all pairs of clusters again after each merge."""
    clusters = [[item] for item in range(len(rows))]
    while True:
        pairs = [
            (-min(rows[a][b] for a in one for b in two), min(one), min(two))
            for i, one in enumerate(clusters)
            for two in clusters[i + 1 :]
        ]
        able = [pair for pair in pairs if -pair[0] >= least]
        if not able:
            return sorted(sorted(items) for items in clusters)
        _, low, high = min(able)
        left = next(items for items in clusters if low in items)
        right = next(items for items in clusters if high in items)
        clusters = [items for items in clusters if items is not left and items is not right] + [left + right]
        clusters.sort(key=min)


@st.composite
def symmetric(draw: st.DrawFn) -> list[list[int]]:
    size = draw(st.integers(0, 9))
    draws = Random(draw(st.integers(0, 10**6)))
    rows = [[10] * size for _ in range(size)]
    for a in range(size):
        for b in range(a):
            rows[a][b] = rows[b][a] = draws.randint(-1, 10)
    return rows


@given(symmetric(), st.integers(0, 10))
def test_complete_linkage_is_the_textbook_s(rows: list[list[int]], least: int) -> None:
    assert complete_linkage(len(rows), lambda a, b: rows[a][b], least) == by_hand(rows, least)


@given(symmetric(), st.integers(0, 10))
def test_each_pair_in_a_cluster_is_alike_enough(rows: list[list[int]], least: int) -> None:
    """Single linkage would chain a into c through b; complete linkage never does."""
    for items in complete_linkage(len(rows), lambda a, b: rows[a][b], least):
        assert all(rows[a][b] >= least for a in items for b in items if a != b)


def test_a_tie_merges_the_pair_that_comes_first() -> None:
    rows = [[9, 8, 0], [8, 9, 8], [0, 8, 9]]

    assert complete_linkage(3, lambda a, b: rows[a][b], 8) == [[0, 1], [2]]


def test_the_medoid_is_most_alike_to_the_rest_and_counts_copies() -> None:
    rows = [[10, 6, 2], [6, 10, 6], [2, 6, 10]]

    assert medoid([0, 1, 2], [1, 1, 1], lambda a, b: rows[a][b]) == 1
    assert medoid([0, 1, 2], [1, 1, 9], lambda a, b: rows[a][b]) == 2
    assert medoid([0, 2], [1, 1, 1], lambda a, b: rows[a][b]) == 0


def test_weight_counts_accepted_quality_only() -> None:
    made = cluster("a", Vote(0, "a", True, Fraction(1, 2)), Vote(1, "a", True, Fraction(1, 3)), Vote(2, "a", False))

    assert made.weight == Fraction(5, 6)
    assert not cluster("b", Vote(3, "b", False)).electable
    assert cluster("c", Vote(4, "c", True, Fraction(0))).electable


def test_clusters_rank_by_weight_then_declared_order_then_content() -> None:
    heavy = cluster("z", Vote(0, "z", True), Vote(1, "z", True), order=5)
    declared, later = cluster("y", Vote(2, "y", True), order=1), cluster("b", Vote(3, "b", True), order=2)
    content = cluster("c", Vote(4, "c", True), order=2)
    never = cluster("a", *(Vote(slot, "a", True) for slot in range(5, 9)), order=INVALID)

    assert in_rank([never, content, later, declared, heavy]) == [heavy, declared, later, content]
    assert by_size([heavy, later, content, never, declared]) == ((5, 6, 7, 8), (0, 1), (2,), (3,), (4,))


def test_refusals_are_one_cluster_however_they_are_worded() -> None:
    votes = [Vote(0, "No.", True, refusal=True), Vote(1, "I can't.", False, refusal=True), Vote(2, "5", True)]

    assert [[m.vote.slot for m in c.members] for c in refused(votes)] == [[0, 1]]
    assert refused(votes[2:]) == []


def test_votes_are_ordered_by_content_before_slot() -> None:
    votes = [Vote(0, "b", True), Vote(1, "a", False), Vote(2, "a", True), Vote(3, "a", True)]

    assert [vote.slot for vote in ordered(votes)] == [2, 3, 1, 0]


def test_no_votes_and_doubled_slots_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one vote"):
        ordered([])
    with pytest.raises(ValueError, match="slot of its own"):
        ordered([Vote(0, "a", True), Vote(0, "b", True)])
