"""What the server's routes share: the runtime, its metrics, its keys, the runs that may be joined."""

import asyncio
from collections.abc import Collection
from importlib.metadata import version

from steady.errors import SteadyError, UnknownNameError
from steady.pipeline.runtime import Runtime
from steady.pipeline.world import Live
from steady.policy.resolved import Resolved
from steady.server.access import Access, Route
from steady.server.joining import Runs
from steady.server.metered import Metered
from steady.server.metrics import Metrics, Names
from steady.types import Outcome, Provider, Receipt, Request

PROBE_SECONDS = 0.5  # of each upstream; orchestrators give a probe one second, and an upstream must not fail it


class Services:
    """One server's parts. Made once; a request writes nothing into it but metrics, receipts and its own run."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.config = runtime.config
        self.clock = runtime.clock
        self.access = Access(runtime.config.keys)
        self.runs = Runs(runtime.clock)
        self.policies: Collection[str] = runtime.library.names()
        self.metrics = Metrics(
            Names(
                policies=runtime.library.names(),
                models=runtime.listed_models(),
                providers=tuple(sorted(runtime.config.providers)),
                rules=runtime.rule_labels(),
            ),
            version=version("steady-llm"),
        )
        if runtime.store is not None:
            self.metrics.watch(runtime.store)
        self.providers: dict[str, Provider] = {
            name: Metered(one, self.metrics) for name, one in runtime.providers.items()
        }
        self.forwards = runtime.forwards
        self.evidence_key = runtime.evidence_key
        self.draining = False
        self.in_flight = 0  # chat requests, from their first byte to the end of their answer

    def world(self) -> Live:
        """Return a world for one request."""
        return self.runtime.world(self.providers)

    def resolved(self, way: Route) -> Resolved:
        """Return the policy that answers, over its own model unless it names none. Raises UnknownNameError."""
        library = self.runtime.library
        own = library.get(way.policy).policy.model is not None and not way.override
        try:
            return library.resolved(way.policy, None if own else way.model)
        except UnknownNameError as error:
            if error.name != (way.model or ""):
                raise
            # the client may have meant a policy or a route: the nearest of all names, not of the models alone
            known = [*way.names, *library.model_names()]
            raise UnknownNameError("model", error.name, known) from None

    def record(self, outcome: Outcome, request: Request, policy: Resolved, tenant: str) -> Outcome:
        """Keep a receipt; an answer is never lost to a store that can't. See Runtime.record."""
        return self.runtime.record(outcome, request, policy, tenant)

    async def receipt(self, receipt_id: str, tenant: str | None) -> Receipt:
        """Return a receipt of this tenant's. Raises ReceiptNotFound, RecordError."""
        return await self.runtime.stored.get(receipt_id, tenant)

    async def not_ready(self) -> tuple[str, dict[str, str]]:
        """
        Return why this process can't serve ("" if it can), and the state of what it can't cure itself.

        An embedded model that is missing or policies that did not load are its own; an upstream or a store is not.
        """
        state: dict[str, str] = {}
        own = "draining" if self.draining else ""
        names = sorted(self.providers)
        problems = await asyncio.gather(*(self._provider(name) for name in names))
        for name, problem in zip(names, problems, strict=True):
            state[f"provider {name}"] = problem or "ok"
            if problem and self.runtime.embedded(name):
                own = own or f"{name}: {problem}"
        state["store"] = self.runtime.store_problem() or "ok"
        return own, state

    async def _provider(self, name: str) -> str | None:
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                return await self.providers[name].ready()
        except TimeoutError:
            return f"no answer within {PROBE_SECONDS:g} s"
        except SteadyError as error:
            return str(error)
