"""Consensus on a ranking: the methods against brute force and published examples."""

import json
from fractions import Fraction
from itertools import combinations, permutations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steady.consensus.ranking import EXACT, borda, concordance, kemeny, pairs, ranking_consensus, schulze
from steady.types import Vote

ONE = Fraction(1)


def votes(*rankings: str, accepted: str = "") -> list[Vote]:
    """Return a vote for each ranking, letters as items; `accepted`: y or n for each."""
    flags = accepted or "y" * len(rankings)
    return [
        Vote(i, json.dumps(list(text)), flag == "y") for i, (text, flag) in enumerate(zip(rankings, flags, strict=True))
    ]


def decided(*rankings: str, accepted: str = "", method: str = "kemeny") -> str:
    made = ranking_consensus((), method, Fraction(0))(votes(*rankings, accepted=accepted))  # type: ignore[arg-type]
    return "".join(json.loads(made.text or "[]"))


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6))
def test_kemeny_is_the_first_of_the_best_of_all_orders(seed: int) -> None:
    draws = Random(seed)
    count = draws.randint(1, 5)
    rankings = [draws.sample(range(count), draws.randint(1, count)) for _ in range(draws.randint(1, 5))]
    weights = [Fraction(draws.randint(1, 4), draws.randint(1, 3)) for _ in rankings]
    before = pairs(rankings, weights, count)

    def cost(order: tuple[int, ...]) -> int:
        return sum(before[b][a] for a, b in combinations(order, 2))

    best = min(permutations(range(count)), key=lambda order: (cost(order), order))
    assert kemeny(before).order == list(best)
    assert kemeny(before).tie == (sum(cost(order) == cost(best) for order in permutations(range(count))) > 1)


def test_kemeny_says_what_it_can_do() -> None:
    with pytest.raises(ValueError, match="exact up to 12 items, got 13"):
        kemeny([[0] * (EXACT + 1)] * (EXACT + 1))


def test_schulze_finds_the_order_of_his_own_example() -> None:
    """Schulze 2011, example 1: 45 ballots over A to E give E > A > C > B > D."""
    ballots = {"ACBED": 5, "ADECB": 5, "BEDAC": 8, "CABED": 3, "CAEBD": 7, "CBADE": 2, "DCEBA": 7, "EBADC": 8}
    rankings = [["ABCDE".index(letter) for letter in order] for order in ballots]
    weights = [Fraction(count) for count in ballots.values()]

    assert "".join("ABCDE"[i] for i in schulze(pairs(rankings, weights, 5)).order) == "EACBD"


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6))
def test_a_winner_of_every_duel_comes_first(seed: int) -> None:
    draws = Random(seed)
    rankings = [draws.sample(range(5), 5) for _ in range(draws.choice([3, 5, 7]))]
    before = pairs(rankings, [ONE] * len(rankings), 5)
    winner = [i for i in range(5) if all(before[i][j] > before[j][i] for j in range(5) if j != i)]

    for order in (schulze(before).order, kemeny(before).order):
        assert not winner or order[0] == winner[0]


def test_borda_takes_mean_ranks_and_the_average_of_those_left() -> None:
    assert borda([[0, 1, 2], [1]], [ONE, ONE], 3) == ([1, 0, 2], False)  # ranks 1+2.5, 2+1, 3+2.5
    assert borda([[0, 1], [1, 0]], [ONE, ONE], 2) == ([0, 1], True)  # a tie goes to the order of the items


def test_concordance_is_kendalls_w() -> None:
    assert concordance([[0, 1, 2]] * 4, 3) == 1
    assert concordance([[0, 1, 2], [2, 1, 0]], 3) == 0
    # three raters of six objects: rank sums 6, 9, 4, 13, 17, 14; S = 125.5, W = 12 * 125.5 / (9 * 210)
    raters = [[2, 0, 1, 3, 5, 4], [0, 2, 1, 5, 3, 4], [2, 1, 0, 3, 4, 5]]
    sums = [sum(r.index(item) + 1 for r in raters) for item in range(6)]
    spread = sum((Fraction(one) - Fraction(sum(sums), 6)) ** 2 for one in sums)
    assert concordance(raters, 6) == 12 * spread / (9 * (6**3 - 6))
    assert concordance([[0], [0]], 1) == 1


def test_ties_of_items_left_out_are_corrected_for() -> None:
    """Two that name the same first item and nothing else agree in all that they say."""
    assert concordance([[0], [0]], 4) == 1
    assert 0 < concordance([[0], [1]], 4) < 1


def test_the_answer_can_be_a_ranking_that_nobody_gave() -> None:
    made = ranking_consensus((), "kemeny", Fraction(0))(votes("abcd", "bacd", "abdc", "bacd", "abdc", "acbd"))
    assert json.loads(made.text or "") == list("abcd") and not made.blended
    torn = ranking_consensus((), "kemeny", Fraction(0))(votes("bacde", "abdce", "abced"))
    assert json.loads(torn.text or "") == list("abcde")
    assert torn.blended and torn.winner in (0, 1, 2)


def test_only_what_was_accepted_is_ranked() -> None:
    assert decided("ab", "xyz", accepted="yn") == "ab"
    assert decided("abc", "cba", "cba", accepted="ynn") == "abc"


def test_ties_go_to_the_order_that_the_policy_declares() -> None:
    either = votes("ab", "ba")
    assert ranking_consensus((), "kemeny", Fraction(0))(either).agreement.tie
    assert not ranking_consensus((), "kemeny", Fraction(0))(votes("ab", "ab")).agreement.tie
    assert json.loads(ranking_consensus(("b", "a"), "kemeny", Fraction(0))(either).text or "") == ["b", "a"]
    assert json.loads(ranking_consensus(("a", "b"), "kemeny", Fraction(0))(either).text or "") == ["a", "b"]


def test_items_read_alike_are_one() -> None:
    made = ranking_consensus((), "kemeny", Fraction(0))(
        [Vote(0, '["Tea", "Milk"]', True), Vote(1, '["tea ", "MILK"]', True), Vote(2, '["tea", "milk", "tea"]', True)]
    )
    assert made.agreement.share == 1
    assert made.leader == 3


def test_what_is_no_list_agrees_with_nobody() -> None:
    made = ranking_consensus((), "kemeny", Fraction(0))(
        [*votes("ab", "ab"), Vote(2, "a, then b", True), Vote(3, "[[]]", True)]
    )
    assert made.agreement.share == Fraction(1, 2)


def test_many_items_are_ranked_by_schulze() -> None:
    letters = "abcdefghijklmnopqrst"
    assert decided(letters, letters, letters[::-1]) == letters
    assert decided(letters, letters[::-1], letters, method="borda") == letters
