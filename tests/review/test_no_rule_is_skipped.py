"""Ways around the rules that a review found open: each of these let a forbidden text or tool out once."""

import asyncio
import json
from typing import Any

import pytest
from tests.pipeline.worlds import decided, draws, policy, question, world

from steady.errors import RequestError
from steady.pipeline.replay import replay
from steady.pipeline.respond import receipt_of
from steady.pipeline.stream import Done, Sent, stream
from steady.providers.scripted import ScriptedProvider
from steady.server.wire import parse
from steady.types import Outcome, Request, Sampling

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


CITED = {
    **several("Paris is a fine city. " * 9),
    "citations": ["https://x.example/forbidden"],
    "provider": "Acme",
    "found": {"n": 3},
}


def test_fields_beside_the_choices_are_held_against_the_rules() -> None:
    """Citations and search results are text that goes out too."""
    outcome = ask(policy(EXCLUDES), [CITED])

    assert outcome.decision.action == "answered"
    assert "citations" not in outcome.envelope
    assert outcome.envelope["provider"] == "Acme"
    assert outcome.envelope["found"] == {"n": 3}
    assert any("beside the answer withheld" in note for note in outcome.decision.notes)


def test_a_live_stream_holds_them_back_too_and_loses_none_that_may_leave() -> None:
    under = policy({**EXCLUDES, "on_fail": "exception"})
    kept = {"citations": ["https://x.example/fine"], "provider": "Acme"}
    logprobs = {"content": [{"token": "Paris is a fine city. ", "logprob": -0.1}] * 9}  # they spell the answer
    allowed = {**CITED, **kept, "choices": [{**CITED["choices"][0], "logprobs": logprobs, "native": 1}]}

    async def sent(line: dict[str, Any]) -> list[dict[str, Any]]:
        provider = ScriptedProvider([line], size=2)
        events = [event async for event in stream(question(), under, world(provider))]
        done = events[-1]
        assert isinstance(done, Done)
        assert done.live
        assert not done.whole
        return [*(event.chunk for event in events[:-1] if isinstance(event, Sent)), *done.rest]

    assert "forbidden" not in json.dumps(asyncio.run(sent(CITED)))
    last = asyncio.run(sent(allowed))[-1]
    assert {key: last[key] for key in kept} == kept
    assert last["choices"][0]["logprobs"] == logprobs
    assert last["choices"][0]["native"] == 1


@pytest.mark.parametrize("candidates", [draws(1, budget={"tokens": 30}), draws(1, 4, budget={"tokens": 30})])
def test_the_clients_n_does_not_break_the_budget(candidates: dict[str, Any]) -> None:
    under = policy(EXCLUDES, candidates=candidates)

    for fields in ({}, TOOLS):
        outcome = ask(under, ["some words"], question(n=8, fields=fields))
        assert outcome.total.prompt + outcome.total.completion <= 30
        assert outcome.choices
        assert any("8 choices were asked for" in note for note in outcome.decision.notes)


@pytest.mark.parametrize("greedy", [Sampling(top_p=0.0), Sampling(min_p=1.0)])
def test_draws_that_can_only_be_equal_are_not_counted_as_agreement(greedy: Sampling) -> None:
    outcome = ask(
        policy(EXCLUDES, candidates=draws(3), sampling={"preset": "client"}), ["same"], question(sampling=greedy)
    )

    assert outcome.decision.agreement.share is None
    assert len(outcome.candidates) == 1


@pytest.mark.parametrize("values", [{"max_tokens": -1}, {"temperature": 99}, {"top_k": 0}])
def test_sampling_under_steady_is_held_to_the_same_ranges(values: dict[str, Any]) -> None:
    body = {"messages": [{"role": "user", "content": "Hello"}], "steady": {"sampling": values}}

    with pytest.raises(RequestError, match=next(iter(values))):
        parse(json.dumps(body).encode(), {})


def parts(*texts: str) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": text} for text in texts]}


def test_an_answer_in_parts_is_judged_as_the_one_text_that_it_is() -> None:
    short = {"rule": "length", "words": {"max": 3}, "on_fail": "filter"}

    assert ask(policy(EXCLUDES), [parts("for", "bidden")]).decision.action == "error"
    assert ask(policy(short), [parts("one two ", "three four")]).decision.action == "error"
    assert ask(policy(EXCLUDES, short), [parts("one ", "two")]).choices[0]["message"] == {
        "role": "assistant",
        **parts("one ", "two"),
    }
    fixed = ask(policy({**NO_EMAIL, "on_fail": "fix"}), [parts("Write to ann@exam", "ple.com now.")])
    assert fixed.text == "Write to [EMAIL] now."
