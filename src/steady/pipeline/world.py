"""The real world: providers by name, a clock, randomness, and the validators that are not pure."""

import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from msgspec import structs

from steady.errors import ProviderError, RuleError
from steady.pipeline.outside import CLOSED
from steady.types import JSON, Call, Clock, Outside, Provider, Reply

Function = Callable[[str, str], Awaitable[str | None]]


class Live:
    """One request's world. Cheap to make: a door makes one for each request."""

    def __init__(
        self,
        providers: Mapping[str, Provider],
        clock: Clock,
        functions: Mapping[str, Function] | None = None,
        *,
        outside: Outside = CLOSED,
    ) -> None:
        self._providers, self._clock = providers, clock
        self._began = clock.monotonic()
        self.functions: Mapping[str, Function] = functions or {}
        self.outside = outside

    def _provider(self, call: Call) -> Provider:
        provider = self._providers.get(call.provider)
        if provider is None:
            raise ProviderError(f"no provider {call.provider!r} is configured", provider=call.provider)
        return provider

    async def complete(self, slot: int, attempt: int, call: Call) -> Reply:
        """Ask the model. The provider keeps `call.timeout`."""
        if "stream_options" in call.body:  # what is decided whole is asked whole, and then upstreams refuse these
            body = {key: value for key, value in call.body.items() if key != "stream_options"}
            call = structs.replace(call, body=body)
        return await self._provider(call).complete(call)

    async def stream(self, slot: int, attempt: int, call: Call) -> AsyncIterator[dict[str, Any]]:
        """Ask the model for chunks."""
        async for chunk in self._provider(call).stream(call):
            yield chunk

    async def ask(self, slot: int, attempt: int, rule: str, question: Callable[[], Awaitable[JSON]]) -> JSON:
        """Ask a validator or a function; the question keeps its own deadline. What it raises becomes a RuleError."""
        try:
            return await question()
        except RuleError:
            raise
        except Exception as error:
            raise RuleError(f"it raised {type(error).__name__}") from error

    def root_seed(self) -> int:
        """Draw from the system's randomness."""
        return secrets.randbits(31)

    def elapsed(self, mark: int) -> float:
        """Read the monotonic clock."""
        return self._clock.monotonic() - self._began


class SystemClock:
    """The machine's clocks."""

    def now(self) -> float:
        """Unix seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back."""
        return time.monotonic()
