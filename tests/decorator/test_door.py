"""The door itself: calling, binding, yielding again, what is raised, what happens once."""

import asyncio
import copy
import functools
import inspect
import itertools
import pickle
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any, Literal

import pytest
from tests.decorator.methods import Speaker, shout
from tests.upstream import chunks_of, completion

from steady import Abstained, AllCandidatesFailed, RuleViolation, assert_steady, steady
from steady.decorator.door import Bound
from steady.errors import ConfigError, ProviderError, RequestError

THREE = {"candidates": {"min": 3, "max": 3}, "sampling": {"preset": "balanced"}}
NO_LAVA = {"rules": [{"rule": "excludes", "terms": ["lava"], "on_fail": "filter"}]}


# Calling


def test_wrong_arguments_are_told_as_the_function_itself_would() -> None:
    with pytest.raises(TypeError, match="missing a required argument: 'prompt'"):
        shout()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unexpected keyword argument 'loud'"):
        Speaker().parts("x", loud=True)  # type: ignore[call-arg]


def test_a_generator_that_nobody_iterates_costs_nothing() -> None:
    """No coroutine may be left that was never awaited: warnings are errors here."""
    ran: list[int] = []

    @steady()
    def fn(prompt: str) -> Iterator[str]:
        ran.append(1)
        yield "x"

    parts = fn("?")
    assert ran == []
    assert list(parts) == ["x"]
    assert ran == [1]


@pytest.mark.parametrize("arguments", [{"candidates": 0}, {"candidates": 65}, {"policy": 7}], ids=str)
def test_wrong_settings_are_told_when_the_function_is_decorated(arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"must be from 1 to 64|int is no policy"):
        steady(**arguments)


def test_a_forgotten_pair_of_brackets_is_told() -> None:
    with pytest.raises(ConfigError, match=r"A function is no policy.*@steady\(\), not @steady"):
        steady(lambda prompt: prompt)  # type: ignore[arg-type]


def test_candidates_that_disagree_are_voted_on() -> None:
    answers = itertools.cycle(["yes", "no", "yes"])

    @steady(THREE)
    def fn(prompt: str, seed: int = 0) -> Literal["yes", "no"]:
        return next(answers)  # type: ignore[return-value]

    outcome = fn.detailed("?")

    assert outcome.value == "yes"
    assert (outcome.decision.agreement.share, outcome.decision.agreement.of) == (pytest.approx(2 / 3), 3)


def test_locale_is_that_of_the_disclosure() -> None:
    policy = {**THREE, "disclose": {"place": "append", "when": "always"}}

    @steady(policy, disclose=True, locale="de")
    def fn(prompt: str, seed: int = 0) -> str:
        return "Es ist so. Es bleibt so."

    assert fn.detailed("?").decision.disclosure.locale == "de"
    assert fn("?").startswith("Es ist so. Es bleibt so.")
    assert len(fn("?")) > 40


async def test_a_decorated_function_may_be_decorated_again() -> None:
    """Each layer with its own policy; the inner one draws once."""
    ran: list[str] = []

    @steady({**THREE, **NO_LAVA})
    @steady(THREE)
    async def later(prompt: str, seed: int = 0) -> str:
        ran.append(prompt)
        return prompt

    assert await later("water") == "water"
    assert len(ran) == 3
    with pytest.raises(Abstained):
        await later("lava")


async def test_objects_whose_call_is_async_or_a_generator_are_seen_as_such() -> None:
    class Later:
        async def __call__(self, prompt: str) -> str:
            return prompt

    class Parts:
        def __call__(self, prompt: str) -> Iterator[str]:
            yield prompt

    assert await steady()(Later())("x") == "x"
    assert list(steady()(Parts())("x")) == ["x"]
    assert await steady()(functools.partial(Later(), "y"))() == "y"


# Yielding again


def test_a_generator_yields_the_winners_own_parts() -> None:
    @steady(THREE)
    def fn(prompt: str, seed: int = 0) -> Iterator[str]:
        yield "Pa"
        yield "ris"

    assert list(fn("?")) == ["Pa", "ris"]


def test_a_changed_text_is_yielded_whole() -> None:
    @steady({"rules": [{"rule": "no_pii", "on_fail": "fix"}]})
    def fn(prompt: str) -> Iterator[str]:
        yield "mail a@exam"
        yield "ple.com"

    parts = list(fn("?"))

    assert len(parts) == 1
    assert "example" not in parts[0]


async def test_changed_chunks_are_chunks_again() -> None:
    """A caller that reads `chunk.choices` must find it on every part."""
    from openai.types.chat import ChatCompletionChunk

    @steady({"rules": [{"rule": "no_pii", "on_fail": "fix"}]})
    async def fn(prompt: str) -> AsyncIterator[ChatCompletionChunk]:
        for chunk in chunks_of(completion("mail a@example.com now")):
            yield ChatCompletionChunk.model_validate(chunk)

    parts = [part async for part in fn("?")]

    assert {type(part) for part in parts} == {ChatCompletionChunk}
    text = "".join(choice.delta.content or "" for part in parts for choice in part.choices)
    assert text.startswith("mail ") and text.endswith(" now") and "example" not in text
    assert {part.id for part in parts} == {"chatcmpl-1"}


async def test_an_async_generator_yields_on_the_callers_loop() -> None:
    assert [part async for part in Speaker().parts_later("hi")] == ["h", "i", "!"]
    assert (await Speaker().parts_later.detailed("hi")).value == "hi!"
    assert Speaker().parts.detailed("hi").value == "hi!"


# Once


def test_on_accept_runs_in_the_callers_thread_and_may_call_again() -> None:
    """On the private loop it would hold up everyone, and a call of its own would wait for ever."""
    seen: list[Any] = []

    @steady(candidates=3, on_accept=lambda value: seen.append((value, threading.current_thread(), shout("again"))))
    def fn(prompt: str, seed: int = 0) -> str:
        return "x"

    assert fn("?") == "x"
    assert seen == [("x", threading.current_thread(), "AGAIN")]


async def test_an_async_on_accept_is_awaited() -> None:
    seen: list[str] = []

    async def keep(value: str) -> None:
        await asyncio.sleep(0)
        seen.append(value)

    @steady(on_accept=keep)
    async def later(prompt: str) -> str:
        return "a"

    @steady(on_accept=keep)
    def now(prompt: str) -> str:
        return "b"

    @steady(on_accept=keep)
    def parts(prompt: str) -> Iterator[str]:
        yield "c"

    assert (await later("?"), now("?"), list(parts("?"))) == ("a", "b", ["c"])
    assert seen == ["a", "b", "c"]


def test_on_accept_is_not_called_for_a_default_nor_by_detailed() -> None:
    seen: list[Any] = []

    @steady(NO_LAVA, default="mine", on_accept=seen.append)
    def fn(prompt: str) -> str:
        return prompt

    assert fn("lava") == "mine"
    assert fn.detailed("water").value == "water"
    assert seen == []
    fn("water")
    assert seen == ["water"]


def test_what_on_accept_raises_is_the_callers() -> None:
    error = ValueError("full")

    def keep(value: str) -> None:
        raise error

    @steady(on_accept=keep)
    def fn(prompt: str) -> str:
        return "x"

    with pytest.raises(ValueError, match="full") as caught:
        fn("?")
    assert caught.value is error


# Raising


def test_a_candidate_that_is_lost_leaves_the_others() -> None:
    drawn = itertools.count()

    @steady(THREE)
    def fn(prompt: str, seed: int = 0) -> str:
        if next(drawn) % 3 == 1:
            raise ConnectionError("gone")
        return "x"

    outcome = fn.detailed("?")

    assert outcome.value == "x"
    assert [type(error) for error in outcome.errors] == [ProviderError]


def test_if_all_fail_the_group_holds_what_the_function_raised() -> None:
    raised: list[Exception] = []

    @steady(THREE)
    async def fn(prompt: str, seed: int = 0) -> str:
        raised.append(ConnectionError(f"gone {len(raised)}"))
        raise raised[-1]

    with pytest.raises(AllCandidatesFailed, match="all 3 candidates failed") as caught:
        asyncio.run(fn("?"))
    assert sorted(map(str, caught.value.exceptions)) == ["gone 0", "gone 1", "gone 2"]
    assert {id(e) for e in caught.value.exceptions} == {id(e) for e in raised}


def test_a_rule_that_raises_is_covered_by_no_default() -> None:
    policy = {"rules": [{"rule": "excludes", "terms": ["lava"], "on_fail": "exception"}]}

    @steady(policy, default="mine")
    def fn(prompt: str) -> str | None:
        return "lava"

    with pytest.raises(RuleViolation) as caught:
        fn("?")
    assert caught.value.outcome.decision.code == "rule_violation"
    assert fn.detailed("?").value is None


def test_a_failure_of_a_nested_function_costs_the_outer_candidate() -> None:
    @steady()
    def inner(prompt: str) -> str:
        raise ConnectionError("gone")

    drawn = itertools.count()

    @steady(THREE)
    def outer(prompt: str, seed: int = 0) -> str:
        return inner(prompt) if next(drawn) == 0 else "x"

    assert outer("?") == "x"


# Binding


def test_a_method_has_its_own_signature_and_docstring() -> None:
    bound = Speaker().say

    assert str(inspect.signature(bound)) == "(prompt: str, *, seed: int = 0) -> str"
    assert str(inspect.signature(Speaker.say)) == "(self, prompt: str, *, seed: int = 0) -> str"
    assert bound.__doc__ == "Say it with this speaker's mark."
    assert bound == bound.__self__.say
    assert bound != Speaker().say
    assert isinstance(bound, Bound)
    assert "Speaker.say" in repr(bound)
    assert repr(shout) == "<steady tests.decorator.methods.shout>"


def test_an_async_function_is_seen_as_one() -> None:
    """Frameworks ask, and would run it in a thread otherwise."""
    assert asyncio.iscoroutinefunction(Speaker.say_later)
    assert asyncio.iscoroutinefunction(Speaker().say_later)
    assert not asyncio.iscoroutinefunction(shout)
    assert not asyncio.iscoroutinefunction(Speaker.parts_later)


def test_copies_and_pickles_are_the_function_itself() -> None:
    assert pickle.loads(pickle.dumps(shout)) is shout
    assert copy.deepcopy(shout) is shout
    assert pickle.loads(pickle.dumps(Speaker("?").say))("x") == "x?"
    assert pickle.loads(pickle.dumps(Speaker.inner_class))("x") == "xSpeaker"
    assert pickle.loads(pickle.dumps(Speaker.inner_static)) is Speaker.inner_static


def test_a_local_function_does_not_pickle_and_says_so() -> None:
    @steady()
    def local(prompt: str) -> str:
        return "x"

    with pytest.raises((pickle.PicklingError, AttributeError), match="local"):
        pickle.dumps(local)


# Prompts


def test_a_prompt_that_is_no_text_is_told_by_name() -> None:
    @steady(prompt="question")
    def fn(question: Any) -> str:
        return "x"

    @steady(prompt="query")
    def other(question: str) -> str:
        return "x"

    with pytest.raises(RequestError, match=r"'question' of .* must be a str or a list of messages, not int"):
        fn(7)
    with pytest.raises(ConfigError, match=r"prompt='query' is no parameter of .*other\(question: str\)"):
        other("?")


def test_messages_may_be_objects_of_an_sdk() -> None:
    """Conversations are often kept by appending the response's own message."""
    from openai.types.chat import ChatCompletionMessage

    history = [{"role": "user", "content": "Hi"}, ChatCompletionMessage(role="assistant", content="Hello.")]

    @steady()
    def fn(messages: list[Any]) -> str:
        return " ".join(m["content"] for m in messages)

    assert fn(history) == "Hi Hello."


def test_a_sampling_parameter_is_never_the_prompt() -> None:
    @steady(NO_LAVA)
    def fn(stop: str, text: str) -> str:
        return text

    assert fn("lava", "water") == "water"


# Repeatability


def test_assert_steady_takes_decorated_methods_and_async_functions() -> None:
    @steady(THREE)
    async def later(prompt: str, seed: int = 0) -> Literal["yes", "no"]:
        return "yes"

    assert assert_steady(later, ["a", "b"], runs=3).share == 1
    assert assert_steady(Speaker("!").say, ["a"], runs=3).share == 1


def test_assert_steady_sees_an_abstention_and_the_draws_seeds() -> None:
    @steady({**THREE, **NO_LAVA})
    def fn(prompt: str, seed: int = 0) -> str:
        return "lava"

    with pytest.raises(Abstained):
        fn("?")
    assert assert_steady(fn, ["?"], runs=3).share == 1

    @steady({**THREE, "candidates": {"min": 3, "max": 3, "seed": "request"}})
    def pinned(prompt: str, seed: int = 0) -> str:
        return "x"

    with pytest.raises(AssertionError, match="not independent"):
        assert_steady(pinned, ["?"], runs=3)
