"""From what the decorator was told to a policy that is ready to run over the function."""

import atexit
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from steady.decorator.loop import LOOP
from steady.decorator.provider import NAME, capabilities
from steady.decorator.values import Returned, returned, shown
from steady.errors import ConfigError
from steady.policy.document import LISTS, Output, Policy
from steady.types import Capabilities, Outcome, Provider, Request

if TYPE_CHECKING:  # the pipeline loads on the first call, so that decorating a function costs next to nothing
    from steady.pipeline.runtime import Runtime
    from steady.policy.load import Loaded
    from steady.policy.resolved import Resolved

TENANT = "local"
MOST_CANDIDATES = 64
CLOSING_SECONDS = 2.0  # that receipts still queued may keep the interpreter from exiting


class Prepared(NamedTuple):
    """A policy over one function, and where its receipts go."""

    policy: "Resolved"
    runtime: "Runtime"
    returns: Returned
    takes: Capabilities

    async def run(self, request: Request, providers: Mapping[str, Provider]) -> Outcome:
        """Run the pipeline over the function; keep a receipt where the configuration names a store."""
        from steady.pipeline.run import run

        outcome = await run(request, self.policy, self.runtime.world(providers))
        return self.runtime.record(outcome, request, self.policy, TENANT)


class Settings:
    """What a decorator was told about one function. What follows is worked out on the first call, and kept."""

    def __init__(
        self,
        *,
        policy: str | Path | dict[str, Any] | Policy,
        candidates: int | None,
        config: str | Path | None,
        disclose: bool,
        runtime: "Runtime | None" = None,
    ) -> None:
        whole = isinstance(candidates, int) and not isinstance(candidates, bool)
        if candidates is not None and not (whole and 1 <= candidates <= MOST_CANDIDATES):
            raise ConfigError(f"candidates={candidates!r} must be from 1 to {MOST_CANDIDATES}.")
        if not isinstance(policy, str | Path | dict | Policy):
            raise ConfigError(
                f"A {type(policy).__name__} is no policy. What works: a policy's name, the path of its file, a dict, a "
                "Policy. The decorator is called: @steady(), not @steady."
            )
        self.policy, self.candidates, self.config, self.disclose = policy, candidates, config, disclose
        self.runtime = runtime
        self._prepared: Prepared | None = None
        self._generation = LOOP.generation

    def prepared(self, function: Callable[..., Any]) -> Prepared:
        """
        Return the policy over `function`.

        Raises:
            ConfigError: The policy does not load, or does not go with the return annotation.
        """
        made = self._prepared
        if made is not None and self._generation == LOOP.generation:
            return made
        with LOOP.lock:
            if self._prepared is None or self._generation != LOOP.generation:
                self._prepared, self._generation = self._prepare(function), LOOP.generation
            return self._prepared

    def _prepare(self, function: Callable[..., Any]) -> Prepared:
        from steady.policy.resolve import resolve
        from steady.policy.resolved import Target

        returns, takes = returned(function), capabilities(inspect.signature(function))
        runtime = self.runtime or opened(self.config)
        loaded = self._loaded(runtime)
        policy = self._shaped(loaded.policy, returns)
        if policy.otherwise.do == "model":
            raise ConfigError(
                f"The policy {policy.name!r} says `otherwise: {{do: model}}`, which a decorator can't do: it asks no "
                "model but the function. Use message, value, best or error, or default=."
            )
        target = Target(provider=NAME, model=_name(function), capabilities=takes)
        made = resolve(_with_rules(loaded, policy, returns), target=target, presets=runtime.library.presets)
        return Prepared(made, runtime, returns, takes)

    def _loaded(self, runtime: "Runtime") -> "Loaded":
        from steady.policy.load import load, parse

        given = self.policy
        if isinstance(given, Policy):
            return parse(msgspec.to_builtins(given), runtime.library.known)
        if isinstance(given, dict):
            return parse({"steady": 1, "name": "inline", **given}, runtime.library.known)
        if isinstance(given, Path) or given.endswith((".yaml", ".yml")):
            return load(Path(given), runtime.library.known)
        return runtime.library.get(given)

    def _shaped(self, policy: Policy, returns: Returned) -> Policy:
        """Return the policy with what the annotation and the arguments add."""
        replace = msgspec.structs.replace
        if self.candidates is not None:
            drawn = replace(policy.candidates, min=self.candidates, max=self.candidates)
            policy = replace(policy, candidates=drawn)
        if not self.disclose:
            place = "none" if policy.disclose.place == "none" else "field"
            policy = replace(policy, disclose=replace(policy.disclose, place=place))
        return replace(policy, output=_output(policy, returns))


def _name(function: Callable[..., Any]) -> str:
    """Return what stands for the model: the function's own name, or the type's of a callable object."""
    named: Any = function if hasattr(function, "__qualname__") else type(function)
    return f"{named.__module__}.{named.__qualname__}"


def _output(policy: Policy, returns: Returned) -> Output:
    output = policy.output
    if returns.kind in {"", "text"}:
        return output
    if returns.kind == "json" and output.kind in LISTS:
        return output  # a list of items; what the annotation can't carry is an abstention
    if (
        returns.annotation is bool
        and output.kind == "flag"
        and set(output.labels or returns.labels) == set(returns.labels)
    ):
        return msgspec.structs.replace(output, labels=output.labels or returns.labels)
    if output.kind not in {"text", returns.kind}:
        raise _mismatch(policy, returns, f"kind {output.kind}")
    if output.kind == "label":
        if not set(output.labels or ()) <= set(returns.labels):
            raise _mismatch(policy, returns, f"labels {', '.join(output.labels or ())}")
        return output
    if output.kind == "json" and output.schema is not None:
        return output  # the policy's own; a value that the annotation can't carry is an abstention
    made = msgspec.structs.replace(output, kind=returns.kind, labels=returns.labels or None, schema=returns.schema)
    return made


def _mismatch(policy: Policy, returns: Returned, has: str) -> ConfigError:
    return ConfigError(
        f"The policy {policy.name!r} has {has}, which the return annotation {shown(returns.annotation)} can't carry. "
        "Change the annotation, or use a policy of kind text and let the annotation decide."
    )


def _with_rules(loaded: "Loaded", policy: Policy, returns: Returned) -> "Loaded":
    from steady.rules.values import Range

    rules = loaded.rules
    if returns.integer and policy.output.kind == "number":
        rules = (*rules, Range(id="integer", integer=True, on_fail=policy.output.on_fail))
    return loaded._replace(policy=policy, rules=rules)


_OPEN: dict[tuple[int, str], "Runtime"] = {}  # by generation and configuration


def opened(config: str | Path | None) -> "Runtime":
    """Return the runtime of a configuration; all functions under one share it, and its one store."""
    from steady.pipeline.runtime import Runtime
    from steady.policy.config import find

    found = find(config)
    key = (LOOP.generation, str((found.file or found.folder).resolve()))
    with LOOP.lock:
        if key not in _OPEN:
            if not _OPEN:
                atexit.register(_close)
            _OPEN[key] = Runtime.open(found.file, own_store_only=True) if found.file else Runtime(found)
        return _OPEN[key]


def _close() -> None:
    """Write the receipts that are queued, within bounds. A parent's stores are the parent's to close."""
    for (generation, _), runtime in _OPEN.items():
        if generation == LOOP.generation and runtime.store is not None:
            runtime.store.close(CLOSING_SECONDS)
