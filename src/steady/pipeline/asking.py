"""
constrain: one upstream call, complete: messages, sampling as far as the provider takes it, constraints, seed.

Whatever a rule asks of generation is asked only where the capabilities say that the provider takes it; the rule judges
the result all the same. What was compiled, and what was dropped, is noted.
"""

from typing import Any, NamedTuple

import msgspec

from steady.pipeline.act import Acted
from steady.pipeline.pieces import answer_text
from steady.pipeline.plan import Plan
from steady.policy.resolved import Target
from steady.providers.capabilities import fit
from steady.providers.grammar import choices_grammar
from steady.rules.rule import Constraint
from steady.types import Call, Capabilities

QUOTED = 2_000  # characters of a failed answer that a reask shows the model


class Asking(NamedTuple):
    """What every call of one request shares."""

    body: dict[str, Any]
    notes: tuple[str, ...]
    seeded: bool


def asking(plan: Plan, target: Target) -> Asking:
    """Return the shared body for `target`, and the notes on what was dropped or compiled."""
    caps = target.capabilities
    sampling, dropped = fit(msgspec.structs.replace(plan.sampling, seed=None), caps)
    constraint, compiled = _constrained(plan.constraint, caps, plan.fields)
    body = {**plan.fields, **sampling, **constraint, "messages": list(plan.messages)}
    wanted = plan.sampling.seed is not None or plan.policy.doc.sampling.preset != "client" or plan.most > 1
    notes = [*dropped, *compiled]
    if plan.sampling.seed is not None and "seed" not in caps.params:
        notes.append(f"seed dropped: {target.provider} takes none")
    return Asking(body, tuple(notes), wanted and "seed" in caps.params)


def _constrained(
    constraint: Constraint, caps: Capabilities, fields: dict[str, Any]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    if constraint.json_schema is not None and caps.json_schema and "response_format" not in fields:
        schema = {"name": "answer", "schema": constraint.json_schema, "strict": is_strict(constraint.json_schema)}
        form = {"response_format": {"type": "json_schema", "json_schema": schema}}
        return form, ("json_schema compiled to response_format",)
    if constraint.choices and caps.grammar == "gbnf":
        return {"grammar": choices_grammar(constraint.choices)}, ("one_of compiled to a grammar",)
    if constraint.choices and caps.grammar == "guided_choice":
        return {"structured_outputs": {"choice": list(constraint.choices)}}, ("one_of compiled to a guided choice",)
    return {}, ()


def is_strict(schema: Any) -> bool:
    """Whether a schema keeps the rules of strict structured outputs: closed objects, every property required."""
    if isinstance(schema, list):
        return all(is_strict(item) for item in schema)
    if not isinstance(schema, dict):
        return True
    if "properties" in schema or schema.get("type") == "object":
        properties = schema.get("properties") or {}
        if schema.get("additionalProperties") is not False or set(schema.get("required") or ()) != set(properties):
            return False
    return all(is_strict(value) for value in schema.values())


def call(
    shared: Asking,
    target: Target,
    *,
    seed: int,
    timeout: float,
    n: int = 1,
    patient: bool = True,
    auth: str | None = None,
) -> Call:
    """Return the call of one draw (or of `n` together, where the provider serves that well)."""
    body = dict(shared.body)
    if shared.seeded:
        body["seed"] = seed
    if n > 1:
        body["n"] = n
    return Call(
        provider=target.provider, model=target.model, body=body, timeout=timeout, authorization=auth, patient=patient
    )


def again(shared: Asking, failed: Acted) -> Asking:
    """Return the body for a reask: the conversation, the answer that failed, and what would pass."""
    shown = answer_text(failed.choice)
    sensitive = any(bound.rule.sensitive for bound, _ in failed.failing)
    wants = [f"- {bound.rule.statement() or reason or bound.rule.key}" for bound, reason in failed.failing]
    said = "That answer can't be used. Answer the question again, in full, so that:\n" + "\n".join(dict.fromkeys(wants))
    messages = list(shared.body["messages"])
    if shown and not sensitive and not failed.choice.get("message", {}).get("tool_calls"):
        messages.append({"role": "assistant", "content": shown[:QUOTED]})
    messages.append({"role": "user", "content": said})
    return shared._replace(body={**shared.body, "messages": messages})
