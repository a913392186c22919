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
from steady.pipeline.body import Body, Said
from steady.pipeline.conflict import Conflict, Trail, refuse_clash, with_conflict
from steady.pipeline.fixing import edits_for, masks_of, replace_all
from steady.pipeline.judge import DEFAULT_TIMEOUT, Result, Scene, consult, judge, quality, verdict, within
from steady.pipeline.pieces import digest
from steady.policy.resolved import Bound
from steady.rules.rule import Finder, apply_edits
from steady.types import JSON, Candidate, Edit, Piece, Verdict

Fate = Literal["accepted", "dropped", "reask", "refrain", "exception"]
Key = tuple[str, tuple[str | int, ...]]  # rule key, path
FIXING = frozenset({"fix", "fix_reask", "custom"})
_PASSES = 8  # of whole-text fixes; with rounds of searches before each
_OUTSIDE = 2  # fixes that come from outside; after each, every rule judges again


class Acted(Struct, frozen=True, kw_only=True):
    """One candidate after the rules."""

    candidate: Candidate
    choice: dict[str, Any]  # after fixes; the candidate's own if there were none
    fate: Fate
    verdicts: tuple[Verdict, ...]
    quality: Fraction
    fixed: bool
    failing: tuple[tuple[Bound, str], ...] = ()  # what still fails, with the reason, for a reask


class Treated(NamedTuple):
    """Texts after the rules."""

    body: Body
    verdicts: tuple[Verdict, ...]
    last: tuple[Result, ...]  # what every rule says of the texts as they are now
    still: tuple[Result, ...]  # those of them that fail and are enforced


class _Change(NamedTuple):
    body: Body
    edits: dict[Key, tuple[Edit, ...]]
    searched: bool = False


async def act(candidate: Candidate, rules: Sequence[Bound], scene: Scene) -> Acted:
    """Fix what can be fixed, judge again, and decide what becomes of the candidate."""
    treated = await treat(Said(candidate.choice), rules, scene)
    choice = treated.body.choice  # type: ignore[attr-defined]
    return Acted(
        candidate=candidate,
        choice=choice,
        fate=_fate(treated.still),
        verdicts=treated.verdicts,
        quality=quality(treated.last),
        fixed=choice is not candidate.choice,
        failing=tuple((r.bound, r.finding.reason if r.finding else "") for r in treated.still),
    )


async def treat(body: Body, rules: Sequence[Bound], scene: Scene) -> Treated:
    """
    Let the rules act on texts until nothing changes any more, within bounds, and say what still fails.

    Pure rules first, to their fixed point; then those that are asked outside, about what came of that. A fix from
    outside is a new text, so all begins again.
    """
    outside = any(not bound.rule.is_pure() for bound in rules)
    edits: dict[Key, tuple[Edit, ...]] = {}
    first = judged = await judge(body, rules, scene)
    first_said: list[Result] | None = None
    said: list[Result] = []
    for turn in range(_OUTSIDE + 1):
        body, judged = await _settled(body, rules, judged, edits, scene)
        if not outside:
            break
        said = await consult(body, rules, scene, judged)
        first_said = said if first_said is None else first_said
        change = None if turn == _OUTSIDE else await _fix(body, rules, said, scene, search=False)
        if change is None:
            break
        body = change.body
        edits |= {key: made for key, made in change.edits.items() if key not in edits}
        judged = await judge(body, rules, scene)
    firsts, last = (_in_order([*a, *b], rules) for a, b in ((first, first_said or ()), (judged, said)))
    return Treated(body, _verdicts(firsts, last, edits, scene), tuple(last), tuple(_still(last)))


async def _settled(
    body: Body, rules: Sequence[Bound], judged: list[Result], edits: dict[Key, tuple[Edit, ...]], scene: Scene
) -> tuple[Body, list[Result]]:
    """Bring the pure rules to their fixed point, within a bound."""
    trail = Trail(rules)
    search = True  # a stream searches once; so does this, unless a whole-text fix has made a new text
    for _ in range(_PASSES):
        try:
            change = await _fix(body, rules, judged, scene, search=search)
            if change is None:
                break
            trail.step(body, change.body, change.edits)
        except Conflict as conflict:
            return body, with_conflict(judged, conflict)
        body, search = change.body, not change.searched
        for key, made in change.edits.items():  # the first diff of a rule is against the text that it judged first
            edits.setdefault(key, made)
        judged = await judge(body, rules, scene)
    return body, judged


def _in_order(results: Sequence[Result], rules: Sequence[Bound]) -> list[Result]:
    """Return results in the order of the policy, whoever was asked first."""
    place = {bound.rule.key: i for i, bound in enumerate(rules)}
    return sorted(results, key=lambda result: place[result.bound.rule.key])


def _still(results: Sequence[Result]) -> list[Result]:
    return [result for result in results if result.failed and result.enforced]


async def _fix(
    body: Body, rules: Sequence[Bound], results: Sequence[Result], scene: Scene, *, search: bool
) -> _Change | None:
    failing = [r for r in _still(results) if r.bound.rule.on_fail in FIXING and r.piece]
    if not failing:
        return None
    found = _search_fixes(body, rules, failing, scene.rounds) if search else None
    return found or await _whole_fix(body, failing, scene) or _withhold(body, failing)


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


def _search_fixes(body: Body, rules: Sequence[Bound], failing: Sequence[Result], rounds: int) -> _Change | None:
    texts: dict[tuple[str | int, ...], str] = {}
    edits: dict[Key, tuple[Edit, ...]] = {}
    finders = fixing_finders(rules)
    for piece in {r.piece.path: r.piece for r in failing if r.piece and may_change(r.piece)}.values():
        mine = [(bound, finder) for bound, finder in finders if _looks_at(bound, piece, body)]
        text = piece.text
        for _ in range(rounds):
            new, merged = replace_all(text, [finder for _, finder in mine], masks_of([bound for bound, _ in mine]))
            refuse_clash(merged, [bound for bound, _ in mine], piece.path)
            if not merged:
                break
            for i, (bound, _) in enumerate(mine):
                if text == piece.text and (made := edits_for(i, merged)):
                    edits[bound.rule.key, piece.path] = made
            text = new
        if text != piece.text:
            texts[piece.path] = text
    return _Change(body.changed(texts), edits, searched=True) if texts else None


def _looks_at(bound: Bound, piece: Piece, body: Body) -> bool:
    """Whether a rule looks at a piece; on the input that depends on its roles and turns too."""
    if piece.surface not in bound.rule.surfaces:
        return False
    return body.whole or any(other.path == piece.path for other in body.pieces(bound.rule))


async def _whole_fix(body: Body, failing: Sequence[Result], scene: Scene) -> _Change | None:
    for result in failing:
        piece = result.piece
        by_search = result.bound.rule.on_fail != "custom" and isinstance(result.bound.check, Finder)
        if piece is None or by_search or not may_change(piece):
            continue
        made = await _edits(result, piece, scene)
        if made and (text := apply_edits(piece.text, made)) != piece.text:
            return _Change(body.changed({piece.path: text}), {(result.bound.rule.key, piece.path): made})
    return None


async def _edits(result: Result, piece: Piece, scene: Scene) -> tuple[Edit, ...] | None:
    rule = result.bound.rule
    if rule.on_fail == "custom":
        return await _custom(result, piece, scene)
    if not rule.is_pure():
        return result.offered
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

    async def question() -> JSON:
        return await within(DEFAULT_TIMEOUT, (lambda: call(piece.text, reason)) if call else nobody)

    try:
        text = await scene.world.ask(scene.slot, scene.attempt, key, question)
    except RuleError:
        return None
    return (Edit(0, len(piece.text), text, invented=True),) if isinstance(text, str) else None


def _withhold(body: Body, failing: Sequence[Result]) -> _Change | None:
    for result in failing:
        piece = result.piece
        if piece is not None and piece.surface == "reasoning" and piece.signed:
            gone = (Edit(0, len(piece.text), ""),)
            return _Change(body.without(piece), {(result.bound.rule.key, piece.path): gone})
    return None


def _verdicts(
    first: Sequence[Result], last: Sequence[Result], edits: dict[Key, tuple[Edit, ...]], scene: Scene
) -> tuple[Verdict, ...]:
    """Return every rule's first word, with its fix, and then what is still wrong with the fixed texts."""
    told = {id(result) for result in first}
    after = [verdict(r, scene, after=True) for r in _still(last) if id(r) not in told]
    return (*(_with_edits(verdict(r, scene), edits) for r in first), *after)


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
