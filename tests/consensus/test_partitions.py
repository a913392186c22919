"""Consensus on a grouping: the index against published values, linkage, and honest agreement."""

import json
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steady.consensus.partitions import adjusted_rand, average_linkage, partition_consensus
from steady.types import Consensus, Vote


def decided(*groupings: str) -> Consensus:
    """Decide over groupings such as "ab|c"."""
    votes = [Vote(i, json.dumps([list(g) for g in text.split("|")]), True) for i, text in enumerate(groupings)]
    return partition_consensus((), Fraction(0))(votes)


def said(made: Consensus) -> str:
    return "|".join("".join(group) for group in json.loads(made.text or "[]"))


def part(text: str) -> dict[str, int]:
    return {letter: index for index, group in enumerate(text.split("|")) for letter in group}


@pytest.mark.parametrize(
    ("one", "other", "index"),
    [
        ("ab|cd", "ab|cd", Fraction(1)),
        ("ab|cd", "cd|ab", Fraction(1)),
        ("ab|cd", "ab|c|d", Fraction(4, 7)),  # scikit-learn's own documented example, 0.57
        ("abcd", "a|b|c|d", Fraction(0)),
        ("ab|cd", "ac|bd", Fraction(-1, 2)),
        ("abcd", "abcd", Fraction(1)),
        ("a|b", "a|b", Fraction(1)),
    ],
)
def test_the_index_is_that_of_hubert_and_arabie(one: str, other: str, index: Fraction) -> None:
    assert adjusted_rand(part(one), part(other)) == index == adjusted_rand(part(other), part(one))


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6))
def test_the_index_counts_pairs(seed: int) -> None:
    """Against its definition over all pairs of items."""
    draws = Random(seed)
    one, other = ({letter: draws.randint(0, 2) for letter in "abcdefg"} for _ in range(2))
    pairs = [(a, b) for a in "abcdefg" for b in "abcdefg" if a < b]
    both = sum(one[a] == one[b] and other[a] == other[b] for a, b in pairs)
    left, right = (sum(p[a] == p[b] for a, b in pairs) for p in (one, other))
    expected, most = Fraction(left * right, len(pairs)), Fraction(left + right, 2)

    if most != expected:
        assert adjusted_rand(one, other) == (both - expected) / (most - expected)


def test_what_most_put_together_is_together() -> None:
    made = decided("ab|cd", "ab|cd", "ac|bd")
    assert said(made) == "ab|cd"
    assert not made.blended
    assert made.agreement.share == 0  # (1 - 1/2 - 1/2) / 3
    assert decided("ab|cd", "cd|ba", "ab|dc").agreement.share == 1


def test_the_answer_can_be_a_grouping_that_nobody_gave() -> None:
    made = decided("abc|de|f", "ab|cdef", "abc|d|ef")
    assert said(made) == "abc|d|ef" or made.blended


def test_a_chain_of_pairs_is_no_group() -> None:
    """Single linkage would put all four together; on average they are together in less than half."""
    together = {(0, 1): 0.6, (1, 2): 0.5, (2, 3): 0.6}
    assert average_linkage(4, together) == ([[0, 1], [2, 3]], False)
    assert average_linkage(2, {(0, 1): 0.5}) == ([[0, 1]], True)


def test_an_item_that_a_draw_leaves_out_is_judged_by_the_others() -> None:
    assert said(decided("ab|c", "ab", "a|bc")) == "ab|c"


def test_an_item_named_twice_belongs_to_the_first_group() -> None:
    assert decided("ab|ac", "ab|c").leader == 2


def test_what_is_no_grouping_agrees_with_nobody() -> None:
    votes = [
        Vote(0, '[["a"],["b"]]', True),
        Vote(1, '[["a"],["b"]]', True),
        Vote(2, '["a","b"]', True),
        Vote(3, "x", True),
    ]
    assert partition_consensus((), Fraction(0))(votes).agreement.share == Fraction(1, 2)
