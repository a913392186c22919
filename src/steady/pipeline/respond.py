"""From an outcome to what doors say of it: the completion, the `steady` object, a receipt."""

import hashlib
import math
from collections.abc import Sequence
from typing import Any

import msgspec

from steady.pipeline.guard import INPUT_SLOT
from steady.policy.resolved import Resolved
from steady.records.codec import decision_bytes
from steady.types import Agreement, Outcome, Receipt, Request, Usage


def completion(outcome: Outcome, *, id: str, created: int, model: str) -> dict[str, Any]:
    """
    Return the outcome as a chat.completion object, every upstream field kept, without `steady`.

    `id`, `created` and `model` are used only where no upstream gave them.
    """
    body = {**outcome.envelope, "choices": list(outcome.choices)}
    for key, value in (("id", id), ("object", "chat.completion"), ("created", created), ("model", model)):
        body.setdefault(key, value)
    body["usage"] = billed(outcome)
    return body


def billed(outcome: Outcome) -> dict[str, Any]:
    """Return the usage that the caller is billed for, all candidates, with whatever details the upstream told."""
    told = outcome.envelope.get("usage")
    if not isinstance(told, dict) or not told:
        return usage_object(outcome.total)
    return told if outcome.decision.action == "passed_through" else {**told, **usage_object(outcome.total)}


def summed(usages: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the sum of upstreams' usage objects, number by number; of what is no number the first."""
    out: dict[str, Any] = {}
    for name in dict.fromkeys(name for usage in usages for name in usage):
        values = [usage[name] for usage in usages if usage.get(name) is not None]
        nested = [value for value in values if isinstance(value, dict)]
        numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
        if nested:
            out[name] = summed(nested)
        elif numbers:
            out[name] = math.fsum(numbers) if any(isinstance(n, float) for n in numbers) else sum(numbers)
        else:
            out[name] = values[0] if values else None
    return out


def usage_object(usage: Usage) -> dict[str, int]:
    """Return usage under OpenAI's names."""
    total = usage.prompt + usage.completion
    return {"prompt_tokens": usage.prompt, "completion_tokens": usage.completion, "total_tokens": total}


def steady_object(outcome: Outcome, *, live: bool | None = None, why_buffered: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return what a response says of itself under `steady`. `live`: how it was streamed; None: it was not."""
    decision = outcome.decision
    body: dict[str, Any] = {
        "policy": outcome.policy,
        "policy_hash": outcome.policy_hash,
        "receipt": outcome.receipt or "none",
        "action": decision.action,
        "agreement": agreement_object(decision.agreement),
    }
    if decision.reason:
        body["reason"] = decision.reason
    if decision.action == "passed_through":
        body["unchanged"] = True
    if outcome.candidates:
        body["candidates"] = len(outcome.candidates)
        body["usage"] = {"returned": usage_object(outcome.returned), "total": usage_object(outcome.total)}
    if decision.disclosure.text:
        shown = decision.disclosure
        body["disclosure"] = {"text": shown.text, "place": shown.place, "locale": shown.locale, "why": shown.why}
    given = {INPUT_SLOT, *decision.chosen}  # what was fixed in drafts that nobody sees stands in `explain`
    fixed = sorted({v.rule for v in decision.verdicts if v.edits and v.slot in given})
    if fixed:
        body["fixed"] = fixed
    if decision.notes:
        body["notes"] = list(decision.notes)
    if live is not None:
        body["stream"] = {"live": live, "why": list(why_buffered)}
    return body


def agreement_object(agreement: Agreement) -> dict[str, Any]:
    """Return agreement as JSON: a number in [0, 1] to four decimals, or null and why."""
    if agreement.share is None:
        return {"value": None, "measured": False, "why": agreement.why}
    body: dict[str, Any] = {"value": round(float(agreement.share), 4), "measured": True}
    body |= {"agreed": int(agreement.share * agreement.of), "of": agreement.of, "method": agreement.method}
    if agreement.fields:
        body["fields"] = {path: round(float(share), 4) for path, share in agreement.fields}
    for name in ("low", "high", "spread"):
        if getattr(agreement, name) is not None:
            body[name] = getattr(agreement, name)
    if agreement.fixed:
        body["fixed"] = agreement.fixed
    if agreement.tie:
        body["tie"] = True
    return body


def agreement_header(agreement: Agreement) -> str:
    """Return agreement as a header value: "0.8750", or "not measured"."""
    return "not measured" if agreement.share is None else f"{float(agreement.share):.4f}"


def receipt_of(
    outcome: Outcome, request: Request, policy: Resolved, *, id: str, created: float, tenant: str
) -> Receipt:
    """Return the receipt of one run. `authorization` is no part of it."""
    kept = msgspec.structs.replace(request, authorization=None) if request.authorization else request
    decision = decision_bytes(outcome.decision)
    return Receipt(
        id=id,
        created=created,
        tenant=tenant,
        policy=outcome.policy,
        policy_hash=outcome.policy_hash,
        policy_bytes=policy.canonical,
        request=kept,
        request_hash=hashlib.sha256(msgspec.json.encode(kept)).hexdigest(),
        journal=outcome.journal,
        decision=decision,
        decision_hash=hashlib.sha256(decision).hexdigest(),
        usage_returned=(outcome.returned.prompt, outcome.returned.completion),
        usage_total=(outcome.total.prompt, outcome.total.completion),
    )
