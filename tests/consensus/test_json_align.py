from hypothesis import given, settings
from hypothesis import strategies as st

from steady.consensus.json_align import MOST, align, central

items = st.lists(st.sampled_from(["red apple", "green apple", "pear", "fig"]), max_size=6)


def test_a_shifted_array_is_aligned_by_content() -> None:
    assert align(["pear", "fig"], ["apple", "pear", "fig"]) == [1, 2]


def test_a_changed_element_finds_its_counterpart() -> None:
    reference = [{"name": "apple", "price": "1"}, {"name": "pear", "price": "2"}]

    assert align(reference, [{"name": "pear", "price": "3"}, {"name": "apple", "price": "1"}]) == [1, 0]


def test_nearly_equal_strings_are_aligned_by_their_words() -> None:
    assert align(["blue car", "red apple"], ["red apples", "blue cars"]) == [1, 0]


def test_equals_go_by_position() -> None:
    assert align(["x", "y"], ["u", "v", "w"]) == [0, 1]
    assert align(["a", "a"], ["a", "a", "a"]) == [0, 1]


def test_of_equally_alike_elements_the_nearer_is_taken() -> None:
    assert align(["x", "p", "q", "y"], ["p", "q", "u"]) == [None, 0, 1, 2]


def test_missing_elements_have_no_counterpart() -> None:
    assert align(["a", "b"], []) == [None, None]
    assert align([], ["a"]) == []
    assert align(["a", "b", "c"], ["c"]) == [None, None, 0]


def test_long_arrays_pair_their_equals_and_the_rest_by_position() -> None:
    """The assignment is cubic; above the bound it is not asked."""
    reference = [f"r{index}" for index in range(MOST + 1)] + ["same"]
    other = ["same"] + [f"o{index}" for index in range(MOST + 1)]

    assert align(reference, other) == [*range(1, MOST + 2), 0]


@settings(deadline=None)
@given(items, items)
def test_no_element_is_used_twice_and_equals_are_always_paired(one: list[str], other: list[str]) -> None:
    pairs = align(one, other)
    used = [index for index in pairs if index is not None]

    assert len(used) == len(set(used)) == min(len(one), len(other))
    equal = sum(one[row] == other[index] for row, index in enumerate(pairs) if index is not None)
    assert equal == sum(min(one.count(item), other.count(item)) for item in set(one))


def test_the_central_array_is_most_alike_to_the_rest() -> None:
    assert central([["a"], ["a", "b"], ["a", "b", "c"]]) == 1
    assert central([["z"], ["a"]]) == 1
    assert central([["a"], ["b"], ["b"]]) == 1
