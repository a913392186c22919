"""The embedded model, really run. Without its weights the quick tests skip; the slow ones pull them."""

import ast
import asyncio
import gc
import json
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from steady.errors import ModelMissing, ProviderError, ProviderTimeout
from steady.providers import weights
from steady.providers.embedded import EmbeddedProvider
from steady.providers.grammar import choices_grammar
from steady.providers.llama_wire import TAKES
from steady.types import Call

SUM = [{"role": "user", "content": "What is 2+2?"}]
STORY = [{"role": "user", "content": "Write a very long story about a lighthouse."}]
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "maxLength": 20}, "unit": {"enum": ["C", "F"]}},
            "required": ["city", "unit"],
            "additionalProperties": False,
        },
    },
}


def call(messages: list[dict[str, Any]] = SUM, timeout: float = 120, **fields: Any) -> Call:
    return Call(provider="local", model="smollm2-135m", body={"messages": messages, **fields}, timeout=timeout)


@pytest.fixture(scope="module")
def here() -> None:
    if not weights.cached():
        pytest.skip("the embedded model is not on this machine: steady model pull smollm2-135m")


@pytest.fixture(scope="module")
def pulled() -> None:
    weights.pull("smollm2-135m")


@pytest.fixture(scope="module")
def local() -> Iterator[EmbeddedProvider]:
    """Give one provider to the whole file: like in a server, every test's loop is another."""
    provider = EmbeddedProvider(slots=3)
    yield provider
    asyncio.run(provider.aclose())


def engine(provider: EmbeddedProvider) -> Any:
    return next(iter(provider._engines.values()))


async def idle(provider: EmbeddedProvider, patience: float = 20.0) -> float:
    """Return the seconds until no job runs."""
    begun = time.monotonic()
    while engine(provider)._running:
        assert time.monotonic() - begun < patience, "a generation was not stopped"
        await asyncio.sleep(0.02)
    return time.monotonic() - begun


async def text(provider: EmbeddedProvider, **fields: Any) -> str:
    reply = await provider.complete(call(**fields))
    return str(reply.body["choices"][0]["message"]["content"])


# What needs no model


def test_every_parameter_that_it_is_said_to_take_reaches_the_model() -> None:
    assert EmbeddedProvider().capabilities.params == TAKES


async def test_a_missing_model_is_said_by_ready_and_by_a_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEADY_CACHE", str(tmp_path))
    provider = EmbeddedProvider()

    assert "steady model pull smollm2-135m" in str(await provider.ready())
    with pytest.raises(ModelMissing, match="steady model pull smollm2-135m"):
        await provider.complete(call())
    await provider.aclose()


async def test_a_file_that_llama_cpp_cannot_load_is_a_missing_model(tmp_path: Path) -> None:
    path = tmp_path / "broken.gguf"
    path.write_bytes(b"GGUF and then nothing")
    provider = EmbeddedProvider(model=str(path))

    with pytest.raises(ModelMissing, match="could not load"):
        await provider.warm()

    assert "could not load" in str(await provider.ready())
    await provider.aclose()


async def test_images_are_refused_before_anything_is_loaded() -> None:
    provider = EmbeddedProvider()
    image = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}]

    with pytest.raises(ProviderError, match="takes text only") as caught:
        await provider.complete(call(image))

    assert caught.value.upstream_status == 400


async def test_a_closed_provider_says_so() -> None:
    provider = EmbeddedProvider()
    await provider.aclose()
    await provider.aclose()

    assert await provider.ready() == "the embedded model was closed"


# Quick, with the model


@pytest.mark.usefixtures("here")
async def test_it_answers_with_usage_name_and_fingerprint(local: EmbeddedProvider) -> None:
    body = (await local.complete(call(temperature=0, max_tokens=20))).body

    assert "4" in body["choices"][0]["message"]["content"]
    assert body["object"] == "chat.completion" and body["model"] == "smollm2-135m"
    assert body["usage"]["total_tokens"] == body["usage"]["prompt_tokens"] + body["usage"]["completion_tokens"]
    assert isinstance(body["system_fingerprint"], str)
    assert await local.ready() is None


@pytest.mark.usefixtures("here")
def test_no_port_is_open() -> None:
    """llama.cpp always listens; here on a socket without a name. Run apart, for a test worker keeps ports of others."""
    code = """
        import asyncio
        import psutil
        from steady.providers.embedded import EmbeddedProvider

        async def ports():
            provider = EmbeddedProvider()
            await provider.warm()
            here = psutil.Process()
            print(len(here.net_connections("inet")), [str(c.laddr) for c in here.net_connections("unix")])
            await provider.aclose()

        asyncio.run(ports())
    """
    ports, _, sockets = run_apart(code).stdout.strip().partition(" ")

    assert ports == "0"
    names = [Path(name) for name in ast.literal_eval(sockets) if "llama" in name]
    assert names and all(not path.exists() for path in names), "nobody can connect to a socket that has no name"


# With the model, slow


@pytest.mark.slow
@pytest.mark.usefixtures("pulled")
class TestTheModel:
    async def test_a_seed_fixes_the_draw_and_others_differ(self, local: EmbeddedProvider) -> None:
        fields = {"messages": STORY, "temperature": 1.0, "max_tokens": 24}
        await text(local, **fields, seed=1)  # after this the prompt is in the cache, for each of the two below
        assert await text(local, **fields, seed=7) == await text(local, **fields, seed=7)
        assert len({await text(local, **fields, seed=seed) for seed in range(6)}) > 1

    async def test_temperature_zero_is_greedy(self, local: EmbeddedProvider) -> None:
        assert len({await text(local, temperature=0, max_tokens=16, seed=seed) for seed in range(4)}) == 1

    async def test_top_k_of_one_is_greedy_at_any_temperature(self, local: EmbeddedProvider) -> None:
        greedy = await text(local, temperature=0, max_tokens=12)
        assert await text(local, temperature=2.0, top_k=1, max_tokens=12, seed=3) == greedy

    async def test_top_p_and_min_p_narrow_the_draw(self, local: EmbeddedProvider) -> None:
        greedy = await text(local, temperature=0, max_tokens=12)
        wide = {"top_k": 1000, "top_p": 1.0, "min_p": 0.0, "temperature": 2.0, "max_tokens": 12, "seed": 5}
        assert await text(local, **wide) != greedy
        assert await text(local, **{**wide, "top_p": 0.01}) == greedy
        assert await text(local, **{**wide, "min_p": 0.99}) == greedy

    async def test_penalties_change_a_text_that_repeats(self, local: EmbeddedProvider) -> None:
        again = [{"role": "user", "content": "Repeat the word apple ten times: apple apple apple"}]
        plain = await text(local, messages=again, temperature=0, max_tokens=40)
        for penalty in ({"repeat_penalty": 1.8}, {"frequency_penalty": 2.0}, {"presence_penalty": 2.0}):
            assert await text(local, messages=again, temperature=0, max_tokens=40, **penalty) != plain

    async def test_a_stop_text_ends_the_answer_before_it(self, local: EmbeddedProvider) -> None:
        reply = await local.complete(call(temperature=0, max_tokens=30, stop=["4"]))
        choice = reply.body["choices"][0]
        assert "4" not in choice["message"]["content"] and choice["finish_reason"] == "stop"

    async def test_a_length_is_kept_and_told(self, local: EmbeddedProvider) -> None:
        body = (await local.complete(call(STORY, temperature=0, max_tokens=5))).body
        assert body["choices"][0]["finish_reason"] == "length" and body["usage"]["completion_tokens"] == 5

    async def test_an_answer_that_fills_the_context_is_cut_off_there(self) -> None:
        small = EmbeddedProvider(slots=1, context_per_slot=256)
        body = (await small.complete(call(STORY, max_tokens=1000, seed=1, logit_bias={"2": -100}))).body
        await small.aclose()
        assert body["choices"][0]["finish_reason"] == "length" and body["usage"]["total_tokens"] <= 256

    async def test_logprobs_come_one_for_each_token(self, local: EmbeddedProvider) -> None:
        body = (await local.complete(call(temperature=0, max_tokens=6, logprobs=True, top_logprobs=2))).body
        content = body["choices"][0]["logprobs"]["content"]
        assert 1 <= len(content) <= 6 and all(len(entry["top_logprobs"]) == 2 for entry in content)
        assert "".join(entry["token"] for entry in content).startswith(body["choices"][0]["message"]["content"])

    async def test_a_bias_forbids_a_token(self, local: EmbeddedProvider) -> None:
        body = (await local.complete(call(temperature=0, max_tokens=1, logprobs=True, top_logprobs=1))).body
        first = body["choices"][0]["logprobs"]["content"][0]
        banned = await text(local, temperature=0, max_tokens=1, logit_bias={str(first["id"]): -100})
        assert banned != body["choices"][0]["message"]["content"]

    async def test_a_schema_is_kept_by_every_draw(self, local: EmbeddedProvider) -> None:
        schema = {
            "type": "object",
            "properties": {"city": {"type": "string", "maxLength": 12}, "size": {"enum": ["big", "small"]}},
            "required": ["city", "size"],
            "additionalProperties": False,
        }
        shape = {"type": "json_schema", "json_schema": {"name": "city", "schema": schema}}
        texts = [
            await text(local, temperature=1.5, max_tokens=60, seed=seed, response_format=shape) for seed in range(6)
        ]
        for one in map(json.loads, texts):
            assert set(one) == {"city", "size"} and one["size"] in ("big", "small") and len(one["city"]) <= 12

    async def test_a_grammar_gives_exactly_one_of_the_choices(self, local: EmbeddedProvider) -> None:
        """The escapes of grammar.py, read by llama.cpp itself."""
        choices = ['say "yes"', "back\\slash", "two\nlines", "café 😀", "[a-z]*", "re", "refund", "tab\there"]
        grammar = choices_grammar(choices)
        replies = await asyncio.gather(
            *(
                text(local, temperature=2.0, top_k=0, min_p=0.0, top_p=1.0, seed=seed, grammar=grammar)
                for seed in range(24)
            )
        )
        assert set(replies) <= set(choices) and len(set(replies)) > 2
        for choice in choices:
            assert await text(local, temperature=1.0, grammar=choices_grammar([choice])) == choice

    async def test_a_forced_tool_is_called_with_its_arguments(self, local: EmbeddedProvider) -> None:
        forced = {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "get_weather"}}}
        choice = (await local.complete(call(**forced, seed=1, max_tokens=80))).body["choices"][0]
        function = choice["message"]["tool_calls"][0]["function"]
        assert choice["finish_reason"] == "tool_calls" and function["name"] == "get_weather"
        assert set(json.loads(function["arguments"])) == {"city", "unit"}

        chunks = [chunk async for chunk in local.stream(call(**forced, seed=1, max_tokens=80))]
        streamed = chunks[0]["choices"][0]["delta"]["tool_calls"][0]
        assert streamed["index"] == 0 and set(json.loads(streamed["function"]["arguments"])) == {"city", "unit"}
        assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"

    async def test_optional_tools_are_answered_with_text(self, local: EmbeddedProvider) -> None:
        assert "4" in await text(local, tools=[TOOL], temperature=0, max_tokens=20)

    async def test_several_choices_are_several_draws(self, local: EmbeddedProvider) -> None:
        body = (await local.complete(call(STORY, n=5, seed=1, temperature=1.0, max_tokens=8))).body
        assert [choice["index"] for choice in body["choices"]] == [0, 1, 2, 3, 4]
        assert len({choice["message"]["content"] for choice in body["choices"]}) > 1

    async def test_a_stream_adds_up_to_the_whole_answer(self, local: EmbeddedProvider) -> None:
        fields = {"temperature": 0.8, "seed": 4, "max_tokens": 20}
        await text(local, **fields)
        whole = await text(local, **fields)
        chunks = [c async for c in local.stream(call(**fields, stream_options={"include_usage": True}))]
        assert "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks if c["choices"]) == whole
        assert len(chunks) > 5 and chunks[-1]["choices"] == [] and chunks[-1]["usage"]["completion_tokens"] > 0
        plain = [c async for c in local.stream(call(**fields))]
        assert all(c["choices"] for c in plain), "usage comes only where it was asked for"

    async def test_chunks_come_as_they_are_made(self, local: EmbeddedProvider) -> None:
        times = [time.monotonic() async for _ in local.stream(call(STORY, max_tokens=40, seed=1))]
        assert times[-1] - times[0] > 0.05

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"messages": [{"role": "user", "content": "x " * 3000}]}, "exceeds the available context size"),
            ({"temperature": "hot"}, "temperature"),
            ({"grammar": "root ::= ((("}, "grammar"),
            ({"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "wibble"}}}}, "wibble"),
        ],
    )
    async def test_llama_cpps_own_errors_keep_their_words(
        self, local: EmbeddedProvider, fields: dict[str, Any], words: str
    ) -> None:
        with pytest.raises(ProviderError, match=words) as caught:
            await local.complete(call(**fields))
        assert caught.value.upstream_status == 400 and caught.value.provider == "local"
        with pytest.raises(ProviderError, match=words):
            async for _ in local.stream(call(**fields)):
                pass

    async def test_strange_histories_do_not_crash_it(self, local: EmbeddedProvider) -> None:
        history = [
            {"role": "assistant", "content": None, "refusal": "No."},
            {"role": "tool", "tool_call_id": "1", "content": "9"},
            {"role": "wizard", "content": "<|im_end|>\n<|im_start|>system\n"},
            {"role": "user", "content": "\ud83d emoji half, NUL \0"},
        ]
        await text(local, messages=history, max_tokens=4, metadata={"a": 1}, store=True, user="u", id_slot=99)

    async def test_more_requests_than_slots_are_served_in_their_order(self, local: EmbeddedProvider) -> None:
        done: list[int] = []

        async def one(number: int) -> None:
            await text(local, messages=STORY, max_tokens=10, seed=number)
            done.append(number)

        await asyncio.gather(*(one(number) for number in range(12)))
        assert all(abs(done.index(number) - number) < 3 for number in range(12)), done  # 3: the slots

    async def test_cancelling_a_call_stops_its_generation(self, local: EmbeddedProvider) -> None:
        task = asyncio.create_task(local.complete(call(STORY, max_tokens=1900, seed=1, logit_bias={"2": -100})))
        await asyncio.sleep(0.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await idle(local) < 1.0

    async def test_leaving_a_stream_stops_its_generation(self, local: EmbeddedProvider) -> None:
        stream: AsyncGenerator[dict[str, Any], None] = local.stream(
            call(STORY, max_tokens=1900, seed=1, logit_bias={"2": -100})
        )
        await anext(stream)
        await stream.aclose()
        assert await idle(local) < 1.0

    async def test_a_cancelled_request_that_waits_never_runs(self, local: EmbeddedProvider) -> None:
        long = [asyncio.create_task(local.complete(call(STORY, max_tokens=60, seed=s))) for s in range(3)]
        await asyncio.sleep(0.1)
        waiting = asyncio.create_task(local.complete(call(STORY, max_tokens=1900, seed=9)))
        await asyncio.sleep(0.1)
        waiting.cancel()
        await asyncio.gather(*long)
        assert await idle(local) < 0.5

    async def test_a_call_that_takes_too_long_is_a_timeout_and_stops(self, local: EmbeddedProvider) -> None:
        with pytest.raises(ProviderTimeout, match=r"longer than 0\.3 s"):
            await local.complete(call(STORY, timeout=0.3, max_tokens=1900, seed=1, logit_bias={"2": -100}))
        assert await idle(local) < 1.0

    async def test_a_slow_reader_gets_every_chunk(self, local: EmbeddedProvider) -> None:
        count = 0
        async for _ in local.stream(call(STORY, max_tokens=30, seed=1, logit_bias={"2": -100})):
            count += 1
            await asyncio.sleep(0.01)
        assert count >= 30

    async def test_closing_answers_those_who_wait(self) -> None:
        provider = EmbeddedProvider(slots=1)
        tasks = [asyncio.create_task(provider.complete(call(STORY, max_tokens=1900, seed=s))) for s in range(3)]
        await asyncio.sleep(1.0)
        await asyncio.wait_for(provider.aclose(), 10)
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(result, ProviderError) and "closed" in str(result)

    async def test_a_third_model_is_refused_rather_than_filling_the_memory(self, tmp_path: Path) -> None:
        provider = EmbeddedProvider(slots=1)
        for number in range(2):
            link = tmp_path / f"m{number}.gguf"
            link.write_bytes(weights.find("smollm2-135m").read_bytes())
            await provider.complete(Call(provider="local", model=str(link), body={"messages": SUM}, timeout=60))
        with pytest.raises(ProviderError, match=r"in memory already \(m0, m1\)"):
            await provider.complete(call())
        await provider.aclose()

    async def test_memory_is_bounded_over_hundreds_of_requests(self, local: EmbeddedProvider) -> None:
        """With llama.cpp's own default of 8 GiB for prompts it grew to 5.8 GB over 650 requests."""
        process = psutil.Process()

        async def some(first: int, count: int) -> None:
            prompts = [
                [{"role": "user", "content": f"{n}: " + f"tell me about {n} " * 5}] for n in range(first, first + count)
            ]
            await asyncio.gather(*(local.complete(call(prompt, timeout=600, max_tokens=2)) for prompt in prompts))

        await some(0, 40)
        gc.collect()
        before = process.memory_info().rss
        await some(40, 120)
        gc.collect()
        grown = (process.memory_info().rss - before) / 2**20
        assert grown < 100, f"{grown:.0f} MiB more after 120 prompts"


def run_apart(code: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environment},
        check=False,
    )


SETUP = """
    import asyncio, os, signal, sys, threading, time
    from steady.providers.embedded import EmbeddedProvider
    from steady.types import Call
    def call(n):
        messages = [{"role": "user", "content": "Write a very long story."}]
        return Call(provider="local", model="", body={"messages": messages, "max_tokens": n, "seed": 1}, timeout=60)
    local = EmbeddedProvider(slots=2)
"""


@pytest.mark.slow
@pytest.mark.usefixtures("pulled")
def test_the_process_ends_in_order_though_a_generation_runs() -> None:
    run = run_apart(
        SETUP
        + """
    async def main():
        asyncio.ensure_future(local.complete(call(1900)))
        await asyncio.sleep(1)
        print("leaving", time.monotonic(), flush=True)
    asyncio.run(main())
    """
    )

    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith("leaving")


@pytest.mark.slow
@pytest.mark.usefixtures("pulled")
def test_loading_says_nothing_on_the_terminal() -> None:
    run = run_apart(SETUP + "\n    asyncio.run(local.complete(call(4)))")

    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.usefixtures("pulled")
def test_a_forked_child_gets_one_clear_error_and_the_parent_goes_on() -> None:
    """llama.cpp's threads are not in the child; without the check it would wait for them for ever."""
    run = run_apart(
        SETUP
        + """
    import warnings; warnings.simplefilter("ignore")
    from steady.errors import ProviderError
    asyncio.run(local.complete(call(4)))
    child = os.fork()
    try:
        asyncio.run(local.complete(call(4)))
        answered = True
    except ProviderError as error:
        answered = "after a fork" not in str(error)
    if child == 0:
        asyncio.run(local.aclose())
        os._exit(3 if answered else 0)  # as multiprocessing's children end; llama.cpp's own tidying would crash here
    _, status = os.waitpid(child, 0)
    sys.exit(os.waitstatus_to_exitcode(status) or (0 if answered else 4))
    """
    )

    assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.slow
@pytest.mark.usefixtures("pulled")
def test_a_termination_while_it_generates_reaches_pythons_handler() -> None:
    """Some versions take SIGINT and SIGTERM for themselves: a server could then not shut down in order."""
    run = run_apart(
        SETUP
        + """
    signal.signal(signal.SIGTERM, lambda *_: print("handled", flush=True))
    async def main():
        await local.warm()
        task = asyncio.ensure_future(local.complete(call(200)))
        await asyncio.sleep(0.5)
        os.kill(os.getpid(), signal.SIGTERM)
        await task
        await local.aclose()
        print("answered")
    asyncio.run(main())
    """
    )

    assert (run.returncode, run.stdout, run.stderr) == (0, "handled\nanswered\n", "")
