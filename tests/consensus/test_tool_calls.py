"""Consensus on tool calls: names first, then arguments."""

import json
from fractions import Fraction
from typing import Any

import pytest

from steady.consensus.tool_calls import names_of, tool_call_consensus
from steady.types import Consensus, Vote


def decided(*calls: list[Any], accepted: str = "") -> Consensus:
    flags = accepted or "y" * len(calls)
    votes = [Vote(i, json.dumps(call), flag == "y") for i, (call, flag) in enumerate(zip(calls, flags, strict=True))]
    return tool_call_consensus(Fraction(0))(votes)


FIND = [[["find", {"q": q}]] for q in "abc"]
SEND = [["send", {"to": "x"}]]


def test_the_tool_is_voted_on_before_its_arguments() -> None:
    """Each way to call `find` has fewer votes than `send`, but more draws want to find than to send."""
    made = decided(*FIND, SEND, SEND)
    assert names_of(made.text or "") == ("find",)
    assert made.agreement.share == Fraction(1, 5)
    assert made.agreement.fields == (("/names", Fraction(3, 5)),)


def test_arguments_are_the_same_if_their_values_are() -> None:
    made = decided([["f", {"a": 1, "b": 2}]], [["f", {"b": 2.0, "a": 1}]], [["f", {"a": 1}]])
    assert made.agreement.share == Fraction(2, 3)


def test_the_order_and_number_of_calls_are_part_of_the_names() -> None:
    assert decided([["a", {}], ["b", {}]], [["b", {}], ["a", {}]], [["a", {}], ["b", {}]]).agreement.share == Fraction(
        2, 3
    )


def test_rivals_hold_up_an_early_stop() -> None:
    made = decided(FIND[0], FIND[0], SEND, SEND)
    assert (made.leader, made.runner_up) == (2, 2)
    assert made.agreement.tie


def test_what_was_filtered_counts_but_never_wins() -> None:
    made = decided(SEND, SEND, FIND[0], accepted="nny")
    assert names_of(made.text or "") == ("find",)
    assert made.agreement.share == Fraction(1, 3)


def test_bare_arguments_are_voted_on_whole() -> None:
    assert (
        tool_call_consensus(Fraction(0))([Vote(0, '{"a":1}', True), Vote(1, '{"a": 1.0}', True)]).agreement.share == 1
    )


@pytest.mark.parametrize("text", ["", "{}", "[[1]]", "[]x", "[" * 10_000, '["f"]'])
def test_what_is_no_list_of_calls_has_no_names(text: str) -> None:
    assert names_of(text) is None
