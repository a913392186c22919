"""The thin part of ASGI that the hot path needs: headers, a bounded body, one response."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import msgspec

from steady.errors import TooLargeError

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Header = tuple[bytes, bytes]

JSON_TYPE: Header = (b"content-type", b"application/json")
_encode: Callable[[Any], bytes] = msgspec.json.Encoder().encode


class Gone(Exception):
    """The client hung up."""


def headers_of(scope: Scope) -> dict[str, str]:
    """Return the request's headers, names in lower case. Bytes beyond Latin-1 can't occur."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


async def read_body(scope: Scope, receive: Receive, most: int) -> bytes:
    """Return the whole body. Raises TooLargeError over `most` bytes, Gone if the client hung up."""
    length = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    if length.isdigit() and int(length) > most:
        raise TooLargeError(f"The body has {int(length):,} bytes; at most {most:,} are taken (server.max_body).")
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        body += bytes(message.get("body", b""))
        if len(body) > most:
            raise TooLargeError(f"The body has more than {most:,} bytes (server.max_body).")
        if not message.get("more_body"):
            return body


async def respond(send: Send, status: int, body: bytes, headers: Iterable[Header] = ()) -> None:
    """Send one whole response."""
    sized = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": sized})
    await send({"type": "http.response.body", "body": body})


def to_json(value: Any) -> bytes:
    """Encode; a lone surrogate, which JSON can carry but UTF-8 can't, is replaced rather than an answer lost."""
    try:
        return _encode(value)
    except UnicodeEncodeError:
        return _encode(_whole(value))


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_whole(key): _whole(item) for key, item in value.items()}
    return [_whole(item) for item in value] if isinstance(value, list | tuple) else value
