"""check: every rule on every piece. Pure rules answer here; the answers of all others come from the world."""

import asyncio
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from msgspec import Struct, structs

from steady.errors import RuleError
from steady.pipeline.fixing import LIVE_ROUNDS, ROUNDS
from steady.pipeline.pieces import digest, pieces_of, too_deep, unescaped
from steady.policy.resolved import Bound, Resolved
from steady.rules.rule import Asked, Check, Context, Finder
from steady.types import UNENFORCED, Finding, Piece, Span, Verdict, World

LONG = 50_000  # characters from which a rule runs beside the event loop, so that other requests need not wait


class Scene(Struct, frozen=True, kw_only=True):
    """Who is being judged, and whom to ask about what is not pure."""

    slot: int
    attempt: int
    context: Context
    world: World
    rounds: int = ROUNDS  # of search fixes


class Result(NamedTuple):
    """One rule's word on one piece."""

    bound: Bound
    piece: Piece | None  # None: the rule's surface is absent
    finding: Finding | None  # None: not applicable
    error: str = ""
    outside_fix: str | None = None  # the fix that a recorded validator offers

    @property
    def failed(self) -> bool:
        return self.finding is not None and not self.finding.passed

    @property
    def enforced(self) -> bool:
        return self.bound.rule.mode == "enforce" and self.bound.rule.on_fail not in UNENFORCED


def rounds_of(policy: Resolved) -> int:
    """Return how many rounds of search fixes a policy allows: the same however it is sent."""
    return LIVE_ROUNDS if policy.plan.live else ROUNDS


async def judge(choice: dict[str, Any], rules: Sequence[Bound], scene: Scene) -> list[Result]:
    """Return one result for each rule and each piece it looks at, in the order of the rules."""
    pieces = pieces_of(choice)
    results: list[Result] = []
    deep = too_deep(choice)
    for bound in rules:
        mine = [piece for piece in pieces if piece.surface in bound.rule.surfaces]
        if deep:
            results.append(Result(bound, None, Finding(passed=False, reason="the answer nests deeper than rules look")))
        elif not mine:
            results.append(_absent(bound))
        for piece in mine:
            results.append(await judge_piece(bound, piece, scene))
    return masked(results)


def masked(results: list[Result]) -> list[Result]:
    """Take what `sensitive` rules matched out of every reason, since another rule may quote the same text."""
    secrets = {
        r.piece.text[span.start : span.end]
        for r in results
        if r.failed and r.bound.rule.sensitive and r.piece and r.finding
        for span in r.finding.spans
    }
    if not secrets:
        return results
    return [_without(r, sorted(secrets, key=lambda s: (-len(s), s))) for r in results]


def _without(result: Result, secrets: Sequence[str]) -> Result:
    if result.finding is None:
        return result
    reason, error = result.finding.reason, result.error
    for secret in secrets:
        reason, error = reason.replace(secret, "[withheld]"), error.replace(secret, "[withheld]")
    return result._replace(finding=structs.replace(result.finding, reason=reason), error=error)


def _absent(bound: Bound) -> Result:
    if bound.rule.requires_text:
        where = " or ".join(s for s in bound.rule.surfaces if s != "input")
        return Result(bound, None, Finding(passed=False, reason=f"there is no {where.replace('_', ' ')} to judge"))
    return Result(bound, None, None)


async def judge_piece(bound: Bound, piece: Piece, scene: Scene) -> Result:
    """Ask one rule about one piece. A rule that can't judge counts as failed, and says so."""
    check = bound.check
    if bound.rule.is_pure() and len(piece.text) > LONG:
        return await asyncio.to_thread(_pure, bound, check, piece, scene.context)  # type: ignore[arg-type]
    if bound.rule.is_pure():
        return _pure(bound, check, piece, scene.context)  # type: ignore[arg-type]
    return await _asked(bound, check, piece, scene)  # type: ignore[arg-type]


def _pure(bound: Bound, check: Check, piece: Piece, context: Context) -> Result:
    try:
        finding = check.judge(piece, context)
        if finding.passed and isinstance(check, Finder) and _escapes(piece, context):
            finding = check.judge(piece._replace(text=unescaped(piece.text)), context)
            if not finding.passed:  # its spans count in another text
                finding = structs.replace(finding, spans=(Span(0, len(piece.text)),))
        return Result(bound, piece, finding)
    except Exception as error:  # noqa: BLE001 - a broken rule must fail closed, never let the candidate through
        return _broken(bound, piece, f"{type(error).__name__}")


def _escapes(piece: Piece, context: Context) -> bool:
    """Whether a JSON parser reads the piece, and finds in it another text than the one that is spelled there."""
    read = piece.surface == "tool_arguments" or (piece.surface == "answer" and context.kind in {"json", "tool_call"})
    return read and "\\" in piece.text


async def _asked(bound: Bound, check: Asked, piece: Piece, scene: Scene) -> Result:
    key = f"{bound.rule.key}#{digest(piece.text)}"
    try:
        answer = await scene.world.ask(
            scene.slot, scene.attempt, key, lambda: check.ask(piece, scene.context, scene.world.outside)
        )
        passed, reason, fix = bool(answer["passed"]), str(answer.get("reason", "")), answer.get("fix")
    except RuleError as error:
        return _broken(bound, piece, str(error))
    except (KeyError, TypeError, AttributeError):
        return _broken(bound, piece, "its answer was no verdict")
    return Result(
        bound, piece, Finding(passed=passed, reason=reason), outside_fix=fix if isinstance(fix, str) else None
    )


def forbids(bound: Bound, piece: Piece, context: Context) -> bool:
    """Whether an enforced rule fails a text that nobody can fix; a rule that would have to ask the world fails it."""
    rule = bound.rule
    if rule.mode != "enforce" or rule.on_fail in UNENFORCED or piece.surface not in rule.surfaces:
        return False
    return not rule.is_pure() or _pure(bound, bound.check, piece, context).failed  # type: ignore[arg-type]


def _broken(bound: Bound, piece: Piece, error: str) -> Result:
    return Result(bound, piece, Finding(passed=False, reason="the rule could not judge"), error=error)


def verdict(result: Result, scene: Scene, *, after: bool = False) -> Verdict:
    """Return a result as the receipt keeps it. `after`: it is about the fixed text."""
    rule, finding = result.bound.rule, result.finding
    reason = finding.reason if finding else ""
    surfaces = [s for s in rule.surfaces if s != "input"] or rule.surfaces
    return Verdict(
        rule=rule.key,
        action=rule.on_fail,
        mode=rule.mode,
        surface=result.piece.surface if result.piece else surfaces[0],
        path=result.piece.path if result.piece else (),
        slot=scene.slot,
        attempt=scene.attempt,
        passed=finding.passed if finding else None,
        reason=f"after fixes: {reason}" if after else reason,
        spans=finding.spans if finding else (),
        error=result.error,
    )


def quality(results: Sequence[Result]) -> Fraction:
    """Return 1 less the weights of the `penalize` rules that fail, at least 0. Weights count to six decimals."""
    failed = {r.bound.rule.key: r.bound.rule for r in results if r.failed and _penalizes(r.bound)}
    lost = sum((Fraction(round(rule.weight * 1_000_000), 1_000_000) for rule in failed.values()), Fraction(0))
    return max(Fraction(0), 1 - lost)


def _penalizes(bound: Bound) -> bool:
    return bound.rule.on_fail == "penalize" and bound.rule.mode == "enforce"
