"""
What a generation function may give: a text, an SDK's response, its stream chunks, a Pydantic object, None.

Each is turned into a chat completion, all that the pipeline knows; another type is an error that names what works.
"""

import dataclasses
import enum
from collections.abc import Sequence
from typing import Any

import msgspec

from steady.decorator.values import label
from steady.errors import AllCandidatesFailed, ProviderError, ProviderNonsense, SteadyError
from steady.providers.chunks import assemble

# Exceptions of the SDKs that mean "the upstream failed", by package and name: no SDK is imported to know them.
_UPSTREAM = {
    "openai": {"APIError", "APIConnectionError", "APITimeoutError"},
    "anthropic": {"APIError"},
    "litellm": {"APIError", "Timeout", "APIConnectionError"},
    "httpx": {"TransportError", "HTTPStatusError"},
    "httpcore": {"NetworkError", "TimeoutException"},
    "requests": {"RequestException"},
    "aiohttp": {"ClientError"},
    "urllib3": {"HTTPError"},
}


class NotUnderstood(SteadyError):
    """A generation function returned what is no answer."""

    code = "return_type_not_understood"


def is_upstream(error: BaseException) -> bool:
    """Whether an exception says that the model could not be reached or failed, so that it costs only its candidate."""
    if isinstance(error, ProviderError | AllCandidatesFailed | TimeoutError | ConnectionError):
        return True  # AllCandidatesFailed: of a decorated function within this one
    return any(cls.__name__ in _UPSTREAM.get(cls.__module__.split(".")[0], ()) for cls in type(error).__mro__)


def status_of(error: BaseException) -> int | None:
    """Return the HTTP status that an SDK's exception carries, or None."""
    for name in ("upstream_status", "status_code"):
        status = getattr(error, name, None)
        if isinstance(status, int):
            return status
    return None


def completion_of(value: Any) -> dict[str, Any]:
    """
    Return a generation function's value as a chat completion.

    Raises:
        NotUnderstood: It is of another type.
        ProviderNonsense: It is a response without a choice.
    """
    if value is None or (isinstance(value, str) and not isinstance(value, enum.Enum)):
        return _of_text(value)
    dumped = _dumped(value)
    if isinstance(dumped, dict) and isinstance(dumped.get("choices"), list):
        if not dumped["choices"] and str(dumped.get("object", "")).startswith("chat.completion"):
            raise ProviderNonsense("the response has no choice", provider="function")
        first = dumped["choices"][0] if dumped["choices"] else None
        if isinstance(first, dict) and isinstance(first.get("message"), dict):
            return dumped
        if isinstance(first, dict) and "delta" in first:
            return assemble([dumped])
    if _is_data(value):
        return _of_text(to_text(value))
    raise _not_understood(value)


def _not_understood(value: Any) -> NotUnderstood:
    return NotUnderstood(
        f"The function returned a {type(value).__module__}.{type(value).__qualname__}. What works: str, an OpenAI or "
        "litellm response or its stream chunks, a Pydantic object, a dataclass, plain data, None."
    )


def drained(parts: Sequence[Any]) -> dict[str, Any]:
    """
    Return what a generator yielded as one chat completion: texts joined, or chunks assembled.

    Raises:
        NotUnderstood: It yielded something else.
        ProviderNonsense: Its chunks hold no choice.
    """
    if all(part is None or isinstance(part, str) for part in parts):  # a delta's content may be None
        return _of_text("".join(part for part in parts if part is not None))
    chunks = [_dumped(part) for part in parts]
    if all(isinstance(chunk, dict) and "choices" in chunk for chunk in chunks):
        whole = assemble(chunks)
        if not whole["choices"]:
            raise ProviderNonsense("the stream had no choice", provider="function")
        return whole
    kinds = sorted({type(part).__qualname__ for part in parts})
    raise NotUnderstood(f"The generator yielded {', '.join(kinds)}. What works: str, or an SDK's stream chunks.")


def _of_text(text: str | None) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    return {"object": "chat.completion", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}


def _dumped(value: Any) -> Any:
    dump = getattr(value, "model_dump", None)
    if callable(dump):
        return dump(mode="json", exclude_unset=True) if hasattr(type(value), "model_fields") else dump()
    return value


def _is_data(value: Any) -> bool:
    plain = isinstance(value, bool | int | float | list | tuple | dict | enum.Enum | msgspec.Struct)
    return plain or hasattr(value, "model_dump_json") or dataclasses.is_dataclass(value)


def to_text(value: Any) -> str:
    """Return plain data as the text that a model would have written: JSON, or an Enum's value. Raises NotUnderstood."""
    if isinstance(value, enum.Enum):
        return label(value.value)
    if hasattr(value, "model_dump_json"):
        return str(value.model_dump_json())
    return msgspec.json.encode(value, enc_hook=_nested).decode()


def _nested(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    raise _not_understood(value)
