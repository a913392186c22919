"""
act: what `on_fail` says is done to a candidate, until nothing more changes.

All fixes act first, then every rule judges the fixed text; what still fails decides the candidate's fate. Searches of
all fixing rules are replaced together, span by span (so that a stream can do the same); fixes that need the whole text
follow, one rule at a time, in the policy's order. Nothing is ever changed inside tool arguments or a signed block:
there a fix becomes a reask, or, in reasoning, the block is withheld whole.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Literal, NamedTuple

from msgspec import Struct

from steady.errors import RuleError
from steady.pipeline.fixing import edits_for, replace_all
from steady.pipeline.judge import Result, Scene, judge, quality, verdict
from steady.pipeline.pieces import digest, pieces_of, with_texts, without
from steady.policy.resolved import Bound
from steady.rules.rule import Finder, apply_edits
from steady.types import Candidate, Edit, Piece, Verdict

Fate = Literal["accepted", "dropped", "reask", "refrain", "exception"]
Key = tuple[str, tuple[str | int, ...]]  # rule key, path
FIXING = frozenset({"fix", "fix_reask", "custom"})
_PASSES = 8  # of whole-text fixes; with rounds of searches before each


class Acted(Struct, frozen=True, kw_only=True):
    """One candidate after the rules."""

    candidate: Candidate
    choice: dict[str, Any]  # after fixes; the candidate's own if there were none
    fate: Fate
    verdicts: tuple[Verdict, ...]
    quality: Fraction
    fixed: bool
    failing: tuple[tuple[Bound, str], ...] = ()  # what still fails, with the reason, for a reask


class _Change(NamedTuple):
    choice: dict[str, Any]
    edits: dict[Key, tuple[Edit, ...]]
    searched: bool = False


async def act(candidate: Candidate, rules: Sequence[Bound], scene: Scene) -> Acted:
    """Fix what can be fixed, judge again, and decide what becomes of the candidate."""
    first = await judge(candidate.choice, rules, scene)
    if not any(r.failed for r in first):
        return _settled(candidate, candidate.choice, first, first, {}, scene)
    choice, last = candidate.choice, first
    edits: dict[Key, tuple[Edit, ...]] = {}
    search = True  # a stream searches once; so does this, unless a whole-text fix has made a new text
    for _ in range(_PASSES):
        change = await _fix(choice, rules, last, scene, search=search)
        if change is None:
            break
        choice, search = change.choice, not change.searched
        edits = {**change.edits, **edits}  # the first diff of a rule is against the text that it judged first
        last = await judge(choice, rules, scene)
    return _settled(candidate, choice, first, last, edits, scene)


async def _fix(
    choice: dict[str, Any], rules: Sequence[Bound], results: Sequence[Result], scene: Scene, *, search: bool
) -> _Change | None:
    failing = [r for r in results if r.failed and r.enforced and r.bound.rule.on_fail in FIXING and r.piece]
    found = _search_fixes(choice, rules, failing, scene.rounds) if search else None
    return found or await _whole_fix(choice, failing, scene) or _withhold(choice, failing)


def fixing_finders(rules: Sequence[Bound]) -> list[tuple[Bound, Finder]]:
    """Return the enforced rules that fix by search, which act together."""
    return [
        (bound, bound.check)
        for bound in rules
        if bound.rule.mode == "enforce"
        and bound.rule.on_fail in {"fix", "fix_reask"}
        and isinstance(bound.check, Finder)
    ]


def may_change(piece: Piece) -> bool:
    """Whether a fix may touch this piece."""
    return piece.surface != "tool_arguments" and not piece.signed


def _search_fixes(
    choice: dict[str, Any], rules: Sequence[Bound], failing: Sequence[Result], rounds: int
) -> _Change | None:
    texts: dict[tuple[str | int, ...], str] = {}
    edits: dict[Key, tuple[Edit, ...]] = {}
    finders = fixing_finders(rules)
    for path in {r.piece.path: None for r in failing if r.piece and may_change(r.piece)}:
        piece = next(p for p in pieces_of(choice) if p.path == path)
        mine = [(bound, finder) for bound, finder in finders if piece.surface in bound.rule.surfaces]
        text = piece.text
        for _ in range(rounds):
            new, merged = replace_all(text, [finder for _, finder in mine])
            if not merged:
                break
            for i, (bound, _) in enumerate(mine):
                if text == piece.text and (made := edits_for(i, merged)):
                    edits[bound.rule.key, path] = made
            text = new
        if text != piece.text:
            texts[path] = text
    return _Change(with_texts(choice, texts), edits, searched=True) if texts else None


async def _whole_fix(choice: dict[str, Any], failing: Sequence[Result], scene: Scene) -> _Change | None:
    for result in failing:
        piece = result.piece
        by_search = result.bound.rule.on_fail != "custom" and isinstance(result.bound.check, Finder)
        if piece is None or by_search or not may_change(piece):
            continue
        made = await _edits(result, piece, scene)
        if made and (text := apply_edits(piece.text, made)) != piece.text:
            return _Change(with_texts(choice, {piece.path: text}), {(result.bound.rule.key, piece.path): made})
    return None


async def _edits(result: Result, piece: Piece, scene: Scene) -> tuple[Edit, ...] | None:
    rule = result.bound.rule
    if rule.on_fail == "custom":
        return await _custom(result, piece, scene)
    if not rule.is_pure():
        fix = result.outside_fix
        return None if fix is None else (Edit(0, len(piece.text), fix, invented=True),)
    try:
        return result.bound.check.fix(piece, scene.context)  # type: ignore[union-attr]
    except Exception:  # noqa: BLE001 - a fix that breaks is no fix; the candidate fails as if there were none
        return None


async def _custom(result: Result, piece: Piece, scene: Scene) -> tuple[Edit, ...] | None:
    rule = result.bound.rule
    reason = result.finding.reason if result.finding else ""
    key = f"{rule.key}:{rule.function}#{digest(piece.text)}"

    async def nobody() -> Any:
        raise RuleError(f"the function {rule.function!r} is not among those that the operator allows")

    call = scene.world.functions.get(rule.function)
    try:
        text = await scene.world.ask(
            scene.slot, scene.attempt, key, (lambda: call(piece.text, reason)) if call else nobody
        )
    except RuleError:
        return None
    return (Edit(0, len(piece.text), text, invented=True),) if isinstance(text, str) else None


def _withhold(choice: dict[str, Any], failing: Sequence[Result]) -> _Change | None:
    for result in failing:
        piece = result.piece
        if piece is not None and piece.surface == "reasoning" and piece.signed:
            gone = (Edit(0, len(piece.text), ""),)
            return _Change(without(choice, piece.path), {(result.bound.rule.key, piece.path): gone})
    return None


def _settled(
    candidate: Candidate,
    choice: dict[str, Any],
    first: Sequence[Result],
    last: Sequence[Result],
    edits: dict[Key, tuple[Edit, ...]],
    scene: Scene,
) -> Acted:
    verdicts = [_with_edits(verdict(r, scene), edits) for r in first]
    if last is not first:
        verdicts += [verdict(r, scene, after=True) for r in last if r.failed and r.enforced]
    still = [r for r in last if r.failed and r.enforced]
    return Acted(
        candidate=candidate,
        choice=choice,
        fate=_fate(still),
        verdicts=tuple(verdicts),
        quality=quality(last),
        fixed=choice is not candidate.choice,
        failing=tuple((r.bound, r.finding.reason if r.finding else "") for r in still),
    )


def _with_edits(made: Verdict, edits: dict[Key, tuple[Edit, ...]]) -> Verdict:
    mine = edits.get((made.rule, made.path), ())
    if not mine or made.passed is not False:
        return made
    return Verdict(**{field: getattr(made, field) for field in made.__struct_fields__ if field != "edits"}, edits=mine)


def _fate(still: Sequence[Result]) -> Fate:
    actions = {r.bound.rule.on_fail for r in still}
    unfixable = any(r.bound.rule.on_fail == "fix" and r.piece and not may_change(r.piece) for r in still)
    if "exception" in actions:
        return "exception"
    if "refrain" in actions:
        return "refrain"
    if actions & {"filter", "custom"} or ("fix" in actions and not unfixable):
        return "dropped"
    return "reask" if actions else "accepted"
