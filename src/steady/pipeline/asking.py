"""
constrain: one upstream call, complete: messages, sampling as far as the provider takes it, constraints, seed.

Whatever a rule asks of generation is asked only where the capabilities say that the provider takes it; the rule judges
the result all the same. What was compiled, and what was dropped, is noted.
"""

from typing import Any, NamedTuple

import msgspec

from steady.pipeline.act import Acted
from steady.pipeline.compiling import compiled
from steady.pipeline.pieces import answer_text
from steady.pipeline.plan import Plan
from steady.policy.resolved import Target
from steady.providers.capabilities import fit
from steady.types import Call

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
    told = compiled(plan.constraint, caps, plan.fields, plan.sampling)
    body = {**plan.fields, **sampling, **told.body, "messages": list(plan.messages)}
    wanted = plan.sampling.seed is not None or plan.policy.doc.sampling.preset != "client" or plan.most > 1
    notes = [*dropped, *told.notes]
    if plan.sampling.seed is not None and "seed" not in caps.params:
        notes.append(f"seed dropped: {target.provider} takes none")
    return Asking(body, tuple(notes), wanted and "seed" in caps.params)


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
