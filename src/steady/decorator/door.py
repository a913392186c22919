"""
The decorator: a policy around a generation function.

The function runs once for each candidate, concurrently, so it must be free of effects other than asking a model; what
is to happen once, with the chosen value, goes into `on_accept`.
"""

import asyncio
import functools
import inspect
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar, overload

from steady.decorator.answers import Ran, parts_of, value_of
from steady.decorator.loop import LOOP
from steady.decorator.prompt import find_prompt
from steady.decorator.provider import INSIDE, NAME, FunctionProvider, Invocation, kind_of
from steady.decorator.resolving import Prepared, Settings
from steady.errors import Abstained, RuleViolation
from steady.policy.document import Policy
from steady.types import Options, Outcome, Request, Sampling

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R", covariant=True)
T = TypeVar("T")
S = TypeVar("S")
_UNSET: Any = object()


def steady(
    policy: str | Path | dict[str, Any] | Policy = "pass-through",
    *,
    prompt: str | None = None,
    candidates: int | None = None,
    on_accept: Callable[[Any], Any] | None = None,
    candidate_errors: tuple[type[Exception], ...] = (),
    default: Any = _UNSET,
    disclose: bool = False,
    locale: str | None = None,
    config: str | Path | None = None,
) -> Callable[[Callable[P, R]], "Steadied[P, R]"]:
    """
    Put a generation function under a policy: the function runs once for each candidate, concurrently, so it must be
    free of effects; what is to happen once, with the chosen value, goes into `on_accept=`, and `candidates=` overrides
    how many candidates there are.

    The function takes `temperature`, `seed`, `top_p`, ... by keyword if it wants them, and `extra_headers`. Its return
    annotation adds the kind of output (see decorator.values). `.detailed(...)` gives the Outcome.

    Args:
        policy: A policy's name, the path of its file, a dict, or a Policy.
        prompt: The parameter that holds the prompt; `messages`, else the first str, if not given.
        candidates: How many candidates to draw, instead of what the policy says; 1 to 64.
        on_accept: Called once with the chosen value (not by `.detailed`); an async one is awaited.
        candidate_errors: Exceptions that cost only the candidate that raised them, besides upstream failures.
        default: What to return where no answer may be released, instead of raising Abstained. It does not cover a rule
            whose `on_fail` is `exception`.
        disclose: Let a returned str carry its disclosure, where the policy appends or prefixes one.
        locale: The language of the disclosure, BCP 47.
        config: A steady.yaml; else STEADY_CONFIG, the nearest steady.yaml, what ships.

    Raises:
        ConfigError: `candidates` is out of its range, or `policy` is nothing that can be one. On the first call: the
            policy does not load, or does not go with the return annotation.
        Abstained: When called: no answer may be released; `.outcome` says why. RuleViolation where a rule says
            `exception`.
        AllCandidatesFailed: When called: every candidate errored; an exception group.
    """

    def wrap(function: Callable[P, R]) -> "Steadied[P, R]":
        if isinstance(function, classmethod | staticmethod):
            return type(function)(wrap(function.__func__))  # type: ignore[return-value]
        settings = Settings(policy=policy, candidates=candidates, config=config, disclose=disclose)
        return Steadied(function, settings, prompt, on_accept, candidate_errors, default, locale)

    Settings(policy=policy, candidates=candidates, config=config, disclose=disclose)  # wrong arguments are told here
    return wrap


class Steadied(Generic[P, R]):
    """A function under a policy. Calls like the function; `.detailed(...)` gives the Outcome."""

    def __init__(
        self,
        function: Callable[P, R],
        settings: Settings,
        prompt: str | None,
        on_accept: Callable[[Any], Any] | None,
        candidate_errors: tuple[type[Exception], ...],
        default: Any,
        locale: str | None,
    ) -> None:
        functools.update_wrapper(self, function)
        self.__name__ = getattr(function, "__name__", type(function).__name__)
        self.__qualname__ = getattr(function, "__qualname__", self.__name__)
        self.__wrapped__ = function
        self._settings, self._prompt, self._on_accept = settings, prompt, on_accept
        self._errors, self._default, self._locale = candidate_errors, default, locale
        self._signature = inspect.signature(function)
        kind = kind_of(function)
        self._is_async, self._yields_async, self._yields = (
            kind == k for k in ("async", "async_generator", "generator")
        )
        if self._is_async:
            _mark_async(self)

    def __repr__(self) -> str:
        return f"<steady {self.__module__}.{self.__qualname__}>"

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the function under its policy and return the plain value (or what yields it again)."""
        bound = self._signature.bind(*args, **kwargs)  # wrong arguments are told now, as the function itself would
        if self._yields_async:
            return self._yield_async(bound)  # type: ignore[return-value]
        if self._yields:
            return self._yield(bound)  # type: ignore[return-value]
        if self._is_async:
            return self._async_value(bound)  # type: ignore[return-value]
        value: R = self._sync_value(bound)[1]
        return value

    @overload
    def detailed(  # type: ignore[overload-overlap]
        self: "Steadied[Q, Coroutine[Any, Any, T]]", *args: Q.args, **kwargs: Q.kwargs
    ) -> Coroutine[Any, Any, Outcome]: ...
    @overload
    def detailed(  # type: ignore[overload-overlap]
        self: "Steadied[Q, AsyncIterator[T]]", *args: Q.args, **kwargs: Q.kwargs
    ) -> Coroutine[Any, Any, Outcome]: ...
    @overload
    def detailed(self: "Steadied[Q, T]", *args: Q.args, **kwargs: Q.kwargs) -> Outcome: ...
    def detailed(self, *args: Any, **kwargs: Any) -> Any:
        """
        Return the Outcome (a coroutine of it for an async function), with the plain value in `.value`.

        Where no answer may be released, the value is None and the decision says why. Nothing is raised for that, and
        `on_accept` is not called.

        Raises:
            AllCandidatesFailed: Every candidate errored.
        """
        bound = self._signature.bind(*args, **kwargs)
        if self._is_async or self._yields_async:
            return self._async_outcome(bound)
        return self._valued(LOOP.call(self._started(bound)))

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> Self: ...
    @overload
    def __get__(self: "Steadied[Concatenate[S, Q], T]", instance: S, owner: type | None = None) -> "Bound[Q, T]": ...
    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Bind like a function."""
        return self if instance is None else Bound(self, instance)

    def __reduce__(self) -> str:
        """Pickle by qualified name, as functions do."""
        return self.__qualname__

    def _started(self, bound: inspect.BoundArguments) -> Coroutine[Any, Any, Ran]:
        """Return the run, ready to be awaited on any loop. What can fail before it, fails here."""
        name, messages = find_prompt(self, bound, self._prompt)
        prepared = self._settings.prepared(self.__wrapped__)
        own = {k: v for k, v in bound.arguments.items() if k in Sampling.__struct_fields__ and k != name}
        request = Request(
            messages=messages,
            sampling=Sampling(**{k: v for k, v in own.items() if v is not None}),
            options=Options(locale=self._locale, decorated=INSIDE.get()),
        )
        invocation = Invocation(self.__wrapped__, bound, name, self._errors)
        return _run(prepared, request, FunctionProvider(invocation, prepared.takes))

    def _chosen(self, ran: Ran) -> tuple[Any, bool]:
        """Return the plain value, and whether it is a chosen one. Raises Abstained."""
        try:
            return value_of(ran, disclose=self._settings.disclose), True
        except RuleViolation:
            raise
        except Abstained:
            if self._default is not _UNSET:
                return self._default, False
            if ran.returns.optional:
                return None, False
            raise

    def _valued(self, ran: Ran) -> Outcome:
        from msgspec import structs

        try:
            value = value_of(ran, disclose=self._settings.disclose)
        except Abstained:
            value = None
        return structs.replace(ran.outcome, value=value)

    def _sync_value(self, bound: inspect.BoundArguments) -> tuple[Ran, Any]:
        ran = LOOP.call(self._started(bound))
        value, chosen = self._chosen(ran)
        if chosen and self._on_accept is not None:  # in the caller's own thread and context
            accepted = self._on_accept(value)
            if inspect.isawaitable(accepted):
                LOOP.call(_awaited(accepted))
        return ran, value

    async def _async_value(self, bound: inspect.BoundArguments) -> Any:
        return (await self._async_ran(bound))[1]

    async def _async_ran(self, bound: inspect.BoundArguments) -> tuple[Ran, Any]:
        ran = await self._started(bound)
        value, chosen = self._chosen(ran)
        if chosen and self._on_accept is not None:
            accepted = self._on_accept(value)
            if inspect.isawaitable(accepted):
                await accepted
        return ran, value

    async def _async_outcome(self, bound: inspect.BoundArguments) -> Outcome:
        return self._valued(await self._started(bound))

    def _yield(self, bound: inspect.BoundArguments) -> Iterator[Any]:
        yield from parts_of(*self._sync_value(bound))

    async def _yield_async(self, bound: inspect.BoundArguments) -> AsyncIterator[Any]:
        for part in parts_of(*await self._async_ran(bound)):
            yield part


class Bound(Generic[P, R]):
    """A method: a decorated function and its instance."""

    def __init__(self, function: Steadied[Any, R], instance: Any) -> None:
        functools.update_wrapper(self, function, updated=())
        self.__func__, self.__self__ = function, instance
        self.__signature__ = _without_first(inspect.signature(function))
        if function._is_async:
            _mark_async(self)

    def __repr__(self) -> str:
        return f"<bound {self.__func__!r} of {self.__self__!r}>"

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """See Steadied."""
        return self.__func__(self.__self__, *args, **kwargs)

    @overload
    def detailed(  # type: ignore[overload-overlap]
        self: "Bound[Q, Coroutine[Any, Any, T]]", *args: Q.args, **kwargs: Q.kwargs
    ) -> Coroutine[Any, Any, Outcome]: ...
    @overload
    def detailed(  # type: ignore[overload-overlap]
        self: "Bound[Q, AsyncIterator[T]]", *args: Q.args, **kwargs: Q.kwargs
    ) -> Coroutine[Any, Any, Outcome]: ...
    @overload
    def detailed(self: "Bound[Q, T]", *args: Q.args, **kwargs: Q.kwargs) -> Outcome: ...
    def detailed(self, *args: Any, **kwargs: Any) -> Any:
        """See Steadied.detailed."""
        return self.__func__.detailed(self.__self__, *args, **kwargs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Bound) and self.__func__ is other.__func__ and self.__self__ is other.__self__

    def __hash__(self) -> int:
        return hash((id(self.__func__), id(self.__self__)))

    def __reduce__(self) -> Any:
        return getattr, (self.__self__, self.__func__.__name__)


async def _run(prepared: Prepared, request: Request, provider: FunctionProvider) -> Ran:
    outcome = await prepared.run(request, {NAME: provider})
    return Ran(outcome, provider, prepared.returns)


async def _awaited(work: Any) -> Any:
    return await work


def _without_first(signature: inspect.Signature) -> inspect.Signature:
    """Return a method's signature as its caller sees it."""
    parameters = list(signature.parameters.values())
    takes_any = bool(parameters) and parameters[0].kind is inspect.Parameter.VAR_POSITIONAL
    return signature if takes_any else signature.replace(parameters=parameters[1:])


def _mark_async(made: Any) -> None:
    """Let frameworks see a coroutine function in a callable object."""
    if hasattr(inspect, "markcoroutinefunction"):
        inspect.markcoroutinefunction(made)
    else:  # Python 3.11
        made._is_coroutine = asyncio.coroutines._is_coroutine  # type: ignore[attr-defined]
