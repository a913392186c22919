"""OpenRouter and LiteLLM give reasoning as a list of blocks, and a streamed one may hold a few letters in each."""

import asyncio
from typing import Any

import pytest
from tests.pipeline.worlds import decided, policy, question, world

from steady.pipeline.stream import Done, Sent, stream
from steady.providers.scripted import ScriptedProvider

TERM = {"rule": "excludes", "terms": ["forbidden"]}


def reasoned(*texts: str, key: str = "reasoning_details", of: str = "text") -> dict[str, Any]:
    return {"role": "assistant", "content": "Paris.", key: [{"type": "reasoning.text", of: text} for text in texts]}


@pytest.mark.parametrize(("key", "of"), [("reasoning_details", "text"), ("thinking_blocks", "thinking")])
def test_a_term_in_two_blocks_is_found(key: str, of: str) -> None:
    said = reasoned("that is for", "bidden here", key=key, of=of)

    assert asyncio.run(decided(policy(TERM), [said])).decision.action == "error"


def test_it_does_not_leave_a_live_stream_either() -> None:
    under = policy({**TERM, "on_fail": "exception"})
    assert under.plan.live

    async def sent() -> list[Any]:
        provider = ScriptedProvider([reasoned("that is for", "bidden here")])
        return [event async for event in stream(question(), under, world(provider))]

    events = asyncio.run(sent())

    assert not any("bidden" in str(e.chunk) for e in events if isinstance(e, Sent))
    assert isinstance(events[-1], Done)
    assert events[-1].outcome.decision.action == "error"
    assert not any("bidden" in str(chunk) for chunk in events[-1].rest)


def test_a_fix_withholds_the_blocks_and_keeps_the_answer() -> None:
    said = reasoned("that is for", "bidden here")

    outcome = asyncio.run(decided(policy({**TERM, "replace": "***", "on_fail": "fix"}), [said]))

    assert outcome.choices[0]["message"] == {"role": "assistant", "content": "Paris."}


def test_a_term_within_one_block_is_replaced_there() -> None:
    said = reasoned("that is ", "forbidden", " here")

    outcome = asyncio.run(decided(policy({**TERM, "replace": "***", "on_fail": "fix"}), [said]))

    texts = [block["text"] for block in outcome.choices[0]["message"]["reasoning_details"]]
    assert texts == ["that is ", "***", " here"]


def test_lists_that_are_no_reasoning_are_not_read_as_one_text() -> None:
    """The titles of two sources stand side by side, and spell nothing together."""
    said = {"role": "assistant", "content": "Paris.", "annotations": [{"title": "a for"}, {"title": "bidden b"}]}

    assert asyncio.run(decided(policy(TERM), [said])).decision.action == "answered"
