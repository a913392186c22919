"""
RFC 8785 JSON (the JSON Canonicalization Scheme): one sequence of bytes for equal values.

Two things go beyond the RFC, because a decision holds whatever a model wrote and must never be lost to it:

- A lone surrogate, which has no UTF-8 and which the RFC refuses, is written as its escape (`\\ud800`), as
  ECMAScript's well-formed JSON.stringify does.
- An integer outside +-(2**53 - 1), which the RFC refuses, is written with all its digits, so that two
  different integers never become the same bytes.
"""

import math
import re
from json.encoder import encode_basestring
from typing import Any

_LONE = re.compile("[\ud800-\udfff]")


def canonical(value: Any) -> bytes:
    """
    Return `value` as RFC 8785 JSON.

    Args:
        value: str, int, float, bool, None, and lists, tuples and dicts (with str keys) of these.

    Raises:
        ValueError: For a float that is not finite, or a type that JSON does not have.
    """
    parts: list[str] = []
    _write(value, parts.append)
    return "".join(parts).encode("utf-8")


def number(value: float) -> str:
    """Return a finite float as ECMAScript's Number::toString writes it: 1e+21, 0.000001, 1e-7, 5."""
    if not math.isfinite(value):
        msg = f"{value} has no JSON form."
        raise ValueError(msg)
    if value == 0:
        return "0"  # also for -0.0
    sign = "-" if value < 0 else ""
    mantissa, _, power = repr(abs(value)).partition("e")  # repr gives the shortest digits that round-trip
    whole, _, rest = mantissa.partition(".")
    rest = "" if rest == "0" else rest
    all_digits = whole + rest
    digits = all_digits.lstrip("0")
    point = len(whole) - (len(all_digits) - len(digits)) + int(power or 0)  # digits before the decimal point
    digits = digits.rstrip("0")
    return sign + _placed(digits, point)


def _placed(digits: str, point: int) -> str:
    if len(digits) <= point <= 21:
        return digits.ljust(point, "0")
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"0.{'0' * -point}{digits}"
    power = point - 1
    tail = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{digits[0]}{tail}e{'+' if power > 0 else '-'}{abs(power)}"


def _text(value: str) -> str:
    quoted = encode_basestring(value)
    if _LONE.search(quoted):
        return _LONE.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)
    return quoted


def _utf16(key: str) -> bytes:
    return key.encode("utf-16-be", "surrogatepass")  # the RFC orders keys by UTF-16 code units


def _write(value: Any, put: Any) -> None:
    if isinstance(value, str):
        put(_text(value))
    elif value is None:
        put("null")
    elif isinstance(value, bool):
        put("true" if value else "false")
    elif isinstance(value, int):
        put(int.__repr__(value))
    elif isinstance(value, float):
        put(number(value))
    elif isinstance(value, dict):
        _write_object(value, put)
    elif isinstance(value, list | tuple):
        put("[")
        for index, item in enumerate(value):
            if index:
                put(",")
            _write(item, put)
        put("]")
    else:
        msg = f"{type(value).__name__} has no JSON form."
        raise ValueError(msg)


def _write_object(value: dict[Any, Any], put: Any) -> None:
    for key in value:
        if not isinstance(key, str):
            msg = f"An object's key must be a str, got {type(key).__name__}."
            raise ValueError(msg)
    put("{")
    for index, key in enumerate(sorted(value, key=_utf16)):
        put("," if index else "")
        put(_text(key))
        put(":")
        _write(value[key], put)
    put("}")
