"""The tolerant reader's parts: places of values, and edits that are joined."""

import json
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from steady.rules.repair import compose, find_json, outline
from steady.rules.rule import apply_edits
from steady.types import Edit


@st.composite
def edited(draw: st.DrawFn, text: str) -> tuple[Edit, ...]:
    """Ordered edits of `text` that do not overlap."""
    places = sorted(draw(st.lists(st.integers(0, len(text)), max_size=6)))
    pairs = zip(places[::2], places[1::2], strict=False)
    return tuple(Edit(a, b, draw(st.text("XY", max_size=3)), draw(st.booleans())) for a, b in pairs)


@settings(deadline=None, max_examples=300)
@given(st.data(), st.text("abcdef", max_size=12))
def test_composed_edits_do_what_both_do_one_after_the_other(data: st.DataObject, text: str) -> None:
    first = data.draw(edited(text))
    middle = apply_edits(text, first)
    second = data.draw(edited(middle))

    both = compose(text, first, second)

    assert apply_edits(text, both) == apply_edits(middle, second)
    assert all(a.end <= b.start for a, b in pairwise(both))
    assert any(e.invented for e in both) == any(e.invented for e in (*first, *second))


def test_edits_far_apart_stay_apart() -> None:
    both = compose("0123456789", (Edit(1, 2, ""), Edit(8, 9, "ab")), (Edit(3, 4, "Z", True),))

    assert both == (Edit(1, 2, ""), Edit(4, 5, "Z", True), Edit(8, 9, "ab"))


@settings(deadline=None, max_examples=100)
@given(st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=4) | st.lists(st.booleans()), max_size=4))
def test_an_outline_knows_the_place_of_every_value(value: dict[str, object]) -> None:
    text = " " + json.dumps(value, ensure_ascii=True)
    tree = outline(text)

    assert json.loads(text[tree.start : tree.end]) == value
    assert [
        (json.loads(text[k.start : k.end]), json.loads(text[v.start : v.end])) for k, v in tree.members
    ] == list(value.items())  # fmt: skip


def test_a_valid_text_gives_no_edits() -> None:
    assert find_json(' {"a": [1, {"b": null}]} \n') == ()


def test_the_type_expected_decides_between_two_values() -> None:
    text = 'Keys:\n["a"]\nValue: {"a": 1}'

    assert find_json(text) is None
    assert apply_edits(text, find_json(text, "object") or ()) == '{"a": 1}'
    assert apply_edits(text, find_json(text, "array") or ()) == '["a"]'
