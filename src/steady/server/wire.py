"""OpenAI's wire format: bytes to a Request, errors to bodies. Translates only."""

from collections.abc import Mapping
from typing import Any

import msgspec

from steady.errors import AllCandidatesFailed, BusyError, ProviderError, RequestError, SteadyError, legal_words
from steady.types import Options, Request, Sampling

JSON_HEADERS = (b"content-type", b"application/json")
_SAMPLING = frozenset(Sampling.__struct_fields__)
_OPTIONS = frozenset(Options.__struct_fields__) - {"decorated"}
_TRUE = frozenset({"1", "true", "yes", "on"})


class Asked(msgspec.Struct, frozen=True):
    """One chat request, and how it wants to be answered."""

    request: Request
    stream: bool = False
    include_usage: bool = False


def parse(body: bytes, headers: Mapping[str, str]) -> Asked:
    """Read a chat-completions body. Raises RequestError naming the field."""
    data = _object(body)
    messages = data.pop("messages", None)
    model = data.pop("model", "")
    if not isinstance(model, str):
        raise RequestError("model must be a string.", param="model")
    stream = _flag(data, "stream")
    n = data.pop("n", None)
    options = data.pop("steady", None)
    sampling, name = _sampling(data)
    _objects(data)
    asked = Request(
        messages=_messages(messages),
        model=model,
        sampling=sampling,
        fields=data,
        max_tokens_name=name,
        n=_choices(n),
        options=_options(options, headers),
        accept_language=headers.get("accept-language", ""),
        authorization=headers.get("authorization"),
    )
    usage = data.get("stream_options")
    wants_usage = isinstance(usage, dict) and bool(usage.get("include_usage"))
    return Asked(asked, stream, wants_usage)


def _object(body: bytes) -> dict[str, Any]:
    try:
        data = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RequestError(f"The body is no valid JSON: {error}.") from error
    except RecursionError as error:
        raise RequestError("The body nests too deeply.") from error
    if not isinstance(data, dict):
        raise RequestError(f"The body must be a JSON object, not {_kind(data)}.")
    return data


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")


def _flag(data: dict[str, Any], name: str) -> bool:
    value = data.pop(name, None)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise RequestError(f"{name} must be true or false, not {_kind(value)}.", param=name)


def _choices(n: Any) -> int:
    if n is None:
        return 1
    if not isinstance(n, int) or isinstance(n, bool) or not 1 <= n <= 128:
        raise RequestError(f"n must be an integer from 1 to 128, got {n!r}."[:200], param="n")
    return n


def _messages(messages: Any) -> tuple[dict[str, Any], ...]:
    if not isinstance(messages, list) or not messages:
        raise RequestError("messages must be an array of at least one message.", param="messages")
    for i, message in enumerate(messages):
        where = f"messages[{i}]"
        if not isinstance(message, dict):
            raise RequestError(f"{where} must be an object, not {_kind(message)}.", param=where)
        if not isinstance(message.get("role"), str):
            raise RequestError(f"{where}.role must be a string.", param=f"{where}.role")
        content = message.get("content")
        if not (content is None or isinstance(content, str | list)):
            raise RequestError(f"{where}.content must be a string or an array of parts.", param=f"{where}.content")
        if isinstance(content, list) and not all(isinstance(part, dict) for part in content):
            raise RequestError(f"{where}.content must hold objects.", param=f"{where}.content")
    return tuple(messages)


def _objects(data: dict[str, Any]) -> None:
    """Check the shape of the other fields that Steady itself looks into."""
    for name in ("response_format", "stream_options"):
        if not isinstance(data.get(name) or {}, dict):
            raise RequestError(f"{name} must be an object, not {_kind(data[name])}.", param=name)
    form = data.get("response_format") or {}
    if not isinstance(form.get("json_schema") or {}, dict):
        raise RequestError("response_format.json_schema must be an object.", param="response_format")
    tools = data.get("tools") or []
    if not (isinstance(tools, list) and all(isinstance(tool, dict) for tool in tools)):
        raise RequestError("tools must be an array of objects.", param="tools")


def _sampling(data: dict[str, Any]) -> tuple[Sampling, str]:
    values = {key: data.pop(key) for key in _SAMPLING & data.keys()}
    name = "max_tokens"
    if "max_completion_tokens" in data:
        values["max_tokens"], name = data.pop("max_completion_tokens"), "max_completion_tokens"
    if not values:
        return _UNSET, name
    if isinstance(values.get("stop"), str):
        values["stop"] = [values["stop"]]
    try:
        sampling = msgspec.convert(values, Sampling)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$.")
        field = path.strip("`").split("[")[0].split(".")[0]
        field = name if field == "max_tokens" else field
        raise RequestError(f"{field or 'sampling'}: {message}.", param=field or None) from error
    _in_range(sampling, name)
    return sampling, name


_UNSET = Sampling()
_RANGES = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "min_p": (0, 1),
    "frequency_penalty": (-2, 2),
    "presence_penalty": (-2, 2),
    "top_logprobs": (0, 20),
}


def _in_range(sampling: Sampling, name: str) -> None:
    for field, (low, high) in _RANGES.items():
        value = getattr(sampling, field)
        if value is not None and not low <= value <= high:
            raise RequestError(f"{field} must be from {low} to {high}, got {value:g}.", param=field)
    for field, shown in (("max_tokens", name), ("top_k", "top_k")):
        value = getattr(sampling, field)
        if value is not None and value < 1:
            raise RequestError(f"{shown} must be at least 1, got {value}.", param=shown)


def _options(body: Any, headers: Mapping[str, str]) -> Options:
    values: dict[str, Any] = {}
    for field in ("policy", "locale", "user", "explain", "decorated"):
        header = headers.get(f"x-steady-{field}")
        if header is not None:
            values[field] = header.lower() in _TRUE if field in {"explain", "decorated"} else header
    if body is None:
        return Options(**values) if values else _NO_OPTIONS
    if not isinstance(body, dict):
        raise RequestError(f"steady must be an object, not {_kind(body)}.", param="steady")
    for key in body:
        if key not in _OPTIONS:
            raise RequestError(f"steady.{key} is no option. {legal_words(key, _OPTIONS)}", param=f"steady.{key}")
    try:
        options = msgspec.convert(values | body, Options)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$.")
        field = f"steady.{path.strip('`')}" if path else "steady"
        raise RequestError(f"{field}: {message}.", param=field) from error
    if options.sampling is not None:
        _in_range(options.sampling, "max_tokens")
    return options


_NO_OPTIONS = Options()


def error_body(error: Exception) -> tuple[int, dict[str, Any], float | None]:
    """Return the status, the OpenAI error object, and Retry-After seconds that tell of an error."""
    if isinstance(error, AllCandidatesFailed):
        first = next((e for e in error.exceptions if isinstance(e, ProviderError)), None)
        if first is not None:
            return error_body(first)
    if isinstance(error, ProviderError):
        own = error.body or {"message": str(error), "type": error.type, "param": None, "code": error.code}
        return error.http_status, own, error.retry_after
    if isinstance(error, SteadyError):
        shown = {"message": str(error), "type": error.type, "param": error.param, "code": error.code}
        return error.status, shown, error.retry_after if isinstance(error, BusyError) else None
    shown = {
        "message": "Steady failed to handle this request.",
        "type": "server_error",
        "param": None,
        "code": "internal",
    }
    return 500, shown, None
