"""
What each kind of upstream takes, and how a request is fitted to that.

Sources: OpenAI's API reference and its guide to reasoning models (which refuse temperature, top_p, penalties, logprobs
and logit_bias, and take max_completion_tokens); llama.cpp's server README; vLLM's "OpenAI-compatible server: extra
parameters"; Anthropic's Messages API; Google's and Cohere's references, as litellm's `get_supported_openai_params` maps
them. What an upstream is not known to take is not sent: a dropped parameter is noted, an unknown one may be an error.
"""

import re
from typing import Any, Literal

from msgspec import structs

from steady.providers.prices import facts
from steady.types import Capabilities, Sampling

Kind = Literal["openai", "openai-compatible", "llamacpp", "vllm", "litellm", "embedded", "scripted"]

EVERYTHING = tuple(sorted(field.name for field in structs.fields(Sampling)))
OPENAI = tuple(name for name in EVERYTHING if name not in ("min_p", "repeat_penalty", "top_k"))
VLLM = tuple(name for name in EVERYTHING if name != "repeat_penalty")  # its own name is repetition_penalty
REASONING = ("max_tokens", "seed")

_REASONS = re.compile(r"(o\d|gpt-([5-9]|\d\d)|codex)(?!.*-chat)")  # o1, o3-mini, gpt-5.1; gpt-5-chat-latest samples
_NO_SCHEMA = re.compile(r"gpt-(3\.5|4(?!o|\.\d))")  # structured outputs and o200k_base came with gpt-4o

_BASIC = ("max_tokens", "stop", "temperature", "top_p")
_COMMON = ("frequency_penalty", "max_tokens", "presence_penalty", "seed", "stop", "temperature", "top_p")
VENDORS: dict[str, tuple[str, ...]] = {
    "anthropic": ("max_tokens", "stop", "temperature", "top_k", "top_p"),
    "bedrock": _BASIC,
    "cohere": tuple(sorted((*_COMMON, "top_k"))),
    "gemini": tuple(sorted((*_COMMON, "top_k"))),
    "vertex_ai": tuple(sorted((*_COMMON, "top_k"))),
    "mistral": ("max_tokens", "seed", "stop", "temperature", "top_p"),
}
"""What vendors behind litellm take; any other vendor gets what every chat model takes."""


def capabilities(kind: Kind, model: str) -> Capabilities:
    """
    Return what an upstream of this kind takes for `model`.

    Args:
        kind: The provider's kind in the configuration. `openai` is OpenAI itself; `openai-compatible` is anything that
            speaks its API, of which no more is assumed than that.
        model: The provider's own name for the model; for `litellm` with the vendor before it (`anthropic/...`).
    """
    if kind in ("embedded", "llamacpp"):
        return Capabilities(params=EVERYTHING, json_schema=True, grammar="gbnf")
    if kind == "scripted":
        return Capabilities(params=EVERYTHING, json_schema=True)
    if kind == "vllm":
        return Capabilities(params=VLLM, json_schema=True, grammar="structured", n=8)
    if kind == "litellm":
        return _behind_litellm(model)
    if kind == "openai":
        return _openai(model)
    return Capabilities(params=OPENAI)


def _openai(model: str) -> Capabilities:
    name = model.rpartition("/")[2].removeprefix("ft:")
    reasons = _REASONS.match(name) is not None
    tokenizer: Literal["cl100k_base", "o200k_base"] = "cl100k_base" if _NO_SCHEMA.match(name) else "o200k_base"
    return Capabilities(
        params=REASONING if reasons else OPENAI,
        max_tokens_name="max_completion_tokens",
        json_schema=not _NO_SCHEMA.match(name),
        strict_tools=not _NO_SCHEMA.match(name),
        logit_bias="none" if reasons or not name.startswith("gpt-") else tokenizer,
        n=1 if reasons else 8,
    )


def _behind_litellm(model: str) -> Capabilities:
    vendor, _, rest = model.partition("/")
    if not rest:
        vendor, rest = "", model
    if vendor in ("openai", "azure"):
        known = _openai(rest)
        return structs.replace(known, max_tokens_name="max_tokens", n=1)  # litellm renames it itself
    known_facts = facts(rest, vendor)
    params = VENDORS.get(vendor, _BASIC)
    if known_facts and not known_facts.samples:
        params = tuple(name for name in params if name not in ("temperature", "top_k", "top_p"))
    return Capabilities(params=params, json_schema=bool(known_facts and known_facts.response_schema))


def fit(sampling: Sampling, caps: Capabilities) -> tuple[dict[str, Any], tuple[str, ...]]:
    """
    Return the body fields that send `sampling` to an upstream, and a note for each value that it does not take.

    `max_tokens` goes under the upstream's name for it; `top_logprobs` goes only along with `logprobs`. Notes are
    sorted. A value of None is not set, and neither sent nor noted.
    """
    body: dict[str, Any] = {}
    notes = []
    for name in EVERYTHING:
        value = getattr(sampling, name)
        if value is None:
            continue
        if name not in caps.params:
            notes.append(f"{name} dropped: the provider takes none")
        elif name == "top_logprobs" and not body.get("logprobs"):
            notes.append("top_logprobs dropped: it needs logprobs")
        elif name == "max_tokens":
            body[caps.max_tokens_name] = value
        else:
            body[name] = list(value) if isinstance(value, tuple) else value
    return body, tuple(notes)
