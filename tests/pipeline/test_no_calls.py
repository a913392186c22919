"""A message without tool calls has no text of the surface `tool_arguments`."""

import pytest

from steady.pipeline.pieces import pieces_of


@pytest.mark.parametrize("calls", [{}, {"tool_calls": None}, {"tool_calls": []}], ids=str)
def test_no_call_is_judged_where_there_is_none(calls: dict[str, object]) -> None:
    """Else every rule on tool arguments would judge a call that nobody made, and `explain` would show it."""
    pieces = pieces_of({"index": 0, "message": {"role": "assistant", "content": "Hello", **calls}})

    assert [(piece.surface, piece.text) for piece in pieces] == [("answer", "Hello")]
