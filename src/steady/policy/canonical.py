"""
A resolved policy as bytes that are equal for equal meaning, and back.

RFC 8785 JSON sorts the keys of objects, but the order in which an author writes the properties of a schema is the order
in which a model is led through them, so it can alter an answer. It is kept beside, under `order`: JSON pointer of an
object -> its keys, for those objects alone whose order is not the sorted one.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from steady.records.canonical import canonical
from steady.rules.compose import Compound, outer_only


def full(value: Any) -> Any:
    """
    Return structs as plain data with every field, defaults included, sorted by name.

    A default that a later version changes must not change what a kept policy means, so none is left out.
    """
    if isinstance(value, msgspec.Struct):
        config = value.__struct_config__
        pairs = zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True)
        out = {encoded: full(getattr(value, name)) for encoded, name in pairs}
        if config.tag_field is not None:
            out[config.tag_field] = config.tag
        if isinstance(value, Compound):
            out |= _inside(value)
        return dict(sorted(out.items()))
    if isinstance(value, Mapping):
        return {key: full(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [full(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{type(value).__name__} has no place in a policy.")


def _inside(rule: Compound) -> dict[str, Any]:
    """Return the rules within a rule with every field of their own, under their keys."""
    parts = {
        place: {key: item for key, item in full(part).items() if key not in outer_only(type(part))}
        for place, part in rule.parts.items()
    }
    one = {key: part for key, part in parts.items() if key in rule.nested}
    several = {key.partition("[")[0] for key in parts if key not in rule.nested}
    return one | {key: [part for place, part in parts.items() if place.startswith(f"{key}[")] for key in several}


def with_order(document: dict[str, Any]) -> bytes:
    """Return RFC 8785 JSON of `document` with the order of its objects kept under `order`."""
    order: dict[str, list[str]] = {}
    _collect(document, "", order)
    return canonical({**document, "order": order})


def in_order(canonical: bytes) -> dict[str, Any]:
    """Return what `with_order` was given. Raises msgspec.DecodeError for what is no JSON object."""
    document = msgspec.json.decode(canonical, type=dict[str, Any])
    order = document.pop("order", {})
    restored = _restore(document, "", order)
    return dict(restored)


def _sorted(keys: Any) -> list[str]:
    return sorted(keys, key=lambda key: key.encode("utf-16-be"))  # the order of RFC 8785


def _pointer(path: str, key: str | int) -> str:
    return f"{path}/{str(key).replace('~', '~0').replace('/', '~1')}"


def _collect(value: Any, path: str, order: dict[str, list[str]]) -> None:
    if isinstance(value, dict):
        if path and list(value) != _sorted(value):  # the top is ours: its order says nothing
            order[path] = list(value)
        for key, item in value.items():
            _collect(item, _pointer(path, key), order)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _collect(item, _pointer(path, index), order)


def _restore(value: Any, path: str, order: Mapping[str, list[str]]) -> Any:
    if isinstance(value, dict):
        return {key: _restore(value[key], _pointer(path, key), order) for key in order.get(path, value)}
    if isinstance(value, list):
        return [_restore(item, _pointer(path, index), order) for index, item in enumerate(value)]
    return value
