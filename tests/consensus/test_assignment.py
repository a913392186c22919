from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from steady.consensus.assignment import assign


@st.composite
def matrices(draw: st.DrawFn, most: int = 9) -> list[list[int]]:
    rows, columns = draw(st.integers(1, most)), draw(st.integers(1, most))
    return draw(
        st.lists(st.lists(st.integers(-50, 50), min_size=columns, max_size=columns), min_size=rows, max_size=rows)
    )


def cost(matrix: list[list[int]], found: list[int | None]) -> int:
    return sum(matrix[row][column] for row, column in enumerate(found) if column is not None)


@settings(deadline=None, max_examples=200)
@given(matrices())
def test_the_cost_is_the_least_there_is(matrix: list[list[int]]) -> None:
    found = assign(matrix)
    rows, columns = linear_sum_assignment(np.array(matrix))

    assert cost(matrix, found) == int(np.array(matrix)[rows, columns].sum())


@settings(deadline=None)
@given(matrices())
def test_each_column_is_used_once_and_as_many_rows_as_can_be_are_served(matrix: list[list[int]]) -> None:
    used = [column for column in assign(matrix) if column is not None]

    assert len(used) == len(set(used)) == min(len(matrix), len(matrix[0]))


@settings(deadline=None)
@given(matrices(most=4))
def test_it_agrees_with_trying_every_way(matrix: list[list[int]]) -> None:
    size = max(len(matrix), len(matrix[0]))
    padded = [[*row, *[0] * (size - len(row))] for row in matrix] + [[0] * size] * (size - len(matrix))
    best = min(sum(padded[r][c] for r, c in enumerate(order)) for order in permutations(range(size)))

    assert cost(matrix, assign(matrix)) == best


def test_costs_beyond_64_bits_stay_exact() -> None:
    """Likeness in billionths times positions must not lose a unit, or ties would go astray."""
    big = 10**30

    assert assign([[big, big + 1], [big + 1, big + 3]]) == [1, 0]


@pytest.mark.parametrize(("matrix", "expected"), [([], []), ([[]], [None]), ([[1]], [0]), ([[1], [0]], [None, 0])])
def test_small_shapes(matrix: list[list[int]], expected: list[int | None]) -> None:
    assert assign(matrix) == expected
