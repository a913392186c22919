"""From the configuration's words to live parts: providers, allowed functions. Heavy libraries load when needed."""

import importlib
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from steady.errors import ConfigError
from steady.pipeline.outside import Hook
from steady.pipeline.world import Function
from steady.policy.config import Config, ProviderSpec
from steady.policy.contradictions import seconds
from steady.rules.aside import aside
from steady.types import Provider

OPENAI_URL = "https://api.openai.com/v1"  # where `kind: openai` is, unless its `base_url` says otherwise


def provider(name: str, spec: ProviderSpec, folder: Path) -> Provider:
    """Return the live provider of one entry. Raises ConfigError where its key or file can't be read."""
    caps = spec.takes(spec.models[0] if spec.models else "")  # of the upstream; a model's own are in its Target
    if spec.kind == "embedded":
        from steady.providers.embedded import EmbeddedProvider

        return EmbeddedProvider(name=name, model=spec.models[0] if spec.models else "smollm2-135m", slots=spec.slots)
    if spec.kind == "scripted":
        from steady.providers.scripted import ScriptedProvider

        return ScriptedProvider.load(folder / spec.script, name=name)
    from steady.providers.retries import Retries

    retries = Retries(attempts=spec.retries)
    if spec.kind == "litellm":
        from steady.providers.litellm import LitellmProvider

        return LitellmProvider(
            name=name,
            vendor=spec.vendor,
            key=spec.secret(folder),
            capabilities=caps,
            api_base=spec.base_url or None,
            retries=retries,
        )
    from steady.providers.openai import OpenAIProvider

    return OpenAIProvider(
        name=name,
        base_url=spec.base_url or OPENAI_URL,
        key=spec.secret(folder),
        forward=spec.key == "forward",
        capabilities=caps,
        connect_timeout=seconds(spec.connect_timeout),
        retries=retries,
    )


def functions(called: Mapping[str, Callable[..., Any]]) -> Mapping[str, Function]:
    """Return what `on_fail: custom` may name, of the functions that `callables` gave."""
    return {name: _function(name, found) for name, found in called.items()}


def callables(config: Config) -> Mapping[str, Callable[..., Any]]:
    """Return the functions of steady.yaml by their names and their places. Raises ConfigError for a missing one."""
    named = {name: _imported(name, place) for name, place in sorted(config.functions.items())}
    return {place: named[name] for name, place in sorted(config.functions.items())} | named


def hooks(config: Config, folder: Path) -> tuple[Hook, ...]:
    """Return the addresses that the rule `webhook` may ask. Raises ConfigError where a secret can't be read."""
    return tuple(
        Hook(one.url, one.secret.read(folder, "a webhook's secret").encode() if one.secret else b"")
        for one in config.outside.hooks
    )


def _imported(name: str, place: str) -> Callable[..., Any]:
    module, _, attribute = place.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"functions.{name}: {place!r} can't be imported ({error}); write it as module:function."
        ) from None
    if not callable(found):
        raise ConfigError(f"functions.{name}: {place!r} is no function.")
    function: Callable[..., Any] = found
    return function


def _function(name: str, found: Callable[..., Any]) -> Function:
    async def call(text: str, reason: str) -> str | None:
        given = await found(text, reason) if inspect.iscoroutinefunction(found) else await aside(found, text, reason)
        if given is not None and not isinstance(given, str):
            raise TypeError(f"{name} must return a str or None")
        return given

    return call
