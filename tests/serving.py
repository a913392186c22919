"""
A real Steady server for tests: its App on uvicorn, in a thread, over a steady.yaml of its own.

    with serving(tmp_path, {"providers": {"up": openai_like(upstream)}}, [policy("calm", model="up/m")]) as steady:
        answer = steady.chat("Hello", model="calm")
        assert answer.status == 200 and answer.json["steady"]["policy"] == "calm"

Requests go over `http.client`, so that a test sees the bytes; `steady.client()` is the official one.
"""

import asyncio
import hashlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import openai
import uvicorn
from tests.upstream import Behaviour, Upstream, completion

from steady.pipeline.runtime import Runtime
from steady.server.app import App
from steady.server.services import Services

USER = {"role": "user", "content": "Hello"}


class Answer(NamedTuple):
    """One whole HTTP answer; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)

    @property
    def text(self) -> Any:
        """The first choice's content."""
        return self.json["choices"][0]["message"]["content"]

    @property
    def error(self) -> Any:
        """The error object."""
        return self.json["error"]

    @property
    def lines(self) -> list[str]:
        """The lines of an event stream, blank ones left out."""
        return [line for line in self.body.decode().splitlines() if line]

    @property
    def events(self) -> list[Any]:
        """The data of an event stream, parsed, [DONE] left out."""
        data = [line.removeprefix("data: ") for line in self.lines if line.startswith("data: ")]
        return [json.loads(item) for item in data if item != "[DONE]"]

    @property
    def streamed(self) -> str:
        """The first choice's content out of an event stream."""
        deltas = [c["delta"] for event in self.events for c in event.get("choices", ()) if c["index"] == 0]
        return "".join(delta.get("content") or "" for delta in deltas)


class Served:
    """A server that runs."""

    def __init__(self, services: Services, port: int) -> None:
        self.services, self.port = services, port
        self.url = f"http://127.0.0.1:{port}/v1"

    def ask(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None, *, key: str = ""
    ) -> Answer:
        """Make one request on a connection of its own. `body`: JSON, or bytes as they are."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"content-type": "application/json", **({"authorization": f"Bearer {key}"} if key else {})}
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)) as connection:
            connection.request(method, path, data, {**sent, **(headers or {})})
            got = connection.getresponse()
            return Answer(got.status, {k.lower(): v for k, v in got.getheaders()}, got.read())

    def chat(
        self, content: Any = "Hello", *, headers: Mapping[str, str] | None = None, key: str = "", **fields: Any
    ) -> Answer:
        """Ask a chat completion; `fields` go into the body as they are."""
        body = {"messages": [{"role": "user", "content": content}], **fields}
        return self.ask("POST", "/v1/chat/completions", body, headers, key=key)

    def get(self, path: str, *, key: str = "") -> Answer:
        """GET a path."""
        return self.ask("GET", path, key=key)

    def receipt(self, answer: Answer, *, key: str = "") -> Any:
        """Return the receipt of an answer."""
        found = self.get(f"/v1/receipts/{answer.headers['x-steady-receipt']}", key=key)
        assert found.status == 200, found.body
        return found.json

    def client(self, key: str = "unused", **options: Any) -> openai.OpenAI:
        """Return an official client, which makes no retries unless asked to. Close it."""
        return openai.OpenAI(base_url=self.url, api_key=key, **{"max_retries": 0, **options})

    def socket(self, body: Any, headers: Mapping[str, str] | None = None) -> socket.socket:
        """Send a chat request on a bare socket and return it, for a client that hangs up."""
        data = json.dumps(body).encode()
        more = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {len(data)}\r\n{more}\r\n"
        made = socket.create_connection(("127.0.0.1", self.port), timeout=5)
        made.sendall(head.encode() + data)
        return made

    def metric(self, name: str) -> float:
        """Return the sum of a metric's samples, or of one series `name{labels}`."""
        lines = self.get("/metrics").body.decode().splitlines()
        found = [line.rpartition(" ") for line in lines if line.startswith(name)]
        return sum(float(value) for series, _, value in found if series == name or series.partition("{")[0] == name)


def sha256(key: str) -> str:
    """Return a client key as steady.yaml keeps it."""
    return hashlib.sha256(key.encode()).hexdigest()


def openai_like(upstream: Upstream, **fields: Any) -> dict[str, Any]:
    """Return a provider entry for an upstream that speaks OpenAI's API."""
    return {"kind": "openai-compatible", "base_url": upstream.url, "retries": 0, **fields}


def policy(name: str, **fields: Any) -> dict[str, Any]:
    """Return a policy document that discloses nothing in the text unless told to."""
    return {"steady": 1, "name": name, "disclose": {"place": "none"}, **fields}


def label(name: str, **fields: Any) -> dict[str, Any]:
    """Return a policy that votes among spam and ham over five draws."""
    base: dict[str, Any] = {
        "output": {"kind": "label", "labels": ["spam", "ham"], "on_fail": "filter"},
        "sampling": {"preset": "balanced"},
        "candidates": {"min": 5, "max": 5},
        "choose": {"by": "consensus"},
    }
    return policy(name, **{**base, **fields})


def write(folder: Path, config: Mapping[str, Any], policies: Sequence[Mapping[str, Any]] = ()) -> Path:
    """Write a steady.yaml (JSON is YAML) and its policies; return its path."""
    if policies:
        (folder / "policies").mkdir()
    for one in policies:
        (folder / "policies" / f"{one['name']}.yaml").write_text(json.dumps(one))
    (folder / "steady.yaml").write_text(json.dumps({"steady": 1, **config}))
    return folder / "steady.yaml"


@contextmanager
def serving(folder: Path, config: Mapping[str, Any], policies: Sequence[Mapping[str, Any]] = ()) -> Iterator[Served]:
    """Serve a configuration on a free port until the block ends."""
    services = Services(Runtime.open(write(folder, config, policies)))
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(
            App(services),
            loop="uvloop",
            http="httptools",
            lifespan="on",
            access_log=False,
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=2,
        )
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="steady", daemon=True)
    thread.start()
    until = time.monotonic() + 10
    while not server.started and thread.is_alive() and time.monotonic() < until:
        time.sleep(0.002)
    assert server.started
    try:
        yield Served(services, listening.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(10)


def by_turns(upstream: Upstream, contents: Sequence[Any], **fields: Any) -> None:
    """Have the upstream say these, one a request, from the start again when all were said; streamed if asked."""
    said = iter(range(10**9))

    def choose(_: Any) -> Behaviour:
        content = contents[next(said) % len(contents)]
        return Behaviour((json.dumps(completion(content, **fields)).encode(),))

    upstream.choose = choose


def fresh(upstream: Upstream) -> Upstream:
    """Forget what an upstream was told and has seen, for the next test."""
    upstream.clear()
    return upstream


def gather(jobs: Sequence[Any]) -> list[Any]:
    """Run functions at once, each in a thread; return what they return, in order."""

    async def all_of() -> list[Any]:
        return await asyncio.gather(*(asyncio.to_thread(job) for job in jobs))

    return asyncio.run(all_of())
