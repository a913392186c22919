"""gate: what may leave a live stream early."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.pipeline.worlds import policy
from tests.promises.outputs import long_prose

from steady.pipeline.fixing import ROUNDS, replace_all
from steady.pipeline.gate import Gate
from steady.rules.rule import Context, Finder

TERM = {"rule": "excludes", "terms": ["Lyon"], "on_fail": "exception"}
DIGITS = {"rule": "not_regex", "pattern": "[0-9]{4}", "replace": "####", "on_fail": "fix"}


def gate(*rules: dict[str, Any], surface: Any = "answer") -> Gate:
    return Gate(surface, ("message", "content"), policy(*rules).rules, Context())


def test_without_rules_text_leaves_as_it_comes() -> None:
    one = gate()

    assert [one.feed("Par"), one.feed("is"), one.feed("", final=True)] == ["Par", "is", ""]


def test_a_rule_on_another_surface_holds_nothing() -> None:
    one = gate({**TERM, "on": ["tool_arguments"]})

    assert one.feed("Lyon") == "Lyon"


@pytest.mark.parametrize("more", [{"mode": "shadow"}, {"on_fail": "noop"}])
def test_what_is_not_enforced_holds_nothing(more: dict[str, Any]) -> None:
    assert gate({**TERM, **more}).feed("Lyon") == "Lyon"


def test_nothing_leaves_after_a_rule_that_ends_it() -> None:
    one = gate(TERM)
    sent = "".join([one.feed("x" * 200), one.feed(" Ly"), one.feed("on is nice. "), one.feed("y" * 200, final=True)])

    assert one.shut
    assert sent == "x" * 200 + " "
    assert one.released == sent


def test_a_fix_is_made_before_the_text_leaves() -> None:
    one = gate(DIGITS)
    sent = "".join(one.feed(c) for c in "Call 12345678 or 123.") + one.feed("", final=True)

    assert sent == "Call ######## or 123."


def test_a_length_ends_the_stream_at_the_piece_that_is_too_long() -> None:
    one = gate({"rule": "length", "characters": {"max": 5}, "on_fail": "exception"})

    assert one.feed("Paris") == "Paris"
    assert one.feed("!") == ""
    assert one.shut


def test_a_required_start_is_waited_for() -> None:
    one = gate({"rule": "starts_with", "text": "Answer: ", "on_fail": "exception"})

    assert one.feed("Ans") == ""
    assert one.feed("wer: Paris") == "Answer: Paris"


def test_a_wrong_start_never_leaves() -> None:
    one = gate({"rule": "starts_with", "text": "Answer: ", "on_fail": "exception"})

    assert one.feed("Paris is the capital.") + one.feed("", final=True) == ""
    assert one.shut


def test_the_hold_back_is_bounded_by_the_widest_match() -> None:
    one = gate(TERM)
    sent = one.feed("x" * 1000)

    assert 1000 - len(sent) <= 26 + 2


@settings(max_examples=60, deadline=None)
@given(long_prose, st.lists(st.integers(1, 60), min_size=1, max_size=40))
def test_what_leaves_is_the_whole_texts_fix_however_it_is_cut(text: str, sizes: list[int]) -> None:
    rules = [DIGITS, {"rule": "no_pii", "kinds": ["email", "credit_card"], "on_fail": "fix"}]
    one, resolved = gate(*rules), policy(*rules)
    finders = [b.check for b in resolved.rules if isinstance(b.check, Finder)]
    whole = text
    for _ in range(ROUNDS):
        whole = replace_all(whole, finders)[0]
    at, sent = 0, ""
    for i in range(len(text)):
        size = sizes[i % len(sizes)]
        if at >= len(text):
            break
        sent += one.feed(text[at : at + size])
        at += size
    assert whole.startswith(sent)
    sent += one.feed("", final=True)

    assert sent == whole or (one.shut and whole.startswith(sent))
