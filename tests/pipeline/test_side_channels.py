"""What a live stream carries beside its text: nothing of it leaves before the rules that look there have cleared it."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.pipeline.worlds import CAPS, decided, policy, question, tool_call, world

from steady.pipeline.logprobs import cleared
from steady.pipeline.stream import Done, Sent, stream
from steady.providers.chunks import assemble
from steady.providers.scripted import ScriptedProvider
from steady.rules.rule import Context
from steady.types import Call, Reply

CANARY = "ann@example.com"
CALM = "So it is, and so it will be. " * 8
STOP = {"rule": "no_pii", "kinds": ["email"], "on_fail": "exception"}
MEND = {"rule": "no_pii", "kinds": ["email"], "on_fail": "fix"}
BASE = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}


class Chunks:
    """An upstream that sends these deltas, choice fields and envelope fields as they are."""

    name = "scripted"
    capabilities = CAPS

    def __init__(self, *parts: dict[str, Any], **beside: Any) -> None:
        self._chunks = [
            {**BASE, "choices": [{"index": 0, "finish_reason": None, **part} if "delta" in part else part]}
            for part in parts
        ]
        last = {"index": 0, "delta": {}, "finish_reason": "stop"}
        self._chunks.append({**BASE, "choices": [last], **beside})

    async def complete(self, call: Call) -> Reply:
        return Reply(body=assemble(self._chunks))

    async def stream(self, call: Call) -> AsyncIterator[dict[str, Any]]:
        for chunk in self._chunks:
            yield chunk

    async def ready(self) -> str | None:
        return None

    async def aclose(self) -> None: ...


def say(key: str, text: str) -> list[dict[str, Any]]:
    return [{"delta": {key: char}} for char in text]


def logprobs(*tokens: str, **more: Any) -> dict[str, Any]:
    return {"content": [{"token": token, "logprob": -1.0, "bytes": list(token.encode()), **more} for token in tokens]}


CALL = {"delta": {"tool_calls": [{"index": 0, **tool_call(json.dumps({"to": CANARY}))}]}}
CHANNELS: dict[str, Any] = {
    "tool call, in pieces": [
        {"delta": {"tool_calls": [{"index": 0, "id": "a", "type": "function", "function": {"name": "send"}}]}},
        *({"delta": {"tool_calls": [{"index": 0, "function": {"arguments": c}}]}} for c in f'{{"to": "{CANARY}"}}'),
    ],
    "tool call with escapes": [
        {"delta": {"tool_calls": [{"index": 0, **tool_call('{"to": "ann\\u0040example.com"}')}]}}
    ],
    "custom tool": [
        {"delta": {"tool_calls": [{"index": 0, "id": "a", "type": "custom", "custom": {"name": "x", "input": CANARY}}]}}
    ],
    "function call": [{"delta": {"function_call": {"name": "send", "arguments": CANARY}}}],
    "reasoning": say("reasoning", CANARY + " it is."),
    "reasoning_content": say("reasoning_content", f"Is it {CANARY}? "),
    "reasoning details": [{"delta": {"reasoning_details": [{"type": "reasoning.text", "text": CANARY}]}}],
    "refusal": say("refusal", f"I can't say {CANARY}."),
    "audio": [{"delta": {"audio": {"id": "a", "transcript": CANARY}}}],
    "annotations": [{"delta": {"annotations": [{"type": "note", "note": {"title": CANARY}}]}}],
    "a field of tomorrow": [{"delta": {"afterthought": {"deep": [CANARY]}}}],
    "a field of the choice": [{"delta": {}, "filter_results": {"why": CANARY}}],
}


async def seen(provider: Any, *rules: dict[str, Any], **doc: Any) -> tuple[str, Done]:
    """Return everything that a client of the stream gets, as JSON text."""
    resolved = policy(*rules, **doc)
    assert resolved.plan.live
    got = [event async for event in stream(question(), resolved, world(provider))]
    assert isinstance(got[-1], Done)
    sent: list[Any] = [event.chunk for event in got[:-1] if isinstance(event, Sent)]
    done = got[-1]
    sent += done.rest if not done.whole else done.outcome.choices
    return json.dumps([sent, done.outcome.envelope]), done


def told(text: str) -> bool:
    return any(part in text for part in (CANARY, "ann@", "ann\\\\u0040", "@example"))


@pytest.mark.parametrize("rule", [STOP, MEND], ids=["exception", "fix"])
@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize("channel", CHANNELS)
async def test_no_side_channel_carries_what_a_rule_forbids(channel: str, place: str, rule: dict[str, Any]) -> None:
    parts = say("content", CALM)
    parts = [*CHANNELS[channel], *parts] if place == "before" else [*parts, *CHANNELS[channel]]
    text, done = await seen(Chunks(*parts), rule)
    whole = await decided(policy(rule), {(0, 0): assemble([{**BASE, "choices": [{"index": 0, **p}]} for p in parts])})

    assert not told(text)
    assert done.outcome.decision.action == whole.decision.action


@pytest.mark.parametrize("channel", ["reasoning", "refusal", "reasoning_content"])
async def test_a_rule_that_ends_one_text_ends_the_stream(channel: str) -> None:
    """Else a client would read on in an answer that is already an error."""
    text, done = await seen(Chunks(*CHANNELS[channel], *say("content", CALM)), STOP)

    assert done.outcome.decision.code == "rule_violation"
    assert "so it will be" not in text


async def test_what_one_piece_brings_beside_the_end_of_another_text_has_not_left() -> None:
    """The policy's own text comes whole then, as it does unstreamed."""
    parts = [{"delta": {"reasoning": f"{CANARY} it is.", "content": CALM}}]
    message = {"do": "message", "text": "Ask us."}
    text, done = await seen(
        Chunks(*parts), {**MEND, "on": ["answer"]}, {**STOP, "id": "r", "on": ["reasoning"]}, otherwise=message
    )

    assert done.whole
    assert not told(text)


async def test_what_stands_beside_the_choices_is_judged_too() -> None:
    text, done = await seen(Chunks(*say("content", CALM), citations=[CANARY], note={"by": CANARY}), STOP)

    assert not told(text)
    assert done.outcome.choices[0]["message"]["content"] == CALM


async def test_another_choice_than_the_first_never_leaves() -> None:
    parts = [*say("content", CALM), {"index": 1, "delta": {"content": CANARY}, "finish_reason": None}]
    text, _ = await seen(Chunks(*parts), STOP)

    assert not told(text)


LOGPROBS: dict[str, Any] = {
    "that spell something else": logprobs(CANARY),
    "whose alternative is forbidden": logprobs("So it is.", top_logprobs=[{"token": CANARY, "logprob": -2.0}]),
    "whose alternative's bytes are": logprobs(
        "So it is.", top_logprobs=[{"token": "x", "logprob": -2.0, "bytes": list(CANARY.encode())}]
    ),
    "whose token is not its bytes": {
        "content": [{"token": CANARY, "logprob": -1.0, "bytes": list(b"So it is.")}],
    },
    "of another form": {"tokens": [CANARY], "text_offset": [0]},
    "with a field more": {"content": logprobs("So it is.")["content"], "note": CANARY},
    "with a field more in a token": logprobs("So it is.", note=CANARY),
    "of the refusal": {"content": None, "refusal": logprobs(CANARY)["content"]},
    "with bytes that are none": logprobs("So it is.", bytes=[CANARY]),
}


@pytest.mark.parametrize("case", LOGPROBS)
@pytest.mark.parametrize("live", [True, False])
async def test_logprobs_carry_nothing_that_was_not_judged(case: str, live: bool) -> None:
    provider = Chunks({"delta": {"content": "So it is."}}, {"delta": {}, "logprobs": LOGPROBS[case]})
    if live:
        text, done = await seen(provider, STOP)
    else:
        done = Done(await decided(policy(STOP, candidates={"max": 1}), _line(provider)), False, (), whole=True)
        text = json.dumps(done.outcome.choices)

    assert not told(text)
    assert done.outcome.choices[0]["message"]["content"] == "So it is."
    assert done.outcome.decision.action == "answered"


def _line(provider: Chunks) -> ScriptedProvider:
    return ScriptedProvider([assemble(provider._chunks)])


GOOD: dict[str, Any] = {
    "plain": logprobs("So", " it", " is."),
    "with alternatives": logprobs("So it is.", top_logprobs=[{"token": "Thus", "logprob": -2.0, "bytes": [84]}]),
    "with a number more": logprobs("So it is.", id=17),
    "a character in two tokens": {
        "content": [
            {"token": "So it is", "logprob": -1.0, "bytes": list(b"So it is")},
            {"token": "\\xe2\\x80", "logprob": -1.0, "bytes": [0xE2, 0x80]},
            {"token": "\\xa6", "logprob": -1.0, "bytes": [0xA6]},
        ]
    },
}


@pytest.mark.parametrize("case", GOOD)
def test_logprobs_that_spell_the_answer_stay(case: str) -> None:
    said = "So it is…" if case == "a character in two tokens" else "So it is."
    choice = {"message": {"content": said}, "logprobs": GOOD[case]}

    assert cleared(choice, policy(STOP).rules, Context()) is choice


def test_logprobs_stay_where_no_rule_is_enforced() -> None:
    choice = {"message": {"content": "x"}, "logprobs": LOGPROBS["of another form"]}

    assert cleared(choice, policy({**STOP, "mode": "shadow"}).rules, Context()) is choice


async def test_logprobs_of_a_live_stream_ride_at_its_end() -> None:
    parts = [{"delta": {"content": word}, "logprobs": logprobs(word)} for word in ("So", " it", " is.")]
    got = [event async for event in stream(question(), policy(STOP), world(Chunks(*parts)))]
    done = got[-1]
    assert isinstance(done, Done)

    assert all("logprobs" not in choice for event in got[:-1] for choice in event.chunk["choices"])  # type: ignore[union-attr]
    assert done.rest[-1]["choices"][0]["logprobs"] == {"content": [p["logprobs"]["content"][0] for p in parts]}
