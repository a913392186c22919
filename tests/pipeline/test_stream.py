"""stream: what streams live, what is decided first, and how a stream ends. The property tests are under promises."""

from typing import Any

import pytest
from tests.pipeline.worlds import draws, policy, question, tool_call, world

from steady.errors import ProviderError
from steady.pipeline.stream import Done, Sent, stream
from steady.providers.scripted import Broken, ScriptedProvider

PII = {"rule": "no_pii", "kinds": ["email"], "on_fail": "fix"}
TERM = {"rule": "excludes", "terms": ["Lyon"], "on_fail": "exception"}
TOOLS = {"tools": [{"type": "function", "function": {"name": "send", "parameters": {"type": "object"}}}]}
LONG = "So it is, and so it will be. " * 60


async def events(resolved: Any, line: Any, request: Any = None, size: int = 7) -> tuple[list[Any], Done]:
    provider = ScriptedProvider([line], size=size)
    got = [event async for event in stream(request or question(), resolved, world(provider))]
    assert all(isinstance(event, Sent) for event in got[:-1])
    assert isinstance(got[-1], Done)
    return [event.chunk for event in got[:-1]], got[-1]


def text_of(chunks: Any, key: str = "content") -> str:
    return "".join(c["delta"].get(key) or "" for chunk in chunks for c in chunk["choices"])


async def test_a_pass_through_sends_every_chunk_as_it_came() -> None:
    chunks, done = await events(policy(), "Paris is the capital.")

    assert text_of(chunks) == "Paris is the capital."
    assert (done.live, done.whole, done.rest) == (True, False, ())
    assert done.outcome.decision.action == "passed_through"


async def test_live_text_leaves_early_and_the_rest_at_the_end() -> None:
    chunks, done = await events(policy(PII, disclose={"place": "append"}), LONG + "Ask ann@example.com.")
    whole = text_of(chunks) + text_of(done.rest)

    assert len(chunks) > 10
    assert "ann@" not in whole
    assert whole == done.outcome.choices[0]["message"]["content"]
    assert done.outcome.decision.disclosure.text in whole
    assert done.rest[-1]["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize(
    ("doc", "fields", "why"),
    [
        ({"candidates": draws(2)}, {}, "up to 2 candidates"),
        ({"disclose": {"place": "prefix"}}, {}, "before the text"),
        ({"output": {"kind": "json"}}, {}, "kind json"),
        ({}, {"n": 2}, "several choices"),
        ({}, {"fields": {"response_format": {"type": "json_object"}}}, "schema of its own"),
        ({}, {"fields": TOOLS}, "tools are offered"),
    ],
)
async def test_what_can_not_stream_live_is_decided_first_and_says_why(doc: Any, fields: Any, why: str) -> None:
    chunks, done = await events(policy(PII, **doc), '{"a": 1}', question(**fields))

    assert (chunks, done.live, done.whole) == ([], False, True)
    assert any(why in reason for reason in done.why)


async def test_tools_beside_rules_that_only_end_a_stream_are_live() -> None:
    _, done = await events(policy(TERM), LONG, question(fields=TOOLS))

    assert done.live


async def test_a_stream_that_a_rule_ends_is_broken_and_holds_nothing_forbidden() -> None:
    chunks, done = await events(policy(TERM), LONG + "It is Lyon. " + LONG)

    assert done.broken
    assert (done.outcome.decision.action, done.outcome.decision.code) == ("error", "rule_violation")
    assert "Ly" not in text_of(chunks)
    assert done.rest == ()


async def test_reasoning_that_may_be_signed_waits_where_a_rule_may_fix_it() -> None:
    """The signature comes last; what it signs must not have been changed, nor half of it sent."""
    said = {"reasoning_content": "Ask ann@example.com. " + LONG, "content": LONG, "signature": "c2ln"}
    chunks, done = await events(policy({**PII, "on": ["answer", "reasoning"]}), said)

    assert text_of(chunks, "reasoning_content") == ""
    assert not done.broken
    assert "reasoning_content" not in done.outcome.choices[0]["message"]
    assert text_of(chunks) + text_of(done.rest) == LONG


async def test_reasoning_streams_where_no_rule_may_fix_it() -> None:
    chunks, _ = await events(policy({**PII, "on": ["answer"]}), {"reasoning_content": LONG, "content": "Paris."})

    assert text_of(chunks, "reasoning_content") == LONG


async def test_tool_calls_come_whole_at_the_end_with_their_index() -> None:
    said = {"content": LONG, "tool_calls": [tool_call("{}", id="a"), tool_call("{}", id="b")]}
    chunks, done = await events(policy({**TERM, "on": ["answer"]}), said)
    (calls,) = [c["delta"]["tool_calls"] for r in done.rest for c in r["choices"] if "tool_calls" in c["delta"]]

    assert [(c["index"], c["id"]) for c in calls] == [(0, "a"), (1, "b")]
    assert text_of(chunks) + text_of(done.rest) == LONG


async def test_an_upstream_that_fails_before_the_first_chunk_leaves_all_to_be_said() -> None:
    chunks, done = await events(policy(PII), ProviderError("it is down", status=503))

    assert (chunks, done.whole, done.broken) == ([], True, False)
    assert done.outcome.decision.code == "upstream_error"
    assert done.outcome.errors


@pytest.mark.parametrize("rules", [(), (PII,)])
async def test_an_upstream_that_breaks_off_after_text_was_sent_breaks_the_stream(rules: Any) -> None:
    chunks, done = await events(policy(*rules), Broken(LONG, after=200))

    assert text_of(chunks)
    assert done.broken
    assert done.outcome.decision.action == "error"


async def test_a_refused_input_is_decided_before_the_model_is_asked() -> None:
    provider = ScriptedProvider(["Hello."])
    resolved = policy({**PII, "on": ["input"], "on_fail": "filter"}, {"rule": "no_urls", "on_fail": "fix"})
    got = [e async for e in stream(question("I am ann@example.com"), resolved, world(provider))]

    assert len(got) == 1
    assert got[0].whole  # type: ignore[union-attr]
    assert provider.calls == []


async def test_the_journal_of_a_stream_is_that_of_a_whole_answer() -> None:
    """So a receipt of a stream replays by the ordinary pipeline."""
    from steady.pipeline.run import run

    resolved = policy(PII)
    _, done = await events(resolved, LONG + "ann@example.com")
    whole = await run(question(), resolved, world(ScriptedProvider([LONG + "ann@example.com"])))

    assert [(e.what, e.slot, e.attempt) for e in done.outcome.journal] == [
        (e.what, e.slot, e.attempt) for e in whole.journal
    ]
    assert done.outcome.decision == whole.decision
