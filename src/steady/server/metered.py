"""A provider whose calls are counted. The pipeline does not know that anybody counts."""

from collections.abc import AsyncIterator
from time import perf_counter
from typing import Any

from steady.errors import ProviderError
from steady.server.metrics import Metrics
from steady.types import Call, Capabilities, Provider, Reply


class Metered:
    """Stands before a provider and tells the metrics of each call: seconds, retries, failures."""

    def __init__(self, provider: Provider, metrics: Metrics) -> None:
        self._provider, self._metrics = provider, metrics
        self.name = provider.name
        self.capabilities: Capabilities = provider.capabilities

    async def complete(self, call: Call) -> Reply:
        """See Provider.complete."""
        began = perf_counter()
        try:
            reply = await self._provider.complete(call)
        except ProviderError as error:
            self._metrics.upstream(self.name, perf_counter() - began, error=error)
            raise
        self._metrics.upstream(self.name, perf_counter() - began, retries=reply.retries)
        return reply

    async def stream(self, call: Call) -> AsyncIterator[dict[str, Any]]:
        """See Provider.stream."""
        began, failed = perf_counter(), None
        chunks = self._provider.stream(call)
        try:
            async for chunk in chunks:
                yield chunk
        except ProviderError as error:
            failed = error
            raise
        finally:
            close = getattr(chunks, "aclose", None)
            if close is not None:
                await close()
            self._metrics.upstream(self.name, perf_counter() - began, error=failed)

    async def ready(self) -> str | None:
        """See Provider.ready."""
        return await self._provider.ready()

    async def aclose(self) -> None:
        """See Provider.aclose."""
        await self._provider.aclose()
