"""A load generator: keep-alive connections that each send the next request when the last is answered."""

import asyncio
import time
from typing import NamedTuple

import uvloop

BODY = (
    b'{"model":"gpt-4o","messages":[{"role":"system","content":"You are a helpful assistant that answers in one '
    b'short sentence."},{"role":"user","content":"What is the capital of France, and since when has it been the seat '
    b'of its government?"}],"temperature":0.7,"max_tokens":100,"user":"customer-4711","stream":false}'
)


class Load(NamedTuple):
    """What one run saw; latencies in seconds, sorted."""

    requests: int
    seconds: float
    latencies: list[float]

    def at(self, share: float) -> float:
        """Return the latency in milliseconds below which `share` of the requests lie."""
        return self.latencies[min(len(self.latencies) - 1, int(share * len(self.latencies)))] * 1000


class _Connection(asyncio.Protocol):
    def __init__(self, request: bytes, until: float, done: asyncio.Future[None]) -> None:
        self.request, self.until, self.done = request, until, done
        self.buffer, self.latencies, self.began = b"", list[float](), 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.send()

    def send(self) -> None:
        self.began = time.perf_counter()
        self.transport.write(self.request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self.buffer[:end].lower()
        size = int(head[head.index(b"content-length:") + 15 :].split(b"\r\n", 1)[0])
        if len(self.buffer) < end + 4 + size:
            return
        if not head.startswith(b"http/1.1 200"):
            self.done.set_exception(RuntimeError(self.buffer.decode()))
            return
        now = time.perf_counter()
        self.latencies.append(now - self.began)
        self.buffer = b""
        if now < self.until:
            self.send()
        else:
            self.transport.close()
            self.done.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or ConnectionResetError("the server hung up"))


async def _load(port: int, connections: int, seconds: float) -> Load:
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nauthorization: Bearer sk-bench\r\n"
        f"content-type: application/json\r\ncontent-length: {len(BODY)}\r\n\r\n"
    )
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    made = []
    for _ in range(connections):
        connection = _Connection(head.encode() + BODY, began + seconds, loop.create_future())
        await loop.create_connection(lambda connection=connection: connection, "127.0.0.1", port)
        made.append(connection)
    await asyncio.gather(*(connection.done for connection in made))
    latencies = sorted(latency for connection in made for latency in connection.latencies)
    return Load(len(latencies), time.perf_counter() - began, latencies)


def load(port: int, *, connections: int = 16, seconds: float = 5.0) -> Load:
    """Put load on a server on loopback. Raises if it answers anything but 200."""
    return uvloop.run(_load(port, connections, seconds))
