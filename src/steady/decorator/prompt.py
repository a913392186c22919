"""Which parameter of a function holds the prompt, and what of the pipeline's messages goes back into it."""

import copy
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from steady.errors import ConfigError, RequestError
from steady.types import Sampling

_NEVER = frozenset({"self", "cls", *Sampling.__struct_fields__})


def find_prompt(
    function: Callable[..., Any], bound: inspect.BoundArguments, named: str | None
) -> tuple[str | None, tuple[dict[str, Any], ...]]:
    """
    Return the parameter that holds the prompt, and the messages it makes.

    That is the one named by `prompt=`, else `messages`, else the first whose value is a str; a function without any has
    an empty prompt, and nothing that is asked again can reach it.

    Raises:
        ConfigError: `named` is no parameter.
        RequestError: It holds neither a str nor messages.
    """
    if named is not None and named not in bound.signature.parameters:
        raise ConfigError(f"prompt={named!r} is no parameter of {function.__qualname__}{bound.signature}.")
    arguments = with_defaults(bound)
    name = named or ("messages" if arguments.get("messages") is not None else None)
    name = name or next((k for k, v in arguments.items() if isinstance(v, str) and k not in _NEVER), None)
    if name is None:
        return None, ({"role": "user", "content": ""},)
    value = arguments[name]
    if isinstance(value, str):
        return name, ({"role": "user", "content": value},)
    if (
        isinstance(value, list | tuple)
        and value
        and all(isinstance(m, dict) or hasattr(m, "model_dump") for m in value)
    ):
        return name, tuple(m if isinstance(m, dict) else m.model_dump(mode="json", exclude_unset=True) for m in value)
    raise RequestError(
        f"The prompt {name!r} of {function.__qualname__} must be a str or a list of messages, "
        f"not {type(value).__name__}. Name another parameter with prompt=.",
        param=name,
    )


def with_defaults(bound: inspect.BoundArguments) -> dict[str, Any]:
    """Return all arguments by name, those that were not given by their defaults."""
    filled = inspect.BoundArguments(bound.signature, copy.copy(bound.arguments))
    filled.apply_defaults()
    return dict(filled.arguments)


def given_back(original: Any, messages: Sequence[dict[str, Any]]) -> Any:
    """
    Return the prompt as the pipeline has it now: input rules may have changed it, a reask adds to it.

    A list is a copy of each candidate's own, since functions append to it.
    """
    if not isinstance(original, str):
        return copy.deepcopy(list(messages))
    return "\n\n".join(str(m["content"]) for m in messages if m.get("role") == "user" and m.get("content"))
