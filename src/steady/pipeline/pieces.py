"""
Where text is, in a candidate or in the input, and how a changed text is put back.

Every string of a choice that a client would see is a piece, under known names and unknown ones alike: a field that a
provider invents tomorrow is looked at as `reasoning`, so that no rule can be skipped by a new name. Ids, names, types
and signatures are no text and travel untouched.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from steady.types import Candidate, Piece, Shape

Path = tuple[str | int, ...]

# Keys whose string is an identifier or a tag. `data` is encrypted reasoning or media: opaque, and not to be changed.
_NO_TEXT = frozenset(
    {"id", "type", "role", "name", "index", "object", "model", "signature", "data", "format", "finish_reason",
     "tool_call_id", "call_id", "encrypted_content", "native_finish_reason", "stop_reason", "thought_signature"}
)  # fmt: skip
_SIGNATURES = ("signature", "thought_signature", "encrypted_content")
_MAX_DEPTH = 32


def pieces_of(choice: dict[str, Any]) -> tuple[Piece, ...]:
    """Return every text of a choice: the answer first, then tool arguments, then all else as reasoning."""
    message = choice.get("message") or {}
    answer = list(_answer(message))
    arguments = list(_arguments(message))
    known = {piece.path for piece in [*answer, *arguments]}
    if isinstance(message.get("content"), list):
        known |= {("message", "content", i, "text") for i in _parts(message["content"])}
    calls = {piece.path for piece in arguments}
    rest = [
        Piece("reasoning", path, text, signed=signed)
        for path, text, signed in _strings(choice, (), signed=False)
        if path not in known and path[0] != "logprobs" and not any(path[:i] in calls for i in range(3, len(path)))
    ]
    return (*answer, *arguments, *rest, *_joined(rest))


def _joined(rest: Sequence[Piece]) -> Iterator[Piece]:
    """
    Yield reasoning that comes in blocks as the one text that a reader sees: a stream may cut a word in two of them.

    It lies in several places, so no fix can be written back: it counts as signed, and is withheld whole.
    """
    blocks: dict[tuple[Path, Path], list[str]] = {}
    for piece in rest:
        name = str(piece.path[1]) if len(piece.path) > 1 else ""
        at = next((i for i, step in enumerate(piece.path) if isinstance(step, int)), 0)
        if at and ("reason" in name or "think" in name):
            blocks.setdefault((piece.path[:at], piece.path[at + 1 :]), []).append(piece.text)
    for (path, _), texts in blocks.items():
        if len(texts) > 1:
            yield Piece("reasoning", path, "".join(texts), signed=True)


def _answer(message: dict[str, Any]) -> Iterator[Piece]:
    content = message.get("content")
    if isinstance(content, str):
        yield Piece("answer", ("message", "content"), content)
    elif isinstance(content, list):
        texts = _parts(content)
        if len(texts) == 1:
            yield from (Piece("answer", ("message", "content", i, "text"), text) for i, text in texts.items())
        elif texts:  # a reader sees one text, so a fix writes one
            yield Piece("answer", ("message", "content"), "".join(texts.values()))
    if isinstance(message.get("refusal"), str):
        yield Piece("answer", ("message", "refusal"), message["refusal"])


def _parts(content: list[Any]) -> dict[int, str]:
    """Return the text parts of a content, by their place."""
    return {i: p["text"] for i, p in enumerate(content) if isinstance(p, dict) and isinstance(p.get("text"), str)}


def _arguments(message: dict[str, Any]) -> Iterator[Piece]:
    """Yield the arguments of every call. A call whose arguments are no text is judged all the same, as JSON."""
    calls = message.get("tool_calls") or []
    for i, call in enumerate(calls if isinstance(calls, list) else [calls]):
        found = False
        for kind, field in (("function", "arguments"), ("custom", "input")):
            body = call.get(kind) if isinstance(call, dict) else None
            if isinstance(body, dict):
                found = True
                yield _said_to_tool(body, field, ("message", "tool_calls", i, kind, field))
        if not found:  # of a type that is not known: no rule may be skipped by a new name
            yield Piece("tool_arguments", ("message", "tool_calls", i), _as_json(call))
    legacy = message.get("function_call")
    if isinstance(legacy, dict):
        yield _said_to_tool(legacy, "arguments", ("message", "function_call", "arguments"))


def _said_to_tool(body: dict[str, Any], field: str, path: Path) -> Piece:
    said = body.get(field)
    text = said if isinstance(said, str) else "{}" if said is None else _as_json(said)
    return Piece("tool_arguments", path, text, name=str(body.get("name", "")))


def _as_json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (RecursionError, ValueError):
        return ""  # too deep to be released under a rule, see `too_deep`


def _strings(node: Any, path: Path, *, signed: bool) -> Iterator[tuple[Path, str, bool]]:
    if len(path) > _MAX_DEPTH:
        return
    if isinstance(node, dict):
        signed = signed or any(node.get(key) for key in _SIGNATURES)
        for key, value in node.items():
            if isinstance(value, str):
                if key not in _NO_TEXT:
                    yield (*path, key), value, signed
            elif isinstance(value, dict | list):
                yield from _strings(value, (*path, key), signed=signed)
    elif isinstance(node, list):
        for i, value in enumerate(node):
            if isinstance(value, str):
                yield (*path, i), value, signed
            elif isinstance(value, dict | list):
                yield from _strings(value, (*path, i), signed=signed)


def too_deep(choice: dict[str, Any]) -> bool:
    """Whether the choice nests deeper than rules look; such a choice is never released under a rule."""
    stack: list[tuple[Any, int]] = [(choice, 0)]
    while stack:
        node, depth = stack.pop()
        if depth > _MAX_DEPTH:
            return True
        children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        stack += [(child, depth + 1) for child in children if isinstance(child, dict | list)]
    return False


def with_texts(choice: dict[str, Any], changed: dict[Path, str]) -> dict[str, Any]:
    """Return a copy of `choice` with the texts at these paths replaced. Token logprobs, which spell the old, go."""
    if not changed:
        return choice
    new = _copied(choice, [()], changed)
    if new.get("logprobs") is not None:
        new["logprobs"] = None
    return dict(new)


def _copied(node: Any, at: list[Path], changed: dict[Path, str]) -> Any:
    path = at[0]
    if path in changed:
        return changed[path]
    if not any(other[: len(path)] == path for other in changed):
        return node
    if isinstance(node, dict):
        return {key: _copied(value, [(*path, key)], changed) for key, value in node.items()}
    if isinstance(node, list):
        return [_copied(value, [(*path, i)], changed) for i, value in enumerate(node)]
    return node


def without(choice: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return a copy without the block that holds `path`: the innermost list item around it, else its key."""
    cut = max((i for i, step in enumerate(path) if isinstance(step, int)), default=len(path) - 1)
    return dict(_removed(choice, path[: cut + 1]))


def _removed(node: Any, path: Path) -> Any:
    head, rest = path[0], path[1:]
    if isinstance(node, dict):
        if not rest:
            return {key: value for key, value in node.items() if key != head}
        return {key: _removed(value, rest) if key == head else value for key, value in node.items()}
    if not rest:
        return [value for i, value in enumerate(node) if i != head]
    return [_removed(value, rest) if i == head else value for i, value in enumerate(node)]


def shape_of(choice: dict[str, Any]) -> Shape:
    """Return what sort of answer this is, which is voted on before its content."""
    message = choice.get("message") or {}
    calls = bool(message.get("tool_calls") or message.get("function_call"))
    if message.get("refusal"):
        return "refusal"
    text = any(piece.text.strip() for piece in _answer(message))
    if calls:
        return "both" if text else "tool_calls"
    return "text" if text else "empty"


def answer_text(choice: dict[str, Any]) -> str:
    """Return the answer's text, parts joined; "" if there is none."""
    return "".join(piece.text for piece in _answer(choice.get("message") or {}))


def calls_text(choice: dict[str, Any]) -> str:
    """Return the tool calls as one canonical JSON text: names and arguments, in order, without ids."""
    calls: list[Any] = []
    for piece in _arguments(choice.get("message") or {}):
        try:
            arguments = msgspec.json.decode(piece.text)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            arguments = piece.text.encode("utf-8", "backslashreplace").decode()
        calls.append([piece.name, arguments])
    return msgspec.json.encode(calls, order="sorted").decode()


class InputText(NamedTuple):
    """One text of the messages, with the place of its message."""

    message: int
    piece: Piece


def input_pieces(messages: Sequence[dict[str, Any]], *, scope: str, roles: Sequence[str] | None) -> list[InputText]:
    """
    Return the texts of the messages that an input rule looks at.

    Args:
        messages: The cleaned conversation.
        scope: "turn": what came after the last assistant answer, tool results included; "conversation": all of it.
        roles: The roles looked at; None: all but system and developer.
    """
    start = 0
    if scope == "turn":
        asked = len(messages)  # an assistant message at the very end begins the answer; it ends no turn
        while asked and messages[asked - 1].get("role") == "assistant":
            asked -= 1
        before = enumerate(messages[:asked])
        answers = (i for i, m in before if m.get("role") == "assistant" and not m.get("tool_calls"))
        start = max(answers, default=-1) + 1
    found: list[InputText] = []
    for i, message in enumerate(messages):
        role = str(message.get("role", ""))
        looked_at = role in roles if roles is not None else role not in {"system", "developer", "assistant"}
        if i < start or not looked_at:
            continue
        content = message.get("content")
        if isinstance(content, str):
            found.append(InputText(i, Piece("input", ("content",), content, name=role)))
        for j, part in enumerate(content if isinstance(content, list) else ()):
            if isinstance(part, dict) and isinstance(part.get("text"), str):
                found.append(InputText(i, Piece("input", ("content", j, "text"), part["text"], name=role)))
    return found


def with_input_texts(message: dict[str, Any], changed: dict[Path, str]) -> dict[str, Any]:
    """Return a copy of a message with the texts at these paths replaced."""
    return dict(_copied(message, [()], changed))


def prompt_tokens(messages: Sequence[dict[str, Any]]) -> int:
    """Return a pure estimate of the prompt's tokens: a token for each four bytes of text, and four a message."""
    total = 0
    for message in messages:
        content = message.get("content")
        if isinstance(content, str):
            total += len(content.encode("utf-8", "replace"))
        for part in content if isinstance(content, list) else ():
            if isinstance(part, dict):
                total += len(str(part.get("text", "")).encode("utf-8", "replace"))
    return total // 4 + 4 * len(messages)


def digest(text: str) -> str:
    """Return a short content hash, for journal keys: the same text is asked about once."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def asked_as(piece: Piece) -> str:
    """Return the hash under which a piece is asked about once: what a tool is told is another text for each tool."""
    told = f"{piece.surface}\0{piece.name}\0" if piece.surface != "answer" else ""
    return digest(told + piece.text)


def truncated(candidate: Candidate) -> bool:
    """Whether the answer was cut off; such an answer does not vote."""
    return candidate.choice.get("finish_reason") in {"length", "content_filter"}
