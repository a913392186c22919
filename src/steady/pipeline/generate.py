"""
generate: first draws in parallel, in waves, until enough agree; then, if none passed, reasks.

The stop is tested only when a whole wave has ended, so that arrival order decides nothing. Each bound (max, deadline,
token budget, fan-out) is checked before a wave starts; the first candidate is made in any case. A candidate that errors
or times out costs only itself. A 429 halves the next wave.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from fractions import Fraction
from typing import Any

from msgspec import structs

from steady.consensus.stopping import why_stop
from steady.errors import ProviderError
from steady.pipeline.act import Acted, act
from steady.pipeline.asking import Asking, again, asking, call
from steady.pipeline.choose import consulted
from steady.pipeline.journal import Recorder
from steady.pipeline.judge import Scene, rounds_of
from steady.pipeline.pieces import answer_text, prompt_tokens
from steady.pipeline.plan import Plan
from steady.pipeline.seeds import draw_seed
from steady.pipeline.spending import usage_of
from steady.policy.resolved import Target
from steady.types import Candidate, Reply, Usage


class Pool:
    """What one run has drawn so far; it lives and dies within that run."""

    def __init__(self, plan: Plan, world: Recorder, root: int, auth: str | None) -> None:
        self.plan, self.world, self.root, self.auth = plan, world, root, auth
        self.acted: list[Acted] = []
        self.replies: dict[tuple[int, int], Reply] = {}
        self.failures: list[tuple[int, int, ProviderError]] = []  # slot, attempt, error
        self.total = Usage()
        self.stopped = ""
        self.shared = asking(plan, plan.policy.target)
        self.slots = 0  # first draws asked for
        self.calls = 0
        self.elapsed = 0.0
        self.slowest = 0.0
        self._marks = 0

    @property
    def tokens(self) -> int:
        return self.everything.prompt + self.everything.completion

    @property
    def everything(self) -> Usage:
        """What candidates and the rules that ask outside took together."""
        return self.total + self.world.spent

    @property
    def left(self) -> float:
        """Seconds to the deadline, never below a moment: a call made at all gets a chance to answer."""
        return max(0.05, self.plan.policy.deadline - self.elapsed)

    @property
    def errors(self) -> tuple[ProviderError, ...]:
        """What candidates were lost to, in the order of their slots."""
        return tuple(error for _, _, error in sorted(self.failures, key=lambda f: f[:2]))

    def tick(self) -> None:
        """Read the clock at a wave's end, through the world, so that a replay reads the same."""
        before, self.elapsed = self.elapsed, self.world.elapsed(self._marks)
        self._marks += 1
        self.slowest = max(self.slowest, self.elapsed - before)


async def generate(plan: Plan, world: Recorder, root: int, auth: str | None) -> Pool:
    """Draw candidates until the stopping rule, or a bound, says stop. Foreign exceptions reach the caller unchanged."""
    pool = Pool(plan, world, root, auth)
    size = plan.first
    while True:
        lost = len(pool.failures)
        await _wave(pool, size)
        limited = size > 1 and any(e.upstream_status == 429 for _, _, e in pool.failures[lost:])
        pool.stopped = await _why_stop(pool, limited=limited)
        if pool.stopped:
            break
        size = _next_size(pool, size // 2 if limited else plan.policy.doc.candidates.wave)
        if size == 0:
            pool.stopped = "budget"
            break
    await _reask(pool)
    return pool


async def _wave(pool: Pool, size: int) -> None:
    most_at_once = max(1, pool.plan.policy.target.capabilities.n)
    jobs: list[Coroutine[Any, Any, None]] = []
    while size > 0:
        batch = min(size, most_at_once)
        jobs.append(_draw(pool, pool.slots, batch, patient=size == batch and not jobs))
        pool.slots += batch
        pool.calls += batch
        size -= batch
    await together(jobs)
    pool.acted.sort(key=lambda a: (a.candidate.slot, a.candidate.attempt))
    if _measures(pool):
        pool.tick()


def _measures(pool: Pool) -> bool:
    """Whether the clock can matter: it is not read (and not kept) where only one call can be made."""
    return pool.plan.total > 1


async def together(jobs: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Run jobs at once. The first exception cancels the others and is raised as it is; cancellation reaches all."""
    if len(jobs) == 1:
        await jobs[0]
        return
    tasks = [asyncio.ensure_future(job) for job in jobs]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _draw(pool: Pool, slot: int, n: int, *, patient: bool) -> None:
    seed = draw_seed(pool.root, slot, 0)
    target = pool.plan.policy.target
    made = call(pool.shared, target, seed=seed, timeout=pool.left, n=n, patient=patient, auth=pool.auth)
    try:
        reply = await pool.world.complete(slot, 0, made)
    except ProviderError as error:
        pool.failures.append((slot, 0, error))
        return
    await take(pool, reply, slot, 0, target, n)


async def take(pool: Pool, reply: Reply, slot: int, attempt: int, target: Target, n: int = 1) -> list[Acted]:
    """Turn a reply into judged candidates, at most the `n` that were asked for, and count what it cost."""
    if len(reply.body["choices"]) > n:  # more would take the slots of other draws
        reply = Reply(body={**reply.body, "choices": reply.body["choices"][:n]})
    pool.replies[slot, attempt] = reply
    spent = usage_of(reply, target)
    pool.total += spent
    made: list[Acted] = []
    for i, (choice, usage) in enumerate(zip(reply.body["choices"], shares(reply, spent), strict=True)):
        candidate = Candidate(
            slot=slot + i,
            attempt=attempt,
            choice=choice,
            usage=usage,
            model=str(reply.body.get("model", "")),
            fingerprint=reply.body.get("system_fingerprint"),
        )
        context = structs.replace(pool.plan.context, finish_reason=str(choice.get("finish_reason") or "stop"))
        scene = Scene(
            slot=slot + i, attempt=attempt, context=context, world=pool.world, rounds=rounds_of(pool.plan.policy)
        )
        made.append(await act(candidate, pool.plan.rules, scene))
    pool.acted += made
    return made


def shares(reply: Reply, spent: Usage) -> list[Usage]:
    """Split one reply's usage over its choices: the prompt to the first, the completion by length of text."""
    choices = reply.body["choices"]
    if len(choices) == 1:
        return [spent]
    lengths = [len(answer_text(choice)) + 1 for choice in choices]
    parts = [spent.completion * length // sum(lengths) for length in lengths]
    parts[0] += spent.completion - sum(parts)
    return [
        Usage(prompt=spent.prompt if i == 0 else 0, completion=part, cost=spent.cost if i == 0 else None)
        for i, part in enumerate(parts)
    ]


async def _why_stop(pool: Pool, *, limited: bool) -> str:
    plan = pool.plan
    exhausted = pool.calls >= 2 * plan.most
    if plan.why_one:
        if pool.slots < plan.most:
            return "budget"
        return "one candidate" if plan.most == 1 else "the choices that were asked for"
    if any(a.fate in {"refrain", "exception"} for a in pool.acted):
        return "a rule ended it"
    drawn = sum(1 for a in pool.acted if a.candidate.attempt == 0)
    if drawn >= plan.most or exhausted:
        return "max"
    if any(a.fate == "reask" for a in pool.acted) and not any(a.fate == "accepted" for a in pool.acted):
        return "none passed"  # what is left of max and budget goes into asking again with the reason, not blindly
    if drawn == 0 and not limited:
        return "errors"
    if plan.policy.doc.choose.by == "first" and any(a.fate == "accepted" for a in pool.acted):
        return "the first accepted"
    posterior = Fraction(str(plan.policy.doc.candidates.stop.posterior))
    seen = (await consulted(plan, pool.acted)).consensus
    enough = sum(1 for a in pool.acted if a.fate == "accepted") >= plan.n
    if seen and enough and (why := why_stop(seen.leader, seen.runner_up, drawn, plan.most, posterior)):
        return str(why)
    return "deadline" if pool.elapsed + pool.slowest > plan.policy.deadline else ""


def _next_size(pool: Pool, wanted: int) -> int:
    drawn = sum(1 for a in pool.acted if a.candidate.attempt == 0)
    size = min(wanted, pool.plan.most - drawn)
    budget = pool.plan.policy.doc.candidates.budget.tokens
    if budget is None or not drawn:
        return size
    each = max(1, -(-pool.tokens // drawn))
    return max(0, min(size, (budget - pool.tokens) // each))


async def _reask(pool: Pool) -> None:
    """Ask again where nothing was accepted and a rule says `reask`, within the same bounds."""
    attempt = 0
    while not any(a.fate in {"accepted", "refrain", "exception"} for a in pool.acted):
        failed = [a for a in pool.acted if a.fate == "reask" and a.candidate.attempt == attempt]
        room = pool.plan.total - len(pool.acted)
        late = attempt > 0 and pool.elapsed + pool.slowest > pool.plan.policy.deadline
        if not failed or late or (room := _affordable(pool, room, failed)) <= 0:
            return
        attempt += 1
        wave = failed[: min(room, pool.plan.policy.doc.candidates.wave)]
        await together([_again(pool, a, attempt) for a in wave])
        pool.acted.sort(key=lambda a: (a.candidate.slot, a.candidate.attempt))
        pool.tick()


def _affordable(pool: Pool, room: int, failed: Sequence[Acted]) -> int:
    """Return how many of `room` reasks the budget allows; each costs a draw and what its prompt is longer by."""
    budget = pool.plan.policy.doc.candidates.budget.tokens
    if budget is None or not pool.acted:
        return room
    longest = max(prompt_tokens(again(pool.shared, a).body["messages"]) for a in failed)
    each = max(1, -(-pool.tokens // len(pool.acted))) + max(0, longest - prompt_tokens(pool.plan.messages))
    return min(room, (budget - pool.tokens) // each)


async def _again(pool: Pool, failed: Acted, attempt: int) -> None:
    slot, target = failed.candidate.slot, pool.plan.policy.target
    shared: Asking = again(pool.shared, failed)
    seed = draw_seed(pool.root, slot, attempt)
    made = call(shared, target, seed=seed, timeout=pool.left, auth=pool.auth)
    try:
        reply = await pool.world.complete(slot, attempt, made)
    except ProviderError as error:
        pool.failures.append((slot, attempt, error))
        return
    await take(pool, reply, slot, attempt, target)
