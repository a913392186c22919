from fractions import Fraction
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, median_abs_deviation, trim_mean

from steady.consensus.kinds import aggregator
from steady.consensus.number import Tolerance, deviation, interval, lower_median, windows
from steady.types import Consensus, Vote

F = Fraction
integers = st.lists(st.integers(-30, 30).map(Fraction), min_size=1, max_size=14).map(sorted)


def consensus(*texts: str, **options: object) -> Consensus:
    votes = [Vote(slot, text, True) for slot, text in enumerate(texts)]
    return aggregator("number", **options)(votes)  # type: ignore[arg-type]


def test_two_camps_are_never_averaged() -> None:
    """The middle of a bimodal sample is an answer that nobody gave."""
    made = consensus("10", "11", "12", "90", "91", absolute=F(2))

    assert (made.text, made.agreement.share) == ("11", F(3, 5))
    assert made.agreement.clusters == ((0, 1, 2), (3, 4))
    assert (made.leader, made.runner_up) == (3, 2)


def test_the_answer_of_an_even_cluster_is_its_lower_median() -> None:
    made = consensus("1", "2", "3", "4", absolute=F(5))

    assert (made.text, made.winner, made.blended) == ("2", 1, False)


def test_the_answer_keeps_the_winner_s_own_wording() -> None:
    made = consensus("about 5 days", "7 days", "6 days", absolute=F(3))

    assert made.text == "6 days"


def test_spelling_does_not_make_another_number() -> None:
    made = consensus("1000", "1,000", "1e3", "1000.0", "999")

    assert (made.agreement.share, made.text) == (F(4, 5), "1,000")


def test_the_relative_tolerance_is_of_the_larger_magnitude() -> None:
    tolerance = Tolerance(F(0), F(1, 10))

    assert tolerance.joins(F(90), F(100))
    assert tolerance.joins(F(-100), F(-90))
    assert not tolerance.joins(F(89), F(100))
    assert not tolerance.joins(F(-1), F(1))
    assert tolerance.joins(F(0), F(0))


def test_units_are_kept_apart_and_a_bare_number_joins_the_only_one() -> None:
    apart = consensus("5 days", "5 weeks", "5")
    joined = consensus("5 days", "5", "6")

    assert apart.agreement.clusters == ((2,), (0,), (1,))
    assert (joined.agreement.share, joined.agreement.clusters) == (F(2, 3), ((0, 1), (2,)))


def test_texts_without_a_number_stay_apart_and_never_win() -> None:
    made = consensus("many", "many", "5 or 6", "7")

    assert (made.text, made.agreement.share) == ("7", F(1, 4))
    assert made.agreement.clusters == ((0, 1), (3,), (2,))
    assert consensus("NaN", "inf").winner is None


def test_rejected_values_count_but_the_answer_is_an_accepted_one() -> None:
    votes = [Vote(0, "5", False), Vote(1, "5", False), Vote(2, "6", True), Vote(3, "9", True)]
    made = aggregator("number", absolute=F(1))(votes)

    assert (made.text, made.agreement.share) == ("6", F(3, 4))
    assert [slot for slot, _ in made.ranked] == [2, 3]


def test_a_tie_goes_to_the_lower_value() -> None:
    """By number, not by spelling: the text "10" would come before "9"."""
    made = consensus("10", "9")

    assert (made.text, made.agreement.tie) == ("9", True)


@pytest.mark.parametrize(("n", "j"), [(5, 1), (6, 1), (7, 1), (8, 1), (9, 2), (10, 2), (12, 3), (20, 6)])
def test_the_interval_is_the_narrowest_that_covers(n: int, j: int) -> None:
    """Checked against the binomial: n = 5 gives 93.75%, 7 gives 98.4%, 9 gives 96.1% with x2..x8."""
    values = [F(value) for value in range(1, n + 1)]

    assert interval(values) == (j, n + 1 - j)
    assert 1 - 2 * binom.cdf(j - 1, n, 0.5) >= 0.9375
    assert 1 - 2 * binom.cdf(j, n, 0.5) < 0.9375


def test_fewer_than_five_values_have_no_interval() -> None:
    assert interval([F(1)] * 4) is None
    assert consensus("1", "2", "3", "4").agreement.low is None
    assert consensus("1").agreement.spread is None


def test_interval_and_deviation_are_told_as_decimal_text() -> None:
    agreement = consensus("1.5", "2", "2", "2.25", "40", "9").agreement

    assert (agreement.low, agreement.high, agreement.spread) == ("1.5", "40", "0.375")


@given(integers)
def test_the_deviation_is_scipy_s(values: list[Fraction]) -> None:
    assert float(deviation(values)) == pytest.approx(median_abs_deviation([float(value) for value in values]))


@given(integers)
def test_the_lower_median_is_numpy_s(values: list[Fraction]) -> None:
    assert lower_median(values) == int(np.percentile([int(value) for value in values], 50, method="lower"))


@given(integers, st.integers(0, 8), st.integers(0, 4))
def test_clusters_partition_and_each_value_is_within_the_tolerance(values: list[F], absolute: int, tenths: int) -> None:
    tolerance = Tolerance(F(absolute), F(tenths, 10))
    found = windows(values, tolerance)

    assert [index for first, end in found for index in range(first, end)] == list(range(len(values)))
    for first, end in found:
        middle = lower_median(values[first:end])
        assert all(tolerance.joins(value, middle) for value in values[first:end])


@given(integers, st.integers(0, 8))
def test_the_first_cluster_is_the_biggest_there_can_be(values: list[Fraction], absolute: int) -> None:
    tolerance = Tolerance(F(absolute), F(0))
    runs = [(a, b) for a in range(len(values)) for b in range(a + 1, len(values) + 1)]
    whole = [
        (a, b) for a, b in runs if (a == 0 or values[a - 1] != values[a]) and values[b - 1 : b] != values[b : b + 1]
    ]
    able = [b - a for a, b in whole if all(tolerance.joins(v, lower_median(values[a:b])) for v in values[a:b])]

    assert max(end - first for first, end in windows(values, tolerance)) == max(able)


def test_a_chain_of_close_values_is_no_cluster() -> None:
    """Single linkage would call 1 and 9 the same, since each step is small."""
    values = [F(value) for value in range(1, 10)]

    assert windows(values, Tolerance(F(1), F(0))) == [(0, 3), (3, 6), (6, 9)]


@settings(deadline=None)
@given(st.integers(0, 10**6))
def test_the_trimmed_mean_is_scipy_s(seed: int) -> None:
    draws = Random(seed)
    values = [draws.randint(100, 120) for _ in range(draws.randint(8, 15))]
    made = consensus(*map(str, values), absolute=F(50), estimate="trimmed_mean")

    assert made.text is not None
    assert float(made.text) == pytest.approx(trim_mean(values, 0.2), abs=0.005)
    assert made.blended is (made.text not in map(str, values))


def test_the_trimmed_mean_is_of_the_winning_cluster_in_the_winner_s_wording() -> None:
    texts = [f"about {value} days" for value in (10, 10, 11, 11, 12, 12, 13, 13, 500)]
    made = consensus(*texts, absolute=F(4), estimate="trimmed_mean")

    assert (made.text, made.blended, made.agreement.share) == ("about 11.5 days", True, F(8, 9))
    assert (made.winner, made.ranked[0][0]) == (2, 2)


def test_a_trimmed_mean_that_was_sampled_is_that_vote() -> None:
    made = consensus("8", "9", "10", "10", "10", "11", "12", "10.0", absolute=F(4), estimate="trimmed_mean")

    assert (made.text, made.blended) == ("10", False)


def test_fewer_than_eight_values_are_not_averaged() -> None:
    made = consensus("1", "2", "4", "8", "9", "9", "9", absolute=F(10), estimate="trimmed_mean")

    assert (made.text, made.blended) == ("8", False)


def test_a_mean_of_another_sign_stands_alone() -> None:
    """The winner's wording carries its minus in front of the figures."""
    made = consensus("-1", "-1", "-1", "-1", "-1", "9", "9", "9", absolute=F(20), estimate="trimmed_mean")

    assert (made.text, made.blended) == ("2.33", True)


def test_far_values_cost_score_by_their_distance() -> None:
    made = consensus("10", "10", "30", variability_penalty=F(1))

    assert dict(made.ranked) == {0: F(3, 4), 1: F(3, 4), 2: F(1, 2)}
