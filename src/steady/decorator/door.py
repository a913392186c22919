"""
The decorator: a policy around a generation function.

The function runs once for each candidate, concurrently, so it must be free of effects other than asking a model; what
is to happen once, with the chosen value, goes into `on_accept`.
"""

import functools
import importlib
import inspect
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, Generic, ParamSpec, TypeVar

from steady.decorator.loop import LOOP
from steady.decorator.provider import INSIDE, NAME, FunctionProvider, Invocation, capabilities
from steady.decorator.resolving import Settings
from steady.decorator.values import Returned, returned
from steady.errors import Abstained, AllCandidatesFailed, ConfigError, RequestError, RuleViolation
from steady.types import Options, Outcome, Request, Sampling

P = ParamSpec("P")
R = TypeVar("R")
_UNSET: Any = object()


def steady(
    policy: "str | Path | dict[str, Any] | Any" = "pass-through",
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
    Put a generation function under a policy.

    The function runs once for each candidate, concurrently, and must be free of effects. It takes `temperature`,
    `seed`, `top_p`, ... by keyword if it wants them. Its return annotation adds the kind of output (see decorator.values).

    Args:
        policy: A policy's name, the path of its file, a dict, or a Policy.
        prompt: The parameter that holds the prompt; `messages`, else the first str, if not given.
        candidates: How many candidates to draw, instead of what the policy says; 1 to 64.
        on_accept: Called once with the chosen value.
        candidate_errors: Exceptions that cost only the candidate that raised them, besides upstream failures.
        default: What to return where no answer may be released, instead of raising Abstained.
        disclose: Let a returned str carry its disclosure, where the policy appends or prefixes one.
        locale: The language of the disclosure, BCP 47.
        config: A steady.yaml; else STEADY_CONFIG, the nearest steady.yaml, what ships.

    Raises (when called):
        Abstained: No answer may be released; `.outcome` says why. RuleViolation where a rule says `exception`.
        AllCandidatesFailed: Every candidate errored; an exception group.
        ConfigError: The policy or the annotation can't be used.
    """
    settings = Settings(policy=policy, candidates=candidates, config=config, disclose=disclose)

    def wrap(function: Callable[P, R]) -> "Steadied[P, R]":
        if isinstance(function, classmethod | staticmethod):
            return type(function)(wrap(function.__func__))  # type: ignore[return-value]
        return Steadied(function, settings, prompt, on_accept, candidate_errors, default, locale)

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
        self.__wrapped__ = function
        self.__name__, self.__qualname__ = function.__name__, function.__qualname__
        self._settings, self._prompt, self._on_accept = settings, prompt, on_accept
        self._errors, self._default, self._locale = candidate_errors, default, locale
        self._is_async = inspect.iscoroutinefunction(function)
        self._streams = inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)
        if self._is_async or inspect.isasyncgenfunction(function):
            inspect.markcoroutinefunction(self) if hasattr(inspect, "markcoroutinefunction") else None

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the function under its policy and return the plain value (or what yields it again)."""
        if inspect.isasyncgenfunction(self.__wrapped__):
            return self._yield_async(args, kwargs)  # type: ignore[no-any-return]
        work = self._run(args, kwargs)
        if self._is_async:
            return self._value(work)  # type: ignore[return-value]
        if inspect.isgeneratorfunction(self.__wrapped__):
            return self._yield(work)  # type: ignore[return-value]
        value: R = LOOP.call(self._value(work))
        return value

    def detailed(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        """
        Return the Outcome (a coroutine of it for an async function), with the plain value in `.value`.

        Where no answer may be released, the value is None and the decision says why; nothing is raised for it.
        """
        work = self._outcome(args, kwargs)
        if self._is_async or inspect.isasyncgenfunction(self.__wrapped__):
            return work
        return LOOP.call(work)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Bind like a function."""
        if instance is None:
            return self
        bound = _Bound(self, instance)
        functools.update_wrapper(bound, self.__wrapped__)
        return bound

    def __reduce__(self) -> Any:
        """Pickle by qualified name, as functions do."""
        return _by_name, (self.__module__, self.__qualname__)

    async def _run(self, args: Any, kwargs: Any) -> "_Ran":
        returns = returned(self.__wrapped__)
        signature = inspect.signature(self.__wrapped__)
        bound = signature.bind(*args, **kwargs)
        name, messages = find_prompt(self.__wrapped__, bound, self._prompt)
        takes = capabilities(signature)
        prepared = self._settings.prepared(self.__wrapped__, returns, takes)
        invocation = Invocation(self.__wrapped__, bound, name, self._errors)
        provider = FunctionProvider(invocation, takes)
        own = {k: v for k, v in bound.arguments.items() if k in Sampling.__struct_fields__ and k != name}
        request = Request(
            messages=messages,
            sampling=Sampling(**{k: v for k, v in own.items() if v is not None}),
            options=Options(locale=self._locale, decorated=INSIDE.get()),
        )
        outcome = await prepared.run(request, {NAME: provider})
        return _Ran(outcome, provider, returns)

    async def _value(self, work: Coroutine[Any, Any, "_Ran"]) -> Any:
        ran = await work
        try:
            value = value_of(ran, disclose=self._settings.disclose)
        except Abstained:
            if self._default is not _UNSET:
                return self._default
            if ran.returns.optional and ran.outcome.decision.code != "rule_violation":
                return None
            raise
        if self._on_accept is not None:
            accepted = self._on_accept(value)
            if inspect.isawaitable(accepted):
                await accepted
        return value

    async def _outcome(self, args: Any, kwargs: Any) -> Outcome:
        from msgspec import structs

        ran = await self._run(args, kwargs)
        try:
            value = value_of(ran, disclose=self._settings.disclose)
        except Abstained:
            value = None
        return structs.replace(ran.outcome, value=value)

    def _yield(self, work: Coroutine[Any, Any, "_Ran"]) -> Iterator[Any]:
        yield from LOOP.call(self._parts(work))

    async def _yield_async(self, args: Any, kwargs: Any) -> Any:
        for part in await self._parts(self._run(args, kwargs)):
            yield part

    async def _parts(self, work: Coroutine[Any, Any, "_Ran"]) -> list[Any]:
        """The winner, yielded again: its own parts where it was not changed, else the text whole."""
        kept: list[_Ran] = []

        async def keep() -> _Ran:
            kept.append(await work)
            return kept[0]

        value = await self._value(keep())
        ran = kept[0]
        parts = ran.winner_parts()
        return parts if parts is not None else [value]


class _Bound:
    """A method: a decorated function and its instance."""

    def __init__(self, function: Steadied[Any, Any], instance: Any) -> None:
        self.__func__, self.__self__ = function, instance

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.__func__(self.__self__, *args, **kwargs)

    def detailed(self, *args: Any, **kwargs: Any) -> Any:
        """See Steadied.detailed."""
        return self.__func__.detailed(self.__self__, *args, **kwargs)

    def __reduce__(self) -> Any:
        return getattr, (self.__self__, self.__func__.__name__)


class _Ran:
    """One run: what was decided, and what the function itself gave."""

    def __init__(self, outcome: Outcome, provider: FunctionProvider, returns: Returned) -> None:
        self.outcome, self.provider, self.returns = outcome, provider, returns

    def winner(self) -> Any:
        """Return the chosen candidate's own choice object, or None for a blend or a fallback."""
        decision = self.outcome.decision
        if decision.blended or not decision.chosen:
            return None
        slot = decision.chosen[0]
        return max((c for c in self.outcome.candidates if c.slot == slot), key=lambda c: c.attempt).choice

    def unchanged(self) -> bool:
        """Whether what is released is what the function gave, to the letter."""
        winner = self.winner()
        if winner is None:
            return False
        return bool(winner.get("message") == (self.outcome.choices[0].get("message") if self.outcome.choices else None))

    def winner_parts(self) -> list[Any] | None:
        """Return what the winning generator yielded, where nothing of it was changed."""
        return self.provider.parts.get(id(self.winner())) if self.unchanged() else None


def value_of(ran: _Ran, *, disclose: bool) -> Any:
    """Return the plain value. Raises Abstained (or RuleViolation) where none can carry the answer."""
    outcome, returns = ran.outcome, ran.returns
    decision = outcome.decision
    if decision.code == "upstream_error":
        errors = [e.__cause__ if isinstance(e.__cause__, Exception) else e for e in outcome.errors]
        if not errors:
            raise Abstained(f"No answer: {decision.reason}.", outcome)
        raise AllCandidatesFailed(f"all {len(errors)} candidates failed", errors)
    if decision.action == "error":
        kind = RuleViolation if decision.code == "rule_violation" else Abstained
        raise kind(f"No answer was released: {decision.reason}.", outcome)
    message = decision.choices[0].get("message") or {} if decision.choices else {}
    text = message.get("content")
    if ran.unchanged() and returns.kind in {"", "text"}:
        value = ran.provider.values.get(id(ran.winner()))
        if not isinstance(value, str) and value is not None:
            return value
    if not isinstance(text, str):
        why = decision.reason or "the model refused" if message.get("refusal") else "there is no text"
        raise Abstained(f"No answer that {_shown(returns)} can carry: {why}.", outcome)
    if disclose and returns.kind in {"", "text"}:
        text = outcome.text or text
    return _carried(ran, text)


def _carried(ran: _Ran, text: str) -> Any:
    returns = ran.returns
    if returns.kind in {"", "text"}:
        winner = ran.winner()
        value = ran.provider.values.get(id(winner)) if winner is not None else None
        if value is not None and not isinstance(value, str):
            return _rewritten(value, text)
        return text
    try:
        return returns.value(text)
    except (ValueError, KeyError) as error:
        raise Abstained(f"No answer that {_shown(returns)} can carry: {type(error).__name__}.", ran.outcome) from error


def _rewritten(value: Any, text: str) -> Any:
    """Return an SDK's response with its text replaced."""
    try:
        made = value.model_copy(deep=True)
        made.choices[0].message.content = text
    except (AttributeError, IndexError, TypeError):
        return text
    return made


def _shown(returns: Returned) -> str:
    return getattr(returns.annotation, "__name__", None) or str(returns.annotation)


def find_prompt(
    function: Callable[..., Any], bound: inspect.BoundArguments, named: str | None
) -> tuple[str | None, tuple[dict[str, Any], ...]]:
    """
    Return the parameter that holds the prompt, and the messages it makes.

    Raises:
        ConfigError: `named` is no parameter.
        RequestError: It holds neither a str nor messages.
    """
    if named is not None and named not in bound.signature.parameters:
        raise ConfigError(f"prompt={named!r} is no parameter of {function.__qualname__}{bound.signature}.")
    filled = inspect.BoundArguments(bound.signature, OrderedDict(bound.arguments))
    filled.apply_defaults()
    arguments = filled.arguments
    name = named or ("messages" if "messages" in arguments else None)
    name = name or next((k for k, v in arguments.items() if isinstance(v, str) and k not in {"self", "cls"}), None)
    value = arguments.get(name) if name else None
    if name is None:
        return None, ({"role": "user", "content": ""},)
    if isinstance(value, str):
        return name, ({"role": "user", "content": value},)
    if isinstance(value, list | tuple) and value and all(isinstance(m, dict) for m in value):
        return name, tuple(value)
    raise RequestError(
        f"The prompt {name!r} of {function.__qualname__} must be a str or a list of messages.", param=name
    )


def _by_name(module: str, qualname: str) -> Any:
    found: Any = importlib.import_module(module)
    for part in qualname.split("."):
        found = getattr(found, part)
    return found
