"""
What the embedded model is asked, made from an OpenAI body: pure.

llama.cpp's server takes many fields of its own (slots, caches, endless answers) that no client may reach, so only known
ones pass; the others are dropped. Its chat template ignores a forced tool, so that is asked for as JSON of the tool's
parameters and turned into `tool_calls` here.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from steady.errors import ProviderError

MAX_TOKENS = 512
"""Length of an answer where none is asked for: a small model's open answers often run to the context's end."""

TAKES = (
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "max_tokens",
    "min_p",
    "presence_penalty",
    "repeat_penalty",
    "seed",
    "stop",
    "temperature",
    "top_k",
    "top_logprobs",
    "top_p",
)
"""The fields of Sampling that llama.cpp takes."""

_PASSED = (*TAKES, "response_format", "grammar", "repeat_last_n", "typical_p")
_ENDLESS = 0xFFFFFFFF  # llama.cpp's seed for "draw one"; no request's own seed may be that


class Forced(NamedTuple):
    """Tools of which one must be called."""

    functions: tuple[dict[str, Any], ...]  # each with a `name`

    @property
    def schema(self) -> dict[str, Any]:
        """What the model writes: one tool's arguments, or `{name, arguments}` where it has a choice."""
        if len(self.functions) == 1:
            return _parameters(self.functions[0])
        return {
            "anyOf": [
                {
                    "type": "object",
                    "properties": {"name": {"const": function["name"]}, "arguments": _parameters(function)},
                    "required": ["name", "arguments"],
                    "additionalProperties": False,
                }
                for function in self.functions
            ]
        }


class Asked(NamedTuple):
    """What llama.cpp is sent, and how its answer is to be read."""

    body: dict[str, Any]
    forced: Forced | None
    usage: bool  # whether a stream ends with usage


def ask(body: dict[str, Any], number: int = 0) -> Asked:
    """
    Return what llama.cpp is asked for choice `number` of an OpenAI body.

    Raises:
        ProviderError: Status 400, for what the model can't take: parts that are no text, an unknown forced tool, a
            length that is no positive whole number, both a grammar and a format.
    """
    forced = _forced(body)
    asked = {key: body[key] for key in _PASSED if body.get(key) is not None}
    asked["messages"] = _messages(body.get("messages"))
    asked["max_tokens"] = _length(body)
    seed = asked.get("seed")
    if isinstance(seed, int):
        asked["seed"] = (seed + number) % _ENDLESS
    if isinstance(asked.get("stop"), tuple):
        asked["stop"] = list(asked["stop"])
    if forced is not None:
        asked.pop("grammar", None)
        asked["response_format"] = {"type": "json_schema", "json_schema": {"name": "call", "schema": forced.schema}}
        asked["messages"] = _instructed(asked["messages"], forced)
    elif "grammar" in asked and _constrains(asked.get("response_format")):
        raise _bad("the embedded model takes `grammar` or `response_format`, not both")
    # Every call streams, since only a streaming call can be stopped.
    asked |= {"stream": True, "stream_options": {"include_usage": True}, "n": 1}
    return Asked(asked, forced, bool((body.get("stream_options") or {}).get("include_usage")))


def choices_asked(body: dict[str, Any]) -> int:
    """Return a body's `n`. Raises ProviderError (400) unless it is from 1 to 64."""
    n = body.get("n")
    if n is None:
        return 1
    if not isinstance(n, int) or isinstance(n, bool) or not 1 <= n <= 64:
        raise _bad(f"`n` must be from 1 to 64, got {n!r}")
    return n


def called(completion: dict[str, Any], forced: Forced) -> dict[str, Any]:
    """Return a completion whose text is a forced call as one with `tool_calls`."""
    return {**completion, "choices": [_called(choice, completion, forced) for choice in completion["choices"]]}


def merged(completions: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return several answers to one prompt as one completion; the prompt counts once, as OpenAI bills it."""
    if len(completions) == 1:
        return completions[0]
    choices = [{**one["choices"][0], "index": index} for index, one in enumerate(completions)]
    usage = dict(completions[0].get("usage") or {})
    usage["completion_tokens"] = sum((one.get("usage") or {}).get("completion_tokens", 0) for one in completions)
    usage["total_tokens"] = usage.get("prompt_tokens", 0) + usage["completion_tokens"]
    return {**completions[0], "choices": choices, "usage": usage}


def _called(choice: dict[str, Any], completion: dict[str, Any], forced: Forced) -> dict[str, Any]:
    text = choice["message"].get("content") or ""
    name, arguments = forced.functions[0]["name"], text
    if len(forced.functions) > 1:
        try:
            picked = json.loads(text)
            name, arguments = picked["name"], json.dumps(picked["arguments"], ensure_ascii=False)
        except (ValueError, KeyError, TypeError):
            return choice  # cut off before it was whole: the text says more than an invented call
    number = choice.get("index", 0)
    made = hashlib.sha256(f"{completion.get('id')}/{number}".encode()).hexdigest()[:24]
    call = {"id": f"call_{made}", "type": "function", "function": {"name": name, "arguments": arguments}}
    reason = "tool_calls" if choice.get("finish_reason") == "stop" else choice.get("finish_reason")
    return {**choice, "message": {**choice["message"], "content": None, "tool_calls": [call]}, "finish_reason": reason}


def _forced(body: dict[str, Any]) -> Forced | None:
    choice = body.get("tool_choice")
    if choice in (None, "auto", "none"):
        return None
    functions = {
        tool["function"]["name"]: tool["function"]
        for tool in body.get("tools") or ()
        if isinstance(tool, dict) and isinstance(tool.get("function"), dict) and tool["function"].get("name")
    }
    if not functions:
        raise _bad("`tool_choice` asks for a call, and `tools` names no function")
    if choice == "required":
        return Forced(tuple(functions.values()))
    name = (choice.get("function") or {}).get("name") if isinstance(choice, dict) else None
    if name not in functions:
        raise _bad(f"`tool_choice` names {name!r}; the tools are {', '.join(sorted(functions))}")
    return Forced((functions[name],))


def _parameters(function: dict[str, Any]) -> dict[str, Any]:
    return function.get("parameters") or {"type": "object", "properties": {}, "additionalProperties": False}


def _instructed(messages: list[dict[str, Any]], forced: Forced) -> list[dict[str, Any]]:
    """Tell the model which tools there are, at the end of the system message."""
    lines = [
        f"{function['name']}: {function.get('description') or 'a function'} "
        f"Arguments: {json.dumps(_parameters(function), ensure_ascii=False)}"
        for function in forced.functions
    ]
    what = "the arguments" if len(lines) == 1 else "the name and the arguments"
    text = f"Call this function. Answer with {what} as JSON, nothing else.\n" + "\n".join(lines)
    if messages[0]["role"] == "system" and isinstance(messages[0]["content"], str):
        return [{**messages[0], "content": f"{messages[0]['content']}\n\n{text}"}, *messages[1:]]
    return [{"role": "system", "content": text}, *messages]


def _messages(given: Any) -> list[dict[str, Any]]:
    if not isinstance(given, (list, tuple)) or not given:
        raise _bad("`messages` must be a list of at least one message")
    return [_message(message, index) for index, message in enumerate(given)]


def _message(message: Any, index: int) -> dict[str, Any]:
    """Keep what the template reads: the role and the text. Past tool calls are told as text."""
    if not isinstance(message, dict) or not isinstance(message.get("role"), str):
        raise _bad(f"`messages[{index}]` must be an object with a role")
    text = _text(message.get("content"), f"messages[{index}].content")
    for call in message.get("tool_calls") or ():
        told = json.dumps(call.get("function") if isinstance(call, dict) else call, ensure_ascii=False)
        text = f"{text}\n{told}" if text else told
    # Half an emoji is legal in JSON and in Python, and not in UTF-8.
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    role = {"developer": "system", "function": "tool"}.get(message["role"], message["role"])
    return {"role": role, "content": text}


def _text(content: Any, where: str) -> str:
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if not isinstance(content, (list, tuple)):
        raise _bad(f"`{where}` must be a text or a list of parts")
    return "\n".join(_part(part, f"{where}[{index}]") for index, part in enumerate(content))


def _part(part: Any, where: str) -> str:
    kind = part.get("type") if isinstance(part, dict) else None
    text = part.get(kind) if isinstance(part, dict) and kind in ("text", "refusal") else None
    if isinstance(text, str):
        return text
    raise _bad(f"the embedded model takes text only, `{where}` is {kind or 'no part'!r}; use another model for it")


def _length(body: dict[str, Any]) -> int:
    given = [body[name] for name in ("max_completion_tokens", "max_tokens") if body.get(name) is not None]
    if not given:
        return MAX_TOKENS
    if not isinstance(given[0], int) or isinstance(given[0], bool) or given[0] < 1:
        raise _bad(f"`max_tokens` must be a whole number of at least 1, got {given[0]!r}")
    return given[0]


def _constrains(response_format: Any) -> bool:
    return response_format is not None and not (
        isinstance(response_format, dict) and response_format.get("type") == "text"
    )


def _bad(message: str) -> ProviderError:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": "invalid_value"}
    return ProviderError(message, status=400, body=error)
