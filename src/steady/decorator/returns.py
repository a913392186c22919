"""
What a generation function may give: a text, an SDK's response, its stream chunks, a Pydantic object, None.

Each is turned into a chat completion, all that the pipeline knows; another type is an error that names what works.
"""

import dataclasses
import enum
from collections.abc import Sequence
from typing import Any

import msgspec

from steady.errors import ProviderError, SteadyError
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
    if isinstance(error, ProviderError | TimeoutError | ConnectionError):
        return True
    return any(cls.__name__ in _UPSTREAM.get(cls.__module__.split(".")[0], ()) for cls in type(error).__mro__)


def status_of(error: BaseException) -> int | None:
    """Return the HTTP status that an SDK's exception carries, or None."""
    for name in ("upstream_status", "status_code"):
        status = getattr(error, name, None)
        if isinstance(status, int):
            return status
    return None


def completion_of(value: Any) -> dict[str, Any]:
    """Return a generation function's value as a chat completion. Raises NotUnderstood."""
    if value is None or isinstance(value, str):
        return _of_text(value)
    dumped = _dumped(value)
    if isinstance(dumped, dict) and isinstance(dumped.get("choices"), list) and dumped["choices"]:
        first = dumped["choices"][0]
        if isinstance(first, dict) and isinstance(first.get("message"), dict):
            return dumped
        if isinstance(first, dict) and "delta" in first:
            return assemble([dumped])
    if _is_data(value):
        return _of_text(to_text(value))
    raise NotUnderstood(
        f"The function returned a {type(value).__module__}.{type(value).__qualname__}. What works: str, an OpenAI or "
        "litellm response or its stream chunks, a Pydantic object, a dataclass, plain data, None."
    )


def drained(parts: Sequence[Any]) -> dict[str, Any]:
    """Return what a generator yielded as one chat completion: texts joined, or chunks assembled."""
    if all(isinstance(part, str) for part in parts):
        return _of_text("".join(parts))
    chunks = [_dumped(part) for part in parts]
    if all(isinstance(chunk, dict) and "choices" in chunk for chunk in chunks):
        return assemble(chunks)
    kinds = sorted({type(part).__qualname__ for part in parts})
    raise NotUnderstood(f"The generator yielded {', '.join(kinds)}. What works: str, or an SDK's stream chunks.")


def _of_text(text: str | None) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    return {"object": "chat.completion", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}


def _dumped(value: Any) -> Any:
    dump = getattr(value, "model_dump", None)
    if callable(dump):
        return dump(mode="json", exclude_unset=True) if _takes_mode(value) else dump()
    return value


def _takes_mode(value: Any) -> bool:
    return hasattr(type(value), "model_fields")


def _is_data(value: Any) -> bool:
    plain = isinstance(value, bool | int | float | list | dict | enum.Enum)
    return plain or hasattr(value, "model_dump_json") or dataclasses.is_dataclass(value)


def to_text(value: Any) -> str:
    """Return plain data as the text that a model would have written: JSON, or an Enum's value."""
    if isinstance(value, enum.Enum):
        return str(value.value)
    if hasattr(value, "model_dump_json"):
        return str(value.model_dump_json())
    return msgspec.json.encode(value).decode()
