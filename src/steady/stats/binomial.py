"""How sure a count makes one of a share: exact binomial intervals, in plain Python."""

import math
from collections.abc import Callable


def interval(agreed: int, of: int, confidence: float = 0.95) -> tuple[float, float]:
    """
    Return the two-sided interval of Clopper and Pearson (Biometrika 26, 1934) for `agreed` of `of`, to 1e-12.

    Args:
        agreed: In [0, of].
        of: At least 1.
        confidence: In (0, 1); each side may err with half of the rest.
    """
    if not 0 <= agreed <= of or of < 1:
        raise ValueError(f"agreed must be in [0, of] and of at least 1, got {agreed} of {of}.")
    tail = (1 - confidence) / 2
    high = 1.0 if agreed == of else _solve(lambda p: _at_most(agreed, of, p) - tail)
    low = 0.0 if agreed == 0 else 1 - _solve(lambda p: _at_most(of - agreed, of, p) - tail)
    return low, high


def _at_most(k: int, n: int, p: float) -> float:
    """Return P(X <= k) of a binomial, 0 < p < 1."""
    whole, rise, fall = math.lgamma(n + 1), math.log(p), math.log1p(-p)
    return math.fsum(
        math.exp(whole - math.lgamma(i + 1) - math.lgamma(n - i + 1) + i * rise + (n - i) * fall) for i in range(k + 1)
    )


def _solve(falling: Callable[[float], float]) -> float:
    """Return where a falling function of (0, 1) crosses zero, by halving."""
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if falling(middle) > 0 else (low, middle)
    return (low + high) / 2


def runs_needed(min_agreement: float, confidence: float = 0.95) -> int | None:
    """Return how many runs, all agreeing, show an agreement of at least `min_agreement`; None where none can (1)."""
    if min_agreement >= 1:
        return None
    return max(1, math.ceil(math.log((1 - confidence) / 2) / math.log(min_agreement)))
