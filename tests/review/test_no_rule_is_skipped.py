"""Ways around the rules that a review found open: each of these let a forbidden text or tool out once."""

import asyncio
import json
from typing import Any

import pytest
from tests.pipeline.worlds import decided, draws, policy, question

from steady.pipeline.replay import replay
from steady.pipeline.respond import receipt_of
from steady.providers.scripted import ScriptedProvider
from steady.types import Outcome, Request

EXCLUDES = {"rule": "excludes", "terms": ["garantía", "forbidden"], "on_fail": "filter"}
NO_EMAIL = {"rule": "no_pii", "kinds": ["email"], "on_fail": "filter"}
ONLY_LOOK = {"rule": "tool_call_schema", "allowed": ["look"], "on_fail": "filter"}
TOOLS = {"tools": [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]}


def ask(under: Any, lines: list[Any], request: Request | None = None) -> Outcome:
    """Decide, and see to it that the receipt replays equal."""
    asked = request or question()
    outcome = asyncio.run(decided(under, ScriptedProvider(lines), asked))
    receipt = receipt_of(outcome, asked, under, id="r", created=0, tenant="t")
    assert asyncio.run(replay(receipt)).equal
    return outcome


def calling(call: dict[str, Any]) -> dict[str, Any]:
    return {"content": None, "tool_calls": [{"id": "1", "type": "function", **call}]}


@pytest.mark.parametrize(
    "arguments",
    [
        json.dumps({"x": "una garantía"}),  # as json.dumps spells it: garant\u00eda
        json.dumps({"x": "Dear Ann,\nforbidden"}),  # raw, the word is "nforbidden"
        r'{"x": "ann\u0040example.com"}',
        r'{"x": "ann\u0040example.com", "x": "fine"}',
        r'{"x": "ann\u0040example.com',
    ],
)
def test_an_escape_in_tool_arguments_hides_nothing(arguments: str) -> None:
    """The tool reads what the escape means, so that is what is searched."""
    said = calling({"function": {"name": "look", "arguments": arguments}})

    assert ask(policy(EXCLUDES, NO_EMAIL), [said]).decision.action == "error"


def test_an_escape_in_a_json_answer_hides_nothing() -> None:
    under = policy(NO_EMAIL, output={"kind": "json"})

    assert ask(under, [r'{"x": "ann\u0040example.com"}']).decision.action == "error"
    assert ask(under, [r'{"x": "a \"quoted\" line\n"}']).decision.action == "answered"


def test_an_escaped_backslash_is_no_escape() -> None:
    said = calling({"function": {"name": "look", "arguments": r'{"x": "ann\\u0040example.com"}'}})

    assert ask(policy(NO_EMAIL), [said]).decision.action == "answered"


@pytest.mark.parametrize(
    "message",
    [
        calling({"function": {"name": "delete_all"}}),
        calling({"function": {"name": "delete_all", "arguments": None}}),
        calling({"function": {"name": "delete_all", "arguments": {"sure": True}}}),
        calling({"type": "mcp", "mcp": {"name": "delete_all"}}),
        {"content": None, "function_call": {"name": "delete_all"}},
    ],
)
def test_a_call_is_judged_also_where_its_arguments_are_no_text(message: dict[str, Any]) -> None:
    assert ask(policy(ONLY_LOOK), [message], question(fields=TOOLS)).decision.action == "error"


def test_arguments_that_are_an_object_are_searched_as_arguments() -> None:
    said = calling({"function": {"name": "look", "arguments": {"to": "ann@example.com"}}})

    for action in ("filter", "fix"):
        under = policy({**NO_EMAIL, "on": ["tool_arguments"], "on_fail": action})
        assert ask(under, [said]).decision.action == "error"
    allowed = calling({"function": {"name": "look", "arguments": {"to": "Ann"}}})
    assert ask(policy(ONLY_LOOK, NO_EMAIL), [allowed], question(fields=TOOLS)).decision.action == "answered"


def several(*contents: str) -> dict[str, Any]:
    choices = [
        {"index": i, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        for i, text in enumerate(contents)
    ]
    usage = {"prompt_tokens": 1, "completion_tokens": 1}
    return {"id": "a", "object": "chat.completion", "created": 0, "model": "m", "choices": choices, "usage": usage}


def test_choices_that_were_not_asked_for_take_no_other_draws_place() -> None:
    """Else two draws share a slot: the request crashes, or what one was judged by lets the other out."""
    under = policy(EXCLUDES, candidates=draws(3))

    outcome = ask(under, [several("fine", "forbidden"), "fine", several("fine", "forbidden")])

    assert outcome.decision.action == "answered"
    assert [c.slot for c in outcome.candidates] == [0, 1, 2]
    assert outcome.decision.agreement.of == 3


def test_an_assistant_message_at_the_end_hides_no_input() -> None:
    """A client may send how the answer begins; the question before it is still the turn that is judged."""
    under = policy({**NO_EMAIL, "on": ["input"], "on_fail": "exception"})
    asked = {"role": "user", "content": "Write to ann@example.com."}
    begun = {"role": "assistant", "content": "Dear"}

    assert ask(under, ["ok"], question(messages=(asked, begun))).decision.code == "rule_violation"
    done = ({"role": "user", "content": "Again, please."}, begun)
    assert ask(under, ["ok"], question(messages=(asked, begun, *done))).decision.action == "answered"
