"""
The way of a request, from end to end. Reads nothing but its arguments, keeps nothing: the door records.

    clean -> plan -> guard (input) -> generate [constrain, check, act] -> settle [choose, otherwise] -> disclose
"""

from fractions import Fraction
from time import perf_counter
from typing import Any

from msgspec import structs

from steady.errors import ProviderError
from steady.pipeline.choose import not_measured
from steady.pipeline.disclose import disclose
from steady.pipeline.generate import Pool, generate, shares
from steady.pipeline.guard import INPUT_SLOT, Guarded, guard
from steady.pipeline.history import clean
from steady.pipeline.journal import Recorder
from steady.pipeline.judge import Scene, forbids
from steady.pipeline.logprobs import cleared
from steady.pipeline.pieces import pieces_of, shape_of, too_deep
from steady.pipeline.plan import Plan, plan
from steady.pipeline.respond import summed
from steady.pipeline.seeds import root_seed
from steady.pipeline.settle import Settled, given, plain, settle
from steady.pipeline.spending import usage_of
from steady.pipeline.texts import LOCALES, customs, negotiate
from steady.policy.resolved import Resolved
from steady.types import (
    Agreement,
    Call,
    Candidate,
    Decision,
    Disclosure,
    Outcome,
    Reply,
    Request,
    Sampling,
    Usage,
    World,
)

SAMPLING = Sampling.__struct_fields__
OTHER_CHOICE = Agreement(why="the agreement that was measured is the first choice's")
ONE_DRAW = Agreement(why="pass-through asks once and compares nothing")


async def run(request: Request, policy: Resolved, world: World) -> Outcome:
    """
    Turn one request into one decision, and what to release.

    Args:
        request: What a door understood.
        policy: The resolved policy; it holds for the whole run.
        world: The one way out; each of its answers is in the outcome's journal.

    Returns:
        An Outcome. Its decision may be an `error`: the door raises it, so that a receipt can be kept first.

    Raises:
        RequestError: The request can't be used under this policy.
        Exception: What a decorated function raised, unchanged.
    """
    recorder = Recorder(world)
    messages = clean(request.messages, customs(policy.doc.disclose.text))
    if policy.passes_through:
        return await _pass_through(request, policy, recorder, messages)
    return await decide(request, policy, recorder, plan(request, policy, messages))


async def decide(request: Request, policy: Resolved, world: Recorder, made: Plan) -> Outcome:
    """Run everything after the plan."""
    began = perf_counter()
    scene = Scene(slot=INPUT_SLOT, attempt=0, context=made.context, world=world)
    guarded = await guard(made.messages, policy.input_rules, scene)
    made = with_messages(made, guarded.messages)
    at_guard = perf_counter()
    if guarded.refused:
        pool = Pool(made, world, 0, request.authorization)
        settled = await _refused(pool, guarded)
    else:
        pool = await generate(made, world, root_seed(request, made, world), request.authorization)
        settled = None
    at_generate = perf_counter()
    settled = settled or await settle(pool)
    at_settle = perf_counter()
    outcome = conclude(request, pool, guarded, settled, world)
    timings = (
        ("guard", at_guard - began),
        ("generate", at_generate - at_guard),
        ("choose", at_settle - at_generate),
        ("disclose", perf_counter() - at_settle),
    )
    return structs.replace(outcome, timings=timings)


def with_messages(made: Plan, messages: tuple[dict[str, Any], ...]) -> Plan:
    """Return the plan over the input as its rules left it."""
    if messages is made.messages:
        return made
    return structs.replace(made, messages=messages, context=structs.replace(made.context, messages=messages))


async def _refused(pool: Pool, guarded: Guarded) -> Settled:
    agreement = not_measured("no model was asked")
    if guarded.refused == "exception":
        return Settled("error", "rule_violation", guarded.reason, (), (), agreement)
    if pool.plan.policy.doc.otherwise.do in {"message", "value"}:
        return (await given(pool, guarded.reason, agreement))._replace(action="refused_input")
    return Settled("error", "no_acceptable_answer", guarded.reason, (), (), agreement)


def conclude(request: Request, pool: Pool, guarded: Guarded, settled: Settled, world: Recorder) -> Outcome:
    """Disclose, and put the decision and the outcome together."""
    made = pool.plan
    choices, disclosure = _disclosed(request, made, settled)
    first = settled.released[0].candidate if settled.released else None
    envelope = _envelope(pool, first)
    decision = Decision(
        action=settled.action,  # type: ignore[arg-type]
        code=settled.code,  # type: ignore[arg-type]
        reason=settled.reason,
        kind=made.kind,
        chosen=tuple(a.candidate.slot for a in settled.released),
        blended=settled.blended,
        choices=plain(settled.choices),
        agreement=settled.agreement,
        verdicts=(*guarded.verdicts, *(v for a in pool.acted for v in a.verdicts)),
        scores=settled.scores,
        stopped=pool.stopped,
        notes=(*made.notes, *pool.shared.notes, *settled.notes, *_withheld(pool, first, envelope)),
        disclosure=disclosure,
    )
    return Outcome(
        decision=decision,
        envelope=envelope,
        choices=choices,
        candidates=tuple(a.candidate for a in pool.acted),
        returned=sum((a.candidate.usage for a in settled.released), Usage()),
        total=pool.everything,
        journal=world.journal(),
        policy=made.policy.name,
        policy_hash=made.policy.hash,
        errors=pool.errors,
        rule_timings=tuple(world.times),
    )


def _envelope(pool: Pool, first: Candidate | None) -> dict[str, Any]:
    """Return what is around the choices: of a withheld answer only its ids, since other fields may quote it."""
    if not pool.replies:
        return {}
    told = [pool.replies[key].body.get("usage") for key in sorted(pool.replies)]
    usage = {"usage": summed([one for one in told if isinstance(one, dict)])}
    if first is None:
        body = pool.replies[min(pool.replies)].body
        return {k: v for k, v in body.items() if k in IDS} | usage
    slots = [key for key in pool.replies if key[1] == first.attempt and key[0] <= first.slot]
    body = pool.replies[max(slots)].body
    kept = {k: v for k, v in body.items() if k not in {"choices", "steady"} and not _forbidden(pool.plan, k, v)}
    return kept | usage


IDS = frozenset({"id", "object", "created", "model", "system_fingerprint"})


def _forbidden(made: Plan, key: str, value: Any) -> bool:
    """Whether a field beside the choices (citations, search results) holds what a rule forbids wherever text is."""
    if key in IDS or not isinstance(value, str | list | dict):
        return False
    field = {key: value}
    if too_deep(field):
        return bool(made.rules)
    return any(forbids(bound, piece, made.context) for bound in made.rules for piece in pieces_of(field))


def _withheld(pool: Pool, first: Candidate | None, envelope: dict[str, Any]) -> tuple[str, ...]:
    if first is None:
        return ()
    slots = [key for key in pool.replies if key[1] == first.attempt and key[0] <= first.slot]
    gone = [key for key in pool.replies[max(slots)].body if key not in {"choices", "steady", "usage", *envelope}]
    return (
        (f"{len(gone)} of the upstream's fields beside the answer withheld: a rule forbids their text",) if gone else ()
    )


def _disclosed(request: Request, made: Plan, settled: Settled) -> tuple[tuple[dict[str, Any], ...], Disclosure]:
    wanted = made.disclose
    own = sorted(wanted.text) if isinstance(wanted.text, dict) else LOCALES
    locale = negotiate(request.options.locale, request.accept_language, wanted.locale, own)
    out: list[dict[str, Any]] = []
    first: Disclosure | None = None
    for i, choice in enumerate(settled.choices):
        choice = cleared(choice, made.rules, made.context)
        message = choice.get("message") or {}
        content = message.get("content")
        placed = disclose(
            content if isinstance(content, str) else None,
            has_tool_calls=shape_of(choice) in {"tool_calls", "both"},
            is_refusal=bool(message.get("refusal")),
            kind=made.kind,
            asked_place=wanted.place,
            when=wanted.when,
            below=Fraction(str(wanted.below)),
            agreement=settled.agreement if i == 0 else OTHER_CHOICE,
            action="answered" if settled.released else settled.action,
            text=wanted.text,
            locale=locale,
        )
        first = first or placed.disclosure
        if isinstance(content, str) and placed.content != content:
            choice = {**choice, "message": {**message, "content": placed.content}}
        out.append({**choice, "index": i})
    return tuple(out), first or Disclosure(locale=locale)


async def _pass_through(
    request: Request, policy: Resolved, world: Recorder, messages: tuple[dict[str, Any], ...]
) -> Outcome:
    """The default policy's way: one call, nothing judged, nothing changed, everything recorded."""
    upstream = pass_call(request, policy, messages)
    try:
        reply = await world.complete(0, 0, upstream)
    except ProviderError as error:
        return passed(policy, None, world, error)
    return passed(policy, reply, world)


def pass_call(request: Request, policy: Resolved, messages: tuple[dict[str, Any], ...]) -> Call:
    """Return the one call that a pass-through makes: the client's own, its `n` included."""
    target = policy.target
    body: dict[str, Any] = {**request.fields, "messages": messages}
    for field in SAMPLING:
        value = getattr(request.sampling, field)
        if value is not None:
            body[field] = value
    if request.max_tokens_name != "max_tokens" and "max_tokens" in body:
        body[request.max_tokens_name] = body.pop("max_tokens")
    if request.n > 1:
        body["n"] = request.n
    return Call(
        provider=target.provider,
        model=target.model,
        body=body,
        timeout=policy.deadline,
        authorization=request.authorization,
    )


def passed(policy: Resolved, reply: Reply | None, world: Recorder, error: ProviderError | None = None) -> Outcome:
    """Return a pass-through's outcome."""
    if reply is None:
        reason = str(error)
        decision = Decision(action="error", code="upstream_error", reason=reason, kind="text", agreement=ONE_DRAW)
        empty, errors = Usage(), (error,) if error else ()
        return Outcome(
            decision=decision, envelope={}, choices=(), candidates=(), returned=empty, total=empty,
            journal=world.journal(), policy=policy.name, policy_hash=policy.hash, errors=errors,
        )  # fmt: skip
    spent = usage_of(reply, policy.target)
    choices = tuple(reply.body["choices"])
    model, mark = str(reply.body.get("model", "")), reply.body.get("system_fingerprint")
    candidates = tuple(
        Candidate(slot=i, choice=choice, usage=usage, model=model, fingerprint=mark)
        for i, (choice, usage) in enumerate(zip(choices, shares(reply, spent), strict=True))
    )
    decision = Decision(
        action="passed_through", kind="text", chosen=tuple(range(len(choices))), choices=plain(choices),
        agreement=ONE_DRAW, stopped="one call",
    )  # fmt: skip
    return Outcome(
        decision=decision, envelope=reply.body, choices=choices, candidates=candidates, returned=spent, total=spent,
        journal=world.journal(), policy=policy.name, policy_hash=policy.hash,
    )  # fmt: skip
