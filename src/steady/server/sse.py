"""Server-sent events: live or buffered, the same verdict; keep-alive comments; one error event, never a fake finish."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import TYPE_CHECKING, Any, cast

from steady.errors import SteadyError
from steady.pipeline.respond import billed, completion
from steady.pipeline.stream import Done, Sent, stream
from steady.providers.chunks import split
from steady.server.chat import failure_of, finish, refusal, refuse, said, steady_headers
from steady.server.http import Header, Receive, Send, to_json
from steady.server.services import Services
from steady.types import Outcome

if TYPE_CHECKING:
    from steady.server.chat import Turn

_EVENT_TYPE: list[Header] = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache")]
_KEEP_ALIVE = b": still deciding\n\n"
_END = b"data: [DONE]\n\n"


class Wire:
    """One event stream to one client."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.open = False

    async def start(self, headers: list[Header]) -> None:
        """Send the status and the headers, once."""
        if not self.open:
            self.open = True
            await self._send({"type": "http.response.start", "status": 200, "headers": [*_EVENT_TYPE, *headers]})

    async def raw(self, data: bytes, *, more: bool = True) -> None:
        """Send bytes as they are."""
        await self._send({"type": "http.response.body", "body": data, "more_body": more})

    async def event(self, value: Any) -> None:
        """Send one data event."""
        await self.raw(b"data: " + to_json(value) + b"\n\n")


async def stream_turn(services: Services, turn: "Turn", receive: Receive, send: Send) -> None:
    """
    Answer one streamed request; stop the upstream if the client of a live stream hangs up.

    Such a request ends undecided: what had come is no answer, so no receipt is kept, and it is counted as `hung_up`.
    """
    work = asyncio.ensure_future(_answer(services, turn, send))
    gone = asyncio.ensure_future(_hung_up(receive))
    try:
        await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            services.metrics.hung_up()
            if turn.policy.plan.live:
                work.cancel()
        await asyncio.wait({work})
        if not work.cancelled():
            work.result()
        elif turn.joins or not turn.run.outcome.done():  # else it was decided, and only the sending broke off
            services.metrics.undecided(turn.policy.name, model=turn.policy_model)
    finally:
        gone.cancel()
        if not work.done():
            work.cancel()


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _answer(services: Services, turn: "Turn", send: Send) -> None:
    wire = Wire(send)
    if turn.joins:
        joined = await _waited(services, wire, asyncio.shield(turn.run.outcome))
        if joined is not None:
            await _ended(services, turn, wire, Done(joined, False, ("it joined a running request",), whole=True))
            return
    events = cast("AsyncGenerator[Sent | Done, None]", stream(turn.asked.request, turn.policy, services.world()))
    held: list[dict[str, Any]] = []
    try:
        while True:
            event = await _waited(services, wire, asyncio.ensure_future(anext(events)))
            if isinstance(event, Done):
                outcome = finish(services, turn, event.outcome, streamed=True, live=event.live)
                await _ended(services, turn, wire, event._replace(outcome=outcome), held)
                return
            await _relay(turn, wire, event, held)
    except SteadyError as error:
        await _failed(services, turn, wire, error, None)
    except Exception:
        if wire.open:  # the status is out: the client is told by an event, and the fault by the log
            await _failed(services, turn, wire, SteadyError("Steady failed in the middle of this stream."), None)
        raise
    finally:
        await events.aclose()


async def _waited(services: Services, wire: Wire, task: "asyncio.Future[Any]") -> Any:
    """Await a result, with a comment to the client for each stretch of silence."""
    pause = services.config.server.keepalive_seconds
    try:
        while not (await asyncio.wait({task}, timeout=pause))[0]:
            await wire.start([])
            await wire.raw(_KEEP_ALIVE)
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        raise
    return task.result()


async def _relay(turn: "Turn", wire: Wire, event: Sent, held: list[dict[str, Any]]) -> None:
    """Send a chunk on; the last ones are held, since the last carries `steady`."""
    chunk = event.chunk
    choices = chunk.get("choices") or ()
    if not choices:
        if turn.asked.include_usage or not chunk.get("usage"):
            held.append(chunk)
        return
    if chunk.get("usage") is None and "usage" in chunk and not turn.asked.include_usage:
        chunk = {key: value for key, value in chunk.items() if key != "usage"}
    if held or any(choice.get("finish_reason") for choice in choices):
        held.append(chunk)
        return
    policy = turn.policy
    await wire.start([(b"x-steady-policy", policy.name.encode()), (b"x-steady-policy-hash", policy.hash.encode())])
    await wire.event(chunk)


async def _ended(
    services: Services, turn: "Turn", wire: Wire, done: Done, held: list[dict[str, Any]] | None = None
) -> None:
    outcome = done.outcome
    failure = failure_of(outcome)
    if done.broken and failure is None:
        failure = _withdrawn(outcome)
    if failure is not None:
        await _failed(services, turn, wire, failure, outcome)
        return
    await wire.start(steady_headers(outcome))
    last = [*(held or ()), *done.rest]
    if done.whole:
        last = [chunk async for chunk in _chunks(services, turn, outcome)]
    if turn.asked.include_usage and not any(chunk.get("usage") for chunk in last):
        base = {key: value for key, value in last[-1].items() if key not in {"choices", "usage"}} if last else {}
        last.append({**base, "choices": [], "usage": billed(outcome)})
    for chunk in last[:-1]:
        await wire.event(chunk)
    steady = said(services, turn, outcome, live=done.live, why_buffered=done.why)
    await wire.event({**(last[-1] if last else {"choices": []}), "steady": steady})
    await wire.raw(_END, more=False)


async def _chunks(services: Services, turn: "Turn", outcome: Outcome) -> AsyncIterator[dict[str, Any]]:
    made = completion(
        outcome, id=f"chatcmpl-{outcome.receipt}", created=int(services.clock.now()), model=turn.policy.name
    )
    for chunk in split({key: value for key, value in made.items() if key != "usage"}):
        yield chunk


def _withdrawn(outcome: Outcome) -> SteadyError:
    from steady.errors import Abstained

    why = outcome.decision.reason or "the whole answer did not pass"
    return Abstained(f"The answer was stopped part-way: {why}. What was sent is not the decided answer.", outcome)


async def _failed(services: Services, turn: "Turn", wire: Wire, error: SteadyError, outcome: Outcome | None) -> None:
    if not wire.open:
        await refuse(services, wire._send, error, policy=turn.policy, outcome=outcome)
        return
    status, body, _ = refusal(services, error, policy=turn.policy, outcome=outcome)
    body["error"] = {**body["error"], "code": status, "reason": body["error"].get("code")}
    await wire.event(body)
    await wire.raw(b"", more=False)
