"""
The journal: every answer of the world under its key, and the world that answers from it.

`Recorder` stands between the pipeline and the real world; `Replayed` is a world that knows nothing but a journal. A
failure is an answer too. What the journal does not hold, a replay does not invent: it says so.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

from steady.errors import ContentNotKept, ProviderError, ProviderNonsense, ProviderTimeout, RuleError
from steady.pipeline.outside import CLOSED
from steady.pipeline.spending import usage_told
from steady.providers.chunks import assemble
from steady.types import JSON, Call, Entry, Outside, Reply, Usage, World

_KINDS: dict[str, type[ProviderError]] = {
    "ProviderError": ProviderError,
    "ProviderTimeout": ProviderTimeout,
    "ProviderNonsense": ProviderNonsense,
}


def told(error: ProviderError) -> dict[str, Any]:
    """Return an upstream's failure as the journal keeps it."""
    kind = next(
        (name for name in ("ProviderTimeout", "ProviderNonsense") if type(error).__name__ == name), "ProviderError"
    )
    return {
        "kind": kind,
        "message": str(error),
        "status": error.upstream_status,
        "retryable": error.retryable,
        "retry_after": error.retry_after,
        "body": error.body,
        "provider": error.provider,
    }


def told_again(error: dict[str, Any]) -> ProviderError:
    """Return the failure that `told` kept."""
    fields = {key: value for key, value in error.items() if key not in {"kind", "message"}}
    return _KINDS.get(error.get("kind", ""), ProviderError)(error["message"], **fields)


_Key = tuple[str, int, int, str]


class Recorder:
    """A world that keeps what the real one answers."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._entries: dict[_Key, Entry] = {}
        self.functions: Mapping[str, Callable[[str, str], Awaitable[str | None]]] = world.functions
        self.outside = world.outside
        self.spent = Usage()  # by rules that ask outside, each answer once
        self.times: list[tuple[str, float]] = []  # what judging took: (rule, seconds); no part of the journal

    def _keep(self, entry: Entry) -> None:
        self._entries[entry.what, entry.slot, entry.attempt, entry.rule] = entry

    async def complete(self, slot: int, attempt: int, call: Call) -> Reply:
        """Ask the model, and keep its reply or its failure."""
        try:
            reply = await self._world.complete(slot, attempt, call)
        except ProviderError as error:
            self._keep(Entry(what="reply", slot=slot, attempt=attempt, error=told(error)))
            raise
        self._keep(Entry(what="reply", slot=slot, attempt=attempt, value=reply.body))
        return reply

    async def stream(self, slot: int, attempt: int, call: Call) -> AsyncIterator[dict[str, Any]]:
        """Pass chunks on, and keep what they add up to."""
        chunks: list[dict[str, Any]] = []
        try:
            async for chunk in self._world.stream(slot, attempt, call):
                chunks.append(chunk)
                yield chunk
        except ProviderError as error:
            self._keep(Entry(what="reply", slot=slot, attempt=attempt, error=told(error)))
            raise
        self._keep(Entry(what="reply", slot=slot, attempt=attempt, value=assemble(chunks)))

    async def ask(self, slot: int, attempt: int, rule: str, question: Callable[[], Awaitable[JSON]]) -> JSON:
        """Ask what is not pure; the same question about the same text is asked once."""
        known = self._entries.get(("rule", slot, attempt, rule))
        if known is not None:
            return _answer(known)
        try:
            value = await self._world.ask(slot, attempt, rule, question)
        except RuleError as error:
            self._keep(Entry(what="rule", slot=slot, attempt=attempt, rule=rule, error={"message": str(error)}))
            raise
        self._keep(Entry(what="rule", slot=slot, attempt=attempt, rule=rule, value=value))
        self.spent += usage_told(value)
        return value

    def root_seed(self) -> int:
        """Draw a root seed, and keep it."""
        seed = self._world.root_seed()
        self._keep(Entry(what="seed", value=seed))
        return seed

    def elapsed(self, mark: int) -> float:
        """Read the clock, and keep the reading, rounded to a microsecond."""
        seconds = round(self._world.elapsed(mark), 6)
        self._keep(Entry(what="elapsed", slot=mark, value=seconds))
        return seconds

    def journal(self) -> tuple[Entry, ...]:
        """Return all entries, ordered by key, never by arrival."""
        if len(self._entries) == 1:
            return tuple(self._entries.values())
        return tuple(self._entries[key] for key in sorted(self._entries))


def _answer(entry: Entry) -> JSON:
    if entry.error is not None:
        raise RuleError(str(entry.error.get("message", "")))
    return entry.value


class Replayed:
    """A world made of a journal. It calls no model and no function."""

    functions: Mapping[str, Callable[[str, str], Awaitable[str | None]]] = {}
    outside: Outside = CLOSED

    def __init__(self, journal: Sequence[Entry]) -> None:
        self._entries: dict[_Key, Entry] = {(e.what, e.slot, e.attempt, e.rule): e for e in journal}

    def _find(self, what: str, slot: int = 0, attempt: int = 0, rule: str = "") -> Entry:
        entry = self._entries.get((what, slot, attempt, rule))
        if entry is None:
            place = f"slot {slot}, attempt {attempt}" + (f", rule {rule}" if rule else "")
            raise ContentNotKept(f"The journal holds no {what} for {place}; another policy or version asked for less.")
        return entry

    async def complete(self, slot: int, attempt: int, call: Call) -> Reply:
        """Give the kept reply, or the kept failure."""
        entry = self._find("reply", slot, attempt)
        if entry.error is not None:
            raise told_again(entry.error)
        return Reply(body=entry.value)

    async def stream(self, slot: int, attempt: int, call: Call) -> AsyncIterator[dict[str, Any]]:
        """Not used: a replay computes the decision, and how it was sent is no part of it."""
        raise ContentNotKept("A replay has no stream.")
        yield {}

    async def ask(self, slot: int, attempt: int, rule: str, question: Callable[[], Awaitable[JSON]]) -> JSON:
        """Give the kept verdict, or the kept failure."""
        return _answer(self._find("rule", slot, attempt, rule))

    def root_seed(self) -> int:
        """Give the kept seed."""
        return int(self._find("seed").value)

    def elapsed(self, mark: int) -> float:
        """Give the kept reading."""
        return float(self._find("elapsed", mark).value)
