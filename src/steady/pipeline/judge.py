"""
check: every rule on every piece. Pure rules answer here; the answers of all others come from the world.

Pure rules go first, and until no fix of theirs changes anything. Only then are the others asked, and only about a
candidate that no pure rule has decided against already: what they say costs money or time. The order of verdicts is
the policy's all the same.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from fractions import Fraction
from time import perf_counter
from typing import Any, NamedTuple

from msgspec import Struct, structs

from steady.errors import RuleError, SteadyError
from steady.pipeline.body import Body
from steady.pipeline.fixing import LIVE_ROUNDS, ROUNDS
from steady.pipeline.journal import Recorder
from steady.pipeline.pieces import asked_as
from steady.policy.contradictions import seconds
from steady.policy.resolved import Bound, Resolved
from steady.rules.composed import Answer, Need, Told, Tree, leaves_of
from steady.rules.escapes import unescaped
from steady.rules.rule import Asked, Check, Context, Finder, RecordedRule, Rule, searches
from steady.types import JSON, UNENFORCED, Edit, Finding, Piece, Span, Verdict

COULD_NOT = "the rule could not judge"
DEFAULT_TIMEOUT = "10s"  # for a function of `on_fail: custom`
PARSED = frozenset({"json", "tool_call", "ranking", "items", "clusters"})  # kinds whose answers a JSON parser reads
LONG = 50_000  # characters from which a rule runs beside the event loop, so that other requests need not wait


class Scene(Struct, frozen=True, kw_only=True):
    """Who is being judged, and whom to ask about what is not pure."""

    slot: int
    attempt: int
    context: Context
    world: Recorder
    rounds: int = ROUNDS  # of search fixes


class Result(NamedTuple):
    """One rule's word on one piece."""

    bound: Bound
    piece: Piece | None  # None: the rule's surface is absent
    finding: Finding | None  # None: not applicable
    error: str = ""
    offered: tuple[Edit, ...] | None = None  # the fix that a recorded rule offers
    why: str = ""  # why there is no finding, where that is not that there is no text

    @property
    def failed(self) -> bool:
        return self.finding is not None and not self.finding.passed

    @property
    def enforced(self) -> bool:
        return self.bound.rule.mode == "enforce" and self.bound.rule.on_fail not in UNENFORCED


def rounds_of(policy: Resolved) -> int:
    """Return how many rounds of search fixes a policy allows: the same however it is sent."""
    return LIVE_ROUNDS if policy.plan.live else ROUNDS


async def judge(body: Body, rules: Sequence[Bound], scene: Scene) -> list[Result]:
    """Return one result for each pure rule and each piece it looks at, in the order of the rules."""
    results: list[Result] = []
    for bound in rules:
        if not bound.rule.is_pure():
            continue
        mine = body.pieces(bound.rule)
        results += _without_pieces(bound, body, mine)
        for piece in mine:
            results.append(await judge_piece(bound, piece, scene))
    return masked(results)


async def consult(body: Body, rules: Sequence[Bound], scene: Scene, judged: Sequence[Result]) -> list[Result]:
    """
    Return the same for the rules that are asked outside, all of them at once.

    Args:
        body: The texts, as the pure rules left them.
        rules: All rules, in the order of the policy.
        scene: Who is judged.
        judged: What the pure rules say of these texts. If that decides against them already, nobody is asked.
    """
    asked = [bound for bound in rules if not bound.rule.is_pure()]
    against = next((r.bound.rule.key for r in judged if r.failed and r.enforced), "")
    if against:
        why = f"not asked: rule {against} failed already"
        return [Result(b, p, None, why=why) for b in asked for p in body.pieces(b.rule)]
    return masked(await _at_once([_consulted(bound, body, scene) for bound in asked]), judged)


async def _consulted(bound: Bound, body: Body, scene: Scene) -> list[Result]:
    mine = body.pieces(bound.rule)
    results = _without_pieces(bound, body, mine)
    for piece in mine:  # one after the other: what was asked once about a text is not asked again
        results.append(await judge_piece(bound, piece, scene))
    return results


async def _at_once(jobs: Sequence[Coroutine[Any, Any, list[Result]]]) -> list[Result]:
    """Run jobs at once; what they give, in their order. The first exception ends the others."""
    if len(jobs) == 1:
        return await jobs[0]
    tasks = [asyncio.ensure_future(job) for job in jobs]
    try:
        return [result for results in await asyncio.gather(*tasks) for result in results]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _without_pieces(bound: Bound, body: Body, mine: Sequence[Piece]) -> list[Result]:
    if body.deep:
        return [Result(bound, None, Finding(passed=False, reason="the answer nests deeper than rules look"))]
    return [_absent(bound)] if not mine and body.whole else []


def masked(results: list[Result], besides: Sequence[Result] = ()) -> list[Result]:
    """Take what `sensitive` rules matched out of every reason, since another rule may quote the same text."""
    secrets = {
        text for r in (*results, *besides) if r.bound.rule.sensitive and r.piece for text in _matched(r, r.piece)
    }
    if not secrets:
        return results
    return [_without(r, sorted(secrets, key=lambda s: (-len(s), s))) for r in results]


def _matched(result: Result, piece: Piece) -> set[str]:
    """Return what a sensitive rule matched; of one made of rules all that those inside find, whatever came of it."""
    found = {piece.text[s.start : s.end] for s in result.finding.spans} if result.failed and result.finding else set()
    if isinstance(result.bound.check, Tree):
        for rule, check in leaves_of(result.bound.rule, result.bound.check):
            if rule.sensitive and isinstance(check, Finder):
                found |= {piece.text[match.start : match.end] for match in check.find(piece.text)}
    return found - {""}


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
    """Ask one rule about one piece. One that can't judge counts as its `on_error` says (else failed), and says so."""
    began = perf_counter()
    if not bound.rule.is_pure():
        result = await _recorded(bound, piece, scene)
    elif len(piece.text) > LONG:
        result = await asyncio.to_thread(_pure, bound, bound.check, piece, scene.context)  # type: ignore[arg-type]
    else:
        result = _pure(bound, bound.check, piece, scene.context)  # type: ignore[arg-type]
    scene.world.times.append((bound.rule.key, perf_counter() - began))
    return result


def _pure(bound: Bound, check: Check, piece: Piece, context: Context) -> Result:
    try:
        finding = check.judge(piece, context)
        if finding.passed and searches(check) and _escapes(piece, context):
            if isinstance(check, Tree):
                finding = check.judge(piece, structs.replace(context, spelled=True))
            else:
                finding = check.judge(piece._replace(text=unescaped(piece.text)), context)
            if not finding.passed:  # its spans count in another text
                finding = structs.replace(finding, spans=(Span(0, len(piece.text)),))
        return Result(bound, piece, finding)
    except Exception as error:  # noqa: BLE001 - a broken rule must fail closed, never let the candidate through
        return _broken(bound, piece, f"{type(error).__name__}")


def _escapes(piece: Piece, context: Context) -> bool:
    """Whether a JSON parser reads the piece, and finds in it another text than the one that is spelled there."""
    read = piece.surface == "tool_arguments" or (piece.surface == "answer" and context.kind in PARSED)
    return read and "\\" in piece.text


async def _recorded(bound: Bound, piece: Piece, scene: Scene) -> Result:
    check = bound.check
    if isinstance(check, Tree):
        try:
            return await _weighed(bound, check, piece, scene)
        except SteadyError:  # a replay whose journal holds no answer
            raise
        except Exception as error:  # noqa: BLE001 - a broken rule inside must fail closed, as one alone does
            return _broken(bound, piece, type(error).__name__)
    answer = await _asked(bound.rule, check, piece, bound.rule.key, scene)  # type: ignore[arg-type]
    finding = Finding(passed=answer.passed, reason=answer.reason)
    offered = None if answer.fix is None else (Edit(0, len(piece.text), answer.fix, invented=True),)
    return Result(bound, piece, finding, error=answer.error, offered=offered)


async def _weighed(bound: Bound, tree: Tree, piece: Piece, scene: Scene) -> Result:
    """Weigh a rule of rules, asking for one answer after the other until it is decided."""
    answers: dict[tuple[str, str], Answer] = {}

    async def told(context: Context) -> Told:
        while isinstance(said := tree.weigh(piece, context, answers), Need):
            key = f"{bound.rule.key}/{said.place}"
            answers[said.place, said.piece.text] = await _asked(said.rule, said.check, said.piece, key, scene)
        return said

    said = await told(scene.context)
    if said.passed and tree.searches and _escapes(piece, scene.context):
        said = await told(structs.replace(scene.context, spelled=True))
        said = said if said.passed else said._replace(spans=(Span(0, len(piece.text)),))
    offered = None if said.passed else tree.mend(piece, scene.context, answers)
    return Result(bound, piece, said.finding, error=said.error, offered=offered)


async def _asked(rule: Rule, check: Asked, piece: Piece, name: str, scene: Scene) -> Answer:
    """Ask a rule that is not pure about a text, under its own key in the journal, within its own deadline."""
    limit = rule.timeout if isinstance(rule, RecordedRule) else DEFAULT_TIMEOUT
    lenient = isinstance(rule, RecordedRule) and rule.on_error == "pass"

    async def question() -> JSON:
        return await within(limit, lambda: check.ask(piece, scene.context, scene.world.outside))

    try:
        answer = await scene.world.ask(scene.slot, scene.attempt, f"{name}#{asked_as(piece)}", question)
        if answer.get("error"):  # it was asked, and paid for, and can't say
            return _unable(str(answer["error"]), lenient=lenient)
        passed, reason, fix = answer["passed"], answer.get("reason", ""), answer.get("fix")
        if not isinstance(passed, bool) or not isinstance(reason, str):
            raise TypeError
    except RuleError as error:
        return _unable(str(error), lenient=lenient)
    except (KeyError, TypeError, AttributeError):
        return _unable("its answer was no verdict", lenient=lenient)
    return Answer(passed, reason, fix if isinstance(fix, str) else None)


async def within(limit: str, ask: Callable[[], Awaitable[JSON]]) -> JSON:
    """Await an answer for as long as a duration such as `10s` says. Raises RuleError when it is over."""
    try:
        async with asyncio.timeout(seconds(limit)):
            return await ask()
    except TimeoutError:
        raise RuleError(f"no verdict within {limit}") from None


def _unable(error: str, *, lenient: bool) -> Answer:
    reason = "the rule could not judge, and lets the text pass (`on_error: pass`)" if lenient else COULD_NOT
    return Answer(lenient, reason, error=error)


def forbids(bound: Bound, piece: Piece, context: Context) -> bool:
    """Whether an enforced rule fails a text that nobody can fix; a rule that would have to ask the world fails it."""
    rule = bound.rule
    if rule.mode != "enforce" or rule.on_fail in UNENFORCED or piece.surface not in rule.surfaces:
        return False
    return not rule.is_pure() or _pure(bound, bound.check, piece, context).failed  # type: ignore[arg-type]


def _broken(bound: Bound, piece: Piece, error: str) -> Result:
    return Result(bound, piece, Finding(passed=False, reason=COULD_NOT), error=error)


def verdict(result: Result, scene: Scene, *, after: bool = False) -> Verdict:
    """Return a result as the receipt keeps it. `after`: it is about the fixed text."""
    rule, finding = result.bound.rule, result.finding
    reason = finding.reason if finding else result.why
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
