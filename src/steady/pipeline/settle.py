"""
From what was drawn to what is released: the choices, or the policy's `otherwise`, or an error that says so.

`settle` is where L2 is kept: every choice that leaves here was accepted by `act`, or is a blend that was judged again,
or is the policy's own text. There is no other way out.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import msgspec
from msgspec import structs

from steady.errors import ProviderError
from steady.pipeline.act import Acted, act
from steady.pipeline.asking import asking, call
from steady.pipeline.choose import Chosen, consulted, not_measured
from steady.pipeline.generate import Pool, take
from steady.pipeline.judge import Scene
from steady.pipeline.pieces import with_texts
from steady.pipeline.plan import min_agreement
from steady.pipeline.seeds import draw_seed
from steady.types import Agreement, Candidate

WITHHELD = "The answer was withheld: it broke a rule."


class Settled(NamedTuple):
    """What is released, before anything is disclosed."""

    action: str
    code: str
    reason: str
    choices: tuple[dict[str, Any], ...]
    released: tuple[Acted, ...]  # the candidates behind the choices
    agreement: Agreement
    scores: tuple[tuple[int, Fraction], ...] = ()
    blended: bool = False
    notes: tuple[str, ...] = ()


async def settle(pool: Pool) -> Settled:
    """Choose among what was drawn, or say what is given instead."""
    plan = pool.plan
    chosen = await consulted(plan, pool.acted)
    ended = _ended_by_rule(pool, chosen)
    if ended is not None:
        return await _refrained(pool, ended) if ended.action == "refrained" else ended
    if not pool.acted:
        errors = pool.errors
        reason = str(errors[0]) if errors else "no candidate was made"
        return Settled("error", "upstream_error", reason, (), (), not_measured("no draw was completed"))
    if not chosen.ranked:
        return await otherwise(pool, chosen, _why_none(pool))
    least = min_agreement(plan.policy)
    share = chosen.agreement.share
    if least is not None and share is not None and share < least:
        return await otherwise(pool, chosen, f"agreement {share} is under the policy's {least}")
    if least is not None and share is None and plan.independent:
        return await otherwise(pool, chosen, f"agreement could not be measured: {chosen.agreement.why}")
    return await _release(pool, chosen)


def _ended_by_rule(pool: Pool, chosen: Chosen) -> Settled | None:
    for fate, action, code in (("exception", "error", "rule_violation"), ("refrain", "refrained", "")):
        ended = [a for a in pool.acted if a.fate == fate]
        if ended:
            wanted = "exception" if fate == "exception" else "refrain"
            bound, why = next((b, r) for b, r in ended[0].failing if b.rule.on_fail == wanted)
            reason = f"the rule {bound.rule.key} failed: {why}"
            return Settled(action, code, reason, (), (), chosen.agreement)
    return None


async def _refrained(pool: Pool, ended: Settled) -> Settled:
    if pool.plan.policy.doc.otherwise.do in {"message", "value"}:
        return (await given(pool, ended.reason, ended.agreement))._replace(action="refrained")
    return ended._replace(choices=(_refusal(WITHHELD),))


def _why_none(pool: Pool) -> str:
    rules = sorted({bound.rule.key for a in pool.acted for bound, _ in a.failing})
    if not rules:
        return "no candidate was complete"
    why = next((reason for a in pool.acted for _, reason in a.failing if reason), "")
    return f"no candidate passed; failed rules: {', '.join(rules)}" + (f" ({why.rstrip('.')})" if why else "")


async def _release(pool: Pool, chosen: Chosen) -> Settled:
    plan = pool.plan
    ranked = list(chosen.ranked[: plan.n])
    notes = []
    if len(ranked) < plan.n:
        notes.append(f"{plan.n} choices were asked for; {len(ranked)} passed the rules")
    choices = [a.choice for a in ranked]
    blended = False
    if chosen.blend is not None:
        blend = await _blend(pool, ranked[0], chosen.blend)
        if blend is None:
            notes.append("the field-by-field answer broke a rule; the most typical whole answer is given")
        else:
            choices[0], blended = blend, True
    agreement, short = chosen.agreement, ranked[0].candidate
    if agreement.share is None and short.choice.get("finish_reason") in {"length", "content_filter"}:
        notes.append(f"the answer was cut off: {short.choice['finish_reason']}")
    scores = chosen.consensus.ranked if chosen.consensus else ()
    return Settled("answered", "", "", tuple(choices), tuple(ranked), agreement, scores, blended, tuple(notes))


async def _blend(pool: Pool, medoid: Acted, text: str) -> dict[str, Any] | None:
    """Return the medoid's choice with the blend's text, if that passes every rule as it stands; else None."""
    choice = with_texts(medoid.choice, {("message", "content"): text})
    candidate = structs.replace(medoid.candidate, choice=choice)
    context = pool.plan.context
    scene = Scene(slot=candidate.slot, attempt=candidate.attempt, context=context, world=pool.world)
    judged = await act(candidate, pool.plan.rules, scene)
    return choice if judged.fate == "accepted" and not judged.fixed else None


async def otherwise(pool: Pool, chosen: Chosen, reason: str) -> Settled:
    """Do what the policy says where no candidate may be released."""
    doc = pool.plan.policy.doc.otherwise
    if doc.do == "best" and chosen.ranked:
        best = await _release(pool, chosen)
        return best._replace(
            action="otherwise", reason=reason, notes=(*best.notes, "the best accepted candidate is given all the same")
        )
    if doc.do == "model" and pool.plan.policy.fallback is not None:
        return await _other_model(pool, reason)
    if doc.do in {"message", "value"}:
        return await given(pool, reason, chosen.agreement)
    return Settled("error", "no_acceptable_answer", reason, (), (), chosen.agreement)


async def given(pool: Pool, reason: str, agreement: Agreement) -> Settled:
    """Give the policy's own text or value. Where the request has a form, a text goes into `refusal`."""
    doc = pool.plan.policy.doc.otherwise
    if doc.do == "value":
        text = doc.value if isinstance(doc.value, str) else msgspec.json.encode(doc.value).decode()
        choice = _choice(text)
        scene = Scene(slot=pool.slots, attempt=0, context=pool.plan.context, world=pool.world)
        form = [
            b for b in pool.plan.rules if b.rule.key in {"output", "request_schema", "request_json", "request_tool"}
        ]
        judged = await act(Candidate(slot=pool.slots, choice=choice), form, scene)
        if judged.fate == "accepted" and not judged.fixed:
            return Settled("otherwise", "", reason, (choice,), (), agreement)
        reason = f"{reason}; the policy's fallback value does not have the form that was asked for"
        return Settled("error", "no_acceptable_answer", reason, (), (), agreement)
    choice = _refusal(doc.text) if pool.plan.structured else _choice(doc.text)
    return Settled("otherwise", "", reason, (choice,), (), agreement)


def _choice(text: str) -> dict[str, Any]:
    return {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}


def _refusal(text: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": None, "refusal": text}
    return {"index": 0, "message": message, "finish_reason": "stop"}


async def _other_model(pool: Pool, reason: str) -> Settled:
    target = pool.plan.policy.fallback
    if target is None:
        raise ValueError("otherwise: model needs a fallback target")
    slot = pool.slots
    shared = asking(pool.plan, target)
    seed = draw_seed(pool.root, slot, 0)
    made = call(shared, target, seed=seed, timeout=pool.plan.policy.deadline, auth=pool.auth)
    agreement = not_measured(f"answered once by {target.provider}/{target.model}, since {reason}")
    try:
        reply = await pool.world.complete(slot, 0, made)
    except ProviderError as error:
        why = f"{reason}; the other model failed too: {error}"
        return Settled("error", "no_acceptable_answer", why, (), (), agreement)
    judged = await take(pool, reply, slot, 0, target)
    accepted = [a for a in judged if a.fate == "accepted"][: pool.plan.n]
    if not accepted:
        return Settled(
            "error", "no_acceptable_answer", f"{reason}; the other model broke the rules too", (), (), agreement
        )
    notes = (f"answered by {target.provider}/{target.model}",)
    return Settled("otherwise", "", reason, tuple(a.choice for a in accepted), tuple(accepted), agreement, notes=notes)


def plain(choices: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    """Return what of the choices is part of the decision: message and finish_reason."""
    return tuple({"message": c.get("message"), "finish_reason": c.get("finish_reason")} for c in choices)
