"""A generation function as a provider: one call of it is one candidate."""

import contextvars
import inspect
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from typing import Any

from steady.decorator.loop import LOOP
from steady.decorator.returns import completion_of, drained, is_upstream, status_of
from steady.errors import ProviderError, ProviderTimeout
from steady.types import Call, Capabilities, Reply, Sampling

NAME = "function"
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
        arguments = dict(self.bound.arguments)
        if self.prompt is not None:
            arguments[self.prompt] = _prompt(self.bound.arguments[self.prompt], call.body["messages"])
        signature = self.bound.signature
        given = {k: v for k, v in call.body.items() if k in wanted(signature) and k != self.prompt}
        if "extra_headers" in signature.parameters and "extra_headers" not in arguments:
            given["extra_headers"] = headers(inside=True)
        ordered = {name: (arguments | given)[name] for name in signature.parameters if name in arguments | given}
        bound = inspect.BoundArguments(signature, OrderedDict(ordered))
        return bound.args, bound.kwargs


def wanted(signature: inspect.Signature) -> frozenset[str]:
    """Return the sampling parameters that a function takes by keyword."""
    kinds = {inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
    names = {p.name for p in signature.parameters.values() if p.kind in kinds}
    return frozenset(names & {*Sampling.__struct_fields__, "response_format"})


def headers(*, inside: bool | None = None) -> dict[str, str]:
    """Return headers for a call to a Steady server made within a decorated function, so that nothing multiplies."""
    return {"x-steady-decorated": "true"} if (INSIDE.get() if inside is None else inside) else {}


def _prompt(original: Any, messages: list[dict[str, Any]]) -> Any:
    """Return the prompt as the pipeline has it now: input rules may have changed it, a reask adds to it."""
    if not isinstance(original, str):
        return messages
    return "\n\n".join(str(m["content"]) for m in messages if m.get("role") == "user" and m.get("content"))


def capabilities(signature: inspect.Signature) -> Capabilities:
    """Return what the function takes, as a provider's capabilities."""
    takes = wanted(signature)
    return Capabilities(
        params=tuple(sorted(takes - {"response_format"})), json_schema="response_format" in takes, stream_usage=False
    )


class FunctionProvider:
    """Calls one function, once for each candidate, each in a copy of the caller's context."""

    name = NAME

    def __init__(self, invocation: Invocation, takes: Capabilities) -> None:
        self._invocation = invocation
        self.capabilities = takes
        self.values: dict[int, Any] = {}  # id of a candidate's choice -> what the function gave
        self.parts: dict[int, list[Any]] = {}  # likewise, what a generator yielded

    async def complete(self, call: Call) -> Reply:
        """Call the function. Upstream failures cost this candidate; any other exception passes unchanged."""
        try:
            value, parts = await self._value(call)
        except Exception as error:
            if is_upstream(error) or isinstance(error, self._invocation.errors):
                raise self._told(error) from error
            raise
        body = completion_of(value) if parts is None else drained(parts)
        choice = body["choices"][0]
        body["choices"] = [choice]
        self.values[id(choice)] = value
        if parts is not None:
            self.parts[id(choice)] = parts
        return Reply(body=body)

    def _told(self, error: Exception) -> ProviderError:
        if isinstance(error, ProviderError):
            return error
        kind = ProviderTimeout if isinstance(error, TimeoutError) else ProviderError
        return kind(f"{type(error).__name__}: {error}"[:500], status=status_of(error), provider=NAME)

    async def _value(self, call: Call) -> tuple[Any, list[Any] | None]:
        args, kwargs = self._invocation.arguments(call)
        function, context = self._invocation.function, self._invocation.context.copy()
        context.run(INSIDE.set, True)
        if inspect.isasyncgenfunction(function):
            return None, await _in_context(_drain(function(*args, **kwargs)), context)
        if inspect.iscoroutinefunction(function):
            return await _in_context(function(*args, **kwargs), context), None
        if inspect.isgeneratorfunction(function):
            return None, await LOOP.in_thread(lambda: list(function(*args, **kwargs)), context)
        return await LOOP.in_thread(lambda: function(*args, **kwargs), context), None

    def stream(self, call: Call) -> AsyncIterator[dict[str, Any]]:
        """Not offered: a function's answer is decided whole."""
        raise ProviderError("a decorated function is not streamed from", provider=NAME)

    async def ready(self) -> str | None:
        """A function is always ready."""
        return None

    async def aclose(self) -> None:
        """Nothing to close."""


async def _in_context(work: Any, context: contextvars.Context) -> Any:
    import asyncio

    task = asyncio.get_running_loop().create_task(work, context=context)
    try:
        return await task
    except asyncio.CancelledError:
        task.cancel()
        raise


async def _drain(stream: AsyncIterator[Any]) -> list[Any]:
    return [part async for part in stream]
