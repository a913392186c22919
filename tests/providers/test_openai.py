"""The HTTP provider against a real server that misbehaves in every way we know."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from tests.upstream import Upstream, chunks_of, completion, sse

from steady.errors import ConfigError, ProviderError, ProviderNonsense, ProviderTimeout
from steady.providers.chunks import assemble
from steady.providers.openai import OpenAIProvider
from steady.providers.retries import Retries
from steady.types import Call, Capabilities

KEY = "sk-canary-0123456789"
CAPABILITIES = Capabilities(params=("temperature",))
ONCE = Retries(attempts=0)
QUICK = Retries(attempts=2, first_wait=0.01, longest_wait=0.02)


@pytest.fixture
def up() -> Iterator[Upstream]:
    with Upstream() as server:
        yield server


@pytest.fixture
async def provider(up: Upstream) -> AsyncIterator[OpenAIProvider]:
    made = OpenAIProvider("mock", up.url, KEY, capabilities=CAPABILITIES, retries=QUICK)
    yield made
    await made.aclose()


def call(**fields: Any) -> Call:
    body = {"messages": [{"role": "user", "content": "Where?"}], "temperature": 0.5}
    return Call(**{"provider": "mock", "model": "m", "body": body, "timeout": 5.0, **fields})


async def collect(provider: OpenAIProvider, asked: Call) -> list[dict[str, Any]]:
    return [chunk async for chunk in provider.stream(asked)]


# what is sent and what comes back


async def test_a_completion_comes_back_whole_with_every_field(up: Upstream, provider: OpenAIProvider) -> None:
    up.reply("Paris", x_unknown={"a": [1.5]}, system_fingerprint="fp")

    reply = await provider.complete(call())

    assert reply.body == completion("Paris", x_unknown={"a": [1.5]}, system_fingerprint="fp")
    assert reply.retries == 0


async def test_the_body_is_the_callers_with_the_model(up: Upstream, provider: OpenAIProvider) -> None:
    await provider.complete(call())

    assert up.bodies == [{"model": "m", **call().body}]
    assert up.requests[0].path == "/v1/chat/completions"


async def test_a_stream_asks_for_usage_where_the_upstream_takes_that(up: Upstream, provider: OpenAIProvider) -> None:
    await collect(provider, call(body={"messages": [], "stream_options": {"x": 1}}))
    plain = OpenAIProvider("p", up.url, capabilities=Capabilities(params=(), stream_usage=False))
    await collect(plain, call())
    await plain.aclose()

    assert up.bodies[0]["stream_options"] == {"x": 1, "include_usage": True}
    assert up.bodies[0]["stream"] is True
    assert "stream_options" not in up.bodies[1]


async def test_the_clients_key_is_sent_only_where_the_provider_forwards(up: Upstream) -> None:
    asked = call(authorization="Bearer client-key")
    for forward in (False, True):
        provider = OpenAIProvider("p", up.url, KEY, forward, capabilities=CAPABILITIES)
        await provider.complete(asked)
        await provider.complete(call())
        await provider.aclose()

    sent = [seen.headers.get("authorization") for seen in up.requests]
    assert sent == [f"Bearer {KEY}", f"Bearer {KEY}", "Bearer client-key", f"Bearer {KEY}"]


async def test_no_key_sends_none_and_further_headers_are_sent(up: Upstream) -> None:
    provider = OpenAIProvider(
        "p", up.url + "?api-version=7", capabilities=CAPABILITIES, headers={"api-key": "abcdefgh"}
    )
    await provider.complete(call())
    await provider.aclose()

    seen = up.requests[0]
    assert "authorization" not in seen.headers
    assert (seen.headers["api-key"], seen.path) == ("abcdefgh", "/v1/chat/completions?api-version=7")


async def test_connections_are_kept_and_used_again(up: Upstream, provider: OpenAIProvider) -> None:
    for _ in range(5):
        await provider.complete(call())
        await collect(provider, call())

    assert up.connections == 2  # one for whole answers, one for streams


async def test_what_follows_done_does_not_cost_the_connection(up: Upstream, provider: OpenAIProvider) -> None:
    up.stream(sse(chunks_of(completion("Paris"))), ": bye\n\n", between=0.02)

    for _ in range(2):
        await collect(provider, call())

    assert up.connections == 1


async def test_an_upstream_that_stays_open_after_done_holds_nobody_up(up: Upstream, provider: OpenAIProvider) -> None:
    up.stream(sse(chunks_of(completion("Paris"))), then="hang")
    began = time.monotonic()

    await collect(provider, call())

    assert time.monotonic() - began < 10


def test_a_provider_serves_one_event_loop_after_another(up: Upstream) -> None:
    """The decorator's loop and a test's are not the same one."""
    provider = OpenAIProvider("p", up.url, capabilities=CAPABILITIES)

    async def once() -> None:
        await provider.complete(call())
        await provider.aclose()

    asyncio.run(once())
    asyncio.run(once())

    assert len(up.requests) == 2


@pytest.mark.parametrize(
    "bad",
    [{"base_url": "ftp://x"}, {"base_url": "x"}, {"base_url": f"http://u:{KEY}@x/"}, {"key": f"{KEY}\n"}, {"key": " "}],
)
def test_an_address_or_key_that_cant_be_used_is_refused_without_being_shown(bad: dict[str, str]) -> None:
    fields = {"base_url": "http://127.0.0.1:1/v1", "key": KEY, **bad}

    with pytest.raises(ConfigError, match="provider 'p'") as caught:
        OpenAIProvider("p", fields["base_url"], fields["key"], capabilities=CAPABILITIES)
    assert KEY not in str(caught.value)


# failures


async def test_an_upstream_error_keeps_status_message_object_and_retry_after(up: Upstream) -> None:
    provider = OpenAIProvider("p", up.url, capabilities=CAPABILITIES, retries=ONCE)
    up.error(429, "Slow down, please.", headers={"retry-after": "3"})

    with pytest.raises(ProviderError) as caught:
        await provider.complete(call())
    await provider.aclose()

    error = caught.value
    assert (str(error), error.upstream_status, error.http_status) == ("Slow down, please.", 429, 429)
    assert (error.retryable, error.retry_after, error.provider) == (True, 3.0, "p")
    assert error.body == {"message": "Slow down, please.", "type": "mock_error", "param": None, "code": "mock"}


@pytest.mark.parametrize(
    ("body", "content_type", "message"),
    [
        ('{"error": "model not found"}', "application/json", "model not found"),
        ('[{"error": {"message": "API key not valid"}}]', "application/json", "API key not valid"),
        ('{"object": "error", "message": "too long", "code": 400}', "application/json", "too long"),
        ('{"detail": "no such route"}', "application/json", "no such route"),
        ('{"detail": [{"loc": ["body"]}]}', "application/json", '[{"loc":["body"]}]'),
        ("upstream connect error\nreset", "text/plain", "upstream connect error reset"),
        ("<html><h1>Bad</h1></html>", "text/html", "answered 400 without saying why"),
        ("", "application/json", "answered 400 without saying why"),
        ('"oops"', "application/json", "answered 400 without saying why"),
        ("[[[", "application/json", "answered 400 without saying why"),
    ],
)
async def test_every_dialect_of_errors_is_one_line(
    up: Upstream, provider: OpenAIProvider, body: str, content_type: str, message: str
) -> None:
    up.raw(body, status=400, content_type=content_type)

    with pytest.raises(ProviderError) as caught:
        await provider.complete(call())
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert (caught.value.upstream_status, caught.value.retryable) == (400, False)


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("<html>hello</html>", "not JSON"),
        ("", "empty"),
        (b'\xff\xfe{"choices"', "not JSON"),
        ("[]", "not an object"),
        ("{}", "no choices"),
        ('{"choices": null}', "no choices"),
        ('{"choices": []}', "an empty list of choices"),
        ('{"choices": [7]}', "a choice without a message"),
        ('{"choices": [{"text": "old"}]}', "a choice without a message"),
        ('{"choices": [{"message": {"content": 5}}]}', "content is no text"),
    ],
)
async def test_nonsense_with_status_200_is_named(
    up: Upstream, provider: OpenAIProvider, body: str | bytes, what: str
) -> None:
    up.raw(body, content_type="application/json")

    with pytest.raises(ProviderNonsense, match=what) as caught:
        await provider.complete(call())
    assert caught.value.http_status == 502


async def test_an_error_object_under_status_200_is_the_error_that_it_says(up: Upstream) -> None:
    """OpenRouter answers so when the model behind it fails."""
    provider = OpenAIProvider("p", up.url, capabilities=CAPABILITIES, retries=ONCE)
    up.raw('{"error": {"message": "overloaded", "code": 503}}', content_type="application/json")

    with pytest.raises(ProviderError, match="overloaded") as caught:
        await provider.complete(call())
    await provider.aclose()
    assert (caught.value.upstream_status, caught.value.retryable) == (503, True)


async def test_a_key_echoed_by_the_upstream_is_in_no_text(up: Upstream) -> None:
    provider = OpenAIProvider(
        "p", up.url, KEY, True, capabilities=CAPABILITIES, headers={"api-key": "canary-2"}, retries=ONCE
    )
    asked = call(authorization="Bearer canary-3")
    up.error(401, f"Incorrect key {KEY}, canary-2 or canary-3")
    up.raw(f"no: {KEY} canary-2 canary-3", status=500, content_type="text/plain")
    up.raw(f'{{"error": {{"message": "no {KEY} canary-2", "code": 500}}}}', content_type="application/json")

    for _ in range(3):
        with pytest.raises(ProviderError) as caught:
            await provider.complete(asked)
        shown = f"{caught.value} {caught.value!r} {caught.value.body}"
        assert "canary" not in shown
        assert "[redacted]" in shown
    await provider.aclose()


async def test_a_redirect_is_not_followed(up: Upstream, provider: OpenAIProvider) -> None:
    """The key must not travel to another host."""
    with Upstream() as other:
        behaviour_headers = {"location": other.url, "content-type": "text/html"}
        up.error(307, "moved", headers=behaviour_headers)

        with pytest.raises(ProviderError) as caught:
            await provider.complete(call())
        assert caught.value.http_status == 502
        assert other.connections == 0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(
    ("url", "what"),
    [
        (f"http://127.0.0.1:{free_port()}/v1?key=hunter22", "can't be reached"),
        ("http://nowhere.invalid/v1", r"DNS|can't be reached"),
    ],
    ids=["no listener", "no such name"],  # the port is random; ids must not be
)
async def test_an_upstream_that_is_not_there_is_a_retryable_error(url: str, what: str) -> None:
    provider = OpenAIProvider("p", url, KEY, capabilities=CAPABILITIES, retries=ONCE)

    with pytest.raises(ProviderError, match=what) as caught:
        await provider.complete(call())
    await provider.aclose()
    assert (caught.value.retryable, caught.value.upstream_status, caught.value.http_status) == (True, None, 502)
    assert "hunter22" not in str(caught.value)


@pytest.mark.parametrize(("scheme", "what"), [("https", "TLS"), ("http", r"no HTTP|hung up|broke")])
async def test_an_upstream_that_speaks_another_protocol_is_named(scheme: str, what: str) -> None:
    async def babble(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    provider = OpenAIProvider("p", f"{scheme}://127.0.0.1:{port}/v1", capabilities=CAPABILITIES, retries=ONCE)

    with pytest.raises(ProviderError, match=what) as caught:
        await provider.complete(call())
    await provider.aclose()
    server.close()
    assert caught.value.http_status == 502


async def test_an_upstream_that_hangs_is_a_timeout(up: Upstream, provider: OpenAIProvider) -> None:
    up.hang()
    began = time.monotonic()

    with pytest.raises(ProviderTimeout) as caught:
        await provider.complete(call(timeout=0.2))
    assert 0.15 < time.monotonic() - began < 10.0
    assert caught.value.http_status == 504
    assert len(up.requests) == 1


async def test_a_slow_trickle_does_not_outlast_the_timeout(up: Upstream, provider: OpenAIProvider) -> None:
    up.stream(*([b" "] * 100), between=0.05)
    began = time.monotonic()

    with pytest.raises(ProviderTimeout):
        await provider.complete(call(timeout=0.3))
    assert time.monotonic() - began < 10.0


async def test_hanging_up_without_an_answer_is_retried_and_counted(up: Upstream, provider: OpenAIProvider) -> None:
    up.drop()
    up.error(503)
    up.reply("at last")

    reply = await provider.complete(call())

    assert reply.body["choices"][0]["message"]["content"] == "at last"
    assert reply.retries == 2
    assert up.bodies[0] == up.bodies[2]


async def test_a_429_is_raised_as_such_after_the_retries(up: Upstream, provider: OpenAIProvider) -> None:
    up.error(429)

    with pytest.raises(ProviderError) as caught:
        await provider.complete(call())
    assert caught.value.upstream_status == 429
    assert len(up.requests) == 3

    with pytest.raises(ProviderError):
        await provider.complete(call(patient=False))
    assert len(up.requests) == 4


@pytest.mark.parametrize("declared", [True, False])
async def test_an_answer_beyond_the_cap_is_refused(up: Upstream, declared: bool) -> None:
    provider = OpenAIProvider("p", up.url, capabilities=CAPABILITIES, max_bytes=10_000)
    if declared:
        up.raw(b"x" * 20_000)
    else:
        up.stream(*[b"x" * 1000] * 20, then="hang")  # the rest is not waited for

    with pytest.raises(ProviderNonsense, match="more than 10000 bytes"):
        await provider.complete(call())
    await provider.aclose()


async def test_cancelling_a_call_hangs_up_at_the_upstream(up: Upstream, provider: OpenAIProvider) -> None:
    """Else the upstream would go on generating, and bill it."""
    up.hang()
    task = asyncio.create_task(provider.complete(call()))
    await asyncio.to_thread(up.wait, lambda u: len(u.requests) == 1)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(up.wait, lambda u: u.hangups == 1)


# streams


async def test_a_stream_gives_the_upstreams_chunks_as_they_are(up: Upstream, provider: OpenAIProvider) -> None:
    up.reply("The city of Paris")

    chunks = await collect(provider, call())

    assert chunks == chunks_of(completion("The city of Paris"))
    assert assemble(chunks)["choices"][0]["message"]["content"] == "The city of Paris"


async def test_a_chunk_is_given_before_the_next_one_is_there(up: Upstream, provider: OpenAIProvider) -> None:
    first, *rest = [sse([chunk], done=False) for chunk in chunks_of(completion("a b"))]
    up.stream(first, *rest, between=0.15)
    began = time.monotonic()
    stream = provider.stream(call())

    await anext(stream)

    assert time.monotonic() - began < 0.14
    await stream.aclose()  # type: ignore[attr-defined]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("size", [1, 3, 1000])
async def test_a_stream_cut_anywhere_reads_alike(
    up: Upstream, provider: OpenAIProvider, newline: str, size: int
) -> None:
    whole = completion("naïve 😀 €")
    data = sse(chunks_of(whole), newline=newline)
    up.stream(*(data[at : at + size] for at in range(0, len(data), size)))

    assert await collect(provider, call()) == chunks_of(whole)


async def test_a_stream_without_done_is_whole_if_its_choices_are_finished(
    up: Upstream, provider: OpenAIProvider
) -> None:
    up.stream(sse(chunks_of(completion("Paris")), done=False))

    assert len(await collect(provider, call())) == len(chunks_of(completion("Paris")))


@pytest.mark.parametrize("then", ["end", "cut"])
async def test_a_stream_that_ends_in_the_middle_is_an_error_and_not_retried(
    up: Upstream, provider: OpenAIProvider, then: str
) -> None:
    """Half an answer must never pass for a whole one, and nothing is asked again once a chunk was given."""
    up.stream(sse(chunks_of(completion("a b c"))[:2], done=False), then=then)
    got = []

    with pytest.raises(ProviderError, match="middle of"):
        async for chunk in provider.stream(call()):
            got.append(chunk)
    assert len(got) == 2
    assert len(up.requests) == 1


@pytest.mark.parametrize("event", ["", "event: error\n"])
async def test_an_error_inside_a_stream_keeps_its_object(up: Upstream, provider: OpenAIProvider, event: str) -> None:
    error = {"message": f"overloaded {KEY}", "code": 503}
    up.stream(sse(chunks_of(completion("a"))[:2], done=False), event + sse([{"error": error}]).decode())

    with pytest.raises(ProviderError, match="overloaded") as caught:
        await collect(provider, call())
    assert caught.value.body == {"message": "overloaded [redacted]", "code": 503}
    assert caught.value.upstream_status == 503


async def test_failures_before_the_first_chunk_are_retried(up: Upstream, provider: OpenAIProvider) -> None:
    up.error(503)
    up.drop()
    up.reply("Paris")

    chunks = await collect(provider, call())

    assert chunks == chunks_of(completion("Paris"))
    assert len(up.requests) == 3


async def test_an_error_status_of_a_stream_is_told_like_any_other(up: Upstream, provider: OpenAIProvider) -> None:
    up.error(404, "no such model")

    with pytest.raises(ProviderError, match="no such model") as caught:
        await collect(provider, call())
    assert caught.value.upstream_status == 404


async def test_a_whole_answer_to_a_stream_request_is_cut_into_chunks(up: Upstream, provider: OpenAIProvider) -> None:
    """Some upstreams know no streams."""
    up.stream()  # never used: `choose` comes first
    whole = completion("Paris")
    up.choose = lambda _: _json_answer(whole)

    assert assemble(await collect(provider, call())) == whole


def _json_answer(whole: dict[str, Any]) -> Any:
    import json

    from tests.upstream import Behaviour

    return Behaviour((json.dumps(whole).encode(),), headers={"content-type": "application/json; charset=utf-8"})


@pytest.mark.parametrize(
    "data",
    [
        "data: {nope\n\n",
        "data: [1]\n\n",
        'data: {"choices": [1]}\n\n',
        'data: {"choices": 1}\n\n',
        "data: [DONE]\n\n",
        "",
        ": only comments\n\n",
    ],
)
async def test_nonsense_in_a_stream_is_named(up: Upstream, provider: OpenAIProvider, data: str) -> None:
    up.stream(data)

    with pytest.raises(ProviderNonsense):
        await collect(provider, call())


async def test_html_instead_of_a_stream_is_nonsense(up: Upstream, provider: OpenAIProvider) -> None:
    up.raw("<html>login</html>")

    with pytest.raises(ProviderNonsense, match="not JSON"):
        await collect(provider, call())


async def test_a_stream_that_only_keeps_alive_is_a_timeout(up: Upstream, provider: OpenAIProvider) -> None:
    """Comments are no progress."""
    up.stream(*[": ping\n\n"] * 100, between=0.05)
    began = time.monotonic()

    with pytest.raises(ProviderTimeout):
        await collect(provider, call(timeout=0.3))
    assert time.monotonic() - began < 10.0


async def test_a_stream_that_stops_sending_is_a_timeout(up: Upstream, provider: OpenAIProvider) -> None:
    up.stream(sse(chunks_of(completion("a b"))[:2], done=False), then="hang")

    with pytest.raises(ProviderTimeout):
        await collect(provider, call(timeout=0.2))


@pytest.mark.parametrize("how", ["cancel", "close"])
async def test_leaving_a_stream_hangs_up_at_the_upstream(up: Upstream, provider: OpenAIProvider, how: str) -> None:
    up.stream(sse(chunks_of(completion("a b"))[:2], done=False), then="hang")
    if how == "close":
        stream = provider.stream(call())
        await anext(stream)
        await stream.aclose()  # type: ignore[attr-defined]
    else:
        task = asyncio.create_task(collect(provider, call()))
        await asyncio.to_thread(up.wait, lambda u: len(u.requests) == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert await asyncio.to_thread(up.wait, lambda u: u.hangups == 1)


# ready


async def test_ready_asks_nothing_that_is_billed(up: Upstream, provider: OpenAIProvider) -> None:
    assert await provider.ready() is None
    assert up.requests == []


async def test_ready_says_what_is_wrong_without_the_key() -> None:
    provider = OpenAIProvider("p", f"http://127.0.0.1:{free_port()}/v1", KEY, capabilities=CAPABILITIES)

    problem = await provider.ready()
    await provider.aclose()

    assert problem and "can't be reached" in problem and KEY not in problem
