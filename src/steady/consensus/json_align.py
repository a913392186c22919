"""Arrays side by side: which element of one is which element of another."""

from collections.abc import Sequence

from steady.consensus.assignment import assign
from steady.consensus.json_values import canonical, features
from steady.consensus.similarity import UNIT, dice
from steady.types import JSON

MOST = 40  # elements without an equal, on either side, that are assigned by likeness; beyond, by position


def central(arrays: Sequence[JSON]) -> int:
    """Return the index of the array most alike to the others; among equals the first in canonical order."""
    canons = [canonical(array) for array in arrays]
    first = {canon: index for index, canon in reversed(list(enumerate(canons)))}
    distinct = sorted(first)
    if len(distinct) == 1:
        return 0
    marks = [features(arrays[first[canon]]) for canon in distinct]
    totals = [(canons.count(canon) - 1) * UNIT for canon in distinct]
    for a, one in enumerate(marks):
        for b in range(a):
            alike = dice(one, marks[b])
            totals[a] += alike * canons.count(distinct[b])
            totals[b] += alike * canons.count(distinct[a])
    best = min(range(len(distinct)), key=lambda index: (-totals[index], index))
    return first[distinct[best]]


def align(reference: Sequence[JSON], other: Sequence[JSON]) -> list[int | None]:
    """
    Return for each element of `reference` the index of its counterpart in `other`, or None.

    Equal elements are paired first, in their order. The rest is assigned so that the summed likeness is greatest, near
    positions going first among equals. More than 40 such elements on a side are paired in the order of their positions.
    """
    where: dict[str, list[int]] = {}
    for index, value in enumerate(other):
        where.setdefault(canonical(value), []).append(index)
    for indices in where.values():
        indices.reverse()
    pairs = [where[canon].pop() if where.get(canon := canonical(value)) else None for value in reference]

    rows = [index for index, paired in enumerate(pairs) if paired is None]
    columns = sorted(index for indices in where.values() for index in indices)
    if not rows or not columns:
        return pairs
    if max(len(rows), len(columns)) > MOST:
        for row, column in zip(rows, columns, strict=False):
            pairs[row] = column
        return pairs
    left, right = [features(reference[row]) for row in rows], [features(other[column]) for column in columns]
    span = len(reference) + len(other)
    costs = [
        [(UNIT - dice(one, two)) * span + abs(row - column) for two, column in zip(right, columns, strict=True)]
        for one, row in zip(left, rows, strict=True)
    ]
    for row, found in zip(rows, assign(costs), strict=True):
        pairs[row] = None if found is None else columns[found]
    return pairs
