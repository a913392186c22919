"""A generation function as a provider: one call of it is one candidate."""

import asyncio
import contextvars
import functools
import inspect
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from typing import Any, Literal, NamedTuple

from steady.decorator.loop import LOOP
from steady.decorator.prompt import given_back, with_defaults
from steady.decorator.returns import completion_of, drained, is_upstream, status_of
from steady.errors import ProviderError, ProviderTimeout
from steady.types import Call, Capabilities, Reply, Sampling

NAME = "function"
GRACE = 0.05  # seconds that a cancelled coroutine has to clean up before it is left to itself
INSIDE: contextvars.ContextVar[bool] = contextvars.ContextVar("steady_inside", default=False)


class Invocation:
    """One call of a decorated function: its arguments, bound, and the context of its caller."""

    def __init__(
        self, function: Callable[..., Any], bound: inspect.BoundArguments, prompt: str | None, errors: tuple[type, ...]
    ) -> None:
        self.function, self.bound, self.prompt, self.errors = function, bound, prompt, errors
        self.context = contextvars.copy_context()

    def arguments(self, call: Call) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return what this candidate is called with: the caller's arguments, and the sampling that it wants."""
        signature = self.bound.signature
        arguments, filled = dict(self.bound.arguments), with_defaults(self.bound)
        for name in wanted(signature) - {self.prompt}:
            if name in call.body:
                arguments[name] = call.body[name]
            elif name in arguments:  # the caller's own value, which the policy does not let through
                default = signature.parameters[name].default
                arguments[name] = None if default is inspect.Parameter.empty else default
        if self.prompt is not None:
            arguments[self.prompt] = given_back(filled[self.prompt], call.body["messages"])
        if "extra_headers" in signature.parameters:
            arguments["extra_headers"] = {**(filled.get("extra_headers") or {}), **headers(inside=True)}
        ordered = OrderedDict((name, arguments[name]) for name in signature.parameters if name in arguments)
        bound = inspect.BoundArguments(signature, ordered)
        return bound.args, bound.kwargs


def wanted(signature: inspect.Signature) -> frozenset[str]:
    """Return the sampling parameters that a function takes by keyword."""
    kinds = {inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
    names = {p.name for p in signature.parameters.values() if p.kind in kinds}
    return frozenset(names & {*Sampling.__struct_fields__, "response_format"})


def headers(*, inside: bool | None = None) -> dict[str, str]:
    """Return headers for a call to a Steady server made within a decorated function, so that nothing multiplies."""
    return {"x-steady-decorated": "true"} if (INSIDE.get() if inside is None else inside) else {}


def capabilities(signature: inspect.Signature) -> Capabilities:
    """Return what the function takes, as a provider's capabilities."""
    takes = wanted(signature)
    return Capabilities(
        params=tuple(sorted(takes - {"response_format"})), json_schema="response_format" in takes, stream_usage=False
    )


def kind_of(function: Callable[..., Any]) -> Literal["sync", "async", "generator", "async_generator"]:
    """Return how a function gives its value; a callable object is what its `__call__` is, or what it is marked as."""
    while isinstance(function, functools.partial):
        function = function.func
    called = function if inspect.isroutine(function) else type(function).__call__
    if inspect.isasyncgenfunction(called):
        return "async_generator"
    if inspect.isgeneratorfunction(called):
        return "generator"
    marked = getattr(function, "_is_coroutine", None) is asyncio.coroutines._is_coroutine  # type: ignore[attr-defined]
    return "async" if marked or inspect.iscoroutinefunction(called) or inspect.iscoroutinefunction(function) else "sync"


class Given(NamedTuple):
    """What the function gave for one candidate."""

    choice: dict[str, Any]  # what the pipeline sees of it
    value: Any  # what the function returned; None for a generator
    parts: list[Any] | None  # what a generator yielded
    choices: int  # how many choices it held; only the first is looked at


class FunctionProvider:
    """Calls one function, once for each candidate, each in a copy of the caller's context."""

    name = NAME

    def __init__(self, invocation: Invocation, takes: Capabilities) -> None:
        self._invocation = invocation
        self.capabilities = takes
        self._given: dict[int, Given] = {}  # by the id of its choice, which it keeps alive
        self._lost: dict[int, tuple[ProviderError, Exception]] = {}  # by the id of what the pipeline was told

    async def complete(self, call: Call) -> Reply:
        """Call the function. Upstream failures cost this candidate; any other exception passes unchanged."""
        try:
            value, parts = await self._value(call)
        except Exception as error:
            if is_upstream(error) or isinstance(error, self._invocation.errors):
                raise self._told(error) from error.__cause__
            raise
        body = dict(completion_of(value) if parts is None else drained(parts))
        choice, count = body["choices"][0], len(body["choices"])
        body["choices"] = [choice]
        self._given[id(choice)] = Given(choice, value, parts, count)
        return Reply(body=body)

    def given(self, choice: dict[str, Any]) -> Given | None:
        """Return what the function gave for a candidate's choice, or None where that came from elsewhere."""
        return self._given.get(id(choice))

    def original(self, error: Exception) -> Exception:
        """Return what the function raised, of what the pipeline was told."""
        return self._lost.get(id(error), (None, error))[1]

    def _told(self, error: Exception) -> ProviderError:
        if isinstance(error, ProviderError):
            return error
        kind = ProviderTimeout if isinstance(error, TimeoutError) else ProviderError
        told = kind(f"{type(error).__name__}: {error}"[:500], status=status_of(error), provider=NAME)
        self._lost[id(told)] = (told, error)
        return told

    async def _value(self, call: Call) -> tuple[Any, list[Any] | None]:
        args, kwargs = self._invocation.arguments(call)
        function, context = self._invocation.function, self._invocation.context.copy()
        context.run(INSIDE.set, True)
        kind = kind_of(function)
        if kind == "async_generator":
            return None, await _in_context(_drain(function, args, kwargs), context, call.timeout)
        if kind == "async":
            return await _in_context(function(*args, **kwargs), context, call.timeout), None
        if kind == "generator":
            return None, await LOOP.in_thread(lambda: list(function(*args, **kwargs)), context, call.timeout)
        return await LOOP.in_thread(lambda: function(*args, **kwargs), context, call.timeout), None

    def stream(self, call: Call) -> AsyncIterator[dict[str, Any]]:
        """Not offered: a function's answer is decided whole."""
        raise ProviderError("a decorated function is not streamed from", provider=NAME)

    async def ready(self) -> str | None:
        """A function is always ready."""
        return None

    async def aclose(self) -> None:
        """Nothing to close."""


async def _in_context(work: Any, context: contextvars.Context, timeout: float) -> Any:
    """Await a coroutine in a context. One that overruns is cancelled, and not waited for if it resists."""
    task = asyncio.get_running_loop().create_task(work, context=context)
    try:
        await asyncio.wait({task}, timeout=timeout)
        if task.done():
            return task.result()
    except asyncio.CancelledError:
        await _stop(task)
        raise
    await _stop(task)
    raise ProviderTimeout(f"the function took longer than {timeout:.3g} s", provider=NAME)


async def _stop(task: "asyncio.Task[Any]") -> None:
    task.cancel()
    task.add_done_callback(lambda done: done.cancelled() or done.exception())  # seen: it is nobody's any more
    await asyncio.wait({task}, timeout=GRACE)


async def _drain(function: Callable[..., AsyncIterator[Any]], args: Any, kwargs: Any) -> list[Any]:
    stream = function(*args, **kwargs)
    try:
        return [part async for part in stream]
    finally:
        close = getattr(stream, "aclose", None)
        if close is not None:
            await close()
