"""
The smallest proxies that decode and encode both ways: one per server and client. Chosen by environment.

UPSTREAM is the address to forward to, CLIENT one of `pyreqwest`, `aiohttp`, `protocol`. `asgi` and `rsgi` are the
applications; `protocol` is a connection pool by hand on asyncio.Protocol and httptools, for comparison.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any

import httptools
import msgspec

UPSTREAM = os.environ["UPSTREAM"]
URL = UPSTREAM + "/v1/chat/completions"
decode, encode = msgspec.json.Decoder().decode, msgspec.json.Encoder().encode
Post = Callable[[bytes], Awaitable[tuple[int, bytes]]]


def pyreqwest() -> Post:
    from pyreqwest.client import ClientBuilder

    headers = {"content-type": "application/json", "authorization": "Bearer sk-upstream"}
    client = ClientBuilder().default_headers(headers).build()

    async def post(body: bytes) -> tuple[int, Any]:
        response = await client.post(URL).body_bytes(body).build().send()
        return response.status, await response.bytes()

    return post


def aiohttp() -> Post:
    import aiohttp

    headers = {"content-type": "application/json", "authorization": "Bearer sk-upstream"}
    session = aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(limit=0))

    async def post(body: bytes) -> tuple[int, bytes]:
        async with session.post(URL, data=body) as response:
            return response.status, await response.read()

    return post


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self.waiter: asyncio.Future[tuple[int, bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def ask(self, head: bytes, body: bytes) -> "asyncio.Future[tuple[int, bytes]]":
        self.parser, self.body = httptools.HttpResponseParser(self), list[bytes]()
        self.waiter = asyncio.get_running_loop().create_future()
        self.transport.write(head + body)  # type: ignore[attr-defined]
        return self.waiter

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_body(self, data: bytes) -> None:
        self.body.append(data)

    def on_message_complete(self) -> None:
        assert self.waiter
        self.waiter.set_result((self.parser.get_status_code(), b"".join(self.body)))


def protocol() -> Post:
    host, port = UPSTREAM.removeprefix("http://").split(":")
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: {host}:{port}\r\ncontent-type: application/json\r\n"
        "authorization: Bearer sk-upstream\r\ncontent-length: "
    ).encode()
    free: list[_Connection] = []

    async def post(body: bytes) -> tuple[int, bytes]:
        if free:
            connection = free.pop()
        else:
            _, connection = await asyncio.get_running_loop().create_connection(_Connection, host, int(port))
        answer = await connection.ask(b"%b%d\r\n\r\n" % (head, len(body)), body)
        free.append(connection)
        return answer

    return post


_post: Post | None = None


async def answer(body: bytes) -> tuple[int, bytes]:
    """Forward one request. The client is made on first use, inside the loop that will run it."""
    global _post
    if _post is None:
        _post = {"pyreqwest": pyreqwest, "aiohttp": aiohttp, "protocol": protocol}[os.environ["CLIENT"]]()
    status, data = await _post(encode(decode(body)))
    return status, encode(decode(data))


async def asgi(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    message = await receive()
    body = message["body"]
    while message.get("more_body"):
        message = await receive()
        body += message["body"]
    status, data = await answer(body)
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(data))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": data})


async def rsgi(scope: Any, protocol: Any) -> None:
    status, data = await answer(await protocol())
    protocol.response_bytes(status, [("content-type", "application/json"), ("content-length", str(len(data)))], data)
