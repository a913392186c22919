"""
The way of a streamed request. Same verdict, same text, same action as when it is not streamed.

A policy that can stream live sends what its hold-back has cleared; when the upstream has ended, the ordinary pipeline
decides over the whole answer, and the rest of *its* text is sent. So what was sent is always a prefix of what was
decided, or the stream ends with an error that says so. Every other policy decides first and is streamed afterwards.
"""

from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from msgspec import structs

from steady.errors import ProviderError
from steady.pipeline.act import fixing_finders
from steady.pipeline.asking import call
from steady.pipeline.gate import Gate
from steady.pipeline.generate import Pool, take
from steady.pipeline.guard import INPUT_SLOT, guard
from steady.pipeline.history import clean
from steady.pipeline.journal import Recorder
from steady.pipeline.judge import Scene
from steady.pipeline.plan import Plan, offers_tools, plan
from steady.pipeline.run import IDS, conclude, decide, pass_call, passed, with_messages
from steady.pipeline.seeds import draw_seed, root_seed
from steady.pipeline.settle import settle
from steady.pipeline.texts import customs
from steady.policy.resolved import Resolved
from steady.types import Call, Outcome, Reply, Request, World

Chunk = dict[str, Any]
_TEXTS = {"content": "answer", "refusal": "answer", "reasoning": "reasoning", "reasoning_content": "reasoning"}


class Sent(NamedTuple):
    """A chunk for the client, without what Steady adds."""

    chunk: Chunk


class Done(NamedTuple):
    """The end. `whole`: all is still to be sent; else only `rest`; `broken`: text is out that was not decided."""

    outcome: Outcome
    live: bool
    why: tuple[str, ...]  # why it was not live
    whole: bool
    rest: tuple[Chunk, ...] = ()
    broken: bool = False


async def stream(request: Request, policy: Resolved, world: World) -> AsyncIterator[Sent | Done]:
    """Yield chunks as they may leave, then exactly one Done. Raises as `run` does, only before the first chunk."""
    recorder = Recorder(world)
    messages = clean(request.messages, customs(policy.doc.disclose.text))
    if policy.passes_through:
        async for event in _pass_through(with_usage(pass_call(request, policy, messages), policy), policy, recorder):
            yield event
        return
    made = plan(request, policy, messages)
    why = why_buffered(made)
    if why:
        outcome = await decide(request, policy, recorder, made)
        yield Done(outcome, False, why, whole=True)
        return
    async for event in _live(request, made, recorder):
        yield event


def with_usage(call: Call, policy: Resolved) -> Call:
    """Return the call with usage asked for, where the upstream can give it: what is spent is always counted."""
    if not policy.target.capabilities.stream_usage:
        return call
    options = {**(call.body.get("stream_options") or {}), "include_usage": True}
    return structs.replace(call, body={**call.body, "stream_options": options})


def why_buffered(made: Plan) -> tuple[str, ...]:
    """Return every reason why this request can't stream live; none if it can."""
    why = list(made.policy.plan.why)
    if made.rules != made.policy.rules:
        why.append("the request brings a schema of its own, which needs the whole answer")
    if made.n > 1:
        why.append("several choices were asked for")
    fixing = [b.rule for b, _ in fixing_finders(made.rules) if "tool_arguments" in b.rule.surfaces]
    if fixing and offers_tools(made.fields):
        why.append(f"tools are offered, and rule {fixing[0].key!r} can't fix their arguments, so it judges first")
    return tuple(why)


async def _pass_through(upstream: Call, policy: Resolved, recorder: Recorder) -> AsyncIterator[Sent | Done]:
    sent = False
    try:
        async for chunk in recorder.stream(0, 0, upstream):
            sent = True
            yield Sent(chunk)
    except ProviderError as error:
        yield Done(passed(policy, None, recorder, error), True, (), whole=not sent, broken=sent)
        return
    yield Done(passed(policy, _reply(recorder), recorder), True, (), whole=False)


def _reply(recorder: Recorder) -> Reply:
    return Reply(body=next(e.value for e in recorder.journal() if e.what == "reply"))


async def _live(request: Request, made: Plan, recorder: Recorder) -> AsyncIterator[Sent | Done]:
    scene = Scene(slot=INPUT_SLOT, attempt=0, context=made.context, world=recorder)
    guarded = await guard(made.messages, made.policy.input_rules, scene)
    if guarded.refused:
        yield Done(await decide(request, made.policy, recorder, made), True, (), whole=True)
        return
    made = with_messages(made, guarded.messages)
    pool = Pool(made, recorder, root_seed(request, made, recorder), request.authorization)
    pool.slots, pool.calls = 1, 1
    relay = Relay(made)
    target = made.policy.target
    upstream = call(pool.shared, target, seed=draw_seed(pool.root, 0, 0), timeout=pool.left, auth=pool.auth)
    try:
        async for chunk in recorder.stream(0, 0, with_usage(upstream, made.policy)):
            if (out := relay.feed(chunk)) is not None:
                yield Sent(out)
        await take(pool, _reply(recorder), 0, 0, target)
    except ProviderError as error:
        pool.failures.append((0, 0, error))
    pool.stopped = "one candidate"
    outcome = conclude(request, pool, guarded, await settle(pool), recorder)
    yield relay.done(outcome)


class Relay:
    """
    What has left one live stream, text by text.

    Only texts that have a gate leave early: content, refusal and plain reasoning of the first choice, each held against
    every rule that looks there. Everything else that carries text (tool calls, blocks of reasoning, audio's transcript,
    logprobs, fields that nobody knows yet, fields beside the choices) waits for the whole answer's verdict and rides on
    the last chunk. Once a rule has ended one text, no other text leaves either.
    """

    def __init__(self, made: Plan) -> None:
        self._made = made
        self._gates: dict[str, Gate] = {}
        self._sent: dict[str, str] = {}
        self._envelope: Chunk = {}
        self._role = False
        # A signature comes last, and what it signs must not have been changed: reasoning that may be fixed waits.
        fixing = [bound for bound, _ in fixing_finders(made.rules)]
        self._waits = {"reasoning"} if any("reasoning" in b.rule.surfaces for b in fixing) else set()

    def feed(self, chunk: Chunk) -> Chunk | None:
        """Return the chunk that may leave now, or None if nothing may."""
        self._envelope = {k: v for k, v in chunk.items() if k in IDS}  # all else is judged first, and rides on the last
        choice = next((c for c in chunk.get("choices") or () if c.get("index", 0) == 0), None)
        delta = (choice or {}).get("delta") or {}
        out: dict[str, Any] = {}
        for key, surface in _TEXTS.items():
            if isinstance(delta.get(key), str) and surface not in self._waits:
                text = self._gate(key, surface).feed(delta[key])
                if text:
                    out[key] = text
        if any(gate.shut for gate in self._gates.values()):
            return None
        for key, text in out.items():
            self._sent[key] = self._sent.get(key, "") + text
        if out and not self._role:  # with the first text, so that nothing at all is out until then
            out, self._role = {"role": "assistant", **out}, True
        return self._chunk(out) if out else None

    def _gate(self, key: str, surface: Any) -> Gate:
        if key not in self._gates:
            self._gates[key] = Gate(surface, ("message", key), self._made.rules, self._made.context)
        return self._gates[key]

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> Chunk:
        return {**self._envelope, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}

    def done(self, outcome: Outcome) -> Done:
        """Compare what has left with what was decided, and return what is still to be sent."""
        released = self._sent
        if not released:
            return Done(outcome, True, (), whole=True)
        choice = outcome.choices[0] if outcome.choices else {}
        message = choice.get("message") or {}
        decided = {key: message.get(key) if isinstance(message.get(key), str) else "" for key in _TEXTS}
        if any(not (decided[key] or "").startswith(text) for key, text in released.items()):
            return Done(outcome, True, (), whole=False, broken=True)
        rest = {key: text[len(released.get(key, "")) :] for key, text in decided.items() if text}
        texts = {key for key in _TEXTS if isinstance(message.get(key), str)}
        other = {k: v for k, v in message.items() if k not in {*texts, "role"} and v is not None}
        if "tool_calls" in other:
            other["tool_calls"] = [{"index": i, **c} for i, c in enumerate(other["tool_calls"])]
        delta = {key: text for key, text in rest.items() if text} | other
        last = [self._chunk(delta)] if delta else []
        end = self._chunk({}, str(choice.get("finish_reason") or "stop"))
        end["choices"][0] |= {k: v for k, v in choice.items() if k not in {"index", "message", "finish_reason"}}
        last.append({**{k: v for k, v in outcome.envelope.items() if k not in {*IDS, "usage"}}, **end})
        return Done(outcome, True, (), whole=False, rest=tuple(last))
