"""
Every way in which plain data does not fit a type, with the field, the legal words and the nearest one.

msgspec decodes, and stops at the first error; this walks the same type and goes on. It finds nothing exactly where
`msgspec.convert(data, type)` succeeds (a property test holds the two together), so decoding after it can't surprise.
"""

import math
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from msgspec import inspect

from steady.errors import legal_words
from steady.policy.yaml_marks import MAX_DEPTH, MAX_EXACT, join

_UNITS = ("s", "MiB")  # the usual ones of durations and sizes


class Fault(NamedTuple):
    """One thing wrong, and the field it is in."""

    field: str  # "rules[0].limit"
    message: str


def verify(data: Any, type_: Any, path: str = "") -> list[Fault]:
    """
    Return every fault of `data` against `type_`, in the order of the data.

    Args:
        data: Plain data: None, bool, int, float, str, list, dict with str keys.
        type_: Anything that msgspec can describe and that JSON can hold.
        path: What to put before the names of fields.

    Raises:
        TypeError: If the type holds something that JSON can't (a date, bytes): a programmer's error.
    """
    faults: list[Fault] = []
    _check(data, _info(type_), path, faults)
    return faults


def not_plain(data: Any, path: str = "", depth: int = 0) -> list[Fault]:
    """Return what in `data` JSON can't carry exactly: other types, keys that are no text, huge integers, NaN."""
    if depth > MAX_DEPTH:
        return [Fault(path, f"nested deeper than {MAX_DEPTH} levels.")]
    if isinstance(data, dict):
        out = [Fault(path, f"the key {key!r} is not text.") for key in data if not isinstance(key, str)]
        for key, value in data.items():
            if isinstance(key, str):
                out += not_plain(value, join(path, key), depth + 1)
        return out
    if isinstance(data, list | tuple):
        return [fault for i, item in enumerate(data) for fault in not_plain(item, join(path, i), depth + 1)]
    if isinstance(data, str):
        bad = any("\ud800" <= char <= "\udfff" for char in data)
        return [Fault(path, "half of a surrogate pair is no character.")] if bad else []
    if data is None or isinstance(data, bool):
        return []
    if isinstance(data, int):
        return [Fault(path, "the integer is too big to be exact everywhere.")] if abs(data) > MAX_EXACT else []
    if isinstance(data, float):
        return [] if math.isfinite(data) else [Fault(path, f"{data} is no number that JSON can carry.")]
    return [Fault(path, f"{type(data).__name__} is no JSON value; use text, numbers, lists and mappings.")]


@lru_cache(maxsize=512)
def _info(type_: Any) -> inspect.Type:
    return inspect.type_info(type_)


def _check(value: Any, info: inspect.Type, path: str, out: list[Fault]) -> None:
    match info:
        case inspect.Metadata():
            _check(value, info.type, path, out)
        case inspect.AnyType():
            pass
        case inspect.UnionType():
            _union(value, info, path, out)
        case inspect.LiteralType():
            _literal(value, info.values, path, out)
        case inspect.StructType():
            _struct(value, info, path, out)
        case inspect.DictType():
            _dict(value, info, path, out)
        case inspect.ListType() | inspect.VarTupleType():
            _list(value, info, path, out)
        case inspect.TupleType():
            _tuple(value, info, path, out)
        case inspect.IntType() | inspect.FloatType():
            _number(value, info, path, out)
        case inspect.StrType():
            _text(value, info, path, out)
        case inspect.BoolType() | inspect.NoneType():
            if not _fits(value, info):
                out.append(_wrong(value, info, path))
        case _:
            raise TypeError(f"verify() does not know {type(info).__name__}, at {path or 'the top'}.")


def _wrong(value: Any, info: inspect.Type, path: str) -> Fault:
    return Fault(path, f"must be {_describe(info)}, not {_show(value)}.")


def _show(value: Any) -> str:
    if value is None:
        return "empty (null)"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"the text {value[:60]!r}"
    if isinstance(value, int | float):
        return f"the number {value}"
    return "a list" if isinstance(value, list | tuple) else "a mapping"


def _describe(info: inspect.Type) -> str:
    match info:
        case inspect.Metadata():
            return _describe(info.type)
        case inspect.UnionType():
            parts = [_describe(t) for t in info.types if not isinstance(t, inspect.NoneType)]
            return " or ".join(dict.fromkeys(parts))
        case inspect.LiteralType():
            return "one of " + ", ".join(map(str, info.values))
        case inspect.ListType() | inspect.VarTupleType():
            return f"a list, each item {_describe(info.item_type)}"
        case inspect.TupleType():
            return f"a list of {len(info.item_types)}"
        case inspect.StructType() | inspect.DictType():
            return "a mapping"
        case inspect.IntType() | inspect.FloatType():
            return ("a whole number" if isinstance(info, inspect.IntType) else "a number") + _bounds(info)
        case inspect.StrType():
            return "text"
        case inspect.BoolType():
            return "true or false"
        case inspect.NoneType():
            return "empty"
        case _:
            return "any value"


def _bounds(info: inspect.IntType | inspect.FloatType) -> str:
    words = [
        f"{word} {bound}"
        for word, bound in (("at least", info.ge), ("over", info.gt), ("at most", info.le), ("under", info.lt))
        if bound is not None
    ]
    if info.multiple_of is not None:
        words.append(f"a multiple of {info.multiple_of}")
    return " of " + " and ".join(words) if words else ""


def _fits(value: Any, info: inspect.Type) -> bool:
    """Whether `value` is of the JSON kind that `info` takes; its bounds are judged later."""
    match info:
        case inspect.Metadata():
            return _fits(value, info.type)
        case inspect.AnyType():
            return True
        case inspect.NoneType():
            return value is None
        case inspect.BoolType():
            return isinstance(value, bool)
        case inspect.IntType():
            return isinstance(value, int) and not isinstance(value, bool)
        case inspect.FloatType():
            return isinstance(value, int | float) and not isinstance(value, bool)
        case inspect.StrType():
            return isinstance(value, str)
        case inspect.LiteralType():
            return any(type(value) is type(word) for word in info.values)
        case inspect.StructType() | inspect.DictType():
            return isinstance(value, dict)
        case _:
            return isinstance(value, list | tuple)


def _union(value: Any, info: inspect.UnionType, path: str, out: list[Fault]) -> None:
    members = [t for t in info.types if _fits(value, t)]
    structs = [t for t in members if isinstance(t, inspect.StructType)]
    if len(structs) > 1:
        _tagged(value, structs, path, out)
        return
    if isinstance(value, int) and len(members) > 1:  # int | float: a whole number is decoded as the int
        members = [t for t in members if not isinstance(t, inspect.FloatType)]
    if not members:
        out.append(_wrong(value, info, path))
        return
    _check(value, members[0], path, out)


def _tagged(value: dict[str, Any], structs: list[inspect.StructType], path: str, out: list[Fault]) -> None:
    field = structs[0].tag_field or "type"
    by_tag = {str(struct.tag): struct for struct in structs}
    tag = value.get(field)
    if field not in value:
        out.append(Fault(path, f"the key {field!r} is missing. Known: {', '.join(sorted(by_tag))}."))
    elif not isinstance(tag, str) or tag not in by_tag:
        out.append(Fault(join(path, field), f"no {field} {tag!r}. {legal_words(str(tag), by_tag)}"))
    else:
        _struct(value, by_tag[tag], path, out)


def _literal(value: Any, words: Iterable[Any], path: str, out: list[Fault]) -> None:
    words = list(words)
    if any(type(value) is type(word) and value == word for word in words):
        return
    if isinstance(value, str):
        out.append(Fault(path, f"{value[:60]!r} is no legal word here. {legal_words(value, map(str, words))}"))
    else:
        out.append(Fault(path, f"must be one of {', '.join(map(str, words))}, not {_show(value)}."))


def _struct(value: Any, info: inspect.StructType, path: str, out: list[Fault]) -> None:
    if not isinstance(value, dict):
        out.append(_wrong(value, info, path))
        return
    fields = {field.encode_name: field for field in info.fields}
    tag = info.tag_field if info.tag_field is not None else None
    if tag is not None and tag in value and value[tag] != info.tag:
        out.append(Fault(join(path, tag), f"must be {info.tag!r}, not {_show(value[tag])}."))
    elif tag is not None and tag not in value:
        out.append(Fault(path, f"the key {tag!r} is missing."))
    for key, item in value.items():
        if key in fields:
            _check(item, fields[key].type, join(path, key), out)
        elif info.forbid_unknown_fields and key != tag:
            legal = [*fields, tag] if tag is not None else list(fields)
            out.append(Fault(join(path, key), f"no field {key!r}. {legal_words(key, legal)}"))
    for name, field in fields.items():
        if field.required and name not in value:
            out.append(Fault(path, f"the key {name!r} is missing: {_describe(field.type)}."))


def _dict(value: Any, info: inspect.DictType, path: str, out: list[Fault]) -> None:
    if not isinstance(value, dict):
        out.append(_wrong(value, info, path))
        return
    _size(len(value), info, "entries", path, out)
    for key, item in value.items():
        at = join(path, str(key))
        _check(key, info.key_type, at, out)
        _check(item, info.value_type, at, out)


def _list(value: Any, info: inspect.ListType | inspect.VarTupleType, path: str, out: list[Fault]) -> None:
    if not isinstance(value, list | tuple):
        out.append(_wrong(value, info, path))
        return
    _size(len(value), info, "items", path, out)
    for index, item in enumerate(value):
        _check(item, info.item_type, join(path, index), out)


def _tuple(value: Any, info: inspect.TupleType, path: str, out: list[Fault]) -> None:
    if not isinstance(value, list | tuple):
        out.append(_wrong(value, info, path))
    elif len(value) != len(info.item_types):
        out.append(Fault(path, f"must be a list of {len(info.item_types)}, not of {len(value)}."))
    else:
        for index, (item, type_) in enumerate(zip(value, info.item_types, strict=True)):
            _check(item, type_, join(path, index), out)


def _size(size: int, info: Any, what: str, path: str, out: list[Fault]) -> None:
    if info.min_length is not None and size < info.min_length:
        out.append(Fault(path, f"must have at least {info.min_length} {what}, not {size}."))
    if info.max_length is not None and size > info.max_length:
        out.append(Fault(path, f"must have at most {info.max_length} {what}, not {size}."))


def _number(value: Any, info: inspect.IntType | inspect.FloatType, path: str, out: list[Fault]) -> None:
    if not _fits(value, info):
        out.append(_wrong(value, info, path))
        return
    if isinstance(info, inspect.FloatType):
        try:
            value = float(value)
        except OverflowError:
            out.append(Fault(path, "the number is too big."))
            return
    low = (info.ge is None or value >= info.ge) and (info.gt is None or value > info.gt)
    high = (info.le is None or value <= info.le) and (info.lt is None or value < info.lt)
    whole = info.multiple_of is None or value % info.multiple_of == 0
    if not (low and high and whole):  # written so that NaN, which is in no range, fails
        out.append(Fault(path, f"{value} is out of range: it must be {_describe(info)}."))


def _text(value: Any, info: inspect.StrType, path: str, out: list[Fault]) -> None:
    if not isinstance(value, str):
        number = isinstance(value, int | float) and not isinstance(value, bool)
        hint = (_unit(value, info) or " Quote it.") if number else ""
        out.append(Fault(path, _wrong(value, info, path).message + hint))
        return
    _size(len(value), info, "characters", path, out)
    if info.pattern is not None and not re.search(info.pattern, value):
        out.append(Fault(path, f"{value[:60]!r} does not fit; it must match {info.pattern}{_unit(value, info)}"))


def _unit(value: Any, info: inspect.StrType) -> str:
    """Return a hint where a number has no unit: `20` where `20s` is meant."""
    if info.pattern is None or re.search(info.pattern, str(value)):
        return ""
    meant = next((f"{value}{unit}" for unit in _UNITS if re.search(info.pattern, f"{value}{unit}")), "")
    return f" Its unit is missing: write {meant}." if meant else ""


def fields_of(type_: Any) -> Mapping[str, inspect.Field]:
    """Return the fields of a struct type by their names in YAML."""
    info = _info(type_)
    if not isinstance(info, inspect.StructType):
        raise TypeError(f"{type_!r} is no struct.")
    return {field.encode_name: field for field in info.fields}
