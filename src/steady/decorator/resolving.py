"""From what the decorator was told to a policy that is ready to run over the function."""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from steady.decorator.provider import NAME
from steady.decorator.values import Returned
from steady.errors import ConfigError
from steady.policy.document import Policy
from steady.types import Capabilities, Outcome, Provider, Request

if TYPE_CHECKING:  # the pipeline loads on the first call, so that decorating a function costs next to nothing
    from steady.pipeline.runtime import Runtime
    from steady.policy.load import Loaded
    from steady.policy.resolved import Resolved

TENANT = "local"


class Prepared:
    """A policy over one function, and where its receipts go."""

    def __init__(self, policy: "Resolved", runtime: "Runtime") -> None:
        self.policy, self._runtime = policy, runtime

    async def run(self, request: Request, providers: Mapping[str, Provider]) -> Outcome:
        """Run the pipeline over the function; keep a receipt where the configuration names a store."""
        from steady.pipeline.run import run

        world = self._runtime.world(providers)
        outcome = await run(request, self.policy, world)
        return self._runtime.record(outcome, request, self.policy, TENANT)


class Settings:
    """What a decorator was told. What follows from it is worked out on the first call, and kept with it."""

    def __init__(
        self,
        *,
        policy: str | Path | dict[str, Any] | Policy,
        candidates: int | None,
        config: str | Path | None,
        disclose: bool,
        runtime: "Runtime | None" = None,
    ) -> None:
        self.policy, self.candidates, self.config, self.disclose = policy, candidates, config, disclose
        self.runtime = runtime
        self._lock = threading.Lock()
        self._prepared: Prepared | None = None

    def prepared(self, function: Callable[..., Any], returns: Returned, takes: Capabilities) -> Prepared:
        """
        Return the policy over `function`.

        Raises:
            ConfigError: The policy does not load, or does not go with the return annotation.
        """
        with self._lock:
            if self._prepared is None:
                from steady.pipeline.runtime import Runtime
                from steady.policy.resolve import resolve
                from steady.policy.resolved import Target

                runtime = self.runtime or Runtime.open(self.config, own_store_only=True)
                loaded = self._loaded(runtime)
                policy = self._shaped(loaded.policy, returns)
                name = f"{function.__module__}.{function.__qualname__}"
                target = Target(provider=NAME, model=name, capabilities=takes)
                made = resolve(_with_rules(loaded, policy, returns), target=target, presets=runtime.library.presets)
                self._prepared = Prepared(made, runtime)
            return self._prepared

    def _loaded(self, runtime: "Runtime") -> "Loaded":
        from steady.policy.load import load, parse

        given = self.policy
        if isinstance(given, Policy):
            return parse(_plain(given), runtime.library.known)
        if isinstance(given, dict):
            return parse({"steady": 1, "name": "inline", **given}, runtime.library.known)
        if isinstance(given, Path) or given.endswith((".yaml", ".yml")):
            return load(Path(given), runtime.library.known)
        return runtime.library.get(given)

    def _shaped(self, policy: Policy, returns: Returned) -> Policy:
        """Return the policy with what the annotation and the arguments add."""
        if self.candidates is not None:
            if not 1 <= self.candidates <= 64:
                raise ConfigError(f"candidates={self.candidates} must be from 1 to 64.")
            drawn = msgspec.structs.replace(policy.candidates, min=self.candidates, max=self.candidates)
            policy = msgspec.structs.replace(policy, candidates=drawn)
        if not self.disclose:
            quiet = msgspec.structs.replace(
                policy.disclose, place="field" if policy.disclose.place != "none" else "none"
            )
            policy = msgspec.structs.replace(policy, disclose=quiet)
        output = policy.output
        if returns.kind in {"", "text"} or output.kind == returns.kind:
            if output.kind == "label" and returns.labels and set(returns.labels) != set(output.labels or ()):
                raise _mismatch(policy, returns, f"labels {', '.join(output.labels or ())}")
            return policy
        if output.kind != "text":
            raise _mismatch(policy, returns, f"kind {output.kind}")
        labels = returns.labels or None
        made = msgspec.structs.replace(output, kind=returns.kind, labels=labels, schema=returns.schema)
        return msgspec.structs.replace(policy, output=made)


def _mismatch(policy: Policy, returns: Returned, has: str) -> ConfigError:
    shown = getattr(returns.annotation, "__name__", None) or str(returns.annotation)
    return ConfigError(
        f"The policy {policy.name!r} has {has}, which the return annotation {shown} can't carry. "
        "Change the annotation, or use a policy of kind text and let the annotation decide."
    )


def _with_rules(loaded: "Loaded", policy: Policy, returns: Returned) -> "Loaded":
    from steady.rules.values import Range

    rules = loaded.rules
    if returns.integer and policy.output.kind == "number":
        rules = (*rules, Range(id="integer", integer=True, on_fail=policy.output.on_fail))
    return loaded._replace(policy=policy, rules=rules)


def _plain(policy: Policy) -> dict[str, Any]:
    data = msgspec.to_builtins(policy)
    return dict(data)
