"""
Whole answers over HTTP/1.1 with the least work: keep-alive connections, parsed by httptools.

The hot path of every gateway is this one exchange, and a general client costs more than all else that Steady does for a
pass-through (docs/decisions/0001-http-stack.md). So this knows only what that exchange needs: a request that is known
whole, an answer that is read whole, a bound in time and in bytes, and a connection closed at once when its call is
cancelled. Streams, proxies and everything else stay with aiohttp.
"""

import asyncio
import ssl as tls
from collections.abc import Mapping
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import httptools

MOST_IDLE = 64  # connections kept for later; a burst's others are closed when they are done
IDLE_SECONDS = 60.0


class Whole(NamedTuple):
    """One answer. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HungUp(Exception):
    """The connection ended before the answer did. `begun`: part of the answer had arrived."""

    def __init__(self, *, begun: bool) -> None:
        super().__init__()
        self.begun = begun


class NoHttp(Exception):
    """What came back is no HTTP/1.1 answer."""


class TooLong(Exception):
    """The answer is larger than the cap."""

    def __init__(self, status: int) -> None:
        super().__init__()
        self.status = status


class ConnectTimeout(Exception):
    """No connection in time."""


class _Connection(asyncio.Protocol):
    """One connection; one exchange at a time."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiter: asyncio.Future[Whole] | None = None
        self.transport: asyncio.Transport | None = None
        self.open = False
        self.idle_since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport, self.open = transport, True  # type: ignore[assignment]

    def begin(self, request: bytes, waiter: "asyncio.Future[Whole]") -> None:
        """Send a request; its answer, or why there is none, goes to `waiter`."""
        self._waiter = waiter
        self._parser = httptools.HttpResponseParser(self)
        self._headers: dict[str, str] = {}
        self._parts: list[bytes] = []
        self._size, self._begun, self._headed = 0, False, False
        assert self.transport is not None
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self._waiter is None:  # bytes that nobody asked for: the peer is confused, and nothing after is trusted
            self.drop()
            return
        self._begun = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            cause = error.__context__
            self._fail(cause if isinstance(cause, TooLong) else NoHttp())

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self._headed = True
        length = self._headers.get("content-length", "")
        if length.isdigit() and int(length) > self._most:
            raise TooLong(self._parser.get_status_code())

    def on_body(self, body: bytes) -> None:
        self._size += len(body)
        if self._size > self._most:
            raise TooLong(self._parser.get_status_code())
        self._parts.append(body)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:  # an interim answer: the real one follows
            self._headers, self._parts, self._headed = {}, [], False
            return
        self._done(status)

    def _done(self, status: int) -> None:
        waiter, self._waiter = self._waiter, None
        if not self._parser.should_keep_alive():
            self.drop()
        if waiter is not None and not waiter.done():
            body = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
            waiter.set_result(Whole(status, self._headers, body))

    def connection_lost(self, error: Exception | None) -> None:
        self.open = False
        if self._waiter is None:
            return
        unsized = not ({"content-length", "transfer-encoding"} & self._headers.keys())
        if self._headed and unsized and error is None:  # an answer without a length ends with its connection
            self._done(self._parser.get_status_code())
            return
        self._fail(HungUp(begun=self._begun))

    def _fail(self, error: Exception) -> None:
        waiter, self._waiter = self._waiter, None
        self.drop()
        if waiter is not None and not waiter.done():
            waiter.set_exception(error)

    def drop(self) -> None:
        """Close the connection now; nothing in flight is waited for."""
        self.open = False
        self._waiter = None
        if self.transport is not None:
            self.transport.abort()


class Http1:
    """
    Connections to one host, kept per event loop.

    Args:
        host: Its name or address.
        port: Its port.
        secure: Whether to speak TLS, with the system's certificates.
        most: Bytes of one answer's body.
    """

    def __init__(self, host: str, port: int, *, secure: bool, most: int) -> None:
        self._host, self._port, self._most = host, port, most
        self._secure = secure
        self._tls: tls.SSLContext | None = None
        self._idle: WeakKeyDictionary[asyncio.AbstractEventLoop, list[_Connection]] = WeakKeyDictionary()

    async def exchange(self, request: bytes, *, connect: float, timeout: float) -> Whole:
        """
        Send a whole request and return the whole answer.

        Args:
            request: Head and body, as they go over the wire.
            connect: Seconds for DNS, TCP and TLS together.
            timeout: Seconds for everything together.

        Raises:
            TimeoutError, ConnectTimeout, HungUp, NoHttp, TooLong, OSError: Each leaves the connection closed.
        """
        loop = asyncio.get_running_loop()
        idle = self._idle.get(loop)
        if idle is None:
            idle = self._idle[loop] = []
        ends = loop.time() + timeout
        connection = self._ready(idle) or await self._connect(loop, min(connect, timeout))
        waiter: asyncio.Future[Whole] = loop.create_future()
        timer = loop.call_at(ends, _expire, waiter)
        connection.begin(request, waiter)
        try:
            answer = await waiter
        except BaseException:
            connection.drop()
            raise
        finally:
            timer.cancel()
        if connection.open:
            connection.idle_since = loop.time()
            idle.append(connection)
            while len(idle) > MOST_IDLE or loop.time() - idle[0].idle_since > IDLE_SECONDS:
                idle.pop(0).drop()
        return answer

    @staticmethod
    def _ready(idle: list[_Connection]) -> _Connection | None:
        while idle:
            connection = idle.pop()
            if connection.open and connection.transport is not None and not connection.transport.is_closing():
                return connection
        return None

    async def _connect(self, loop: asyncio.AbstractEventLoop, seconds: float) -> _Connection:
        context: Any = None
        if self._secure:
            context = self._tls = self._tls or tls.create_default_context()
        made = loop.create_connection(
            lambda: _Connection(self._most),
            self._host,
            self._port,
            ssl=context,
            server_hostname=self._host if self._secure else None,
        )
        try:
            async with asyncio.timeout(seconds):
                _, connection = await made
        except TimeoutError:
            raise ConnectTimeout from None
        return connection

    def close(self) -> None:
        """Close the idle connections of the running loop."""
        for connection in self._idle.pop(asyncio.get_running_loop(), []):
            connection.drop()


def _expire(waiter: "asyncio.Future[Whole]") -> None:
    if not waiter.done():
        waiter.set_exception(TimeoutError())
