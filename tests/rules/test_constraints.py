"""Several rules' constraints hold together: what merges, what does not, and that nothing is lost without a word."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from steady.rules.constraints import _MERGE, merge, within
from steady.rules.rule import Constraint

ranges = st.tuples(st.integers(0, 20), st.none() | st.integers(0, 40))


def merged(*constraints: Constraint) -> Constraint:
    return merge([(f"r{n}", c) for n, c in enumerate(constraints)]).constraint


def test_every_field_of_a_constraint_can_be_merged() -> None:
    """A field that a rule gains later must not be lost, or raise, the first time that two rules use it."""
    assert set(_MERGE) == {field.name for field in structs.fields(Constraint)}


@pytest.mark.parametrize(
    ("first", "second", "both"),
    [
        ({"words": (10, None)}, {"words": (5, 40)}, {"words": (10, 40)}),
        ({"without": ",;"}, {"without": ";!"}, {"without": ",;!"}),
        ({"excludes": ("a",)}, {"excludes": ("b", "a")}, {"excludes": ("a", "b")}),
        ({"avoids": ("a",)}, {"avoids": ("b",)}, {"avoids": ("a", "b")}),
        ({"contains": (("a", 1), ("b", 2))}, {"contains": (("a", 3),)}, {"contains": (("a", 3), ("b", 2))}),
        ({"choices": ("a", "b", "c")}, {"choices": ("c", "a")}, {"choices": ("a", "c")}),
        ({"starts": "Dear"}, {"starts": "Dear Ann"}, {"starts": "Dear Ann"}),
        ({"ends": "Goodbye."}, {"ends": "."}, {"ends": "Goodbye."}),
        ({"highlights": 2}, {"highlights": 5}, {"highlights": 5}),
        ({"sections": (2, "PART")}, {"sections": (3, "PART")}, {"sections": (3, "PART")}),
        ({"max_tokens": 90}, {"max_tokens": 40}, {"max_tokens": 40}),
        ({"title": True}, {"postscript": "P.S."}, {"title": True, "postscript": "P.S."}),
        (
            {"paragraph_starts": ((2, "b"),)},
            {"paragraph_starts": ((1, "a"),)},
            {"paragraph_starts": ((1, "a"), (2, "b"))},
        ),
        ({"json_schema": {"type": "object"}}, {"json_schema": {"type": "array"}}, {"json_schema": {"type": "array"}}),
    ],
)
def test_fields_merge(first: dict[str, Any], second: dict[str, Any], both: dict[str, Any]) -> None:
    assert merged(Constraint(**first), Constraint(**second)) == Constraint(**both)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"words": (10, None)}, {"words": (0, 5)}),
        ({"choices": ("a",)}, {"choices": ("b",)}),
        ({"starts": "Dear"}, {"starts": "Hello"}),
        ({"ends": "Bye"}, {"ends": "Ciao"}),
        ({"letters": "lower"}, {"letters": "upper"}),
        ({"wrapped": ('"', '"')}, {"wrapped": ("(", ")")}),
        ({"sections": (2, "PART")}, {"sections": (3, "SECTION")}),
        ({"script": "Latin"}, {"script": "Greek"}),
    ],
)
def test_what_cannot_both_hold_keeps_the_first_and_says_which_rule_is_not_asked_for(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    made = merge([("one", Constraint(**first)), ("two", Constraint(**second))])

    assert made.constraint == Constraint(**first)
    assert len(made.notes) == 1
    assert made.notes[0].startswith(f"{next(iter(second))} of two not asked for")


def test_paragraphs_parted_in_two_ways_are_not_mixed() -> None:
    """Three parts between stars and two between blank lines are no five paragraphs."""
    stars = Constraint(paragraphs=(3, 3), separator="***")
    blanks = Constraint(paragraphs=(2, 2), separator="\n\n", paragraph_starts=((1, "A"),), words=(1, 9))
    made = merge([("stars", stars), ("blanks", blanks)])

    assert made.constraint == structs.replace(stars, words=(1, 9))
    assert {note.split()[0] for note in made.notes} == {"paragraphs", "separator", "paragraph_starts"}


@settings(max_examples=60)
@given(ranges, ranges, st.integers(0, 50))
def test_a_number_is_within_both_ranges_or_in_neither_merged(first: Any, second: Any, number: int) -> None:
    def holds(bounds: tuple[int, int | None]) -> bool:
        return bounds[0] <= number and (bounds[1] is None or number <= bounds[1])

    try:
        both = within(first, second)
    except ValueError:
        assert not (holds(first) and holds(second))
        return
    if both[1] is None or both[0] <= both[1]:
        assert holds(both) == (holds(first) and holds(second))


def test_nothing_asked_is_nothing_merged() -> None:
    assert merge([]) == (Constraint(), ())
