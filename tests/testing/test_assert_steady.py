"""`assert_steady`: what counts as agreement, when it fails, and what it says."""

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steady.decorator.door import steady as decorate
from steady.errors import Abstained
from steady.stats.binomial import interval
from steady.testing import Report, assert_steady, dependent


def cycling(*outputs: Any) -> Callable[[Any], Any]:
    """Return a function that gives these outputs in turn."""
    turn = itertools.cycle(outputs)
    return lambda _: next(turn)


# When it fails


def test_a_function_that_always_agrees_passes() -> None:
    report = assert_steady(str.upper, ["a", "b"], runs=20)

    assert (report.agreed, report.runs, report.share, report.high) == (40, 40, 1.0, 1.0)
    assert report.shown
    assert report.outputs == ((20, 1), (20, 1))


def test_a_function_that_surely_disagrees_fails_with_interval_and_runs_needed() -> None:
    with pytest.raises(AssertionError) as failure:
        assert_steady(cycling("a", "b"), ["x"], runs=20)

    message = str(failure.value)
    low, high = interval(10, 20)
    assert f"95% interval [{low:.3f}, {high:.3f}]" in message
    assert "10 of 20 runs" in message
    assert "at least 36 runs" in message
    assert "2 distinct outputs: 'x'" in message


def test_bad_luck_in_few_runs_does_not_fail() -> None:
    """8 of 10 is under 0.9, but a function that agrees in 0.9 of its runs does that often: the interval holds 0.9."""
    report = assert_steady(cycling(*"aaaaaaaabb"), ["x"], runs=10, min_agreement=0.9)

    assert report.share == 0.8
    assert not report.shown
    assert report.low < 0.9 < report.high


@given(st.integers(2, 40), st.integers(1, 40), st.floats(0.05, 1))
@settings(deadline=None, max_examples=100)
def test_it_fails_exactly_where_the_upper_bound_lies_under_the_minimum(runs: int, most: int, least: float) -> None:
    most = min(most, runs)
    outputs = ["same"] * most + [f"other {i}" for i in range(runs - most)]
    expected = interval(most, runs)[1] < least

    try:
        assert_steady(cycling(*outputs), ["x"], runs=runs, min_agreement=least)
    except AssertionError:
        assert expected
    else:
        assert not expected


def test_inputs_are_pooled_and_the_worst_are_named() -> None:
    def fn(item: str) -> str:
        return next(turns) if item == "bad" else item

    turns = itertools.cycle("abcdefghij")
    with pytest.raises(AssertionError, match=r"\n  1 of 10 runs agreed, 10 distinct outputs: 'bad'\n  10 of 10"):
        assert_steady(fn, ["good", "bad"])

    turns = itertools.cycle("abcdefghij")
    assert assert_steady(fn, ["good"] * 9 + ["bad"]).agreed == 91


def test_nothing_can_show_an_agreement_of_one() -> None:
    report = assert_steady(str, [1], min_agreement=1)

    assert not report.shown
    assert "more than any number of runs" in str(report)
    with pytest.raises(AssertionError):
        assert_steady(cycling(*"aaaaaaaaab"), [1], min_agreement=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"inputs": []}, "at least one input"),
        ({"runs": 1}, "runs must be at least 2, got 1"),
        ({"min_agreement": 0}, "min_agreement must be in"),
        ({"min_agreement": 90}, "min_agreement must be in"),
    ],
)
def test_arguments_out_of_range_are_told(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        assert_steady(str, **({"inputs": ["x"]} | arguments))


# What agrees


class Colour(Enum):
    RED = "red"


@dataclass
class Point:
    x: int
    y: set[str]


@pytest.mark.parametrize(
    "outputs",
    [
        [{"a": 1, "b": 2}, {"b": 2, "a": 1}],
        [Point(1, {"a", "b", "c"}), Point(1, {"c", "b", "a"})],
        [Colour.RED, Colour.RED],
        [None, None],
        [[1, (2,)], [1, [2]]],
    ],
)
def test_equal_values_agree_however_they_are_built(outputs: list[Any]) -> None:
    assert assert_steady(cycling(*outputs), ["x"]).share == 1


@pytest.mark.parametrize("outputs", [[1, "1"], [1, True], ["a", "A"], [None, "null"], [[1, 2], [2, 1]]], ids=str)
def test_other_values_differ(outputs: list[Any]) -> None:
    assert assert_steady(cycling(*outputs), ["x"], min_agreement=0.5).share == 0.5


def test_a_key_says_what_is_compared() -> None:
    assert assert_steady(cycling("Yes.", "yes"), ["x"], key=lambda text: text.lower().rstrip(".")).share == 1


def test_pydantic_objects_are_compared_by_their_fields() -> None:
    pydantic = pytest.importorskip("pydantic")
    made = pydantic.create_model("Made", x=(int, 0))

    assert assert_steady(lambda item: made(x=item), [1]).share == 1
    assert assert_steady(cycling(made(x=1), made(x=2)), [1], min_agreement=0.5).share == 0.5


def test_of_a_completion_only_its_messages_are_compared() -> None:
    """Its id and its time differ from call to call, and say nothing of the answer."""

    def completion(number: int, text: str) -> dict[str, Any]:
        message = {"role": "assistant", "content": text}
        return {"id": f"chatcmpl-{number}", "created": number, "choices": [{"index": 0, "message": message}]}

    assert assert_steady(cycling(completion(1, "a"), completion(2, "a")), ["x"]).share == 1
    assert assert_steady(cycling(completion(1, "a"), completion(2, "b")), ["x"], min_agreement=0.5).share == 0.5


def test_responses_of_the_official_client_are_compared_by_their_messages() -> None:
    types = pytest.importorskip("openai.types.chat")
    body = {"object": "chat.completion", "created": 1, "model": "m"}
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "a"}}
    made = [types.ChatCompletion.model_validate({**body, "id": i, "choices": [choice]}) for i in "ab"]

    assert assert_steady(cycling(*made), ["x"]).share == 1


def test_what_can_not_be_compared_asks_for_a_key() -> None:
    with pytest.raises(TypeError, match=r"type object can't be compared; pass key="):
        assert_steady(lambda _: object(), ["x"])


def test_async_functions_run_inside_and_outside_a_loop() -> None:
    async def fn(item: str) -> str:
        await asyncio.sleep(0)
        return item

    async def inside() -> Report:
        return assert_steady(fn, ["a", "b"])

    assert assert_steady(fn, ["a", "b"]).share == 1
    assert asyncio.run(inside()).share == 1


def test_an_abstention_is_an_output_and_any_other_error_is_the_callers() -> None:
    def abstains(_: Any) -> Any:
        raise Abstained("no answer")

    def breaks(_: Any) -> Any:
        raise KeyError("broken")

    async def abstains_later(_: Any) -> Any:
        raise Abstained("no answer")

    assert assert_steady(abstains, ["x"]).share == 1
    assert assert_steady(abstains_later, ["x"]).share == 1
    with pytest.raises(KeyError):
        assert_steady(breaks, ["x"])


# Independence, over real decorated functions

POLICY = {
    "output": {"kind": "label", "labels": ["yes", "no"]},
    "candidates": {"min": 4, "max": 4},
    "sampling": {"preset": "balanced"},
    "otherwise": {"do": "error"},
}


def decorated(policy: dict[str, Any], answer: Callable[[int | None], Any]) -> Any:
    """Return a function under a policy that answers by its seed."""

    @decorate(policy)
    def fn(prompt: str, seed: int | None = None) -> str:
        return str(answer(seed))

    return fn


def test_a_decorated_function_with_fresh_seeds_is_measured() -> None:
    report = assert_steady(decorated(POLICY, lambda _: "yes"), ["Is it?", "Was it?"], runs=5)

    assert (report.agreed, report.runs) == (10, 10)


def test_a_decorated_function_that_disagrees_with_itself_fails() -> None:
    policy = {**POLICY, "candidates": {"min": 1, "max": 1}}
    answers = itertools.cycle(["yes", "no"])

    with pytest.raises(AssertionError, match=r"Not steady: 10 of 20 runs"):
        assert_steady(decorated(policy, lambda _: next(answers)), ["Is it?"], runs=20)


def test_draws_at_temperature_0_are_no_independent_runs() -> None:
    """They agree by construction, or differ by accident of the hardware: neither says what users will see."""
    policy = {**POLICY, "sampling": {"preset": "balanced", "temperature": 0}}

    @decorate(policy)
    def fn(prompt: str, temperature: float = 1.0, seed: int | None = None) -> str:
        return "yes"

    with pytest.raises(AssertionError, match=r"'Is it\?' were not independent: draws are not independent at temp"):
        assert_steady(fn, ["Is it?"])


def test_one_root_seed_for_all_runs_is_no_independence() -> None:
    policy = {**POLICY, "candidates": {"min": 4, "max": 4, "seed": "request"}}

    with pytest.raises(AssertionError, match=r"not independent: the root seed is fixed"):
        assert_steady(decorated(policy, lambda _: "yes"), ["Is it?"])


def test_two_runs_from_one_root_seed_are_one_run() -> None:
    outcome = decorated(POLICY, lambda _: "yes").detailed("Is it?")

    assert dependent([outcome]) == ""
    assert dependent([outcome, outcome]) == "two runs had the same root seed"


def test_an_answer_out_of_a_cache_is_no_independence() -> None:
    """An upstream that keeps answers gives the same completion twice, id and time included."""
    completion = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1700000000,
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}],
    }

    @decorate(POLICY)
    def cached(prompt: str, seed: int | None = None) -> Any:
        return completion

    @decorate(POLICY)
    def fresh(prompt: str, seed: int | None = None) -> Any:
        return {**completion, "id": f"chatcmpl-{seed}"}

    with pytest.raises(AssertionError, match=r"same upstream answer \(chatcmpl-1\)"):
        assert_steady(cached, ["Is it?"])
    assert assert_steady(fresh, ["Is it?"]).share == 1


def test_an_abstaining_policy_counts_as_one_output() -> None:
    assert assert_steady(decorated(POLICY, lambda _: "maybe"), ["Is it?"], runs=5).share == 1
