"""What every door stands on: a configuration, its policies, providers, store and clock, opened once."""

import asyncio
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from steady.errors import RecordError, SteadyError
from steady.pipeline.build import callables, functions, hooks, provider
from steady.pipeline.outside import Allowed
from steady.pipeline.respond import receipt_of
from steady.pipeline.world import Function, Live, SystemClock
from steady.policy.config import Found, find
from steady.policy.implied import implied_rule
from steady.policy.library import Library
from steady.policy.load import load
from steady.policy.resolve import resolve
from steady.policy.resolved import Resolved, Target
from steady.providers.capabilities import capabilities
from steady.records.ids import new_id
from steady.types import Clock, Outcome, Outside, Provider, Request, Store

if TYPE_CHECKING:
    from steady.records.sqlite import SqliteStore


# Rules that a request itself brings (see plan.py), and their action where the policy does not set it.
REQUEST_RULES = (("request_schema", ""), ("request_json", ""), ("request_tool", "reask"))


class Runtime:
    """Opened by a door, closed by it. Holds no request's data."""

    def __init__(
        self,
        found: Found,
        *,
        store: "SqliteStore | None" = None,
        providers: Mapping[str, Provider] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.found, self.config = found, found.config
        self.clock: Clock = clock or SystemClock()
        self.library = Library(found)
        self._providers: dict[str, Provider] = dict(providers or {})
        self._callables = callables(found.config)
        self.functions: Mapping[str, Function] = functions(self._callables)
        self._hooks = hooks(found.config, found.folder)
        self.store = store
        self.evidence_key = _evidence_key(_store_path(found) if store is not None else None)

    @classmethod
    def open(cls, config: str | Path | None = None, *, store: bool = True, own_store_only: bool = False) -> "Runtime":
        """
        Open what the configuration names.

        Args:
            config: A steady.yaml; else STEADY_CONFIG, the nearest one, the defaults.
            store: Whether to open the store.
            own_store_only: Open it only where a configuration file says `store:`.

        Raises:
            ConfigError: The configuration or a policy has problems. RecordError: the store is of a newer version.
        """
        found = find(config)
        wanted = store and not found.config.store.off
        if own_store_only and not found.names_store:
            wanted = False
        return cls(found, store=_open_store(found) if wanted else None)

    @property
    def providers(self) -> Mapping[str, Provider]:
        """Return all providers, live. Raises ConfigError where a key can't be read."""
        for name, spec in self.config.providers.items():
            if name not in self._providers:
                self._providers[name] = provider(name, spec, self.found.folder)
        return self._providers

    @property
    def forwards(self) -> bool:
        """Whether any provider takes the client's own Authorization."""
        return any(spec.key == "forward" for spec in self.config.providers.values())

    @property
    def stored(self) -> Store:
        """Return the store. Raises RecordError where receipts are off."""
        if self.store is None:
            raise RecordError("No receipts are kept: the store is off (`store: {off: true}`).")
        return self.store

    def embedded(self, name: str) -> bool:
        """Whether a provider is a model in this process."""
        spec = self.config.providers.get(name)
        return spec is not None and spec.kind == "embedded"

    def world(self, providers: Mapping[str, Provider] | None = None) -> Live:
        """Return the world of one request."""
        mine = self.providers if providers is None else providers
        return Live(mine, self.clock, self.functions, outside=self.outside(mine))

    def outside(self, providers: Mapping[str, Provider]) -> Outside:
        """Return what rules may ask: the providers given (else the configuration's), its webhooks and functions."""

        def provider(name: str) -> Provider | None:
            return providers.get(name) or self.providers.get(name)

        return Allowed(provider=provider, target=self.library.target, hooks=self._hooks, functions=self._callables)

    def record(self, outcome: Outcome, request: Request, policy: Resolved, tenant: str) -> Outcome:
        """
        Queue the receipt of a run, and return the outcome with its id; None where it was not queued.

        Never raises and never waits: an answer that was made is not lost to a broken store.
        """
        from msgspec import structs

        if self.store is None:
            return outcome
        try:
            receipt = receipt_of(outcome, request, policy, id=new_id(), created=self.clock.now(), tenant=tenant)
        except UnicodeEncodeError:  # a str with half a surrogate pair is no UTF-8: it can't be kept, the answer stands
            return outcome
        if policy.doc.record == "hashes":
            from steady.records.codec import without_content

            receipt = without_content(receipt)
        return structs.replace(outcome, receipt=receipt.id if self.store.put(receipt) else None)

    def store_problem(self) -> str:
        """Return what is wrong with the store, or ""."""
        return "" if self.store is None else (self.store.problem or "")

    def model_names(self) -> tuple[str, ...]:
        """Return the names of models that the configuration lists."""
        return self.library.model_names()

    def rule_labels(self) -> tuple[tuple[str, str, str], ...]:
        """Return (policy, rule, action) of every rule that can give a verdict, implied ones and a request's own too."""
        found: dict[tuple[str, str, str], None] = {}
        for name in self.library.names():
            loaded = self.library.get(name)
            implied = implied_rule(loaded.policy)
            for rule in (*loaded.rules, *([implied] if implied else [])):
                found[name, rule.key, rule.on_fail] = None
            for own, action in REQUEST_RULES:
                found[name, own, action or loaded.policy.output.on_fail] = None
        return tuple(found)

    def listed_models(self) -> tuple[str, ...]:
        """Return every model that the configuration or a policy names, as provider/model."""
        named = {*self.model_names(), *(self.library.get(n).policy.model or "" for n in self.library.names())}
        return tuple(sorted(named - {""}))

    async def warm(self) -> None:
        """
        Load embedded models and validators of others now, so that no request waits for them.

        Loading a model holds the interpreter; importing a validator can take longer than a verdict may.
        """
        for name in self.providers:
            if self.embedded(name):
                with suppress(SteadyError):  # what is missing is told by /readyz, and by each request that needs it
                    await getattr(self.providers[name], "warm", _nothing)()
        for rule in (
            rule for name in self.library.names() for rule in self.library.get(name).rules if not rule.is_pure()
        ):
            load = getattr(rule.build(), "warm", None)
            if load is not None:
                with suppress(SteadyError):  # a validator that can't be made is told by each verdict that needs it
                    await asyncio.to_thread(load)

    async def aclose(self) -> None:
        """Close providers, then write what is queued and close the store."""
        for one in self._providers.values():
            await one.aclose()
        self.close()

    def close(self) -> None:
        """Write what is queued and close the store."""
        if self.store is not None:
            self.store.close()


async def _nothing() -> None:
    """What a provider without weights does to get warm."""


def _store_path(found: Found) -> Path:
    return (found.folder / found.config.store.path).expanduser()


def _open_store(found: Found) -> "SqliteStore":
    from steady.records.sqlite import SqliteStore

    spec = found.config.store
    return SqliteStore(_store_path(found), max_age=spec.age_seconds, max_bytes=spec.bytes)


def _evidence_key(store: Path | None) -> bytes:
    """Return the key of the evidence hashes: kept beside the store, so that they stay comparable; else a fresh one."""
    fresh = secrets.token_bytes(32)
    if store is None:
        return fresh
    path = store.with_name(store.name + ".key")
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(fresh)
    except FileExistsError:
        try:
            kept = path.read_bytes()
        except OSError:
            return fresh
        return kept if len(kept) == 32 else fresh
    except OSError:
        return fresh
    return fresh


def resolve_alone(file: Path) -> Resolved:
    """Return one policy file over its own model as far as it can be known without providers: for `steady check`."""
    found = find(None, file.resolve().parent)
    loaded = load(file)
    try:
        target = Library(found).target(loaded.policy.model)
    except SteadyError:
        target = Target(
            provider="unknown", model=loaded.policy.model or "", capabilities=capabilities("openai-compatible", "")
        )
    return resolve(loaded, target=target, fallback=target)
