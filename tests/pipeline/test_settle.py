"""settle: what is released, and what is given where nothing may be."""

import json
from typing import Any

import pytest
from tests.pipeline.worlds import BySlot, decided, draws, policy, question, tool_call, world

from steady.errors import ProviderError
from steady.pipeline.run import run
from steady.providers.scripted import ScriptedProvider
from steady.types import Outcome

MAIL = "Write to ann@example.com now."
FILTER = {"rule": "no_pii", "kinds": ["email"], "on_fail": "filter"}
SCHEMA = {"type": "object", "required": ["total"], "properties": {"total": {"type": "integer"}}}
FORM = {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}}}
TOOL = {
    "tools": [{"type": "function", "function": {"name": "send", "parameters": {"type": "object"}}}],
    "tool_choice": {"type": "function", "function": {"name": "send"}},
}


def told(outcome: Outcome) -> Any:
    (choice,) = outcome.choices
    message = choice["message"]
    return message.get("content"), message.get("refusal"), choice["finish_reason"]


async def test_error_says_which_rules_failed() -> None:
    outcome = await decided(policy(FILTER), [MAIL])

    assert (outcome.decision.action, outcome.decision.code) == ("error", "no_acceptable_answer")
    assert "no_pii" in outcome.decision.reason
    assert "ann@" not in outcome.decision.reason
    assert outcome.choices == ()


async def test_message_gives_the_policys_text() -> None:
    outcome = await decided(policy(FILTER, otherwise={"do": "message", "text": "Ask a colleague."}), [MAIL])

    assert outcome.decision.action == "otherwise"
    assert told(outcome) == ("Ask a colleague.", None, "stop")
    assert outcome.decision.chosen == ()


@pytest.mark.parametrize("fields", [FORM, TOOL])
async def test_a_message_is_a_refusal_where_the_request_has_a_form(fields: Any) -> None:
    """`content_filter` would make the SDK's `.parse()` raise and hide the text."""
    resolved = policy(FILTER, otherwise={"do": "message", "text": "Ask a colleague."}, output={"on_fail": "filter"})
    outcome = await decided(resolved, ["no form at all"], question(fields=fields))

    assert outcome.decision.action == "otherwise"
    assert told(outcome) == (None, "Ask a colleague.", "stop")


async def test_a_value_is_given_where_it_has_the_form_that_was_asked_for() -> None:
    resolved = policy(output={"kind": "json", "schema": SCHEMA}, otherwise={"do": "value", "value": {"total": 0}})
    outcome = await decided(resolved, ["nothing"])

    assert outcome.decision.action == "otherwise"
    assert json.loads(told(outcome)[0]) == {"total": 0}


async def test_a_value_without_the_requests_form_is_an_error() -> None:
    resolved = policy(FILTER, otherwise={"do": "value", "value": "none"})
    outcome = await decided(resolved, ["nothing"], question(fields=FORM))

    assert (outcome.decision.action, outcome.decision.code) == ("error", "no_acceptable_answer")
    assert "fallback value" in outcome.decision.reason


async def test_best_gives_the_best_accepted_and_says_so() -> None:
    resolved = policy(candidates=draws(3), choose={"min_agreement": 0.9}, otherwise={"do": "best"})
    outcome = await decided(resolved, ["Paris.", "Lyon, I think.", "Rome it is."])

    assert outcome.decision.action == "otherwise"
    assert outcome.decision.chosen
    assert any("best accepted" in note for note in outcome.decision.notes)


async def test_best_never_gives_what_broke_a_rule() -> None:
    outcome = await decided(policy(FILTER, otherwise={"do": "best"}), [MAIL])

    assert (outcome.decision.action, outcome.choices) == ("error", ())


@pytest.mark.parametrize(
    ("line", "action"),
    [("Paris.", "otherwise"), (MAIL, "error"), (ProviderError("down", status=503), "error")],
)
async def test_another_model_is_asked_once_under_the_same_rules(line: Any, action: str) -> None:
    resolved = policy(FILTER, otherwise={"do": "model", "model": "other/m2"}, other=True)
    other = ScriptedProvider([line], name="other")
    outcome = await run(question(), resolved, world(BySlot([MAIL]), other))

    assert outcome.decision.action == action
    assert len(other.calls) == 1
    assert "ann@" not in str(outcome.choices)
    assert (outcome.decision.action == "error") or any("other/m2" in note for note in outcome.decision.notes)


async def test_too_little_agreement_abstains() -> None:
    resolved = policy(candidates=draws(3), choose={"min_agreement": 0.9})
    outcome = await decided(resolved, ["Paris.", "Lyon, I think.", "Rome it is."])

    assert (outcome.decision.action, outcome.decision.code) == ("error", "no_acceptable_answer")
    assert "9/10" in outcome.decision.reason


async def test_an_exception_rule_ends_it_with_its_name() -> None:
    outcome = await decided(policy({**FILTER, "id": "mine", "on_fail": "exception"}, candidates=draws(2)), [MAIL, "x"])

    assert (outcome.decision.action, outcome.decision.code) == ("error", "rule_violation")
    assert outcome.decision.reason.startswith("the rule mine failed")
    assert outcome.decision.stopped == "a rule ended it"


async def test_a_refrain_is_a_refusal_that_says_so() -> None:
    outcome = await decided(policy({**FILTER, "on_fail": "refrain"}), [MAIL])

    assert outcome.decision.action == "refrained"
    assert told(outcome) == (None, "The answer was withheld: it broke a rule.", "stop")


async def test_a_refrain_gives_the_policys_message_where_it_has_one() -> None:
    resolved = policy({**FILTER, "on_fail": "refrain"}, otherwise={"do": "message", "text": "No."})
    outcome = await decided(resolved, [MAIL])

    assert outcome.decision.action == "refrained"
    assert told(outcome)[0] == "No."


async def test_the_n_best_are_given_and_fewer_only_with_a_word() -> None:
    outcome = await decided(policy(FILTER), ["Paris.", MAIL, "Lyon."], question(n=3))

    assert [c["index"] for c in outcome.choices] == [0, 1]
    assert any("3 choices were asked for; 2 passed" in note for note in outcome.decision.notes)


async def test_a_blend_that_breaks_a_rule_gives_way_to_the_medoid() -> None:
    """Each draw passes; what is put together field by field would not."""
    schema = {
        "type": "object",
        "required": ["a", "b", "c"],
        "properties": {key: {"type": "string"} for key in "abc"},
    }
    lines = [json.dumps(dict(zip("abc", v, strict=True))) for v in (("x", "x", "n"), ("x", "n", "x"), ("n", "x", "x"))]
    rule = {"rule": "not_regex", "pattern": '"x".*"x".*"x"', "on_fail": "filter"}
    free = await decided(policy(output={"kind": "json", "schema": schema}, candidates=draws(3)), lines)
    bound = await decided(policy(rule, output={"kind": "json", "schema": schema}, candidates=draws(3)), lines)

    assert free.decision.blended
    assert json.loads(free.choices[0]["message"]["content"]) == {"a": "x", "b": "x", "c": "x"}
    assert not bound.decision.blended
    assert bound.choices[0]["message"]["content"] in lines
    assert any("field-by-field" in note for note in bound.decision.notes)


async def test_an_upstream_that_is_down_is_an_error_of_its_own() -> None:
    outcome = await decided(policy(FILTER), [ProviderError("it is down", status=502)])

    assert (outcome.decision.action, outcome.decision.code) == ("error", "upstream_error")
    assert outcome.decision.reason == "it is down"


async def test_a_forced_tool_that_is_not_called_is_not_released() -> None:
    missing = await decided(policy(FILTER), ["I would rather talk."], question(fields=TOOL))
    called = await decided(policy(FILTER), [{"content": None, "tool_calls": [tool_call("{}")]}], question(fields=TOOL))

    assert missing.decision.action == "error"
    assert (called.decision.action, called.decision.kind) == ("answered", "tool_call")
