"""
constrain: one upstream call, complete: messages, sampling as far as the provider takes it, constraints, seed.

Whatever a rule asks of generation is asked only where the capabilities say that the provider takes it; the rule judges
the result all the same. What was compiled, and what was dropped, is noted.
"""

from typing import Any, NamedTuple

import msgspec

from steady.pipeline.act import Acted
from steady.pipeline.compiling import compiled
from steady.pipeline.plan import Plan
from steady.pipeline.reasking import reasked
from steady.pipeline.telling import with_rules
from steady.policy.resolved import Target
from steady.providers.capabilities import fit
from steady.rules.tools import ToolCallSchema
from steady.types import UNENFORCED, Call


class Asking(NamedTuple):
    """What every call of one request shares."""

    body: dict[str, Any]
    notes: tuple[str, ...]
    seeded: bool


def asking(plan: Plan, target: Target) -> Asking:
    """Return the shared body for `target`, and the notes on what was dropped or compiled."""
    caps = target.capabilities
    sampling, dropped = fit(msgspec.structs.replace(plan.sampling, seed=None), caps)
    told = compiled(plan.constraint, caps, plan.fields, plan.sampling, strict=_calls_judged(plan))
    messages = with_rules(plan.messages, plan.rules) if plan.policy.doc.tell else plan.messages
    body = {**plan.fields, **sampling, **told.body, "messages": list(messages)}
    wanted = plan.sampling.seed is not None or plan.policy.doc.sampling.preset != "client" or plan.most > 1
    notes = [*dropped, *told.notes, *(["the rules were told to the model"] if messages != plan.messages else [])]
    if plan.sampling.seed is not None and "seed" not in caps.params:
        notes.append(f"seed dropped: {target.provider} takes none")
    return Asking(body, tuple(notes), wanted and "seed" in caps.params)


def _calls_judged(plan: Plan) -> bool:
    return any(
        isinstance(rule, ToolCallSchema) and rule.mode == "enforce" and rule.on_fail not in UNENFORCED
        for rule in (bound.rule for bound in plan.rules)
    )


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
    return shared._replace(body={**shared.body, "messages": [*shared.body["messages"], *reasked(failed)]})
