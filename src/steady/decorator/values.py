"""
From a return annotation to a kind of output, and from the decided text back to a value of that annotation.

| annotation | kind | value |
|---|---|---|
| none, `Any`, `str` | the policy's own | the text |
| `Literal["a", "b"]` | label | the literal |
| an `Enum` | label, by value | the member |
| `bool` | label `true`, `false` | the boolean |
| `int`, `float` | number | the number |
| `list[...]`, `dict`, a dataclass, a TypedDict, a Pydantic model | json, by its JSON Schema | the object |
| `X | None` | that of X | `None` where there is no answer |
"""

import collections.abc
import enum
import functools
import inspect
import sys
import types
import typing
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin

from steady.errors import ConfigError

_STREAMS = (
    collections.abc.Iterator, collections.abc.Iterable, collections.abc.Generator,
    collections.abc.AsyncIterator, collections.abc.AsyncIterable, collections.abc.AsyncGenerator,
)  # fmt: skip
_RESPONSES = frozenset({"ChatCompletion", "ModelResponse", "ParsedChatCompletion"})


class Returned(NamedTuple):
    """What an annotation asks of the output."""

    annotation: Any
    kind: Literal["", "label", "number", "json", "text"]  # "": whatever the policy says
    labels: tuple[str, ...] = ()
    schema: dict[str, Any] | None = None
    integer: bool = False
    optional: bool = False
    response: bool = False  # a whole response object of an SDK
    value: Callable[[str], Any] = str  # the text as a value. Raises ValueError where none can carry it


def returned(function: Callable[..., Any]) -> Returned:
    """Return what the annotation of `function` asks. Raises ConfigError for one that can't be understood."""
    annotation = _return_hint(function)
    if get_origin(annotation) in _STREAMS:
        annotation = str
    return of(annotation)


def shown(annotation: Any) -> str:
    """Return an annotation as a person would write it."""
    plain = isinstance(annotation, type) and get_origin(annotation) is None
    return annotation.__name__ if plain else str(annotation).replace("typing.", "")


def _return_hint(function: Callable[..., Any]) -> Any:
    """The return annotation alone: those of parameters may name what is imported for type checkers only."""
    while isinstance(function, functools.partial):
        function = function.func
    function = inspect.unwrap(function)
    if not hasattr(function, "__annotations__"):  # a callable object
        function = type(function).__call__
    written = getattr(function, "__annotations__", {}).get("return", Any)
    only = types.SimpleNamespace(__annotations__={"return": written})
    try:
        return typing.get_type_hints(only, getattr(function, "__globals__", {}))["return"]
    except Exception as error:  # an annotation may be any expression, and fail in any way
        name = getattr(function, "__qualname__", repr(function))
        raise ConfigError(
            f"The return annotation {written!r} of {name} can't be evaluated: {error}. "
            "What it names must be importable at run time, from the module's own top level."
        ) from error


def of(annotation: Any) -> Returned:
    """Return what one annotation asks. Raises ConfigError."""
    optional = False
    if get_origin(annotation) in {Union, types.UnionType}:
        members = [a for a in get_args(annotation) if a is not type(None)]
        optional = len(members) < len(get_args(annotation))
        if optional and len(members) == 1:
            annotation = members[0]
    made = _plain(annotation)
    return made._replace(optional=optional or made.optional or annotation is type(None))


def _plain(annotation: Any) -> Returned:
    if annotation is Any or annotation is str or annotation in {inspect.Signature.empty, type(None)}:
        return Returned(annotation, "text" if annotation is str else "")
    if annotation is bool:
        return Returned(
            bool, "label", labels=("true", "false"), value=lambda text: {"true": True, "false": False}[text]
        )
    if annotation in {int, float}:
        return Returned(annotation, "number", integer=annotation is int, value=_number(annotation))
    if get_origin(annotation) is Literal:
        values = [value for value in get_args(annotation) if value is not None]
        return _labels(annotation, [(label(value), value) for value in values], None in get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return _labels(annotation, [(label(member.value), member) for member in annotation], False)
    if _is_response(annotation):
        return Returned(annotation, "", response=True)
    return _structured(annotation)


def _labels(annotation: Any, pairs: list[tuple[str, Any]], optional: bool) -> Returned:
    by_text = dict(pairs)
    if len(by_text) < len(pairs) or not pairs:
        raise ConfigError(f"The values of {shown(annotation)} can't be told apart as texts: {[t for t, _ in pairs]}.")
    return Returned(annotation, "label", labels=tuple(by_text), optional=optional, value=by_text.__getitem__)


def label(value: Any) -> str:
    """Return a value of a Literal or an Enum as the text that stands for it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(annotation: type) -> Callable[[str], Any]:
    def value(text: str) -> Any:
        from steady.rules.values import parse_number

        number = parse_number(text)
        if number is None or (annotation is int and number != number.to_integral_value()):
            raise ValueError(f"{text[:40]!r} is no {annotation.__name__}")
        return annotation(number)

    return value


def _is_response(annotation: Any) -> bool:
    """A whole response object of an SDK, not a form of its content."""
    bare = get_origin(annotation) or annotation
    return isinstance(bare, type) and any(cls.__name__ in _RESPONSES for cls in bare.__mro__)


def _structured(annotation: Any) -> Returned:
    from pydantic import PydanticSchemaGenerationError, PydanticUserError, TypeAdapter

    try:
        adapter: TypeAdapter[Any] = TypeAdapter(_modern(annotation))
        schema = adapter.json_schema()
    except (PydanticSchemaGenerationError, PydanticUserError) as error:
        message = (
            f"The return annotation {shown(annotation)} has no kind of output. Known: str, bool, int, float, Literal, "
            "Enum, list, dict, a dataclass, a TypedDict, a Pydantic model, and each of them or None."
        )
        raise ConfigError(message) from error
    return Returned(annotation, "json", schema=schema, value=adapter.validate_json)


def _modern(annotation: Any) -> Any:
    """Return an annotation whose TypedDicts Pydantic takes: before Python 3.12 those of typing lack what it needs."""
    if sys.version_info >= (3, 12):
        return annotation
    if type(annotation).__module__ == "typing" and typing.is_typeddict(annotation):
        from typing_extensions import TypedDict

        hints = typing.get_type_hints(annotation, include_extras=True)
        optional = annotation.__optional_keys__
        fields = {k: typing.NotRequired[_modern(v)] if k in optional else _modern(v) for k, v in hints.items()}
        return TypedDict(annotation.__name__, fields)  # type: ignore[operator]
    if get_origin(annotation) in {list, dict, tuple, set} and get_args(annotation):
        return get_origin(annotation)[tuple(_modern(arg) for arg in get_args(annotation))]
    return annotation
