"""
What of a request is stored apart from its receipt: long texts once by content, media by hash and size only.

A conversation of ten turns sends its first message ten times; it is stored once. The places are kept in the receipt
beside the request, never inside a message, so that no message can be mistaken for a reference.
"""

import binascii
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from msgspec import structs

from steady.records.codec import Ref
from steady.types import Request

SMALLEST = 512
"""Bytes from which a text is stored by content; below, a reference saves nothing."""

WHOLE = -1
_MEDIA_FIELDS = frozenset(("data", "file_data"))


def take_out(request: Request) -> tuple[Request, tuple[Ref, ...], dict[bytes, bytes]]:
    """Return the request without its long texts and media, where the texts were, and the texts by sha256."""
    texts: dict[bytes, bytes] = {}
    refs: list[Ref] = []
    messages = list(request.messages)
    changed = False
    for index, message in enumerate(messages):
        content = message.get("content")
        if type(content) is str:
            shorter: Any = _short(content, Ref(index, WHOLE, b""), refs, texts)
        elif type(content) is list:
            shorter = _parts(content, index, refs, texts)
        else:
            continue
        if shorter is not content:
            messages[index] = {**message, "content": shorter}
            changed = True
    if not changed:
        return request, (), texts
    return structs.replace(request, messages=tuple(messages)), tuple(refs), texts


def _short(text: str, place: Ref, refs: list[Ref], texts: dict[bytes, bytes]) -> str:
    if len(text) * 4 < SMALLEST:  # no text has more than 4 bytes a character
        return text
    body = text.encode("utf-8", "surrogatepass")
    if len(body) < SMALLEST:
        return text
    digest = sha256(body).digest()
    texts[digest] = body
    refs.append(place._replace(hash=digest))
    return ""


def _parts(content: list[Any], index: int, refs: list[Ref], texts: dict[bytes, bytes]) -> list[Any]:
    out = list(content)
    for number, part in enumerate(content):
        if not isinstance(part, dict):
            continue
        text = part.get("text")
        if type(text) is str:
            shorter = _short(text, Ref(index, number, b""), refs, texts)
            out[number] = part if shorter is text else {**part, "text": shorter}
        else:
            out[number] = {name: _without_media(value) for name, value in part.items()}
    return out


def _without_media(value: Any) -> Any:
    """Return one field of a content part: {"url": "data:..."} -> {"media": {"sha256": ..., "bytes": ...}}."""
    if type(value) is str and value.startswith("data:"):
        return {"media": media(value)}
    if type(value) is not dict:
        return value
    for name, item in value.items():
        if type(item) is str and (item.startswith("data:") or name in _MEDIA_FIELDS):
            return {**{k: v for k, v in value.items() if k != name}, "media": media(item)}
    return value


def media(text: str) -> dict[str, Any]:
    """Return hash and size of a data URI or base64 text: of the bytes it stands for, else of the text itself."""
    head, comma, tail = text.partition(",")
    data = tail if comma and head.startswith("data:") else text
    try:
        body = binascii.a2b_base64(data.encode("ascii"))
    except (UnicodeEncodeError, binascii.Error):
        body = text.encode("utf-8", "surrogatepass")
    return {"sha256": sha256(body).hexdigest(), "bytes": len(body)}


def put_back(request: Request, refs: tuple[Ref, ...], read: Callable[[bytes], bytes]) -> Request:
    """Return the request with its long texts in place. `read` gives a text by its hash and may raise."""
    if not refs:
        return request
    messages = list(request.messages)
    for ref in refs:
        text = read(ref.hash).decode("utf-8", "surrogatepass")
        message = dict(messages[ref.message])
        if ref.part == WHOLE:
            message["content"] = text
        else:
            parts = list(message["content"])
            parts[ref.part] = {**parts[ref.part], "text": text}
            message["content"] = parts
        messages[ref.message] = message
    return structs.replace(request, messages=tuple(messages))
