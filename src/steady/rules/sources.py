"""What an answer may rely on: the texts of a request's messages, by role."""

from collections.abc import Iterator, Sequence
from typing import Any

MAX_CONTEXT = 2_000_000  # characters of all sources together that are read, the latest first


def texts_of(messages: Sequence[dict[str, Any]], roles: Sequence[str]) -> list[tuple[str, str]]:
    """
    Return (role, text) of each text in messages of some roles, in order.

    Content is a string or a list of parts; of a part `text` (or `content`, if that is a string) is read. When there is
    more than `MAX_CONTEXT`, the earliest texts are left out.
    """
    out: list[tuple[str, str]] = []
    left = MAX_CONTEXT
    for message in reversed(messages):
        role = message.get("role") if isinstance(message, dict) else None
        if role not in roles:
            continue
        for text in reversed(list(_texts(message.get("content")))):
            if left <= 0:
                break
            out.append((str(role), text[:left]))
            left -= len(text)
    return out[::-1]


def _texts(content: Any) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    for part in content if isinstance(content, list) else ():
        for key in ("text", "content") if isinstance(part, dict) else ():
            if isinstance(part.get(key), str):
                yield part[key]
                break
