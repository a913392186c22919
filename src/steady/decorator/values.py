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
import inspect
import types
import typing
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin

from steady.errors import ConfigError

_STREAMS = (
    collections.abc.Iterator, collections.abc.Iterable, collections.abc.Generator,
    collections.abc.AsyncIterator, collections.abc.AsyncIterable, collections.abc.AsyncGenerator,
)  # fmt: skip


class Returned(NamedTuple):
    """What an annotation asks of the output."""

    annotation: Any
    kind: Literal["", "label", "number", "json", "text"]  # "": whatever the policy says
    labels: tuple[str, ...] = ()
    schema: dict[str, Any] | None = None
    integer: bool = False
    optional: bool = False
    value: Callable[[str], Any] = str  # the text as a value. Raises ValueError where none can carry it


def returned(function: Callable[..., Any]) -> Returned:
    """Return what the annotation of `function` asks. Raises ConfigError for one that can't be understood."""
    try:
        hints = typing.get_type_hints(function, include_extras=False)
    except Exception as error:  # an annotation may be any expression, and fail in any way
        name = getattr(function, "__qualname__", repr(function))
        raise ConfigError(f"The annotations of {name} can't be evaluated: {error}.") from error
    annotation = hints.get("return", Any)
    if get_origin(annotation) in _STREAMS:
        annotation = str
    return _of(annotation)


def _of(annotation: Any) -> Returned:
    optional = False
    if get_origin(annotation) in {Union, types.UnionType}:
        members = [a for a in get_args(annotation) if a is not type(None)]
        optional = len(members) < len(get_args(annotation))
        if optional and len(members) == 1:
            annotation = members[0]
    made = _plain(annotation)
    return made._replace(optional=optional or annotation is type(None))


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
        by_text = {str(value): value for value in get_args(annotation)}
        return Returned(annotation, "label", labels=tuple(by_text), value=by_text.__getitem__)
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        members = {str(member.value): member for member in annotation}
        return Returned(annotation, "label", labels=tuple(members), value=members.__getitem__)
    if _is_response(annotation):
        return Returned(annotation, "")
    return _structured(annotation)


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
    return isinstance(annotation, type) and annotation.__name__ in {
        "ChatCompletion",
        "ModelResponse",
        "ParsedChatCompletion",
    }


def _structured(annotation: Any) -> Returned:
    from pydantic import PydanticSchemaGenerationError, PydanticUserError, TypeAdapter

    try:
        adapter: TypeAdapter[Any] = TypeAdapter(annotation)
        schema = adapter.json_schema()
    except (PydanticSchemaGenerationError, PydanticUserError) as error:
        message = (
            f"The return annotation {annotation!r} has no kind of output. Known: str, bool, int, float, Literal, Enum, "
            "list, dict, a dataclass, a TypedDict, a Pydantic model, and each of them or None."
        )
        raise ConfigError(message) from error
    return Returned(annotation, "json", schema=schema, value=adapter.validate_json)
