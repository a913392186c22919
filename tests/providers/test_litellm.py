"""litellm against a real server that speaks Anthropic's messages API. Nothing else is contacted."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.upstream import Upstream

from steady.errors import ConfigError, ProviderError, ProviderNonsense, ProviderTimeout
from steady.providers.capabilities import capabilities
from steady.providers.chunks import assemble
from steady.providers.litellm import LitellmProvider
from steady.providers.retries import Retries
from steady.types import Call

KEY = "canary-key-0123456789"  # not "sk-...", which litellm itself takes out of its texts
ROOT = Path(__file__).parents[2]
MODEL = "claude-sonnet-4-5"
pytestmark = pytest.mark.filterwarnings("ignore:.*`ReadOnly` qualifier.*")  # litellm's own filter, undone by pytest
QUICK = Retries(attempts=1, first_wait=0.01, longest_wait=0.02)


def message(text: str) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 5, "output_tokens": 3},
    }


def events(*pieces: str) -> list[str]:
    """Anthropic's event stream for one text."""

    def event(name: str, **fields: Any) -> str:
        return f"event: {name}\ndata: {json.dumps({'type': name, **fields})}\n\n"

    deltas = [event("content_block_delta", index=0, delta={"type": "text_delta", "text": piece}) for piece in pieces]
    return [
        event("message_start", message={**message(""), "content": [], "stop_reason": None}),
        event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        *deltas,
        event("content_block_stop", index=0),
        event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 3}),
        event("message_stop"),
    ]


@pytest.fixture
def up() -> Iterator[Upstream]:
    with Upstream() as server:
        yield server


@pytest.fixture
async def provider(up: Upstream) -> AsyncIterator[LitellmProvider]:
    made = LitellmProvider(
        "claude",
        "anthropic",
        KEY,
        capabilities=capabilities("litellm", f"anthropic/{MODEL}"),
        api_base=up.url.removesuffix("/v1"),
        retries=QUICK,
    )
    yield made
    await made.aclose()


def call(timeout: float = 60.0, **body: Any) -> Call:
    asked = {"messages": [{"role": "user", "content": "Where?"}], "temperature": 0.5, "max_tokens": 9, **body}
    return Call(provider="claude", model=MODEL, body=asked, timeout=timeout)


async def test_a_message_comes_back_as_a_chat_completion(up: Upstream, provider: LitellmProvider) -> None:
    up.raw(json.dumps(message("Paris")), content_type="application/json")

    reply = await provider.complete(call(seed=4))

    choice = reply.body["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("Paris", "stop")
    assert (reply.body["usage"]["prompt_tokens"], reply.body["usage"]["completion_tokens"]) == (5, 3)
    assert json.loads(json.dumps(reply.body)) == reply.body
    sent = up.requests[0]
    assert (sent.path, sent.headers["x-api-key"]) == ("/v1/messages", KEY)
    assert (sent.body["model"], sent.body["max_tokens"], sent.body["temperature"]) == (MODEL, 9, 0.5)
    assert "seed" not in sent.body


async def test_a_stream_comes_as_chunks_with_usage(up: Upstream, provider: LitellmProvider) -> None:
    up.stream(*events("Par", "is"), between=0.01)

    chunks = [chunk async for chunk in provider.stream(call())]

    whole = assemble(chunks)
    assert len(chunks) >= 3
    assert whole["choices"][0]["message"]["content"] == "Paris"
    assert whole["choices"][0]["finish_reason"] == "stop"
    assert whole["usage"]["completion_tokens"] == 3


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (400, "invalid_request_error", False),
        (401, "authentication_error", False),
        (404, "not_found_error", False),
        (429, "rate_limit_error", True),
        (500, "api_error", True),
    ],
)
async def test_a_vendors_error_keeps_status_message_and_object_without_the_key(
    up: Upstream, provider: LitellmProvider, status: int, kind: str, retryable: bool
) -> None:
    error = {"type": kind, "message": f"It is {{bad}}: {KEY}"}
    up.raw(json.dumps({"type": "error", "error": error}), status=status, content_type="application/json")

    with pytest.raises(ProviderError) as caught:
        await provider.complete(call())

    told = caught.value
    assert str(told) == "It is {bad}: [redacted]"
    assert told.body == {"type": kind, "message": "It is {bad}: [redacted]"}
    assert (told.upstream_status, told.retryable, told.provider) == (status, retryable, "claude")
    assert len(up.requests) == 1 + retryable


async def test_an_upstream_that_hangs_up_or_talks_nonsense_is_told_so(up: Upstream, provider: LitellmProvider) -> None:
    up.raw("<html>login</html>")
    up.drop()

    with pytest.raises(ProviderNonsense):
        await provider.complete(call())
    with pytest.raises(ProviderError) as caught:
        await provider.complete(call())
    assert (caught.value.upstream_status, caught.value.retryable) == (None, True)


async def test_a_failure_before_the_first_chunk_is_retried(up: Upstream, provider: LitellmProvider) -> None:
    up.drop()
    up.stream(*events("Paris"))

    chunks = [chunk async for chunk in provider.stream(call())]

    assert assemble(chunks)["choices"][0]["message"]["content"] == "Paris"


async def test_a_stream_cut_in_the_middle_is_an_error(up: Upstream, provider: LitellmProvider) -> None:
    up.stream(*events("Par", "is")[:3], then="cut")

    with pytest.raises(ProviderError):
        async for _ in provider.stream(call()):
            pass


async def test_a_slow_vendor_is_a_timeout_and_cancelling_hangs_up(up: Upstream, provider: LitellmProvider) -> None:
    up.reply()
    with pytest.raises(ProviderError):
        await provider.complete(call())  # loads litellm, so that the next call's time is the vendor's
    up.hang()
    up.hang()

    with pytest.raises(ProviderTimeout):
        await provider.complete(call(timeout=0.3))
    before = up.hangups
    task = asyncio.create_task(provider.complete(call()))
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(up.wait, lambda u: u.hangups > before)


async def test_leaving_a_stream_hangs_up(up: Upstream, provider: LitellmProvider) -> None:
    up.stream(*events("Par", "is")[:3], then="hang")
    stream = provider.stream(call())
    await anext(stream)

    await stream.aclose()  # type: ignore[attr-defined]

    assert await asyncio.to_thread(up.wait, lambda u: u.hangups == 1)


@pytest.mark.parametrize(
    "field",
    [
        {"api_base": "http://127.0.0.1:9/"},
        {"base_url": "http://127.0.0.1:9/"},
        {"custom_llm_provider": "openai"},
        {"mock_response": "forged"},
        {"api_key": "other"},
        {"extra_headers": {"x-api-key": "other"}},
        {"fallbacks": ["openai/gpt-4o"]},
        {"metadata": {"a": "b"}},
    ],
)
async def test_no_field_of_a_client_steers_litellm_itself(
    up: Upstream, provider: LitellmProvider, field: dict[str, Any]
) -> None:
    """A client's `base_url` would send the operator's key wherever the client likes."""
    up.raw(json.dumps(message("Paris")), content_type="application/json")

    reply = await provider.complete(call(**field))

    assert reply.body["choices"][0]["message"]["content"] == "Paris"
    assert up.requests[0].headers["x-api-key"] == KEY


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "http://127.0.0.1:9/a.png"}},
        {"type": "image_url", "image_url": "HTTP://127.0.0.1:9/a.png"},
        {"type": "file", "file": {"file_id": " http://127.0.0.1:9/a.pdf"}},
    ],
)
async def test_a_part_that_litellm_would_fetch_itself_is_refused(
    up: Upstream, provider: LitellmProvider, part: dict[str, Any]
) -> None:
    """Else a client could make the server ask any address that it reaches."""
    with pytest.raises(ProviderError, match="data: URL") as caught:
        await provider.complete(call(messages=[{"role": "user", "content": [part]}]))
    assert (caught.value.upstream_status, caught.value.retryable) == (400, False)
    assert up.requests == []


async def test_ready_asks_nobody_and_a_bad_key_is_refused_unshown(up: Upstream, provider: LitellmProvider) -> None:
    assert await provider.ready() is None
    assert up.connections == 0
    with pytest.raises(ConfigError) as caught:
        LitellmProvider("c", "anthropic", f"{KEY}\n", capabilities=provider.capabilities)
    assert KEY not in str(caught.value)


WATCHED = """
import asyncio, json, os, sys
seen = set()
def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname"):
        seen.add(str(arguments[1 if event == "socket.connect" else 0]))
    if event == "open" and str(arguments[0]).endswith(".env"):
        seen.add(str(arguments[0]))
sys.addaudithook(watch)
from tests.providers.test_litellm import KEY, MODEL, call, events, message
from tests.upstream import Upstream
from steady.errors import ProviderError
from steady.providers.capabilities import capabilities
from steady.providers.litellm import LitellmProvider
assert "litellm" not in sys.modules, "litellm is imported before it is needed"
async def main():
    with Upstream() as up:
        base = up.url.removesuffix("/v1")
        caps = capabilities("litellm", "anthropic/" + MODEL)
        provider = LitellmProvider("c", "anthropic", KEY, capabilities=caps, api_base=base)
        up.raw(json.dumps(message("Paris")), content_type="application/json")
        up.stream(*events("Paris"))
        up.error(400)
        schema = {"type": "object", "properties": {}, "additionalProperties": False}
        form = {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}
        await provider.complete(call(response_format=form))  # for which litellm looks up its list of headers
        assert [chunk async for chunk in provider.stream(call())]
        try:
            await provider.complete(call())
        except ProviderError:
            pass
        else:
            raise AssertionError("no error")
        await provider.aclose()
        await asyncio.sleep(0.5)  # what litellm does in the background
        others = {place for place in seen if f"('127.0.0.1', {up.port})" not in place and place != "127.0.0.1"}
        assert not others, others
        assert "CANARY_OF_DOTENV" not in os.environ
asyncio.run(main())
"""


def test_nobody_but_the_upstream_is_contacted_and_no_dotenv_is_read(tmp_path: Path) -> None:
    """litellm would fetch a price table and a header list, and read the nearest .env into the environment."""
    (tmp_path / ".env").write_text("CANARY_OF_DOTENV=1\n")
    env = {key: value for key, value in os.environ.items() if not key.startswith("LITELLM")}

    done = subprocess.run(
        [sys.executable, "-c", WATCHED],
        cwd=tmp_path,
        env={**env, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr[-3000:]
