"""What the pipeline's tests share: policies from plain data, a provider that answers by slot, a clock that is set."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from steady.pipeline.act import Acted, act
from steady.pipeline.journal import Recorder
from steady.pipeline.judge import Scene
from steady.pipeline.run import run
from steady.pipeline.seeds import draw_seed
from steady.pipeline.world import Live
from steady.policy.load import parse
from steady.policy.resolve import resolve
from steady.policy.resolved import Resolved, Target
from steady.providers.capabilities import capabilities
from steady.providers.scripted import ScriptedProvider
from steady.rules.rule import Context
from steady.types import Call, Candidate, Capabilities, Options, Outcome, Provider, Reply, Request, Sampling

ROOT = 7
CAPS = capabilities("scripted", "")
QUIET = {"place": "none", "when": "never"}
Function = Callable[[str, str], Awaitable[str | None]]


def policy(*rules: dict[str, Any], caps: Capabilities = CAPS, other: bool = False, **doc: Any) -> Resolved:
    """Return a resolved policy of these rules. Nothing is disclosed unless the document says so."""
    loaded = parse({"steady": 1, "name": "p", "disclose": QUIET, "rules": list(rules), **doc})
    fallback = Target(provider="other", model="m2", capabilities=caps) if other else None
    return resolve(loaded, target=Target(provider="scripted", model="m", capabilities=caps), fallback=fallback)


def draws(low: int, high: int | None = None, **more: Any) -> dict[str, Any]:
    """Return `candidates:` of that many."""
    return {"min": low, "max": high or low, **more}


def question(text: str = "What is the capital of France?", *, seed: int | None = ROOT, **more: Any) -> Request:
    """Return a request of one user message, with a root seed unless it is None."""
    sampling = more.pop("sampling", Sampling(seed=seed))
    messages = more.pop("messages", ({"role": "user", "content": text},))
    return Request(messages=messages, sampling=sampling, **more)


def decorated(**more: Any) -> Options:
    return Options(decorated=True, **more)


@lru_cache
def places(root: int) -> dict[int, tuple[int, int]]:
    """Return slot and attempt by the seed of their call."""
    return {draw_seed(root, slot, attempt): (slot, attempt) for slot in range(40) for attempt in range(12)}


class BySlot(ScriptedProvider):
    """
    A provider that knows its lines by slot and attempt, whatever order the calls come in.

    A list holds a line for each slot, used again from the start, the same when it is asked again.

    `turns` says how many turns of the loop a slot's answer takes, so that answers arrive in another order than asked.
    """

    def __init__(
        self,
        lines: Sequence[Any] | Mapping[tuple[int, int], Any],
        *,
        root: int = ROOT,
        turns: Sequence[int] = (),
        **more: Any,
    ) -> None:
        self._told, self._places, self._turns = lines, places(root), turns
        super().__init__(self._line, **more)

    def place(self, call: Call) -> tuple[int, int]:
        return self._places[call.body["seed"]]

    def _line(self, call: Call) -> Any:
        place = self.place(call)
        return self._told[place] if isinstance(self._told, Mapping) else self._told[place[0] % len(self._told)]

    async def complete(self, call: Call) -> Reply:
        slot, _ = self.place(call)
        for _ in range(self._turns[slot] if slot < len(self._turns) else 0):
            await asyncio.sleep(0)
        return await super().complete(call)


class Ticking:
    """A clock that moves on by `step` seconds whenever it is read."""

    def __init__(self, step: float = 0.0) -> None:
        self.time, self.step = 100.0, step

    def now(self) -> float:
        return 1_700_000_000.0

    def monotonic(self) -> float:
        self.time += self.step
        return self.time


def world(
    *providers: Provider, clock: Ticking | None = None, functions: Mapping[str, Function] | None = None, **more: Any
) -> Live:
    """Return the real world over scripted providers and a clock that stands still."""
    return Live({p.name: p for p in providers}, clock or Ticking(), functions, **more)


async def decided(
    resolved: Resolved, lines: Any, request: Request | None = None, *, functions: Mapping[str, Function] | None = None
) -> Outcome:
    """Run one request over `lines`: a provider, or lines by slot."""
    provider = lines if isinstance(lines, ScriptedProvider) else BySlot(lines)
    return await run(request or question(), resolved, world(provider, functions=functions))


async def judged(resolved: Resolved, line: Any, functions: Mapping[str, Function] | None = None) -> Acted:
    """Let the rules act on one candidate."""
    provider = ScriptedProvider([line])
    live = world(provider, functions=functions)
    reply = await live.complete(0, 0, Call(provider="scripted", model="m", body={}, timeout=1))
    scene = Scene(slot=0, attempt=0, context=Context(), world=Recorder(live))
    return await act(Candidate(slot=0, choice=reply.body["choices"][0]), resolved.rules, scene)


def tool_call(arguments: str, name: str = "send", id: str = "call_1") -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}
