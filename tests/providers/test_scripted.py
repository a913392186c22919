"""The provider that says what it is told to."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from steady.errors import ConfigError, ProviderError, ProviderTimeout
from steady.providers.chunks import assemble
from steady.providers.scripted import Broken, Delay, ScriptedProvider
from steady.types import Call, Reply


def call(seed: int | None = None, timeout: float = 5.0, **body: Any) -> Call:
    seeded = {} if seed is None else {"seed": seed}
    messages = [{"role": "user", "content": "what is it"}]
    return Call(provider="s", model="m", body={"messages": messages, **seeded, **body}, timeout=timeout)


def text(reply: Reply) -> Any:
    return reply.body["choices"][0]["message"]["content"]


async def test_lines_are_said_in_order_and_again_from_the_start() -> None:
    provider = ScriptedProvider(["a", "b"])

    said = [text(await provider.complete(call())) for _ in range(5)]

    assert said == ["a", "b", "a", "b", "a"]
    assert len(provider.calls) == 5


async def test_by_seed_the_same_seed_gets_the_same_line_whatever_the_schedule() -> None:
    lines = [Delay(0.02, "slow"), "quick", "other"]

    async def ask(seeds: list[int]) -> dict[int, str]:
        provider = ScriptedProvider(lines, by="seed")
        replies = await asyncio.gather(*(provider.complete(call(seed)) for seed in seeds))
        return {seed: text(reply) for seed, reply in zip(seeds, replies, strict=True)}

    assert await ask([3, 4, 5]) == await ask([5, 3, 4]) == {3: "slow", 4: "quick", 5: "other"}


async def test_concurrent_calls_take_their_lines_in_the_order_of_asking() -> None:
    provider = ScriptedProvider([Delay(0.03, "first"), "second"])

    replies = await asyncio.gather(provider.complete(call()), provider.complete(call()))

    assert [text(reply) for reply in replies] == ["first", "second"]


async def test_a_function_decides_by_the_call() -> None:
    provider = ScriptedProvider(lambda asked: f"seed {asked.body['seed']}")

    assert text(await provider.complete(call(7))) == "seed 7"


async def test_messages_choices_and_whole_completions_are_said_as_they_are() -> None:
    calls = [{"id": "t", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    whole = {"id": "x", "object": "chat.completion", "choices": [{"index": 0, "message": {"content": "w"}}]}
    provider = ScriptedProvider(
        [{"tool_calls": calls}, {"message": {"content": "cut"}, "finish_reason": "length"}, whole]
    )

    tools, cut, given = [(await provider.complete(call())).body for _ in range(3)]

    assert tools["choices"][0]["message"] == {"role": "assistant", "content": None, "tool_calls": calls}
    assert tools["choices"][0]["finish_reason"] == "tool_calls"
    assert cut["choices"][0]["finish_reason"] == "length"
    assert given == whole


async def test_usage_counts_words() -> None:
    reply = await ScriptedProvider(["one two"]).complete(call())

    assert reply.body["usage"] == {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


async def test_n_gets_as_many_lines() -> None:
    reply = await ScriptedProvider(["a", "b", "c"]).complete(call(n=2))

    assert [(c["index"], c["message"]["content"]) for c in reply.body["choices"]] == [(0, "a"), (1, "b")]


async def test_a_stream_adds_up_to_the_same_reply_in_pieces_of_the_size_asked() -> None:
    provider = ScriptedProvider(["hello world"], size=4)
    whole = (await provider.complete(call())).body

    chunks = [chunk async for chunk in provider.stream(call())]

    assert assemble(chunks) == whole
    pieces = [c["choices"][0]["delta"].get("content") for c in chunks if c["choices"]]
    assert [piece for piece in pieces if piece] == ["hell", "o wo", "rld"]


async def test_exceptions_are_raised_and_foreign_ones_become_provider_errors() -> None:
    provider = ScriptedProvider([ProviderError("busy", status=429), ValueError("odd"), TimeoutError(), 5])

    with pytest.raises(ProviderError, match="busy") as caught:
        await provider.complete(call())
    assert (caught.value.upstream_status, caught.value.provider) == (429, "scripted")
    with pytest.raises(ProviderError, match="ValueError: odd"):
        await provider.complete(call())
    with pytest.raises(ProviderTimeout):
        await provider.complete(call())
    with pytest.raises(ProviderError, match="not int"):
        await provider.complete(call())


async def test_a_delay_beyond_the_timeout_is_a_timeout_on_time() -> None:
    began = time.monotonic()

    with pytest.raises(ProviderTimeout):
        await ScriptedProvider([Delay(60, "never")]).complete(call(timeout=0.05))
    assert time.monotonic() - began < 10


async def test_a_broken_stream_gives_some_chunks_and_then_fails() -> None:
    provider = ScriptedProvider([Broken("hello world", after=3)], size=2)
    got = []

    with pytest.raises(ProviderError, match="broke"):
        async for chunk in provider.stream(call()):
            got.append(chunk)
    assert len(got) == 3
    with pytest.raises(ProviderError, match="broke"):
        await provider.complete(call())


async def test_it_is_always_ready_and_takes_everything() -> None:
    provider = ScriptedProvider(["a"])

    assert await provider.ready() is None
    assert "top_k" in provider.capabilities.params
    await provider.aclose()


@pytest.mark.parametrize("script", [[], "a text"])
def test_a_script_without_lines_is_refused(script: Any) -> None:
    with pytest.raises(ValueError, match="at least one line"):
        ScriptedProvider(script)
    with pytest.raises(ValueError, match="by must be"):
        ScriptedProvider(["a"], by="chance")  # type: ignore[arg-type]


async def test_a_script_is_read_from_yaml_and_json(tmp_path: Path) -> None:
    lines = ["a", {"content": "b"}, {"delay": 0.01, "line": "c"}, {"error": {"status": 503, "message": "down"}}]
    (tmp_path / "s.yaml").write_text(
        "- a\n- {content: b}\n- {delay: 0.01, line: c}\n- error: {status: 503, message: down}\n"
    )
    (tmp_path / "s.json").write_text(json.dumps(lines))

    for name in ("s.yaml", "s.json"):
        provider = ScriptedProvider.load(tmp_path / name, name="mine")
        assert [text(await provider.complete(call())) for _ in range(3)] == ["a", "b", "c"]
        with pytest.raises(ProviderError, match="down") as caught:
            await provider.complete(call())
        assert (caught.value.upstream_status, caught.value.retryable, provider.name) == (503, True, "mine")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (None, "can't be read"),
        ("{a: 1}", "a list of at least one line"),
        ("[]", "a list of at least one line"),
        ("- [", "no YAML or JSON"),
        ("- a\n- 7\n", "line 2 of the script: expected a text"),
        ("- {delay: soon}", "line 1.*number of seconds"),
        ("- {error: {status: many}}", "line 1.*a status"),
    ],
)
def test_a_bad_script_file_is_refused_by_name_and_line(tmp_path: Path, content: str | None, what: str) -> None:
    path = tmp_path / "s.yaml"
    if content is not None:
        path.write_text(content)

    with pytest.raises(ConfigError, match=rf"s\.yaml.*{what}"):
        ScriptedProvider.load(path)
