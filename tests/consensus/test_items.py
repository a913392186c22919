"""Consensus on recommendations: the best prefix by brute force, the threshold, and what is told of each item."""

import json
from fractions import Fraction
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from steady.consensus.items import best_prefix, items_consensus, jaccard
from steady.types import Consensus, Vote


def decided(*lists: str, keep: str = "f1", least: Fraction = Fraction(1, 2), legal: str = "") -> Consensus:
    votes = [Vote(i, json.dumps(list(text)), True) for i, text in enumerate(lists)]
    return items_consensus(tuple(legal), keep, least, Fraction(0))(votes)  # type: ignore[arg-type]


def said(made: Consensus) -> str:
    return "".join(json.loads(made.text or "[]"))


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6))
def test_no_other_prefix_has_a_better_mean_f1(seed: int) -> None:
    draws = Random(seed)
    ordered = list("abcdef")
    sets = [
        (frozenset(draws.sample(ordered, draws.randint(1, 6))), Fraction(draws.randint(1, 3)))
        for _ in range(draws.randint(1, 6))
    ]

    def mean(size: int) -> Fraction:
        kept = set(ordered[:size])
        return sum((w * Fraction(2 * len(kept & s), len(kept) + len(s)) for s, w in sets), Fraction(0))

    found = best_prefix(ordered, sets)
    assert mean(found) == max(map(mean, range(1, 7)))
    assert all(mean(size) < mean(found) for size in range(1, found))


def test_what_most_name_comes_first() -> None:
    made = decided("abc", "abd", "ab", "bax")
    assert said(made) == "ab"
    assert not made.blended
    assert made.agreement.fields == (("/0", Fraction(1)), ("/1", Fraction(1)))
    assert made.agreement.share == (Fraction(2, 3) * 3 + 1) / 4


def test_an_answer_can_hold_what_no_one_draw_holds() -> None:
    made = decided("ab", "bc", "ca", keep="threshold", least=Fraction(2, 3))
    assert said(made) == "abc"
    assert made.blended


def test_a_threshold_keeps_what_that_share_names_and_never_nothing() -> None:
    assert said(decided("ab", "ac", "ad", "be", keep="threshold")) == "ab"
    assert said(decided("ab", "cd", "ef", keep="threshold", least=Fraction(1))) == "a"


def test_ties_go_by_mean_place_then_by_the_order_declared() -> None:
    assert said(decided("ba", "ba")) == "ba"
    assert said(decided("ab", "ba")) == "ab"
    assert said(decided("ab", "ba", legal="ba")) == "ba"


def test_an_item_off_the_list_spoils_its_ballot() -> None:
    made = decided("ab", "ab", "ax", legal="ab")
    assert made.agreement.share == Fraction(2, 3)
    assert (2,) in made.agreement.clusters


def test_order_does_not_make_two_sets_differ() -> None:
    assert decided("ab", "ba").leader == 2


def test_jaccard_of_nothing_with_nothing_is_one() -> None:
    assert jaccard(frozenset(), frozenset()) == 1
    assert jaccard(frozenset("ab"), frozenset("bc")) == Fraction(1, 3)


def test_numbers_stay_numbers() -> None:
    made = items_consensus((), "f1", Fraction(1, 2), Fraction(0))(
        [Vote(0, "[3, 1]", True), Vote(1, "[3.0, 1]", True), Vote(2, "[1, 3]", True)]
    )
    assert json.loads(made.text or "") in ([3, 1], [1, 3])
    assert made.agreement.share == 1
