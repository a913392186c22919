"""Contract, section 8: the decorator. Each test's name is a promise."""

import asyncio
import contextvars
import inspect
import itertools
import json
import multiprocessing
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import httpx
import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from tests.decorator.cases import CASES, Case, Invoice
from tests.decorator.methods import Speaker, shout
from tests.serving import openai_like, policy, serving
from tests.upstream import Upstream, chunks_of, completion

from steady import Abstained, AllCandidatesFailed, Policy, RuleViolation, SteadyError, assert_steady, headers, steady
from steady.decorator.loop import LOOP, MOST_ABANDONED

DRAWS: dict[str, Any] = {"candidates": {"min": 3, "max": 3}, "sampling": {"preset": "balanced"}}
NO_LAVA: dict[str, Any] = {"rules": [{"rule": "excludes", "terms": ["lava"], "on_fail": "filter"}]}
WHO: contextvars.ContextVar[str] = contextvars.ContextVar("who", default="nobody")


def alone(source: str) -> str:
    """Run a program of its own that must end well, and return what it prints."""
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(source)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return done.stdout.strip()


# Effects


def test_the_first_paragraph_says_that_the_function_runs_once_for_each_candidate() -> None:
    first = " ".join((inspect.getdoc(steady) or "").split("\n\n")[0].split())

    for words in ("runs once for each candidate", "concurrently", "free of effects", "`on_accept=`", "`candidates=`"):
        assert words in first


def test_the_function_runs_once_for_each_candidate() -> None:
    seeds: list[int] = []

    @steady(DRAWS)
    def fn(prompt: str, seed: int = 0) -> str:
        seeds.append(seed)
        return "x"

    fn("?")
    assert len(seeds) == len(set(seeds)) == 3


def test_candidates_run_concurrently() -> None:
    """Three that wait for each other would never end one after the other."""
    together = threading.Barrier(3, timeout=10)

    @steady(DRAWS)
    def fn(prompt: str, seed: int = 0) -> str:
        together.wait()
        return "x"

    @steady(DRAWS)
    async def later(prompt: str, seed: int = 0) -> str:
        await asyncio.to_thread(together.wait)
        return "x"

    assert fn("?") == "x"
    assert asyncio.run(later("?")) == "x"


def test_on_accept_is_called_once_with_the_chosen_value() -> None:
    seen: list[str] = []
    answers = itertools.cycle(["yes", "no", "yes"])

    @steady(DRAWS, on_accept=seen.append)
    def fn(prompt: str, seed: int = 0) -> Literal["yes", "no"]:
        return next(answers)  # type: ignore[return-value]

    fn("?")
    assert seen == ["yes"]


def test_candidates_overrides_the_policy() -> None:
    ran: list[int] = []

    @steady(DRAWS, candidates=5)
    def fn(prompt: str, seed: int = 0) -> str:
        ran.append(seed)
        return f"{seed}"

    assert len(fn.detailed("?").candidates) == len(ran) == 5


def test_a_server_that_sees_a_decorators_call_runs_rules_only(tmp_path: Path) -> None:
    many = policy("many", model="up/m", **DRAWS, rules=NO_LAVA["rules"])
    with Upstream() as up, serving(tmp_path, {"providers": {"up": openai_like(up)}}, [many]) as served:
        client = openai.OpenAI(base_url=f"{served.url.removesuffix('/v1')}/v1", api_key="none", max_retries=0)

        @steady(DRAWS)
        def fn(prompt: str, seed: int = 0, extra_headers: dict[str, str] | None = None) -> Any:
            messages: Any = [{"role": "user", "content": prompt}]
            return client.chat.completions.create(
                model="many", messages=messages, seed=seed, extra_headers=extra_headers
            )

        assert fn("?").choices[0].message.content == "ok"
        assert len(up.bodies) == 3
        client.chat.completions.create(model="many", messages=[{"role": "user", "content": "?"}])
        assert len(up.bodies) == 6, "without the header the server draws its own candidates"
        client.close()


def test_extra_headers_say_it_and_so_does_headers() -> None:
    @steady()
    def fn(prompt: str, extra_headers: dict[str, str] | None = None) -> Any:
        return {"given": extra_headers, "asked": headers()}

    assert fn("?") == {"given": {"x-steady-decorated": "true"}, "asked": {"x-steady-decorated": "true"}}
    assert headers() == {}


def test_nested_decorated_calls_draw_once() -> None:
    ran: list[str] = []

    @steady(DRAWS)
    def inner(prompt: str, seed: int = 0) -> str:
        ran.append("inner")
        return prompt

    @steady(DRAWS)
    def outer(prompt: str, seed: int = 0) -> str:
        ran.append("outer")
        return inner(prompt)

    assert outer("x") == "x"
    assert sorted(ran) == ["inner"] * 3 + ["outer"] * 3


# The private loop


def test_a_sync_call_works_with_no_loop() -> None:
    assert shout("a") == "A"


async def test_a_sync_call_works_inside_a_running_loop() -> None:
    """As in a notebook, or a coroutine of a web framework."""
    mine = asyncio.get_running_loop()

    assert shout("a") == "A"
    assert asyncio.get_running_loop() is mine


def test_sync_and_async_calls_work_under_uvloop() -> None:
    uvloop = pytest.importorskip("uvloop")

    async def both() -> list[str]:
        return [shout("a"), await Speaker().say_later("b")]

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(both()) == ["A", "b!"]
    out = alone("""
        import asyncio, uvloop, warnings
        warnings.simplefilter("ignore")
        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
        from steady import steady
        from steady.decorator.loop import LOOP
        print(steady(candidates=3)(lambda prompt, seed=0: prompt)("x"), type(LOOP.state().loop).__module__)
    """)
    assert out == "x uvloop"


def test_sync_calls_work_from_many_threads_on_one_loop_thread() -> None:
    def loops() -> list[threading.Thread]:
        return [thread for thread in threading.enumerate() if thread.name == "steady-loop"]

    shout("first")
    before = loops()
    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(shout, [f"a{i}" for i in range(96)]))

    assert answers == [f"A{i}" for i in range(96)]
    assert loops() == before


def test_sync_calls_work_after_a_fork() -> None:
    out = alone("""
        import os
        from steady import steady
        fn = steady(candidates=3)(lambda prompt, seed=0: prompt.upper())
        fn("before")
        if (child := os.fork()) == 0:
            os._exit(0 if fn("child") == "CHILD" else 1)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), fn("parent"))
    """)

    assert out == "0 PARENT"


def test_asyncio_is_never_patched() -> None:
    out = alone("""
        import asyncio, asyncio.events, asyncio.base_events
        mine = [asyncio, asyncio.events, asyncio.base_events, asyncio.Task, asyncio.BaseEventLoop]
        asyncio.get_event_loop_policy()
        before = [dict(vars(thing)) for thing in mine]
        from steady import steady
        fn = steady(candidates=3)(lambda prompt, seed=0: prompt)
        async def inside():
            return fn("x")
        fn("x")
        asyncio.get_event_loop_policy().new_event_loop().close()
        with asyncio.Runner() as runner:
            runner.run(inside())
        after = [dict(vars(thing)) for thing in mine]
        print([sorted(k for k in now if now[k] is not then.get(k)) for now, then in zip(after, before)])
    """)

    assert out == "[[], [], [], [], []]"


def test_each_candidate_runs_in_a_copy_of_the_callers_context() -> None:
    @steady(DRAWS)
    def fn(prompt: str, seed: int = 0) -> str:
        WHO.set(WHO.get() + "+")
        return WHO.get()

    @steady(DRAWS)
    async def later(prompt: str, seed: int = 0) -> str:
        WHO.set(WHO.get() + "+")
        await asyncio.sleep(0)
        return WHO.get()

    token = WHO.set("caller")
    try:
        assert (fn("?"), asyncio.run(later("?")), WHO.get()) == ("caller+", "caller+", "caller")
    finally:
        WHO.reset(token)


# Binding


@pytest.mark.parametrize(
    ("call", "value"),
    [
        (lambda: shout, "X"),
        (lambda: Speaker("!").say, "x!"),
        (lambda: Speaker.inner_class, "xSpeaker"),
        (lambda: Speaker.outer_class, "xSpeaker"),
        (lambda: Speaker().inner_class, "xSpeaker"),
        (lambda: Speaker.inner_static, "x?"),
        (lambda: Speaker.outer_static, "x?"),
        (lambda: Speaker().outer_static, "x?"),
    ],
    ids=["function", "instance", "class_in", "class_out", "class_of_one", "static_in", "static_out", "static_of_one"],
)
def test_it_binds_as_function_instance_class_and_static_method(call: Any, value: str) -> None:
    fn = call()

    assert fn("x") == value
    assert fn.detailed("x").value == value


def test_it_pickles_by_qualified_name() -> None:
    """A spawned process knows nothing but what pickle names."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(shout, ["a", "b"]) == ["A", "B"]
        assert pool.map(Speaker("?").say, ["a"]) == ["a?"]


def test_it_keeps_the_signature() -> None:
    assert str(inspect.signature(shout)) == "(prompt: str, seed: int = 0) -> str"
    assert (shout.__name__, shout.__doc__, shout.__module__) == ("shout", "Say it loud.", "tests.decorator.methods")
    assert str(inspect.signature(Speaker().say)) == "(prompt: str, *, seed: int = 0) -> str"


TYPED = """
from collections.abc import AsyncIterator, Iterator
from typing import Literal
from steady import steady

@steady("classify-ticket", candidates=4)
def topic(message: str, *, seed: int = 0) -> Literal["a", "b"]: ...
@steady()
async def later(message: str) -> int: ...
@steady()
def parts(message: str) -> Iterator[str]: ...
@steady()
async def parts_later(message: str) -> AsyncIterator[str]:
    yield ""

class Desk:
    @steady()
    def topic(self, message: str) -> bool: ...

reveal_type(topic("x", seed=1))
reveal_type(later("x"))
reveal_type(parts("x"))
reveal_type(parts_later("x"))
reveal_type(Desk().topic("x"))
reveal_type(topic.detailed("x"))
reveal_type(later.detailed("x"))
reveal_type(Desk().topic.detailed("x"))
topic(1)
topic("x", sed=1)
Desk().topic(1)
Desk().topic.detailed()
"""


@pytest.mark.slow
def test_it_keeps_the_signature_for_type_checkers(tmp_path: Path) -> None:
    path = tmp_path / "typed.py"
    path.write_text(TYPED)
    command = [sys.executable, "-m", "mypy", "--strict", "--disable-error-code=empty-body", str(path)]
    out = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, cwd=tmp_path).stdout

    revealed = [line.split('"')[1] for line in out.splitlines() if "Revealed type" in line]
    assert [r.replace("typing.", "").replace("builtins.", "").replace("collections.abc.", "") for r in revealed] == [
        "Literal['a'] | Literal['b']",
        "Coroutine[Any, Any, int]",
        "Iterator[str]",
        "AsyncIterator[str]",
        "bool",
        "steady.types.Outcome",
        "Coroutine[Any, Any, steady.types.Outcome]",
        "steady.types.Outcome",
    ]
    errors = [line.split("error: ")[1].split("  [")[1] for line in out.splitlines() if "error: " in line]
    assert errors == ["arg-type]", "call-arg]", "arg-type]", "call-overload]"] or errors[-1] in {"call-arg]"}, out


def test_a_generator_is_drained_for_each_candidate_and_the_winner_yielded_again() -> None:
    drained: list[int] = []
    texts = itertools.cycle([["wa", "ter"], ["water"], ["la", "va"]])

    @steady({**DRAWS, **NO_LAVA})
    def fn(prompt: str, seed: int = 0) -> Iterator[str]:
        yield from next(texts)
        drained.append(seed)

    parts = list(fn("?"))
    assert len(drained) == 3
    assert parts in (["wa", "ter"], ["water"])


async def test_an_async_generator_is_drained_and_the_winner_yielded_again() -> None:
    made = [ChatCompletionChunk.model_validate(chunk) for chunk in chunks_of(completion("in Paris"))]

    @steady(DRAWS)
    async def fn(prompt: str, seed: int = 0) -> AsyncIterator[ChatCompletionChunk]:
        for chunk in made:
            yield chunk

    assert [part async for part in fn("?")] == made


# Errors


@pytest.mark.parametrize(
    ("error", "extra"),
    [
        (openai.APIConnectionError(request=httpx.Request("POST", "http://127.0.0.1")), ()),
        (TimeoutError(), ()),
        (LookupError("mine"), (LookupError,)),
    ],
    ids=["provider", "timeout", "named"],
)
def test_provider_errors_timeouts_and_named_errors_cost_only_the_candidate(error: Exception, extra: Any) -> None:
    drawn = itertools.count()

    @steady(DRAWS, candidate_errors=extra)
    def fn(prompt: str, seed: int = 0) -> str:
        if next(drawn) == 0:
            raise error
        return "x"

    assert fn("?") == "x"


def test_any_other_exception_reaches_the_caller_unchanged() -> None:
    error = LookupError("mine")

    @steady(DRAWS)
    def fn(prompt: str, seed: int = 0) -> str:
        raise error

    @steady(DRAWS)
    async def later(prompt: str, seed: int = 0) -> str:
        raise error

    for call in (lambda: fn("?"), lambda: asyncio.run(later("?")), lambda: fn.detailed("?")):
        with pytest.raises(LookupError) as caught:
            call()
        assert caught.value is error


def test_if_all_fail_it_is_an_exception_group_of_the_originals() -> None:
    @steady(DRAWS)
    def fn(prompt: str, seed: int = 0) -> str:
        raise ConnectionResetError("gone")

    with pytest.raises(AllCandidatesFailed) as caught:
        fn("?")
    assert isinstance(caught.value, ExceptionGroup)
    assert isinstance(caught.value, SteadyError)
    assert [type(error) for error in caught.value.exceptions] == [ConnectionResetError] * 3
    try:
        fn("?")
    except* ConnectionResetError as group:
        assert len(group.exceptions) == 3


def test_cancellation_passes_through() -> None:
    cleaned: list[int] = []

    @steady(DRAWS)
    async def fn(prompt: str, seed: int = 0) -> str:
        try:
            await asyncio.sleep(30)
        finally:
            cleaned.append(seed)
        return ""

    async def cancelled() -> None:
        task = asyncio.ensure_future(fn("?"))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(fn("?"), 0.05)

    asyncio.run(cancelled())
    assert len(cleaned) == 6


def test_sync_functions_that_overrun_are_abandoned_in_time_in_a_bounded_pool_and_counted() -> None:
    release, before = threading.Event(), LOOP.abandoned

    @steady({"candidates": {"min": 3, "max": 3, "deadline": "200ms"}, "sampling": {"preset": "balanced"}})
    def fn(prompt: str, seed: int = 0) -> str:
        release.wait(30)
        return "x"

    began = time.monotonic()
    with pytest.raises(AllCandidatesFailed, match="all 3"):
        fn("?")
    assert time.monotonic() - began < 10
    assert LOOP.abandoned == before + 3
    assert LOOP.state().stuck <= MOST_ABANDONED
    release.set()


def test_nothing_blocks_the_exit_of_the_interpreter() -> None:
    out = alone("""
        import threading
        from steady import steady, AllCandidatesFailed
        fn = steady({"candidates": {"deadline": "100ms"}})(lambda prompt: threading.Event().wait())
        try:
            fn("?")
        except AllCandidatesFailed:
            print("left")
    """)

    assert out == "left"


# The prompt


def seen_by_input_rules(fn: Any, *args: Any, **kwargs: Any) -> bool:
    """Whether a forbidden word was seen in what the pipeline took for the prompt."""
    return bool(fn.detailed(*args, **kwargs).decision.action == "refused_input")


INPUT = {
    "rules": [{"rule": "excludes", "terms": ["lava"], "on": ["input"], "on_fail": "refrain"}],
    "otherwise": {"do": "message", "text": "Sorry."},
}


def test_the_prompt_is_the_parameter_named_by_prompt_else_messages_or_the_first_str() -> None:
    def named(a: str, b: str) -> str:
        return "x"

    def talk(a: str, messages: list[Any] | None = None) -> str:
        return "x"

    talked = [{"role": "user", "content": "lava"}]
    first, second = steady(INPUT)(named), steady(INPUT, prompt="b")(named)
    assert (seen_by_input_rules(first, "lava", "x"), seen_by_input_rules(first, "x", "lava")) == (True, False)
    assert (seen_by_input_rules(second, "lava", "x"), seen_by_input_rules(second, "x", "lava")) == (False, True)
    chat = steady(INPUT)(talk)
    assert (seen_by_input_rules(chat, "x", talked), seen_by_input_rules(chat, "lava", [*talked[:0]] or None)) == (
        True,
        True,
    )
    assert not seen_by_input_rules(chat, "lava", [{"role": "user", "content": "x"}])


def test_reasks_reach_a_str_prompt() -> None:
    prompts: list[str] = []

    @steady(
        {"candidates": {"min": 1, "max": 2}, "rules": [{"rule": "excludes", "terms": ["lava"], "on_fail": "reask"}]}
    )
    def fn(prompt: str) -> str:
        prompts.append(prompt)
        return "lava" if len(prompts) == 1 else "water"

    assert fn("Which?") == "water"
    assert prompts[0] == "Which?"
    assert prompts[1].startswith("Which?\n\nThat answer can't be used.")


# What may be returned


@pytest.mark.parametrize(
    "value",
    [
        "water",
        ChatCompletion.model_validate(completion("water")),
        completion("water"),
        Invoice(number="1", lines=[]),
        None,
    ],
    ids=["str", "openai", "dict", "pydantic", "none"],
)
def test_texts_responses_objects_and_none_are_understood(value: Any) -> None:
    assert steady(NO_LAVA)(lambda prompt: value)("?") == value


def test_stream_chunks_are_understood() -> None:
    made = [ChatCompletionChunk.model_validate(chunk) for chunk in chunks_of(completion("hot lava"))]

    @steady(NO_LAVA)
    def fn(prompt: str) -> Iterator[Any]:
        yield from made

    with pytest.raises(Abstained):
        list(fn("?"))


@pytest.mark.slow
def test_litellms_responses_are_understood() -> None:
    from litellm.types.utils import ModelResponse

    made = ModelResponse(**completion("water"))

    assert steady(NO_LAVA)(lambda prompt: made)("?") is made


def test_another_type_is_an_error_that_names_what_would_work() -> None:
    with pytest.raises(SteadyError, match=r"returned a builtins\.object\. What works: str, an OpenAI or litellm"):
        steady()(lambda prompt: object())("?")


# Policies


def test_policies_come_by_name_path_dict_and_object(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(json.dumps({"steady": 1, "name": "own", **NO_LAVA}))
    forms: list[Any] = [path, str(path), NO_LAVA, Policy(steady=1, name="own", rules=tuple(NO_LAVA["rules"]))]

    assert steady("pass-through")(lambda prompt: prompt)("lava") == "lava"
    for form in forms:
        assert steady(form, default="no")(lambda prompt: prompt)("lava") == "no"


def test_names_are_looked_up_in_argument_environment_nearest_file_and_what_ships(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("argument", "environment", "nearest", "ships"):
        home = tmp_path / place / "policies"
        home.mkdir(parents=True)
        if place != "ships":
            (home.parent / "steady.yaml").write_text("policies: policies\n")
            rule = {"rule": "excludes", "terms": [place], "on_fail": "filter"}
            (home / "house.yaml").write_text(json.dumps({"steady": 1, "name": "house", "rules": [rule]}))

    def refuses(**arguments: Any) -> str:
        fn = steady("house", default=None, **arguments)(lambda prompt: prompt)
        return next(place for place in ("argument", "environment", "nearest") if fn(place) is None)

    monkeypatch.delenv("STEADY_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path / "nearest" / "policies")
    assert refuses() == "nearest"
    monkeypatch.setenv("STEADY_CONFIG", str(tmp_path / "environment" / "steady.yaml"))
    assert refuses() == "environment"
    assert refuses(config=tmp_path / "argument" / "steady.yaml") == "argument"
    monkeypatch.delenv("STEADY_CONFIG")
    monkeypatch.chdir(tmp_path / "ships")
    assert steady("classify-ticket", candidates=1)(lambda prompt: "billing")("?") == "billing"


# Annotations and values


@pytest.mark.parametrize("case", CASES, ids=[case.shown for case in CASES])
def test_an_annotation_adds_its_kind_and_schema_by_itself(case: Case) -> None:
    def fn(prompt: str) -> Any:
        return case.text

    fn.__annotations__["return"] = case.annotation
    outcome = steady()(fn).detailed("?")

    assert (outcome.decision.kind, outcome.value) == (case.kind or "text", case.value)


def test_bool_is_a_two_value_label_and_list_is_json() -> None:
    kinds = {case.shown: case.kind for case in CASES}

    assert (kinds["`bool`"], kinds["`list`"]) == ("label", "json")


def test_the_table_in_the_docs_is_generated_from_these_cases() -> None:
    from tests.decorator.cases import table

    assert table() in (Path(__file__).resolve().parents[2] / "docs" / "decorator.md").read_text("utf-8")


def test_an_answer_that_no_value_can_carry_raises_abstained_with_the_outcome() -> None:
    def fn(prompt: str) -> Literal["yes", "no"]:
        return "perhaps"  # type: ignore[return-value]

    def optional(prompt: str) -> Literal["yes", "no"] | None:
        return "perhaps"  # type: ignore[return-value]

    with pytest.raises(Abstained) as caught:
        steady()(fn)("?")
    assert caught.value.outcome.candidates[0].choice["message"]["content"] == "perhaps"
    assert steady(default="no")(fn)("?") == "no"
    assert steady()(optional)("?") is None


def test_an_exception_rule_raises_rule_violation() -> None:
    made = steady({"rules": [{"rule": "excludes", "terms": ["lava"], "on_fail": "exception"}]})(lambda prompt: "lava")

    with pytest.raises(RuleViolation) as caught:
        made("?")
    assert caught.value.outcome.decision.code == "rule_violation"


def test_the_plain_value_never_carries_a_disclosure_unless_asked_on_a_str() -> None:
    said = {**DRAWS, "disclose": {"place": "append", "when": "always"}}
    text = "It is so. It stays so."

    def fn(prompt: str, seed: int = 0) -> str:
        return text

    def response(prompt: str, seed: int = 0) -> Any:
        return ChatCompletion.model_validate(completion(text))

    assert steady(said)(fn)("?") == text
    assert steady(said)(fn).detailed("?").text == text
    asked = steady(said, disclose=True)(fn)("?")
    assert asked.startswith(text) and len(asked) > len(text)
    assert steady(said, disclose=True)(response)("?").choices[0].message.content == text
    assert steady(said)(fn).detailed("?").decision.disclosure.text != ""


async def test_detailed_returns_the_outcome_for_sync_async_and_methods() -> None:
    later = Speaker().say_later.detailed("x")

    assert inspect.isawaitable(later)
    assert (await later).value == "x!"
    assert shout.detailed("x").value == "X"
    assert Speaker().parts.detailed("x").value == "x!"
    assert len(Speaker().say.detailed("x").candidates) == 2


def test_the_function_takes_sampling_parameters_by_keyword() -> None:
    seen: list[dict[str, Any]] = []

    @steady({"sampling": {"preset": "precise", "max_tokens": 9}})
    def fn(prompt: str, *, temperature: float = 1.0, top_p: float = 1.0, max_tokens: int = 0, seed: int = 0) -> str:
        seen.append({"temperature": temperature, "top_p": top_p, "max_tokens": max_tokens, "seeded": seed > 0})
        return "x"

    fn("?")
    fn("?", temperature=1.7)
    assert seen == [{"temperature": 0.3, "top_p": 0.9, "max_tokens": 9, "seeded": True}] * 2


# Repeatability


def test_assert_steady_fails_only_for_runs_that_surely_disagree_and_says_how_many_show_it() -> None:
    answers = itertools.cycle(["yes", "no"])

    @steady({"output": {"kind": "label", "labels": ["yes", "no"]}, "sampling": {"preset": "balanced"}})
    def fn(prompt: str, seed: int = 0) -> str:
        return next(answers)

    assert not assert_steady(fn, ["?"], runs=4).shown
    with pytest.raises(AssertionError, match=r"95% interval \[.*To show 0\.9 takes at least \d+ runs"):
        assert_steady(fn, ["?"], runs=30)


def test_assert_steady_fails_for_draws_that_are_not_independent() -> None:
    @steady({"candidates": {"min": 3, "max": 3}, "sampling": {"preset": "deterministic"}})
    def fn(prompt: str, seed: int = 0, temperature: float = 1.0) -> str:
        return "x"

    with pytest.raises(AssertionError, match="not independent"):
        assert_steady(fn, ["?"])


def test_importing_the_decorator_loads_neither_the_pipeline_nor_heavy_libraries() -> None:
    out = alone("""
        import sys
        from steady import steady
        steady("support-answer")(lambda prompt: prompt)
        heavy = ("litellm", "openai", "pydantic", "guardrails", "jsonschema", "ruamel", "sqlalchemy", "re2",
                 "rapidfuzz", "prometheus_client", "steady.pipeline", "steady.rules", "steady.consensus", "aiohttp")
        print([name for name in heavy if name in sys.modules or any(m.startswith(name + ".") for m in sys.modules)])
    """)

    assert out == "[]"
