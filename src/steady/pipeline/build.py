"""From the configuration's words to live parts: providers, allowed functions. Heavy libraries load when needed."""

import importlib
from collections.abc import Mapping
from pathlib import Path

from steady.errors import ConfigError
from steady.pipeline.world import Function
from steady.policy.config import Config, ProviderSpec
from steady.policy.contradictions import seconds
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


def functions(config: Config) -> Mapping[str, Function]:
    """Return what `on_fail: custom` may name. Raises ConfigError for one that can't be imported."""
    return {name: _function(name, place) for name, place in sorted(config.functions.items())}


def _function(name: str, place: str) -> Function:
    module, _, attribute = place.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"functions.{name}: {place!r} can't be imported ({error}); write it as module:function."
        ) from None
    if not callable(found):
        raise ConfigError(f"functions.{name}: {place!r} is no function.")

    async def call(text: str, reason: str) -> str | None:
        import asyncio
        import inspect

        if inspect.iscoroutinefunction(found):
            given = await found(text, reason)
        else:
            given = await asyncio.to_thread(found, text, reason)
        if given is not None and not isinstance(given, str):
            raise TypeError(f"{place} must return a str or None")
        return given

    return call
