"""The assignment of least cost, exactly, in whole numbers."""

from collections.abc import Sequence


def assign(costs: Sequence[Sequence[int]]) -> list[int | None]:
    """
    Return for each row the column assigned to it, so that the sum of the costs is least; None for a row left over.

    The Hungarian method with potentials (shortest augmenting paths, O(n²m)). Every column is used at most once, and as
    many rows are assigned as there can be. Of several optima the same one is found for the same matrix.

    Args:
        costs: A matrix of whole numbers, any shape; all rows equally long.
    """
    if not costs or not costs[0]:
        return [None] * len(costs)
    if len(costs) > len(costs[0]):
        found: list[int | None] = [None] * len(costs)
        for column, row in enumerate(assign(list(zip(*costs, strict=True)))):
            if row is not None:
                found[row] = column
        return found
    return list(_assign_rows(costs))


def _assign_rows(costs: Sequence[Sequence[int]]) -> list[int]:
    """Assign every row, given at least as many columns as rows. Index 0 is a sentinel on both sides."""
    rows, columns = len(costs), len(costs[0])
    row_price, column_price = [0] * (rows + 1), [0] * (columns + 1)
    row_of = [0] * (columns + 1)
    for row in range(1, rows + 1):
        row_of[0] = row
        came_from = _augment(costs, row_price, column_price, row_of)
        column = next(c for c in came_from if row_of[c] == 0)
        while column:
            row_of[column] = row_of[came_from[column]]
            column = came_from[column]
    result = [0] * rows
    for column in range(1, columns + 1):
        if row_of[column]:
            result[row_of[column] - 1] = column - 1
    return result


def _augment(
    costs: Sequence[Sequence[int]], row_price: list[int], column_price: list[int], row_of: list[int]
) -> dict[int, int]:
    """Grow the tree of shortest paths from column 0 to a free column; return each reached column's predecessor."""
    free = range(1, len(column_price))
    slack: dict[int, tuple[int, int]] = {}  # column -> (slack, predecessor)
    done = [0]
    came_from: dict[int, int] = {}
    while row_of[done[-1]]:
        at = done[-1]
        row = row_of[at]
        for column in free:
            if column in came_from:
                continue
            reduced = costs[row - 1][column - 1] - row_price[row] - column_price[column]
            if column not in slack or reduced < slack[column][0]:
                slack[column] = (reduced, at)
        step, nearest = min((cost, column) for column, (cost, _) in slack.items())
        for column in done:
            row_price[row_of[column]] += step
            column_price[column] -= step
        slack = {column: (cost - step, origin) for column, (cost, origin) in slack.items()}
        came_from[nearest] = slack.pop(nearest)[1]
        done.append(nearest)
    return came_from
