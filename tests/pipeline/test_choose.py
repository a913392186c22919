"""choose: the shape is voted before the content, and who votes."""

from fractions import Fraction
from typing import Any

import pytest
from tests.pipeline.worlds import decided, draws, policy, question, tool_call

from steady.types import Outcome

TOOLS = {"tools": [{"type": "function", "function": {"name": "send", "parameters": {"type": "object"}}}]}
FILTER = {"rule": "excludes", "terms": ["Lyon"], "on_fail": "filter"}


def cut(text: str, why: str = "length") -> dict[str, Any]:
    return {"message": {"content": text}, "finish_reason": why}


def said(outcome: Outcome) -> str:
    return str(outcome.choices[0]["message"]["content"])


async def test_the_shape_is_voted_before_the_content() -> None:
    """Two refusals outvote one text, and three texts that all differ outvote two equal refusals."""
    no = {"content": None, "refusal": "I can't."}
    refused = await decided(policy(candidates=draws(3)), [no, no, "Paris."])
    answered = await decided(policy(candidates=draws(5)), [no, no, "Paris.", "Rome it is.", "I would say Lyon."])

    assert refused.choices[0]["message"]["refusal"] == "I can't."
    assert answered.choices[0]["message"]["content"]


async def test_agreement_is_over_all_shapes() -> None:
    outcome = await decided(policy(candidates=draws(4)), ["Paris.", "Paris.", "Paris.", {"refusal": "No."}])

    assert outcome.decision.agreement.share == Fraction(3, 4)
    assert outcome.decision.agreement.of == 4


@pytest.mark.parametrize("why", ["length", "content_filter"])
async def test_what_was_cut_off_does_not_vote(why: str) -> None:
    lines = [cut("Lyon", why), cut("Lyon", why), cut("Lyon", why), "Paris.", "Paris."]
    outcome = await decided(policy(candidates=draws(5)), lines)

    assert said(outcome) == "Paris."
    assert outcome.decision.agreement.of == 2


async def test_what_was_cut_off_is_given_where_there_is_nothing_else_and_says_so() -> None:
    outcome = await decided(policy(candidates=draws(2)), [cut("Par"), cut("Pari")])

    assert outcome.decision.agreement.share is None
    assert any("cut off" in note for note in outcome.decision.notes)


async def test_filtered_draws_count_in_the_denominator_and_never_win() -> None:
    outcome = await decided(policy(FILTER, candidates=draws(4)), ["Lyon.", "Lyon.", "Paris.", "Lyon."])

    assert said(outcome) == "Paris."
    assert outcome.decision.agreement.share == Fraction(1, 4)


async def test_fixed_draws_vote_and_are_flagged() -> None:
    fix = {"rule": "excludes", "terms": ["Lyon"], "replace": "Paris", "on_fail": "fix"}
    outcome = await decided(policy(fix, candidates=draws(2)), ["It is Lyon.", "It is Paris."])

    assert (outcome.decision.agreement.share, outcome.decision.agreement.fixed) == (Fraction(1), 1)


async def test_a_penalty_decides_between_equals() -> None:
    long = {"rule": "length", "words": {"max": 1}, "on_fail": "penalize", "weight": 0.5}
    outcome = await decided(policy(long, candidates=draws(2)), ["Rome it is, I would say.", "Paris."])

    assert said(outcome) == "Paris."


async def test_a_single_completed_draw_measures_nothing() -> None:
    outcome = await decided(policy(candidates=draws(3)), ["Paris.", cut("Pa"), cut("Ly")])

    assert outcome.decision.agreement.share is None
    assert "only one draw" in outcome.decision.agreement.why


async def test_tool_calls_are_compared_by_name_and_arguments_without_ids() -> None:
    calls = [
        {"content": None, "tool_calls": [tool_call(arguments, id=f"call_{i}")]}
        for i, arguments in enumerate(('{"a": 1, "b": 2}', '{"b":2,"a":1}', '{"a": 3}'))
    ]
    outcome = await decided(policy(candidates=draws(3)), calls)

    assert outcome.decision.agreement.share == Fraction(2, 3)
    assert outcome.decision.chosen[0] in {0, 1}


async def test_every_answer_empty_is_an_answer_of_its_own_shape() -> None:
    outcome = await decided(policy(candidates=draws(2)), ["", ""])

    assert outcome.decision.action in {"answered", "error"}
    assert len(outcome.candidates) == 2


async def test_the_choice_is_the_same_for_every_assignment_of_slots() -> None:
    lines = ["Paris.", "Rome it is.", "Paris.", "I would say Lyon."]
    first = await decided(policy(candidates=draws(4)), lines)
    turned = await decided(policy(candidates=draws(4)), lines[::-1])

    assert said(first) == said(turned) == "Paris."


async def test_offered_tools_make_one_draw() -> None:
    outcome = await decided(policy(candidates=draws(4)), ["Paris."] * 4, question(fields=TOOLS))

    assert len(outcome.candidates) == 1
