"""`steady run`: one prompt under a policy, without a server."""

import asyncio
from typing import Any

import click
import msgspec

from steady.cli.show import explained, summary
from steady.errors import Abstained, AllCandidatesFailed, RequestError, RuleViolation
from steady.pipeline.explain import explain as explain_outcome
from steady.pipeline.respond import completion, steady_object
from steady.pipeline.run import run
from steady.pipeline.runtime import Runtime
from steady.policy.resolved import Resolved
from steady.types import Options, Outcome, Request, Sampling


def run_prompt(
    prompt: str,
    *,
    policy: str | None,
    model: str | None,
    system: str | None,
    seed: int | None,
    n: int,
    explain: bool,
    as_json: bool,
    config: str | None,
) -> None:
    """Answer and print. Raises Abstained where no answer may be released, RequestError for what is no text."""
    _require_text(prompt, system or "")
    runtime = Runtime.open(config)
    messages: list[dict[str, Any]] = [{"role": "system", "content": system}] if system else []
    messages.append({"role": "user", "content": prompt})
    name = policy or runtime.config.default_policy
    resolved = runtime.library.resolved(name, model)
    request = Request(
        messages=tuple(messages),
        model=model or name,
        sampling=Sampling(seed=seed),
        n=n,
        options=Options(explain=explain),
    )
    outcome = asyncio.run(_run(runtime, request, resolved))
    steady = steady_object(outcome)
    if explain:
        steady["explain"] = explain_outcome(outcome, resolved, runtime.evidence_key)
    if as_json:
        body = completion(outcome, id=f"chatcmpl-{outcome.receipt}", created=int(runtime.clock.now()), model=name)
        body["steady"] = steady
        click.echo(msgspec.json.format(msgspec.json.encode(body), indent=2).decode())
    elif outcome.decision.action != "error":
        _say(outcome)
    if not as_json:
        for line in explained(steady) if explain else summary(steady):
            click.echo(line, err=True)
        click.echo(f"  receipt: {outcome.receipt or 'none'}", err=True)
    _raise(outcome)


def _require_text(*texts: str) -> None:
    for text in texts:
        try:
            text.encode()
        except UnicodeEncodeError:  # bytes of another encoding, as Python carries them from arguments and stdin
            raise RequestError("The prompt is not UTF-8 text.") from None


async def _run(runtime: Runtime, request: Request, policy: Resolved) -> Outcome:
    try:
        outcome = await run(request, policy, runtime.world())
        return runtime.record(outcome, request, policy, "local")
    finally:
        await runtime.aclose()


def _say(outcome: Outcome) -> None:
    for i, choice in enumerate(outcome.choices):
        message = choice.get("message") or {}
        if len(outcome.choices) > 1:
            click.echo(f"--- {i + 1}")
        content = message.get("content")
        if content is None and message.get("tool_calls"):
            content = msgspec.json.encode(message["tool_calls"]).decode()
        click.echo(content if content is not None else message.get("refusal") or "")


def _raise(outcome: Outcome) -> None:
    decision = outcome.decision
    if decision.action != "error":
        return
    if decision.code == "upstream_error" and outcome.errors:
        raise AllCandidatesFailed(f"no model answered: {decision.reason}", list(outcome.errors))
    kind = RuleViolation if decision.code == "rule_violation" else Abstained
    raise kind(f"No answer was released: {decision.reason}.", outcome)
