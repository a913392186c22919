"""
What each kind of upstream takes, and how sampling parameters are fitted to it.

Sources: the API references of OpenAI (chat completions), vLLM (OpenAI-compatible server, extra sampling parameters),
llama.cpp's server, and litellm's parameters common to all vendors. An entry in steady.yaml may override any of it.
"""

from typing import Any, Literal

from msgspec import structs

from steady.types import Capabilities, Sampling

ProviderKind = Literal["openai", "openai-compatible", "llamacpp", "vllm", "litellm", "embedded", "scripted"]

_ALL = tuple(sorted(Sampling.__struct_fields__))
_OPENAI = tuple(sorted(set(_ALL) - {"top_k", "min_p", "repeat_penalty"}))
# Reasoning models refuse what shapes the distribution, with an error, rather than ignoring it.
_REASONING = ("max_tokens", "seed", "stop")
_REASONING_MODELS = ("o1", "o3", "o4", "gpt-5")
_COMMON = ("frequency_penalty", "max_tokens", "presence_penalty", "seed", "stop", "temperature", "top_p")

_TABLE: dict[str, Capabilities] = {
    "openai": Capabilities(params=_OPENAI, json_schema=True, n=8),
    "openai-compatible": Capabilities(params=_OPENAI, json_schema=False),
    "llamacpp": Capabilities(params=_ALL, json_schema=True, grammar="gbnf"),
    "vllm": Capabilities(params=_ALL, json_schema=True, grammar="guided_choice", n=8),
    "litellm": Capabilities(params=_COMMON, json_schema=False),
    "embedded": Capabilities(params=_ALL, json_schema=True, grammar="gbnf"),
    "scripted": Capabilities(params=_ALL),
}


def capabilities(kind: ProviderKind, model: str) -> Capabilities:
    """
    Return what a provider of this kind takes for this model.

    Args:
        kind: The provider's `kind` in steady.yaml.
        model: The provider's own name for the model; decides for OpenAI's reasoning models.
    """
    caps = _TABLE[kind]
    if kind == "openai" and is_reasoning(model):
        return structs.replace(caps, params=_REASONING, max_tokens_name="max_completion_tokens")
    return caps


def is_reasoning(model: str) -> bool:
    """Whether this is one of OpenAI's reasoning models, by its name; `gpt-5-chat` is none."""
    name = model.rsplit("/", 1)[-1]
    return name.startswith(_REASONING_MODELS) and "-chat" not in name


def fit(sampling: Sampling, caps: Capabilities) -> tuple[dict[str, Any], tuple[str, ...]]:
    """
    Return the body fields that are sent, and a note for each that is dropped. Never an error.

    Args:
        sampling: What is wanted; None fields are not sent and not noted.
        caps: What the provider takes.
    """
    body: dict[str, Any] = {}
    notes: list[str] = []
    for field in _ALL:
        value = getattr(sampling, field)
        if value is None:
            continue
        if field not in caps.params:
            notes.append(f"{field} dropped: the provider takes none")
            continue
        body[caps.max_tokens_name if field == "max_tokens" else field] = list(value) if field == "stop" else value
    return body, tuple(notes)
