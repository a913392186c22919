"""What an error of the decorator says in its one line: the cause, and what can be done about it."""

from dataclasses import dataclass
from typing import Any

import pytest

from steady import Abstained, AllCandidatesFailed, steady

QUIET: dict[str, Any] = {"steady": 1, "name": "p", "disclose": {"place": "none", "when": "never"}}


def test_where_every_candidate_failed_the_first_cause_is_told() -> None:
    @steady({**QUIET, "candidates": {"min": 2, "max": 2}, "sampling": {"preset": "balanced"}})
    def ask(prompt: str) -> str:
        raise TimeoutError("the model\nis asleep")

    with pytest.raises(AllCandidatesFailed) as caught:
        ask("Hi")
    assert str(caught.value) == "all 2 candidates failed; the first: TimeoutError: the model is asleep"
    assert len(caught.value.exceptions) == 2


def test_where_no_candidate_passed_the_reason_of_the_first_is_told() -> None:
    @steady(QUIET)
    def count(prompt: str) -> int:
        return "about a dozen"  # type: ignore[return-value]

    with pytest.raises(Abstained) as caught:
        count("How many?")
    said = str(caught.value)
    assert "failed rules: " in said and "output" in said and said.endswith("must be a number and nothing else).")


def test_an_answer_that_the_annotation_can_not_carry_is_shown() -> None:
    """The schema lets pass what the annotation can't take."""

    @dataclass
    class Invoice:
        number: int

    def read(prompt: str) -> str:
        return '{"nr": 7}'

    read.__annotations__["return"] = Invoice
    with pytest.raises(Abstained) as caught:
        steady({**QUIET, "output": {"kind": "json", "schema": {"type": "object"}}})(read)("What is it?")
    assert "that Invoice can carry" in str(caught.value) and '{"nr": 7}' in str(caught.value)
    assert str(caught.value).endswith("`default=` gives a value instead.")
