"""
Several rules' constraints as one: each field is a condition on the whole answer, so they hold together.

Field by field: ranges meet, excluded characters and terms unite, counts take the higher, of two beginnings (or ends)
the longer that contains the other. What can't be merged is left out, by name: the rule that asked for it judges all the
same. Of two schemas or patterns the later one holds: a request's own rule comes after the policy's.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from msgspec import structs

from steady.rules.rule import Constraint, Range


class Merged(NamedTuple):
    """One constraint, and a note for each field that was left out."""

    constraint: Constraint
    notes: tuple[str, ...] = ()


class _Clash(Exception):
    """Two values of a field can't both hold."""


def merge(asked: Sequence[tuple[str, Constraint]]) -> Merged:
    """
    Merge constraints in the order of their rules.

    Args:
        asked: Each rule's name for notes, and its constraint.
    """
    values: dict[str, Any] = {}
    notes: list[str] = []
    for key, constraint in asked:
        held = _layout_clash(values, constraint)
        for field in structs.fields(Constraint):
            value = getattr(constraint, field.name)
            if value == field.default:
                continue
            if held and field.name in _LAYOUT:
                notes.append(f"{field.name} of {key} not asked for: paragraphs are parted by {held!r}")
                continue
            try:
                mine = values.get(field.name)
                values[field.name] = value if mine is None else _MERGE[field.name](mine, value)
            except _Clash:
                notes.append(f"{field.name} of {key} not asked for: another rule asks for something else")
    return Merged(Constraint(**values), tuple(notes))


_LAYOUT = ("paragraphs", "separator", "paragraph_starts")


def _layout_clash(values: dict[str, Any], constraint: Constraint) -> str:
    """Paragraphs are counted by what parts them: two ways of parting don't merge."""
    mine, theirs = values.get("separator", ""), constraint.separator
    return str(mine) if mine and theirs and mine != theirs else ""


def within(first: Range, second: Range) -> Range:
    """Return where two ranges meet. Raises ValueError if they don't."""
    low = max(first[0], second[0])
    highs = [high for high in (first[1], second[1]) if high is not None]
    high = min(highs) if highs else None
    if high is not None and low > high:
        raise ValueError(f"no number is in {first} and in {second}")
    return low, high


def _range(first: Range, second: Range) -> Range:
    try:
        return within(first, second)
    except ValueError:
        raise _Clash from None


def _same(first: Any, second: Any) -> Any:
    if first != second:
        raise _Clash
    return first


def _later(_: Any, second: Any) -> Any:
    return second


def _beginning(first: str, second: str) -> str:
    if second.startswith(first):
        return second
    return first if first.startswith(second) else _same(first, second)


def _end(first: str, second: str) -> str:
    if second.endswith(first):
        return second
    return first if first.endswith(second) else _same(first, second)


def _choices(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    both = tuple(choice for choice in first if choice in second)
    if not both:
        raise _Clash
    return both


def _united(first: tuple[Any, ...], second: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys((*first, *second)))


def _characters(first: str, second: str) -> str:
    return "".join(dict.fromkeys(first + second))


def _most(first: tuple[tuple[str, int], ...], second: tuple[tuple[str, int], ...]) -> tuple[tuple[str, int], ...]:
    counts: dict[str, int] = dict(first)
    for text, count in second:
        counts[text] = max(count, counts.get(text, 0))
    return tuple(counts.items())


def _starts(first: tuple[tuple[int, str], ...], second: tuple[tuple[int, str], ...]) -> tuple[tuple[int, str], ...]:
    starts: dict[int, str] = dict(first)
    for which, text in second:
        starts[which] = _beginning(starts.get(which, ""), text)
    return tuple(sorted(starts.items()))


def _sections(first: tuple[int, str], second: tuple[int, str]) -> tuple[int, str]:
    return max(first[0], second[0]), _same(first[1], second[1])


def _higher(first: int, second: int) -> int:
    return max(first, second)


def _lower(first: int, second: int) -> int:
    return min(first, second)


_MERGE: dict[str, Callable[[Any, Any], Any]] = {
    "json_schema": _later,
    "choices": _choices,
    "pattern": _later,
    "starts": _beginning,
    "ends": _end,
    "wrapped": _same,
    "letters": _same,
    "script": _same,
    "without": _characters,
    "excludes": _united,
    "avoids": _united,
    "contains": _most,
    "characters": _range,
    "words": _range,
    "sentences": _range,
    "paragraphs": _range,
    "separator": _same,
    "paragraph_starts": _starts,
    "bullets": _range,
    "numbered": _range,
    "sections": _sections,
    "highlights": _higher,
    "placeholders": _higher,
    "capitals": _range,
    "title": _later,
    "postscript": _beginning,
    "max_tokens": _lower,
    "stop": _united,
}
