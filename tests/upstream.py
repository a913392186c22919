"""
A real upstream for tests: a small HTTP/1.1 server on loopback that does as it is told.

    with Upstream() as up:
        up.reply("Paris")                      # a chat completion; streamed if the request asks for a stream
        up.error(429, "slow down", headers={"retry-after": "1"})
        ... call up.url + "/chat/completions" ...
        assert up.bodies[0]["model"] == "m"

It runs in a thread of its own, so sync and async tests use it alike. Each call above queues one behaviour; a request to
`/chat/completions` takes the next one, and the last one stays for all further requests. Without any it answers "ok".
`GET /models` answers a list and takes nothing from the queue. What it saw is in `requests`, `bodies`, `connections`.
"""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

JSON_TYPE = {"content-type": "application/json"}
SSE_TYPE = {"content-type": "text/event-stream"}


class Seen(NamedTuple):
    """One request as it arrived; header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any  # parsed JSON, or None where there is none


class Behaviour(NamedTuple):
    """What to do with one request."""

    pieces: tuple[bytes, ...] = ()  # what is sent as the body, piece by piece
    status: int = 200
    headers: Mapping[str, str] = JSON_TYPE
    delay: float = 0.0  # seconds before the first byte
    between: float = 0.0  # seconds before each further piece
    then: str = "end"  # "end"; "cut": hang up before the body is complete; "hang": send nothing more
    drop: bool = False  # hang up without any answer


def completion(content: Any = "ok", **fields: Any) -> dict[str, Any]:
    """Return a chat completion. `content` is a text, a whole message, or a list of either, one for each choice."""
    contents = content if isinstance(content, list) else [content]
    messages = [c if isinstance(c, dict) else {"role": "assistant", "content": c} for c in contents]
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1700000000,
        "model": "mock-model",
        "choices": [{"index": i, "message": m, "finish_reason": "stop"} for i, m in enumerate(messages)],
        "usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12},
        **fields,
    }


def chunks_of(whole: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the chunks that a real upstream would stream for a completion: each word of the content its own chunk."""
    base = {"id": whole["id"], "object": "chat.completion.chunk", "created": whole["created"], "model": whole["model"]}
    chunks = []
    for choice in whole["choices"]:
        message, index = dict(choice["message"]), choice["index"]
        words = (message.pop("content", None) or "").replace(" ", "\0 ").split("\0")
        calls = [{"index": at, **call} for at, call in enumerate(message.pop("tool_calls", None) or [])]
        deltas = [{**message, "content": ""}, *({"content": word} for word in words if word)]
        deltas += [{"tool_calls": [call]} for call in calls]
        chunks += [{**base, "choices": [{"index": index, "delta": d, "finish_reason": None}]} for d in deltas]
        chunks.append({**base, "choices": [{"index": index, "delta": {}, "finish_reason": choice["finish_reason"]}]})
    return [*chunks, {**base, "choices": [], "usage": whole["usage"]}] if "usage" in whole else chunks


def sse(chunks: Iterable[Any], *, done: bool = True, newline: str = "\n") -> bytes:
    """Return chunks as server-sent events."""
    events = [f"data: {json.dumps(chunk, ensure_ascii=False)}{newline * 2}" for chunk in chunks]
    return "".join([*events, f"data: [DONE]{newline * 2}" if done else ""]).encode()


class Upstream:
    """The server. Use it as a context manager; `url` ends in /v1."""

    def __init__(self) -> None:
        self.requests: list[Seen] = []  # to /chat/completions and any other path but /models
        self.connections = 0  # opened so far
        self.hangups = 0  # clients that went away before their answer was complete
        self.choose: Callable[[Any], Behaviour] | None = None  # decides by the body instead of the queue
        self._queue: list[Behaviour] = []
        self._lock = threading.Lock()

    # what to do

    def reply(self, content: Any = "ok", *, status: int = 200, delay: float = 0, **fields: Any) -> None:
        """Answer a chat completion, see `completion`; as a stream if the request asks for one."""
        body = json.dumps(completion(content, **fields)).encode()
        self.add(Behaviour((body,), status, delay=delay))

    def error(self, status: int, message: str = "it failed", *, headers: Mapping[str, str] | None = None) -> None:
        """Answer an error in OpenAI's shape."""
        body = json.dumps({"error": {"message": message, "type": "mock_error", "param": None, "code": "mock"}})
        self.add(Behaviour((body.encode(),), status, {**JSON_TYPE, **(headers or {})}))

    def raw(self, body: bytes | str, *, status: int = 200, content_type: str = "text/html") -> None:
        """Answer these bytes."""
        data = body.encode() if isinstance(body, str) else body
        self.add(Behaviour((data,), status, {"content-type": content_type}))

    def stream(self, *pieces: bytes | str, between: float = 0, then: str = "end", delay: float = 0) -> None:
        """Send these pieces of an event stream, each with a write of its own."""
        data = tuple(piece.encode() if isinstance(piece, str) else piece for piece in pieces)
        self.add(Behaviour(data, 200, SSE_TYPE, delay, between, then))

    def hang(self) -> None:
        """Take the request and never answer."""
        self.add(Behaviour(then="hang", delay=3600))

    def drop(self) -> None:
        """Take the request and hang up."""
        self.add(Behaviour(drop=True))

    def add(self, behaviour: Behaviour) -> None:
        """Queue any behaviour."""
        with self._lock:
            self._queue.append(behaviour)

    def clear(self) -> None:
        """Forget all behaviours and all that was seen, for the next test of a shared upstream."""
        with self._lock:
            self._queue.clear()
            self.requests.clear()
            self.choose, self.hangups = None, 0

    # what was seen

    @property
    def bodies(self) -> list[Any]:
        """The parsed bodies of `requests`."""
        return [seen.body for seen in self.requests]

    def wait(self, claim: Callable[["Upstream"], bool], seconds: float = 20.0) -> bool:
        """Wait until `claim(self)` holds; False if it does not within `seconds`. Blocks: not for use on a loop."""
        until = time.monotonic() + seconds
        while not claim(self) and time.monotonic() < until:
            time.sleep(0.005)
        return claim(self)

    # the server

    def __enter__(self) -> "Upstream":
        started = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()

        def run() -> None:
            self._loop.run_until_complete(self._start())
            started.set()
            self._loop.run_forever()
            self._loop.run_until_complete(self._stop())
            self._loop.close()

        self._thread = threading.Thread(target=run, name="upstream", daemon=True)
        self._thread.start()
        started.wait(5)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    async def _start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=2**24)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"

    async def _stop(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        try:
            while (seen := await _read(reader)) and await self._answer(seen, reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _answer(self, seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Do one behaviour. False: the connection is over."""
        behaviour = self._behaviour(seen)
        if behaviour.drop:
            return False
        gone = asyncio.ensure_future(reader.read(1))  # ends only when the client hangs up
        try:
            complete = await self._send(behaviour, writer, gone)
            hung_up = gone.done()
        except ConnectionError:  # seen while writing, before the reader has seen it
            complete, hung_up = False, True
        self.hangups += hung_up
        gone.cancel()
        await asyncio.wait([gone])  # the next request is read by another reader
        return complete and not hung_up

    async def _send(self, behaviour: Behaviour, writer: asyncio.StreamWriter, gone: "asyncio.Future[bytes]") -> bool:
        if await _pause(behaviour.delay, gone):
            return False
        streamed = behaviour.headers.get("content-type") == SSE_TYPE["content-type"] or len(behaviour.pieces) != 1
        length = {"transfer-encoding": "chunked"} if streamed else {"content-length": str(len(behaviour.pieces[0]))}
        head = "".join(f"{name}: {value}\r\n" for name, value in {**length, **behaviour.headers}.items())
        writer.write(f"HTTP/1.1 {behaviour.status} Status\r\n{head}\r\n".encode())
        for number, piece in enumerate(behaviour.pieces):
            if number and await _pause(behaviour.between, gone):
                return False
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if streamed else piece)
            await writer.drain()
        if behaviour.then == "hang":
            await gone
        elif behaviour.then == "end" and streamed:
            writer.write(b"0\r\n\r\n")
        return behaviour.then == "end"

    def _behaviour(self, seen: Seen) -> Behaviour:
        if seen.path.partition("?")[0].endswith("/models"):
            return Behaviour((json.dumps({"object": "list", "data": [{"id": "mock-model"}]}).encode(),))
        with self._lock:
            self.requests.append(seen)
            if self.choose:
                chosen = self.choose(seen.body)
            elif not self._queue:
                chosen = Behaviour((json.dumps(completion()).encode(),))
            else:
                chosen = self._queue.pop(0) if len(self._queue) > 1 else self._queue[0]
        wants_stream = isinstance(seen.body, dict) and seen.body.get("stream")
        if wants_stream and chosen.status == 200 and chosen.headers == JSON_TYPE and len(chosen.pieces) == 1:
            events = sse(chunks_of(json.loads(chosen.pieces[0])))
            return chosen._replace(pieces=tuple(e + b"\n\n" for e in events.split(b"\n\n") if e), headers=SSE_TYPE)
        return chosen


async def _read(reader: asyncio.StreamReader) -> Seen | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    except asyncio.IncompleteReadError:
        return None
    method, path, _ = head[0].split(" ", 2)
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
    data = await reader.readexactly(int(headers.get("content-length", "0")))
    return Seen(method, path, headers, json.loads(data) if data else None)


async def _pause(seconds: float, gone: "asyncio.Future[bytes]") -> bool:
    """Sleep, but return True at once when the client hangs up."""
    if seconds:
        await asyncio.wait([gone], timeout=seconds)
    return gone.done()
