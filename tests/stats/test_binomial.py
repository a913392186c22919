"""Exact binomial intervals, checked against quantiles that another library computes in another way."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta

from steady.stats.binomial import interval, runs_needed


@given(st.integers(1, 400), st.data())
@settings(deadline=None, max_examples=60)
def test_the_interval_is_that_of_clopper_and_pearson(of: int, data: st.DataObject) -> None:
    """Checked against SciPy's beta quantiles, which give the same interval in another way."""
    agreed = data.draw(st.integers(0, of))
    low, high = interval(agreed, of)

    assert low == pytest.approx(beta.ppf(0.025, agreed, of - agreed + 1) if agreed else 0, abs=1e-9)
    assert high == pytest.approx(beta.ppf(0.975, agreed + 1, of - agreed) if agreed < of else 1, abs=1e-9)


def test_the_interval_refuses_what_is_no_count() -> None:
    for agreed, of in ((-1, 2), (3, 2), (0, 0)):
        with pytest.raises(ValueError, match=re.escape("agreed must be in [0, of]")):
            interval(agreed, of)


@pytest.mark.parametrize("least", [0.01, 0.5, 0.8, 0.9, 0.95, 0.99])
def test_the_runs_needed_are_the_fewest_that_can_show_it(least: float) -> None:
    needed = runs_needed(least)

    assert needed is not None
    assert interval(needed, needed)[0] >= least
    assert needed == 1 or interval(needed - 1, needed - 1)[0] < least
