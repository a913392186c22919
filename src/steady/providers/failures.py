"""What an upstream's bad answer means: error bodies of many dialects, nonsense, and keys kept out of every text."""

import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from steady.errors import ProviderError, ProviderNonsense
from steady.providers.retries import retry_after, retryable

_decode = msgspec.json.decode
_ERROR_KEYS = ("message", "type", "param", "code")


def parse_completion(data: bytes, status: int, *, provider: str, where: str, secrets: Sequence[str]) -> dict[str, Any]:
    """
    Return a 200 answer's chat.completion: an object with at least one choice, each with a message.

    Raises:
        ProviderError: It is an error object under status 200 (OpenRouter does so).
        ProviderNonsense: It is anything else; the text says what.
    """
    try:
        body = decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        body, wrong = None, "not JSON" if data.strip() else "empty"
    else:
        wrong = what_is_wrong(body)
        if not wrong:
            return body  # type: ignore[no-any-return]  # what_is_wrong() saw that it is an object
    if isinstance(body, dict) and body.get("error") and not body.get("choices"):
        raise inline_error(body["error"], provider=provider, where=where, secrets=secrets)
    text = f"{where} answered {status} with what is no chat completion: {wrong}."
    raise ProviderNonsense(text, status=status, provider=provider)


def decode(data: bytes) -> Any:
    """
    Decode JSON. Half an emoji, which JSON can escape and UTF-8 can't hold, becomes U+FFFD: no answer is lost to it.

    Raises:
        msgspec.DecodeError, UnicodeDecodeError: It is no JSON.
    """
    try:
        return _decode(data)
    except msgspec.DecodeError:
        mended = _HALVES.sub(_mend, data)
        if mended == data:
            raise
        return _decode(mended)


_HALVES = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2}|\\\\"
)


def _mend(found: "re.Match[bytes]") -> bytes:
    return b"\\ufffd" if len(found[0]) == 6 else found[0]  # a whole pair, or an escaped backslash, stays


def what_is_wrong(body: Any) -> str:
    """Say what keeps `body` from being a chat completion; "" if nothing does."""
    if not isinstance(body, dict):
        return "not an object"
    choices = body.get("choices")
    if not isinstance(choices, list):
        return "no choices"
    if not choices:
        return "an empty list of choices"
    for choice in choices:
        if not isinstance(choice, dict) or not isinstance(choice.get("message"), dict):
            return "a choice without a message"
        content = choice["message"].get("content")
        if not (content is None or isinstance(content, str | list)):
            return "a message whose content is no text"
        calls = choice["message"].get("tool_calls")
        if not (calls is None or (isinstance(calls, list) and all(isinstance(call, dict) for call in calls))):
            return "tool calls that are no objects"
    return ""


def http_error(
    status: int, headers: Mapping[str, str], data: bytes, *, provider: str, where: str, secrets: Sequence[str] = ()
) -> ProviderError:
    """Return the error that an HTTP error status means, with the upstream's own message and error object."""
    message, body = _told(data, headers.get("content-type", ""), secrets)
    code = body.get("code") if body else None
    return ProviderError(
        message or f"{where} answered {status} without saying why.",
        status=status,
        retryable=retryable(status, headers, code if isinstance(code, str) else None),
        retry_after=retry_after(headers, time.time()),
        body=body,
        provider=provider,
    )


def inline_error(error: Any, *, provider: str, where: str, secrets: Sequence[str] = ()) -> ProviderError:
    """Return the error that an error object inside a 200 answer or a stream means."""
    body = redact(error, secrets) if isinstance(error, dict) else None
    message = body.get("message") if body else redact(error, secrets)
    code = str(body.get("code")) if body else ""
    status = int(code) if len(code) == 3 and code.isdecimal() and 400 <= int(code) < 600 else None
    return ProviderError(
        _line(message) or f"{where} answered with an error and did not say which.",
        status=status,
        retryable=status is not None and retryable(status, {}),
        body=body,
        provider=provider,
    )


def _told(data: bytes, content_type: str, secrets: Sequence[str]) -> tuple[str, dict[str, Any] | None]:
    """Return the message and the error object of an error body, in the dialects that upstreams use."""
    try:
        answer = redact(decode(data), secrets)
    except (msgspec.DecodeError, UnicodeDecodeError):
        plain = content_type.startswith("text/plain") or not content_type
        return (_line(redact(data.decode("utf-8", "replace"), secrets))[:300] if plain else ""), None
    if isinstance(answer, list) and len(answer) == 1:  # Gemini's compatible endpoint
        answer = answer[0]
    if not isinstance(answer, dict):
        return "", None
    error = answer.get("error")
    if isinstance(error, dict):
        return _line(error.get("message")), error
    if isinstance(error, str):  # Ollama, text-generation-inference
        return _line(error), None
    if isinstance(answer.get("message"), str):  # older vLLM
        return _line(answer["message"]), {key: answer[key] for key in _ERROR_KEYS if key in answer}
    detail = answer.get("detail")  # FastAPI
    return _line(detail if isinstance(detail, str) else msgspec.json.encode(detail).decode() if detail else ""), None


def redact(value: Any, secrets: Sequence[str]) -> Any:
    """Return JSON with every secret in its texts, keys included, replaced by `[redacted]`."""
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, "[redacted]")
        return value
    if isinstance(value, dict):
        return {redact(key, secrets): redact(item, secrets) for key, item in value.items()}
    if isinstance(value, list):
        return [redact(item, secrets) for item in value]
    return value


def secrets_of(*values: str | None) -> tuple[str, ...]:
    """Return the parts of header values that must never be shown, longest first: the value, and a bearer's token."""
    parts = {part for value in values if value for part in (value, value.rpartition(" ")[2]) if len(part) >= 6}
    return tuple(sorted(parts, key=lambda part: (-len(part), part)))


def _line(text: Any) -> str:
    return " ".join(text.split())[:2000] if isinstance(text, str) else ""
