"""JSON documents as consensus reads them: numbers by value, strings in canonical form, sizes bounded."""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from steady.consensus.similarity import canonical_text, multiset, words
from steady.types import JSON

DEEPEST = 100  # levels of nesting; deeper documents are not read
LARGEST = 12_000  # values in all documents together that are merged field by field; beyond, whole ones are voted on
DIGITS = 400  # digits, and the greatest power of ten, of a number that is compared by value
WORDS = 200  # words of a string that count towards its likeness

_SURROGATE = re.compile(r"[\ud800-\udfff]")
# A string (also one that never ends, so that no text is scanned twice), or a bracket.
_NESTING = re.compile(r'"(?:[^"\\]++|\\.)*+\\?(?:"|\Z)|[\[\]{}]', re.DOTALL)


class Number(NamedTuple):
    """A JSON number as it is spelled, with its value. `value` None: too large to compare but as text."""

    text: str
    canon: str
    value: Fraction | None


class NotJSON(ValueError):
    """The text is no JSON document, or too deep."""


def read_json(text: str) -> JSON:
    """
    Return the document with every number as a `Number`. Strict JSON (RFC 8259): no NaN, comments or trailing commas.

    Of a repeated key the last value counts, as it does for the parsers that clients use.

    Raises:
        NotJSON: If the text is no JSON, or nested more than 100 deep.
    """
    depth = 0
    for match in _NESTING.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(match[0], 0)
        if depth > DEEPEST:
            raise NotJSON(f"nested more than {DEEPEST} deep")
    try:
        return json.loads(text, parse_int=_number, parse_float=_number, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise NotJSON(str(error)) from None


def _refuse(name: str) -> JSON:
    raise NotJSON(f"{name} is no JSON")


def _number(text: str) -> Number:
    mantissa, _, power = text.lower().partition("e")
    if len(mantissa) > DIGITS or len(power) > 4 or abs(int(power or "0")) > DIGITS:
        return Number(text, "#" + text, None)
    value = Fraction(Decimal(text))
    sign, digits, exponent = Decimal(text).as_tuple()
    short = "".join(map(str, digits)).lstrip("0").rstrip("0")
    if not short:
        return Number(text, "0", value)
    shift = int(exponent) + len(digits) - len("".join(map(str, digits)).rstrip("0"))
    return Number(text, f"{'-' if sign else ''}{short}e{shift}", value)


def size(value: JSON) -> int:
    """Return how many values the document holds, itself included."""
    if isinstance(value, dict):
        return 1 + sum(map(size, value.values()))
    return 1 + sum(map(size, value)) if isinstance(value, list) else 1


def canonical(value: JSON) -> str:
    """
    Return a text that is equal for equal documents: keys sorted, numbers by value (1 is 1.0, but not true), strings
    in NFC with whitespace collapsed.
    """
    if isinstance(value, Number):
        return value.canon
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{canonical(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    return json.dumps(canonical_text(value) if isinstance(value, str) else value)


def written(value: JSON) -> str:
    """Return the document as compact JSON text, numbers as they were spelled, lone surrogates escaped."""
    if isinstance(value, Number):
        return value.text
    if isinstance(value, dict):
        return "{" + ",".join(f"{_quoted(key)}:{written(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    return _quoted(value) if isinstance(value, str) else json.dumps(value)


def _quoted(text: str) -> str:
    return _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(text, ensure_ascii=False))


def features(value: JSON) -> frozenset[tuple[str, int]]:
    """
    Return what a document holds, as a multiset for `similarity.dice`.

    Each value counts once for being there under its path and once for what it is; a string counts also by its words.
    Positions in arrays are left out of paths, so that a shifted array stays alike.
    """
    return multiset(list(_features(value, "")))


def _features(value: JSON, path: str) -> Iterator[str]:
    yield path
    if isinstance(value, dict):
        for key in sorted(value):
            yield from _features(value[key], f"{path}/{json.dumps(key)}")
    elif isinstance(value, list):
        for item in value:
            yield from _features(item, path + "/*")
    else:
        yield f"{path}={canonical(value)}"
        if isinstance(value, str):
            for word in words(value[: 20 * WORDS])[:WORDS]:
                yield f"{path}~{word}"


def pointer(path: str, key: str | int) -> str:
    """Return the JSON pointer (RFC 6901) of a key or index under `path`."""
    return f"{path}/{str(key).replace('~', '~0').replace('/', '~1')}"
