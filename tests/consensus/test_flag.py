"""Consensus on a flag: what a mistake costs decides, and the interval is exact."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from steady.consensus.flag import below, beta_interval, flag_consensus
from steady.consensus.stopping import why_stop
from steady.types import Consensus, Vote

HALF = Fraction(1, 2)


def decided(said: str, threshold: Fraction = HALF) -> Consensus:
    """Decide over y, n and ? (neither)."""
    words = {"y": "yes", "n": "no", "?": "perhaps"}
    votes = [Vote(i, words[letter], letter != "?") for i, letter in enumerate(said)]
    return flag_consensus(("yes", "no"), threshold, Fraction(0))(votes)


def test_a_missed_alarm_that_costs_more_raises_it_earlier() -> None:
    assert decided("ynnn").text == "no"
    assert decided("ynnn", Fraction(1, 4)).text == "yes"  # a miss costs three false alarms
    assert decided("yyyn", Fraction(4, 5)).text == "no"


def test_agreement_is_the_share_of_the_decision_in_all_draws() -> None:
    assert decided("yyn?").agreement.share == HALF
    assert decided("ynnn", Fraction(1, 4)).agreement.share == Fraction(1, 4)


def test_at_the_threshold_the_flag_is_raised() -> None:
    assert decided("yn").text == "yes"


@pytest.mark.parametrize(("said", "text"), [("yy", "yes"), ("nn", "no"), ("y", "yes"), ("n??", "no")])
def test_a_label_that_nobody_gave_never_wins(said: str, text: str) -> None:
    for threshold in (Fraction(1, 100), HALF, Fraction(99, 100)):
        assert decided(said, threshold).text == text


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 40), st.integers(0, 40))
def test_the_interval_is_that_of_the_beta_distribution(yes: int, no: int) -> None:
    low, high = beta_interval(yes, no)
    exact = stats.beta(yes + 1, no + 1).ppf([0.025, 0.975])

    assert abs(float(low) - exact[0]) <= 0.0011
    assert abs(float(high) - exact[1]) <= 0.0011
    assert float(low) <= exact[0] + 1e-9 and exact[1] - 1e-9 <= float(high)


def test_the_distribution_is_exact() -> None:
    assert below(HALF, 1, 1) == HALF
    assert below(HALF, 2, 1) == Fraction(1, 4)


def test_the_interval_is_told_with_the_answer() -> None:
    made = decided("yyyyyyn")
    assert (made.agreement.low, made.agreement.high) == ("0.473", "0.969")


def test_uneven_costs_offer_no_early_stop() -> None:
    """Five that say no of eight are a majority that can't be caught, but three that say yes would still raise it."""
    made = decided("nnnnn", Fraction(1, 5))
    assert why_stop(made.leader, made.runner_up, 5, 8, Fraction(95, 100)) is None
    even = decided("nnnnn")
    assert why_stop(even.leader, even.runner_up, 5, 8, Fraction(95, 100)) == "unreachable"


def test_refusals_that_outweigh_all_answers_win() -> None:
    votes = [Vote(0, "No, I can't.", True, refusal=True), Vote(1, "I won't.", True, refusal=True), Vote(2, "yes", True)]
    assert flag_consensus(("yes", "no"), HALF, Fraction(0))(votes).winner in (0, 1)


@pytest.mark.parametrize(
    ("labels", "threshold"), [(("a",), HALF), (("a", "b"), Fraction(0)), (("a", "b"), Fraction(1))]
)
def test_a_flag_that_can_not_be_decided_is_refused(labels: tuple[str, ...], threshold: Fraction) -> None:
    with pytest.raises(ValueError, match=r"two labels|in \(0, 1\)"):
        flag_consensus(labels, threshold, Fraction(0))
