"""The private loop: where sync calls run, whoever makes them, and what is left behind."""

import asyncio
import contextvars
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from steady import steady
from steady.decorator.loop import LOOP, MOST_ABANDONED, Carried, Loop
from steady.errors import ProviderError, ProviderTimeout


def run_alone(source: str, *arguments: str, timeout: float = 60) -> str:
    """Run a program of its own; return what it prints. It must end well, and say nothing on stderr."""
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(source), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return done.stdout.strip()


async def thread_name() -> str:
    return threading.current_thread().name


@steady(candidates=3)
def shout(prompt: str, seed: int = 0) -> str:
    return prompt.upper()


def test_coroutines_run_on_one_thread_of_their_own() -> None:
    assert LOOP.call(thread_name()) == LOOP.call(thread_name()) == "steady-loop"
    assert LOOP.state().thread.daemon


def test_importing_the_decorator_starts_no_thread() -> None:
    code = "import threading; from steady import steady; fn = steady()(lambda p: p); print(threading.active_count())"

    assert run_alone(code) == "1"


def test_many_threads_get_one_loop() -> None:
    loop = Loop()
    with ThreadPoolExecutor(16) as pool:
        states = {id(state) for state in pool.map(lambda _: loop.state(), range(64))}

    assert len(states) == 1


def test_an_exception_comes_through_as_the_same_object() -> None:
    error = ValueError("mine")

    async def fails() -> None:
        raise error

    with pytest.raises(ValueError, match="mine") as caught:
        LOOP.call(fails())
    assert caught.value is error


def test_a_call_from_the_private_loop_itself_does_not_wait_for_itself() -> None:
    """Steady's own callbacks run there; a sync call made by one would wait for ever."""

    async def nested() -> str:
        return LOOP.call(thread_name())

    assert LOOP.call(nested()) == "MainThread" or LOOP.call(nested()) == "steady-aside"


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), StopIteration("x"), GeneratorExit()], ids=repr)
def test_what_would_end_the_loop_reaches_the_caller_and_the_loop_lives(error: BaseException) -> None:
    @steady()
    def fn(prompt: str) -> str:
        raise error

    with pytest.raises(type(error)) as caught:
        fn("?")
    assert caught.value is error
    assert shout("still here") == "STILL HERE"


async def test_a_thread_runs_in_the_context_that_it_is_given() -> None:
    variable = contextvars.ContextVar("variable", default="outside")
    context = contextvars.copy_context()
    context.run(variable.set, "inside")

    assert await LOOP.in_thread(variable.get, context, 5) == "inside"
    assert variable.get() == "outside"


async def test_a_function_that_overruns_is_left_behind_in_time_and_counted() -> None:
    release, before = threading.Event(), LOOP.abandoned
    began = time.monotonic()

    with pytest.raises(ProviderTimeout, match=r"longer than 0\.05 s"):
        await LOOP.in_thread(release.wait, contextvars.copy_context(), 0.05)

    assert time.monotonic() - began < 8
    assert LOOP.abandoned == before + 1
    assert LOOP.state().stuck >= 1
    release.set()
    await until(lambda: LOOP.state().stuck == 0)
    assert LOOP.abandoned == before + 1


async def until(true: Any, seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        await asyncio.sleep(0.005)
    assert true()


async def test_a_cancelled_wait_leaves_its_function_behind() -> None:
    release, before = threading.Event(), LOOP.abandoned
    task = asyncio.ensure_future(LOOP.in_thread(release.wait, contextvars.copy_context(), 60))
    await asyncio.sleep(0.02)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert LOOP.abandoned == before + 1
    release.set()
    await until(lambda: LOOP.state().stuck == 0)


async def test_while_too_many_are_left_behind_none_is_started() -> None:
    """The pool is bounded: a function that never returns can't eat the machine thread by thread."""
    release = threading.Event()
    jobs = [LOOP.in_thread(release.wait, contextvars.copy_context(), 0.2) for _ in range(MOST_ABANDONED)]
    results = await asyncio.gather(*jobs, return_exceptions=True)
    assert {type(result) for result in results} == {ProviderTimeout}
    threads = threading.active_count()

    with pytest.raises(ProviderError, match=f"{MOST_ABANDONED} functions overran their deadline and are still running"):
        await LOOP.in_thread(release.wait, contextvars.copy_context(), 5)
    assert threading.active_count() <= threads
    release.set()
    await until(lambda: LOOP.state().stuck == 0)
    assert await LOOP.in_thread(lambda: "again", contextvars.copy_context(), 5) == "again"


async def test_carried_errors_are_no_exceptions_that_a_pipeline_could_catch() -> None:
    def leave() -> None:
        raise SystemExit(1)

    with pytest.raises(Carried):
        await LOOP.in_thread(leave, contextvars.copy_context(), 5)
    assert not issubclass(Carried, Exception)


def test_an_interrupt_of_the_waiting_thread_cancels_what_it_waits_for() -> None:
    out = run_alone("""
        import asyncio, signal, threading, time
        from steady.decorator.loop import LOOP
        cancelled = threading.Event()
        main = threading.main_thread().ident
        async def long():
            threading.Timer(0.3, lambda: signal.pthread_kill(main, signal.SIGINT)).start()
            try:
                await asyncio.sleep(30)
            except asyncio.CancelledError:
                cancelled.set()
                raise
        try:
            LOOP.call(long())
        except KeyboardInterrupt:
            print(cancelled.wait(5))
    """)

    assert out == "True"


def test_a_forked_child_has_a_loop_of_its_own_and_the_parents_lives_on() -> None:
    out = run_alone("""
        import os, threading
        from steady import steady
        from steady.decorator.loop import LOOP
        @steady(candidates=2)
        def shout(prompt: str, seed: int = 0) -> str:
            return prompt.upper()
        assert shout("a") == "A"
        LOOP.lock.acquire()                       # as another thread may hold it while this one forks
        child = os.fork()
        if child == 0:
            os._exit(0 if shout("b") == "B" and LOOP.generation == 1 else 1)
        LOOP.lock.release()
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), shout("c"), LOOP.generation)
    """)

    assert out == "0 C 0"


def test_nothing_blocks_the_exit_of_the_interpreter() -> None:
    """Neither the loop nor a function that never returns."""
    began = time.monotonic()
    out = run_alone("""
        import threading
        from steady import steady
        from steady.errors import AllCandidatesFailed
        @steady({"candidates": {"deadline": "100ms"}})
        def stuck(prompt: str) -> str:
            threading.Event().wait()
            return ""
        try:
            stuck("?")
        except AllCandidatesFailed as error:
            print(type(error.exceptions[0]).__name__)
    """)

    assert out == "ProviderTimeout"
    assert time.monotonic() - began < 80
