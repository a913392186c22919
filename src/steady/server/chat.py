"""POST /v1/chat/completions: from bytes to the pipeline and back, whole or streamed. Holds no policy logic."""

import asyncio
from time import perf_counter
from typing import Any

from msgspec import Struct, structs

from steady.errors import Abstained, BusyError, ProviderError, RuleViolation, SteadyError
from steady.pipeline.disclose import HEADER, header_value
from steady.pipeline.explain import explain, mask_all, sensitive
from steady.pipeline.respond import agreement_header, completion, steady_object
from steady.pipeline.run import run
from steady.policy.resolved import Resolved
from steady.server.access import Caller, route
from steady.server.http import JSON_TYPE, Gone, Header, Receive, Scope, Send, headers_of, read_body, respond, to_json
from steady.server.joining import Run
from steady.server.services import Services
from steady.server.wire import Asked, error_body, parse
from steady.types import Outcome


class Turn(Struct, frozen=True, kw_only=True):
    """One request on its way through the server."""

    asked: Asked
    caller: Caller
    policy: Resolved
    policy_model: str  # the model label of its metrics
    run: Run
    joins: bool
    began: float


async def chat(services: Services, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one chat request, if there is room for one more."""
    most = services.config.server.max_concurrent
    if services.in_flight >= most:
        message = f"{most} requests are being answered; no more are taken at once (server.max_concurrent)."
        await refuse(services, send, BusyError(message))
        return
    services.in_flight += 1
    services.metrics.started()
    try:
        await _admitted(services, scope, receive, send)
    finally:
        services.in_flight -= 1
        services.metrics.ended()


async def _admitted(services: Services, scope: Scope, receive: Receive, send: Send) -> None:
    try:
        turn = await _enter(services, scope, receive, perf_counter())
    except Gone:
        return
    except SteadyError as error:
        await refuse(services, send, error)
        return
    try:
        if turn.asked.stream:
            from steady.server.sse import stream_turn

            await stream_turn(services, turn, receive, send)
        else:
            await _whole(services, turn, send)
    finally:
        if not turn.joins:  # a joiner that leaves ends nobody else's run
            services.runs.leave(turn.run, None)


async def _enter(services: Services, scope: Scope, receive: Receive, began: float) -> Turn:
    headers = headers_of(scope)
    body = await read_body(scope, receive, services.config.server.max_body_bytes)
    caller = services.access.caller(headers)
    asked = parse(body, headers)
    request = structs.replace(asked.request, authorization=caller.forward) if services.forwards else asked.request
    if not services.forwards and request.authorization is not None:
        request = structs.replace(request, authorization=None)
    way = route(request.model, request.options.policy, caller, services.config, services.policies)
    policy = services.resolved(way)
    made, joins = services.runs.enter(caller.tenant, body, headers)
    return Turn(
        asked=structs.replace(asked, request=request),
        caller=caller,
        policy=policy,
        policy_model=f"{policy.target.provider}/{policy.target.model}",
        run=made,
        joins=joins,
        began=began,
    )


async def _whole(services: Services, turn: Turn, send: Send) -> None:
    try:
        outcome = await decided(services, turn)
        failure = failure_of(outcome)
    except SteadyError as error:
        await refuse(services, send, error, policy=turn.policy)
        return
    if failure is not None:
        await refuse(services, send, failure, policy=turn.policy, outcome=outcome)
        return
    body = completion(
        outcome, id=f"chatcmpl-{outcome.receipt}", created=int(services.clock.now()), model=turn.policy.name
    )
    body["steady"] = said(services, turn, outcome)
    await respond(send, 200, to_json(body), [JSON_TYPE, *steady_headers(outcome)])


async def decided(services: Services, turn: Turn) -> Outcome:
    """Return the outcome: of a run that this request joins, or of its own, recorded."""
    if turn.joins:
        joined = await asyncio.shield(turn.run.outcome)
        if joined is not None:
            return joined
    outcome = await run(turn.asked.request, turn.policy, services.world())
    return finish(services, turn, outcome, streamed=False)


def finish(services: Services, turn: Turn, outcome: Outcome, *, streamed: bool, live: bool = False) -> Outcome:
    """Record an outcome: receipt, metrics, and the runs that may join it."""
    outcome = services.record(outcome, turn.asked.request, turn.policy, turn.caller.tenant)
    seconds = perf_counter() - turn.began
    services.metrics.observe(
        outcome,
        model=turn.policy_model,
        seconds=seconds,
        allowed=turn.policy.doc.candidates.max,
        streamed=streamed,
        live=live,
    )
    services.runs.leave(turn.run, outcome)
    return outcome


def failure_of(outcome: Outcome) -> SteadyError | None:
    """Return the error that an outcome without an answer is told as, or None."""
    decision = outcome.decision
    if decision.action != "error":
        return None
    if decision.code == "upstream_error" and outcome.errors:
        first = outcome.errors[0]
        return first if isinstance(first, ProviderError) else ProviderError(decision.reason)
    kind = RuleViolation if decision.code == "rule_violation" else Abstained
    return kind(f"No answer was released: {decision.reason}.", outcome)


def said(services: Services, turn: Turn, outcome: Outcome, **how: Any) -> dict[str, Any]:
    """Return the `steady` object, with `explain` where it was asked for."""
    body = _masked(steady_object(outcome, **how), turn.policy)
    if turn.asked.request.options.explain:
        body["explain"] = explain(outcome, turn.policy, services.evidence_key)
    return body


def _masked(body: dict[str, Any], policy: Resolved) -> dict[str, Any]:
    """Mask what may quote an upstream's words. The disclosure is the policy's own text and stays."""
    rules = sensitive(policy)
    quoted = [key for key in ("reason", "notes") if key in body] if rules else []
    return {**body, **{key: mask_all(body[key], rules) for key in quoted}}


def steady_headers(outcome: Outcome) -> list[Header]:
    """Return the x-steady-* headers of a decided answer."""
    shown = [
        (b"x-steady-policy", outcome.policy.encode()),
        (b"x-steady-policy-hash", outcome.policy_hash.encode()),
        (b"x-steady-receipt", (outcome.receipt or "none").encode()),
        (b"x-steady-agreement", agreement_header(outcome.decision.agreement).encode()),
    ]
    disclosure = outcome.decision.disclosure
    if disclosure.text and disclosure.place in {"header", "field"}:
        shown.append((HEADER.encode(), header_value(disclosure.text).encode("ascii")))
    return shown


async def refuse(
    services: Services,
    send: Send,
    error: SteadyError,
    *,
    policy: Resolved | None = None,
    outcome: Outcome | None = None,
) -> None:
    """Send an error in OpenAI's shape."""
    status, body, extra = refusal(services, error, policy=policy, outcome=outcome)
    await respond(send, status, to_json(body), [JSON_TYPE, *extra])


def refusal(
    services: Services, error: SteadyError, *, policy: Resolved | None = None, outcome: Outcome | None = None
) -> tuple[int, dict[str, Any], list[Header]]:
    """Return status, body and headers of an error. What sensitive rules match is taken out of its words."""
    status, shown, retry_after = error_body(error)
    rules = sensitive(policy) if policy is not None else []
    body: dict[str, Any] = {"error": mask_all(shown, rules) if rules else shown}
    headers: list[Header] = []
    if retry_after is not None:
        headers.append((b"retry-after", f"{retry_after:g}".encode()))
    if outcome is not None:
        headers += steady_headers(outcome)
        body["steady"] = _masked(steady_object(outcome), policy) if policy else steady_object(outcome)
        if outcome.total.prompt or outcome.total.completion or outcome.candidates:
            headers.append((b"x-should-retry", b"false"))
    services.metrics.error(error.code, decided=outcome is not None)
    return status, body, headers
