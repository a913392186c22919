"""pieces: every text of a choice is found once, and a changed text goes back to its place and nowhere else."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.pipeline.worlds import tool_call
from tests.promises.outputs import choice as any_choice
from tests.promises.releases import texts

from steady.pipeline.pieces import (
    answer_text,
    calls_text,
    input_pieces,
    pieces_of,
    prompt_tokens,
    shape_of,
    too_deep,
    with_texts,
    without,
)

CHOICE: dict[str, Any] = {
    "index": 0,
    "finish_reason": "stop",
    "message": {
        "role": "assistant",
        "content": "Paris.",
        "reasoning_content": "I think.",
        "thinking_blocks": [{"type": "thinking", "thinking": "Deep.", "signature": "c2ln"}],
        "tool_calls": [tool_call('{"a": 1}')],
        "refusal": "No.",
        "annotations": [{"type": "url_citation", "url_citation": {"title": "A title", "url": "https://a.test"}}],
    },
}


def found(choice: dict[str, Any]) -> list[tuple[str, str]]:
    return [(piece.surface, piece.text) for piece in pieces_of(choice)]


def test_every_text_has_its_surface() -> None:
    assert found(CHOICE) == [
        ("answer", "Paris."),
        ("answer", "No."),
        ("tool_arguments", '{"a": 1}'),
        ("reasoning", "I think."),
        ("reasoning", "Deep."),
        ("reasoning", "A title"),
        ("reasoning", "https://a.test"),
    ]


def test_what_stands_beside_a_signature_is_signed() -> None:
    signed = {piece.text: piece.signed for piece in pieces_of(CHOICE)}

    assert signed["Deep."]
    assert not signed["I think."]


def test_ids_names_and_signatures_are_no_text() -> None:
    spoken = {text for _, text in found(CHOICE)}

    assert spoken.isdisjoint({"call_1", "send", "c2ln", "assistant", "function", "stop"})


def test_parts_of_content_are_one_piece_of_the_answer() -> None:
    """A term may be split over two parts, and a length is that of all of them."""
    choice = {"message": {"content": [{"type": "text", "text": "Par"}, {"type": "text", "text": "is"}]}}

    assert found(choice) == [("answer", "Paris")]
    assert answer_text(choice) == "Paris"


@settings(max_examples=150, deadline=None)
@given(any_choice)
def test_no_text_is_overlooked(choice: dict[str, Any]) -> None:
    """A second, plainer walk over the message finds nothing that `pieces_of` does not."""
    ours = found(choice)

    assert all((piece.surface, piece.text) in ours for piece in texts(choice))


@settings(max_examples=150, deadline=None)
@given(any_choice, st.data())
def test_a_changed_text_goes_to_its_place_and_nowhere_else(choice: dict[str, Any], data: st.DataObject) -> None:
    pieces = pieces_of(choice)
    if not pieces:
        return
    piece = data.draw(st.sampled_from(pieces))
    changed = pieces_of(with_texts(choice, {piece.path: "NEW"}))

    assert [p.text for p in changed] == ["NEW" if p.path == piece.path else p.text for p in pieces]
    assert pieces_of(choice) == pieces


def test_nothing_changed_is_the_same_object() -> None:
    assert with_texts(CHOICE, {}) is CHOICE


def test_a_block_is_taken_out_whole() -> None:
    made = without(CHOICE, ("message", "thinking_blocks", 0, "thinking"))
    flat = without(CHOICE, ("message", "reasoning_content"))

    assert made["message"]["thinking_blocks"] == []
    assert "reasoning_content" not in flat["message"]
    assert CHOICE["message"]["thinking_blocks"]


@pytest.mark.parametrize(
    ("message", "shape"),
    [
        ({"content": "Paris."}, "text"),
        ({"content": None, "tool_calls": [tool_call("{}")]}, "tool_calls"),
        ({"content": "So.", "tool_calls": [tool_call("{}")]}, "both"),
        ({"content": " ", "tool_calls": [tool_call("{}")]}, "tool_calls"),
        ({"content": None, "function_call": {"name": "f", "arguments": "{}"}}, "tool_calls"),
        ({"content": "x", "refusal": "No."}, "refusal"),
        ({"content": ""}, "empty"),
        ({"content": None}, "empty"),
        ({}, "empty"),
    ],
)
def test_the_shape_of_an_answer(message: Any, shape: str) -> None:
    assert shape_of({"message": message}) == shape


def test_calls_are_compared_canonically() -> None:
    one = {"message": {"tool_calls": [tool_call('{"b": 1, "a": [2]}', id="x")]}}
    other = {"message": {"tool_calls": [tool_call('{ "a":[2],"b":1 }', id="y")]}}

    assert calls_text(one) == calls_text(other)
    assert calls_text(one) != calls_text({"message": {"tool_calls": [tool_call("not json")]}})


@pytest.mark.parametrize("text", ["not json", "\ud800", "[" * 5000, "", "NaN"])
def test_any_arguments_can_be_compared(text: str) -> None:
    assert calls_text({"message": {"tool_calls": [tool_call(text)]}})


def test_depth_is_bounded() -> None:
    node: Any = "x"
    for _ in range(31):
        node = [node]

    assert not too_deep({"message": {}})
    assert not too_deep({"m": node[0]})
    assert too_deep({"m": [[node]]})


def test_the_input_of_a_turn_is_what_came_after_the_last_answer() -> None:
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}]

    assert [t.piece.text for t in input_pieces(turns, scope="turn", roles=None)] == ["c"]
    assert [t.piece.text for t in input_pieces(turns, scope="conversation", roles=None)] == ["a", "c"]
    assert [t.piece.text for t in input_pieces(turns, scope="conversation", roles=["assistant"])] == ["b"]


def test_tokens_are_estimated_from_bytes_and_messages() -> None:
    assert prompt_tokens([{"content": "x" * 40}]) == 14
    assert prompt_tokens([{"content": [{"text": "日本" * 4}, {"type": "image_url"}]}]) == 10
    assert prompt_tokens([]) == 0
