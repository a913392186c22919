"""
choose: the votes of all completed first draws, and the answer that they back.

Draws are split by shape first (text, tool calls, both, refusal), and the shape is voted on before the content. The
denominator of agreement is every completed first draw; what was cut off does not vote, what a reask gave never counts.
"""

import asyncio
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from msgspec import structs

from steady.consensus.kinds import aggregator
from steady.pipeline.act import Acted
from steady.pipeline.judge import LONG
from steady.pipeline.pieces import answer_text, calls_text, shape_of, truncated
from steady.pipeline.plan import Plan
from steady.policy.document import Output
from steady.policy.implied import FLAG
from steady.rules.json_schema import JsonSchema
from steady.types import Aggregate, Agreement, Consensus, Shape, Vote

SHAPES: tuple[Shape, ...] = ("text", "tool_calls", "both", "refusal", "empty")


class Chosen(NamedTuple):
    """What the draws so far say."""

    consensus: Consensus | None  # None: nothing has voted
    agreement: Agreement
    ranked: tuple[Acted, ...]  # accepted, best first
    blend: str | None  # json: the text put together field by field, if it is no draw's own


def consult(plan: Plan, acted: Sequence[Acted]) -> Chosen:
    """Return the consensus of the draws. Equal for every order of the same draws."""
    first = sorted((a for a in acted if a.candidate.attempt == 0), key=lambda a: a.candidate.slot)
    voters = [a for a in first if not truncated(a.candidate)]
    groups = {shape: [a for a in voters if shape_of(a.choice) == shape] for shape in SHAPES}
    order = sorted(SHAPES, key=lambda s: (not _any_accepted(groups[s]), -len(groups[s]), SHAPES.index(s)))
    shape = order[0]
    if not groups[shape]:
        return Chosen(None, not_measured(plan.why_one or "no complete answer was drawn"), _late(acted), None)
    consensus = _aggregate(plan, shape)([_vote(plan, a, shape) for a in groups[shape]])
    agreement = _agreement(plan, consensus, groups[shape], len(voters))
    ranked = _ranked(consensus, groups, order)
    if not ranked:
        late = _late(acted)
        why = "the answer comes from asking again, which is no vote" if late else "no draw passed the rules"
        return Chosen(consensus, not_measured(plan.why_one or why), late, None)
    return Chosen(consensus, agreement, ranked + _late(acted), consensus.text if consensus.blended else None)


async def consulted(plan: Plan, acted: Sequence[Acted]) -> Chosen:
    """Return `consult`, computed beside the event loop where the texts are long."""
    if sum(len(answer_text(a.choice)) for a in acted) > LONG:
        return await asyncio.to_thread(consult, plan, acted)
    return consult(plan, acted)


def not_measured(why: str) -> Agreement:
    """Return an agreement that was not measured, and why."""
    return Agreement(why=why)


def _any_accepted(acted: Sequence[Acted]) -> bool:
    return any(a.fate == "accepted" for a in acted)


def _late(acted: Sequence[Acted]) -> tuple[Acted, ...]:
    """Accepted answers that did not vote: reasks, then what was cut off; by content, arrival decides nothing."""
    late = [a for a in acted if a.fate == "accepted" and (a.candidate.attempt > 0 or truncated(a.candidate))]
    return tuple(sorted(late, key=lambda a: (truncated(a.candidate), -a.quality, _content(a), a.candidate.slot)))


def _content(acted: Acted) -> tuple[str, str]:
    return answer_text(acted.choice), calls_text(acted.choice)


def _vote(plan: Plan, acted: Acted, shape: Shape) -> Vote:
    text = calls_text(acted.choice) if shape in {"tool_calls", "both"} else answer_text(acted.choice)
    if shape == "refusal":
        text = str((acted.choice.get("message") or {}).get("refusal") or "")
    accepted = acted.fate == "accepted"
    return Vote(acted.candidate.slot, text, accepted, acted.quality, refusal=shape == "refusal")


def _aggregate(plan: Plan, shape: Shape) -> Aggregate:
    output, choose = plan.policy.doc.output, plan.policy.doc.choose
    if choose.by == "first":
        return _first
    kind = "tool_call" if shape in {"tool_calls", "both"} else plan.kind
    if shape == "refusal" or (kind == "tool_call" and shape == "text"):
        kind = "text"
    made: Aggregate = aggregator(
        kind,
        labels=output.labels or (FLAG if kind == "flag" else ()),
        schema=_schema(plan),
        absolute=Fraction(str(output.tolerance.absolute)),
        relative=Fraction(str(output.tolerance.relative)),
        estimate=output.estimate,
        measure=output.similarity.measure,
        threshold=Fraction(str(output.similarity.threshold)),
        method=output.ranking,
        keep=output.keep,
        least=Fraction(str(output.threshold)),
        alarm=_alarm(output),
        language=output.language,
        variability_penalty=Fraction(str(choose.variability_penalty)),
    )
    return made


def _alarm(output: Output) -> Fraction:
    """Return the share from which a flag is raised: where both mistakes cost the same on average."""
    false, missed = Fraction(str(output.costs.false_alarm)), Fraction(str(output.costs.missed))
    return false / (false + missed)


def _schema(plan: Plan) -> dict[str, Any] | None:
    schemas = [b.rule.schema for b in plan.rules if isinstance(b.rule, JsonSchema)]
    return schemas[-1] if schemas and isinstance(schemas[-1], dict) else None


def _first(votes: Sequence[Vote]) -> Consensus:
    """`choose: {by: first}`: the accepted draw of the lowest slot; draws are not compared."""
    accepted = sorted(v.slot for v in votes if v.accepted)
    texts = {v.slot: v.text for v in votes}
    why = "the policy takes the first accepted draw and compares none"
    winner = accepted[0] if accepted else None
    ranked = tuple((slot, Fraction(1)) for slot in accepted)
    text = None if winner is None else texts[winner]
    return Consensus(winner, text, False, ranked, Agreement(why=why), 0, 0)


def _agreement(plan: Plan, consensus: Consensus, group: Sequence[Acted], voters: int) -> Agreement:
    if plan.why_one:
        return not_measured(plan.why_one)
    made = consensus.agreement
    if made.share is None:
        return made
    if voters < 2:
        return not_measured("only one draw was completed")
    fixed = sum(1 for a in group if a.fixed and a.fate == "accepted")
    scale = Fraction(len(group), voters)
    return structs.replace(made, share=made.share * scale, of=voters, fixed=fixed)


def _ranked(consensus: Consensus, groups: dict[Shape, list[Acted]], order: Sequence[Shape]) -> tuple[Acted, ...]:
    by_slot = {a.candidate.slot: a for shape in SHAPES for a in groups[shape]}
    ranked = [by_slot[slot] for slot, _ in consensus.ranked]
    rest = [a for shape in order[1:] for a in groups[shape] if a.fate == "accepted"]
    return tuple(ranked + rest)
