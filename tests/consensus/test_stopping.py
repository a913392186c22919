from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import betainc

from steady.consensus.stopping import posterior, why_stop

counts = st.integers(0, 60)


def first_stop(threshold: Fraction, against: int) -> int:
    """Return after how many draws a run with `against` dissenting votes stops by the posterior."""
    drawn = next(n for n in range(against, 100) if posterior(n - against, against) >= threshold)
    assert why_stop(drawn - against, against, drawn, 10_000, threshold) == "posterior"
    return drawn


@given(counts, counts)
def test_the_posterior_is_the_incomplete_beta_function(leader: int, runner_up: int) -> None:
    expected = 1 - betainc(leader + 1, runner_up + 1, 0.5)

    assert float(posterior(leader, runner_up)) == pytest.approx(expected, abs=1e-12)


@given(counts, counts)
def test_the_posteriors_of_both_sides_sum_to_one(leader: int, runner_up: int) -> None:
    assert posterior(leader, runner_up) + posterior(runner_up, leader) == 1


@pytest.mark.parametrize(("threshold", "unanimous", "one_dissents"), [("0.95", 4, 7), ("0.99", 6, 10)])
def test_the_published_stopping_points_hold(threshold: str, unanimous: int, one_dissents: int) -> None:
    assert first_stop(Fraction(threshold), 0) == unanimous
    assert first_stop(Fraction(threshold), 1) == one_dissents


def test_four_of_four_is_31_in_32() -> None:
    assert posterior(4, 0) == Fraction(31, 32)
    assert posterior(3, 0) == Fraction(15, 16)
    assert posterior(0, 0) == Fraction(1, 2)


def test_a_leader_that_can_not_be_caught_stops() -> None:
    """Three ahead with two draws left: the full vote gives the same winner for certain."""
    assert why_stop(5, 2, 7, 9, Fraction(999, 1000)) == "unreachable"
    assert why_stop(5, 3, 8, 10, Fraction(999, 1000)) is None


@given(counts, counts, st.integers(0, 40))
def test_unreachable_never_changes_the_winner(leader: int, runner_up: int, left: int) -> None:
    drawn = leader + runner_up
    if why_stop(leader, runner_up, drawn, drawn + left, Fraction(1)) == "unreachable":
        assert leader > runner_up + left
    else:
        assert leader <= runner_up + left


def test_nothing_accepted_never_stops() -> None:
    """With no leader that may be released more draws are needed, however much the rejected ones agree."""
    assert why_stop(0, 9, 9, 9, Fraction(19, 20)) is None
    assert why_stop(0, 0, 9, 9, Fraction(19, 20)) is None


@pytest.mark.parametrize(("leader", "runner_up"), [(-1, 0), (0, -1)])
def test_negative_votes_are_refused(leader: int, runner_up: int) -> None:
    with pytest.raises(ValueError, match="counts of 0 or more"):
        posterior(leader, runner_up)
    with pytest.raises(ValueError, match="counts of 0 or more"):
        why_stop(leader, runner_up, 1, 1, Fraction(19, 20))
