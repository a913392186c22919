"""
Streams as data: what chunks add up to, and how a decided answer is cut into chunks.

Both are pure, and `assemble(split(x, size=n)) == x` for a completion whose messages have a role and a content. What the
format leaves open follows what upstreams send: OpenAI's streaming reference, and the extra fields of vLLM, OpenRouter
and Anthropic behind gateways (`reasoning`, `reasoning_content`, `reasoning_details`).
"""

from collections.abc import Iterable, Iterator
from typing import Any

_ON_EVERY_CHUNK = ("id", "created", "model", "system_fingerprint", "service_tier")
_SET_ONCE = frozenset({"role", "id", "type", "index", "format"})  # repeated by some upstreams; never in pieces


def assemble(chunks: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """
    Return the chat.completion that a sequence of chat.completion.chunk objects adds up to.

    Choices come in the order of their index. Of the envelope's fields the first id, created and model hold, of all
    others the last that is not null. Text pieces are joined, tool calls are put together by their index, unknown fields
    of a delta are merged by their type: texts joined, objects merged, lists extended, anything else replaced.
    """
    envelope: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    for chunk in chunks:
        for key, value in chunk.items():
            if key == "choices" or (envelope.get(key) is not None and (value is None or key in _ON_EVERY_CHUNK)):
                continue
            envelope[key] = value
        for part in chunk.get("choices") or ():
            _add_choice(choices.setdefault(part.get("index") or 0, {}), part)
    ordered = [_finished(index, choices[index]) for index in sorted(choices)]
    return {**envelope, "object": "chat.completion", "choices": ordered}


def _finished(index: int, choice: dict[str, Any]) -> dict[str, Any]:
    message = {"role": "assistant", "content": None, **choice.get("message", {})}
    calls = message.get("tool_calls")
    if isinstance(calls, dict):
        message["tool_calls"] = [calls[at] for at in sorted(calls)]
    return {"finish_reason": None, **choice, "index": index, "message": message}


def _add_choice(choice: dict[str, Any], part: dict[str, Any]) -> None:
    for key, value in part.items():
        if key == "delta":
            _add_delta(choice.setdefault("message", {}), value or {})
        elif key == "logprobs" and isinstance(value, dict):
            choice[key] = _merge(choice.get(key), value)
        elif value is not None or key not in choice:
            choice[key] = value


def _add_delta(message: dict[str, Any], delta: dict[str, Any]) -> None:
    for key, value in delta.items():
        if key == "tool_calls" and value:
            calls = message[key] = message.get(key) or {}  # by index until the end, since they may come in any order
            for place, piece in enumerate(value):
                _add_call(calls, piece, place)
        elif key in _SET_ONCE and message.get(key):
            continue
        elif value is not None or key not in message:
            message[key] = _merge(message.get(key), value)


def _add_call(calls: dict[int, dict[str, Any]], piece: dict[str, Any], place: int) -> None:
    index = piece.get("index")
    if not isinstance(index, int):  # Gemini's compatible endpoint sends none: an unknown id is a new call
        known = [at for at, call in calls.items() if call.get("id") == piece.get("id")]
        index = known[0] if known else max(calls, default=-1) + 1 if piece.get("id") else place
    call = calls.setdefault(index, {})
    for key, value in piece.items():
        if key == "index" or value is None or (key in _SET_ONCE and call.get(key)):
            continue
        if key == "function" and isinstance(value, dict) and isinstance(call.get(key), dict):
            name = value.get("name")
            value = {k: v for k, v in value.items() if k != "name" or name != call[key].get("name")}  # sent again whole
        call[key] = _merge(call.get(key), value)


def _merge(old: Any, new: Any) -> Any:
    """Return `old` with one more piece of the same field; never changes its arguments."""
    if old is None or new is None:
        return old if new is None else new
    if isinstance(old, str) and isinstance(new, str):
        return old + new
    if isinstance(old, dict) and isinstance(new, dict):
        merged = dict(old)
        for key, value in new.items():
            if not (key in _SET_ONCE and merged.get(key) is not None):
                merged[key] = _merge(merged.get(key), value)
        return merged
    if isinstance(old, list) and isinstance(new, list):
        return _merge_lists(old, new)
    return new


def _merge_lists(old: list[Any], new: list[Any]) -> list[Any]:
    merged = list(old)
    for item in new:
        index = item.get("index") if isinstance(item, dict) else None
        same = [at for at, have in enumerate(merged) if isinstance(have, dict) and have.get("index") == index]
        if index is not None and same:
            merged[same[0]] = _merge(merged[same[0]], item)
        else:
            merged.append(item)
    return merged


def split(completion: dict[str, Any], *, size: int | None = None) -> Iterator[dict[str, Any]]:
    """
    Yield the chat.completion.chunk objects of a decided answer, choice after choice.

    For each choice: the role (with its logprobs), reasoning, content, refusal, tool calls, every other field of the
    message whole, then the finish reason with the choice's other fields. `usage` comes last, in a chunk without
    choices; unknown fields of the envelope ride on the last chunk.

    Args:
        completion: A chat.completion; left unchanged.
        size: Characters (code points) in one text piece, at least 1; None: each text in one piece.

    Raises:
        ValueError: If `size` is below 1.
    """
    if size is not None and size < 1:
        raise ValueError(f"size must be at least 1, got {size}.")
    base: dict[str, Any] = {"id": completion.get("id", ""), "object": "chat.completion.chunk"}
    base |= {key: completion[key] for key in _ON_EVERY_CHUNK if key in completion}
    rest = {k: v for k, v in completion.items() if k not in base and k not in ("choices", "usage")}
    parts = [part for choice in completion.get("choices") or () for part in _parts(choice, size)]
    closing = "usage" in completion or not parts
    for number, part in enumerate(parts, 1):
        last = rest if number == len(parts) and not closing else {}
        yield {**base, "choices": [part], **last}
    if closing:
        usage = {"usage": completion["usage"]} if "usage" in completion else {}
        yield {**base, "choices": [], **usage, **rest}


def _parts(choice: dict[str, Any], size: int | None) -> Iterator[dict[str, Any]]:
    index, message = choice.get("index", 0), choice.get("message") or {}
    logprobs = {"logprobs": choice["logprobs"]} if "logprobs" in choice else {}
    opening: dict[str, Any] = {"role": message.get("role", "assistant")}
    texts: list[dict[str, Any]] = []
    whole: dict[str, Any] = {}
    for key, value in sorted(message.items(), key=lambda item: _ORDER.get(item[0], 9)):
        if key == "role":
            continue
        if isinstance(value, str) and key not in _SET_ONCE:
            opening |= {key: ""} if key == "content" or not value else {}
            texts += [{key: piece} for piece in _pieces(value, size)]
        elif value is None or value == []:
            opening[key] = value
        elif key == "tool_calls":
            texts += [{key: [piece]} for at, call in enumerate(value) for piece in _call_pieces(at, call, size)]
        else:
            whole[key] = value
    yield {"index": index, "delta": opening, **logprobs, "finish_reason": None}
    for delta in [*texts, *([whole] if whole else [])]:
        yield {"index": index, "delta": delta, "finish_reason": None}
    rest = {k: v for k, v in choice.items() if k not in ("index", "message", "logprobs", "finish_reason")}
    yield {"index": index, "delta": {}, "finish_reason": choice.get("finish_reason"), **rest}


_ORDER = {"reasoning": 0, "reasoning_content": 0, "content": 1, "refusal": 2, "tool_calls": 3}


def _pieces(text: str, size: int | None) -> Iterator[str]:
    step = size or len(text) or 1
    for at in range(0, len(text), step):
        yield text[at : at + step]


def _call_pieces(index: int, call: dict[str, Any], size: int | None) -> Iterator[dict[str, Any]]:
    function = call.get("function")
    arguments = function.get("arguments") if isinstance(function, dict) else None
    if not isinstance(function, dict) or not isinstance(arguments, str):
        yield {**call, "index": index}
        return
    yield {**call, "index": index, "function": {**function, "arguments": ""}}
    for piece in _pieces(arguments, size):
        yield {"index": index, "function": {"arguments": piece}}
