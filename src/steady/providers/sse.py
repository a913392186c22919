"""Server-sent events, read as they arrive: WHATWG HTML section 9.2.6, on bytes, so that no character is ever cut."""

import re
from collections.abc import Iterator
from typing import NamedTuple

_LINE = re.compile(rb"\r\n|\n|\r")


class Event(NamedTuple):
    """One event: its name ("" if it has none) and its data, lines joined by a newline."""

    name: str
    data: bytes


class TooLong(ValueError):
    """An event is larger than the reader's limit."""


class Events:
    """
    An incremental reader: feed it what arrives, cut anywhere, and it gives the events that are complete.

    Lines may end in LF, CR or CRLF; comments, `id` and `retry` are passed over; a byte order mark is too.

    Args:
        limit: The most bytes of one event.
    """

    def __init__(self, limit: int = 8 * 2**20) -> None:
        self._limit = limit
        self._rest = b""
        self._data: list[bytes] = []
        self._size = 0
        self._name = ""
        self._began = False

    def feed(self, piece: bytes) -> Iterator[Event]:
        """Yield the events that `piece` completes. Raises TooLong."""
        text = self._rest + piece
        if not self._began and len(text) >= 3:
            text, self._began = text.removeprefix(b"\xef\xbb\xbf"), True
        held = b""
        if text.endswith(b"\r"):  # the LF of a CRLF may be in the next piece
            text, held = text[:-1], b"\r"
        lines = text.split(b"\n") if b"\r" not in text else _LINE.split(text)
        self._rest = lines.pop() + held
        if len(self._rest) + self._size > self._limit:
            raise TooLong(f"an event of more than {self._limit} bytes")
        for line in lines:
            event = self._take(line)
            if event:
                yield event

    def end(self) -> Iterator[Event]:
        """Yield what is left when the connection ended: some upstreams leave the last blank line out."""
        lines = [self._rest.removesuffix(b"\r"), b""]
        self._rest = b""
        for line in lines:
            event = self._take(line)
            if event:
                yield event

    def _take(self, line: bytes) -> Event | None:
        if not line:
            event = Event(self._name, b"\n".join(self._data)) if self._data else None
            self._data, self._name, self._size = [], "", 0
            return event
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
            self._size += len(value)
            if self._size > self._limit:
                raise TooLong(f"an event of more than {self._limit} bytes")
        elif field == b"event":
            self._name = value.decode("utf-8", "replace")
        return None
