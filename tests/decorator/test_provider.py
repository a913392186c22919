"""A function as a provider: what each candidate is called with, in which context, for how long."""

import asyncio
import contextvars
import inspect
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from steady.decorator.loop import LOOP
from steady.decorator.prompt import find_prompt
from steady.decorator.provider import INSIDE, FunctionProvider, Invocation, capabilities, headers, wanted
from steady.errors import ProviderError, ProviderTimeout
from steady.types import Call

WHO: contextvars.ContextVar[str] = contextvars.ContextVar("who", default="nobody")


def provider(
    function: Callable[..., Any], *args: Any, errors: tuple[type, ...] = (), **kwargs: Any
) -> FunctionProvider:
    """Return a provider for one call of `function`."""
    signature = inspect.signature(function)
    bound = signature.bind(*args, **kwargs)
    name, _ = find_prompt(function, bound, None)
    return FunctionProvider(Invocation(function, bound, name, errors), capabilities(signature))


def call(text: str = "Hello?", *, timeout: float = 5.0, **body: Any) -> Call:
    """Return a call as the pipeline makes it."""
    body.setdefault("messages", [{"role": "user", "content": text}])
    return Call(provider="function", model="m", body=body, timeout=timeout)


async def answer(made: FunctionProvider, asked: Call | None = None) -> Any:
    reply = await made.complete(asked or call())
    return reply.body["choices"][0]["message"]["content"]


# Arguments


async def test_sampling_goes_to_the_parameters_that_want_it() -> None:
    def fn(prompt: str, *, temperature: float = 1.0, seed: int = 0) -> str:
        return f"{temperature} {seed}"

    assert await answer(provider(fn, "?"), call(temperature=0.3, seed=7, top_p=0.9)) == "0.3 7"
    assert wanted(inspect.signature(fn)) == {"temperature", "seed"}
    assert capabilities(inspect.signature(fn)).params == ("seed", "temperature")


async def test_a_callers_value_that_the_policy_does_not_let_through_does_not_reach_the_function() -> None:
    """The policy's sampling wins, here by leaving top_k unset."""

    def fn(prompt: str, top_k: int = 1, *, min_p: float) -> str:
        return f"{top_k} {min_p}"

    assert await answer(provider(fn, "?", top_k=50, min_p=0.2), call()) == "1 None"


async def test_other_arguments_stay_as_the_caller_gave_them() -> None:
    def fn(prompt: str, /, *rest: int, model: str = "m", **more: Any) -> str:
        return f"{rest} {model} {more}"

    assert await answer(provider(fn, "?", 1, 2, model="x", a=3)) == "(1, 2) x {'a': 3}"


async def test_a_prompt_that_is_left_to_its_default_is_still_the_prompt() -> None:
    def fn(prompt: str = "Hello?", seed: int = 0) -> str:
        return prompt

    assert await answer(provider(fn), call("Hello again?")) == "Hello again?"


async def test_what_is_asked_again_reaches_a_str_prompt() -> None:
    def fn(prompt: str) -> str:
        return prompt

    messages = [
        {"role": "user", "content": "Is it?"},
        {"role": "assistant", "content": "Perhaps."},
        {"role": "user", "content": "Answer yes or no."},
    ]

    assert await answer(provider(fn, "Is it?"), call(messages=messages)) == "Is it?\n\nAnswer yes or no."


async def test_each_candidate_has_messages_of_its_own() -> None:
    """Functions append to the list that they are given, and candidates run at the same time."""

    def fn(messages: list[dict[str, Any]]) -> str:
        messages[0]["content"] += "!"
        messages.append({"role": "user", "content": "more"})
        return str(len(messages)) + messages[0]["content"]

    mine = [{"role": "user", "content": "Hello"}]
    asked = call(messages=(*mine,))
    made = provider(fn, mine)

    assert [await answer(made, asked) for _ in range(2)] == ["2Hello!", "2Hello!"]
    assert mine == [{"role": "user", "content": "Hello"}]


async def test_extra_headers_say_that_a_decorator_is_calling() -> None:
    def fn(prompt: str, extra_headers: dict[str, str] | None = None) -> str:
        return str(extra_headers)

    assert await answer(provider(fn, "?")) == "{'x-steady-decorated': 'true'}"
    assert await answer(provider(fn, "?", {"a": "b"})) == "{'a': 'b', 'x-steady-decorated': 'true'}"


async def test_headers_are_there_for_functions_that_make_their_own_calls() -> None:
    def fn(prompt: str) -> str:
        return str(headers())

    assert headers() == {}
    assert await answer(provider(fn, "?")) == "{'x-steady-decorated': 'true'}"
    assert headers() == {}


# Contexts


async def read_later(prompt: str) -> str:
    before = WHO.get()
    WHO.set(before + "+")
    await asyncio.sleep(0)
    return f"{before} {WHO.get()} {INSIDE.get()}"


def read(prompt: str) -> str:
    before = WHO.get()
    WHO.set(before + "+")
    return f"{before} {WHO.get()} {INSIDE.get()}"


def read_parts(prompt: str) -> Iterator[str]:
    yield read(prompt)


async def read_parts_later(prompt: str) -> AsyncIterator[str]:
    yield await read_later(prompt)


@pytest.mark.parametrize("function", [read, read_later, read_parts, read_parts_later], ids=lambda f: f.__name__)
async def test_each_candidate_runs_in_a_copy_of_the_callers_context(function: Callable[..., Any]) -> None:
    token = WHO.set("caller")
    made = provider(function, "?")
    WHO.reset(token)

    assert await asyncio.gather(answer(made), answer(made)) == ["caller caller+ True"] * 2
    assert WHO.get() == "nobody"


# Timeouts


async def sleep_later(prompt: str) -> str:
    await asyncio.sleep(30)
    return ""


async def sleep_parts_later(prompt: str) -> AsyncIterator[str]:
    yield "a"
    await asyncio.sleep(30)


async def resist(prompt: str) -> str:
    for _ in range(20):
        try:
            await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            continue
    return ""


@pytest.mark.parametrize("function", [sleep_later, sleep_parts_later, resist], ids=lambda f: f.__name__)
async def test_a_coroutine_that_overruns_is_cancelled_in_time(function: Callable[..., Any]) -> None:
    began = time.monotonic()

    with pytest.raises(ProviderTimeout, match=r"the function took longer than 0\.05 s"):
        await provider(function, "?").complete(call(timeout=0.05))
    assert time.monotonic() - began < 8


@pytest.mark.parametrize("parts", [False, True])
async def test_a_sync_function_that_overruns_is_left_behind_in_time(parts: bool) -> None:
    release, before = threading.Event(), LOOP.abandoned

    def wait(prompt: str) -> str:
        release.wait(30)
        return ""

    def wait_in_parts(prompt: str) -> Iterator[str]:
        release.wait(30)
        yield ""

    began = time.monotonic()
    with pytest.raises(ProviderTimeout, match=r"the function took longer than 0\.05 s"):
        await provider(wait_in_parts if parts else wait, "?").complete(call(timeout=0.05))
    assert time.monotonic() - began < 8
    assert LOOP.abandoned == before + 1
    release.set()


async def test_cancellation_passes_through_and_reaches_the_function() -> None:
    cleaned: list[str] = []

    async def fn(prompt: str) -> str:
        try:
            await asyncio.sleep(30)
        finally:
            cleaned.append(prompt)
        return ""

    task = asyncio.ensure_future(provider(fn, "Hello?").complete(call()))
    await asyncio.sleep(0.01)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert cleaned == ["Hello?"]


# Errors


async def test_an_upstreams_error_is_told_with_its_kind_and_its_original_is_kept() -> None:
    original = ConnectionResetError("gone")

    def fn(prompt: str) -> str:
        raise original

    made = provider(fn, "?")
    with pytest.raises(ProviderError, match="ConnectionResetError: gone") as caught:
        await made.complete(call())
    assert made.original(caught.value) is original


async def test_a_provider_error_of_ones_own_is_passed_as_it_is() -> None:
    original = ProviderError("limited", status=429)
    original.__cause__ = ValueError("why")

    def fn(prompt: str) -> str:
        raise original

    made = provider(fn, "?")
    with pytest.raises(ProviderError) as caught:
        await made.complete(call())
    assert caught.value is original
    assert made.original(caught.value) is original
    assert str(original.__cause__) == "why"


async def test_a_timeout_within_the_function_is_a_timeout() -> None:
    async def fn(prompt: str) -> str:
        raise TimeoutError

    with pytest.raises(ProviderTimeout):
        await provider(fn, "?").complete(call())


async def test_named_errors_cost_the_candidate_and_others_pass_unchanged() -> None:
    original = LookupError("mine")

    def fn(prompt: str) -> str:
        raise original

    with pytest.raises(LookupError) as caught:
        await provider(fn, "?").complete(call())
    assert caught.value is original
    with pytest.raises(ProviderError, match="LookupError: mine"):
        await provider(fn, "?", errors=(LookupError,)).complete(call())


async def test_a_function_is_ready_and_has_no_stream() -> None:
    made = provider(read, "?")

    assert await made.ready() is None
    with pytest.raises(ProviderError, match="not streamed from"):
        made.stream(call())
    await made.aclose()
