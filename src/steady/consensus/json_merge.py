"""
A blend of JSON documents, field by field.

At each place the shape (object, array, scalar) is voted first. An object keeps a key that at least half of the accepted
documents with an object there have; an array is aligned to the medoid array and keeps a slot by the same rule; scalars
are voted on. Every parsed document counts in the support of a value, only accepted ones decide which value wins.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import NamedTuple

from steady.consensus.json_align import align, central
from steady.consensus.json_schema import Place
from steady.consensus.json_values import Number, canonical, pointer
from steady.consensus.similarity import Measure, canonical_text, matrix
from steady.consensus.text import group
from steady.types import JSON, Vote

GROUPED = 500  # places in a document at which strings are clustered by likeness; beyond, only equal ones count


class Entry(NamedTuple):
    """What one document has at the place looked at."""

    vote: Vote
    value: JSON


class Merged(NamedTuple):
    """
    The blend at one place.

    `support`: votes that agree, of a composite the least of its fields; `rival`: the most votes for anything else, of a
    composite the most of its fields; `tie`: canonical order decided.
    """

    value: JSON
    support: int
    rival: int
    tie: bool = False


class Option(NamedTuple):
    """One value that a scalar may get, and the votes for it."""

    canon: str
    value: JSON
    entries: tuple[Entry, ...]

    @property
    def weight(self) -> Fraction:
        """The summed quality of the accepted votes for it."""
        return _weight(self.entries)


class Blender:
    """
    Merges documents. One is made for each consensus; `fields` fills while it works.

    Args:
        parsed: How many votes are documents.
        outside: The biggest cluster of votes that are none (refusals, texts that are no JSON).
        measure: For strings without a majority.
        threshold: Likewise, see `text.group`.
        lead: The slot of the medoid document, whose order of keys is kept.
    """

    def __init__(self, parsed: int, outside: int, measure: Measure, threshold: Fraction, lead: int) -> None:
        self.parsed, self.outside, self.measure, self.threshold, self.lead = parsed, outside, measure, threshold, lead
        self.fields: dict[str, int] = {}
        self._grouped = 0

    def merge(self, entries: Sequence[Entry], place: Place, path: str) -> Merged:
        """
        Return the blend of `entries`, at least one of them accepted, and note the support of every field below.

        `entries` are in canonical order; the result depends on their contents only.
        """
        shapes: dict[str, list[Entry]] = {}
        for entry in entries:
            shapes.setdefault(_shape(entry.value), []).append(entry)
        shape = min((name for name in shapes if _accepted(shapes[name])), key=lambda n: (-_weight(shapes[n]), n))
        same = shapes[shape]
        others = max((len(group) for name, group in shapes.items() if name != shape), default=0)
        absent = max(others, self.outside, self.parsed - len(entries))
        rule = {"array": self._array, "object": self._object, "scalar": self._scalar}[shape]
        merged = rule(same, place, path)
        merged = merged._replace(rival=max(merged.rival, absent))
        if path:
            self.fields[path] = merged.support
        return merged

    def _object(self, entries: list[Entry], place: Place, path: str) -> Merged:
        accepted = _accepted(entries)
        leader: dict[str, JSON] = next((entry.value for entry in accepted if entry.vote.slot == self.lead), {})
        rest = sorted({key for entry in accepted for key in entry.value} - leader.keys())
        value, parts = {}, {}
        for key in (*leader, *rest):
            having = [Entry(entry.vote, entry.value[key]) for entry in entries if key in entry.value]
            at = pointer(path, key)
            if 2 * len(_accepted(having)) >= len(accepted):
                parts[key] = self.merge(having, place.key(key), at)
                value[key] = parts[key].value
            else:
                parts[key] = Merged(None, len(entries) - len(having), len(having))
                self.fields[at] = parts[key].support
        required = [parts[key] for key in place.required if key in parts]
        return _least(value, required or list(parts.values()), len(entries))

    def _array(self, entries: list[Entry], place: Place, path: str) -> Merged:
        accepted = _accepted(entries)
        reference = accepted[central([entry.value for entry in accepted])].value
        aligned = [(entry, align(reference, entry.value)) for entry in entries]
        value: list[JSON] = []
        parts = []
        for index in range(len(reference)):
            having = [
                Entry(entry.vote, entry.value[to]) for entry, pairs in aligned if (to := pairs[index]) is not None
            ]
            if 2 * len(_accepted(having)) >= len(accepted):
                merged = self.merge(having, place.item(len(value)), pointer(path, len(value)))
                parts.append(merged)
                value.append(merged.value)
        as_long = sum(len(entry.value) == len(value) for entry in entries)
        parts.append(Merged(None, as_long, len(entries) - as_long))
        return _least(value, parts, len(entries))

    def _scalar(self, entries: list[Entry], place: Place, path: str) -> Merged:
        options = _options(entries)
        accepted = _accepted(entries)
        rank = _ranked(options)
        if 2 * len(_accepted(rank[0].entries)) > len(accepted):
            return _won(rank[0], options, tie=False)
        if place.numeric and not _leads(rank):
            middle = _middle(accepted)
            if middle is not None:
                return _won(next(o for o in options if o.canon == middle), options, tie=False)
        if not place.listed:
            options = self._grouped_strings(options)
            rank = _ranked(options)
        return _won(rank[0], options, tie=len(rank) > 1 and rank[1].weight == rank[0].weight)

    def _grouped_strings(self, options: list[Option]) -> list[Option]:
        strings = sorted((o for o in options if isinstance(o.value, str)), key=lambda o: canonical_text(o.value))
        if len(strings) < 2 or self._grouped >= GROUPED:
            return options
        self._grouped += 1
        texts = [canonical_text(option.value) for option in strings]
        rows = matrix(texts, self.measure)
        counts = [len(option.entries) for option in strings]
        merged = [option for option in options if not isinstance(option.value, str)]
        for items in group(texts, rows, self.threshold):
            able = [item for item in items if _accepted(strings[item].entries)] or items
            centre = strings[max(able, key=lambda i: (sum(rows[i][j] * counts[j] for j in items), -i))]
            entries = tuple(entry for item in items for entry in strings[item].entries)
            merged.append(centre._replace(entries=entries))
        return merged


def _shape(value: JSON) -> str:
    return "object" if isinstance(value, dict) else "array" if isinstance(value, list) else "scalar"


def _accepted(entries: Iterable[Entry]) -> list[Entry]:
    return [entry for entry in entries if entry.vote.accepted]


def _weight(entries: Iterable[Entry]) -> Fraction:
    # Most votes have one quality, and adding Fractions one by one is what would cost most here.
    counts = Counter(entry.vote.quality for entry in entries if entry.vote.accepted)
    return sum((quality * count for quality, count in counts.items()), Fraction(0))


def _options(entries: Sequence[Entry]) -> list[Option]:
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(canonical(entry.value), []).append(entry)
    return [Option(canon, _spelling(group), tuple(group)) for canon, group in sorted(groups.items())]


def _spelling(entries: Sequence[Entry]) -> JSON:
    """Return the spelling of equal values that most of the accepted votes use; among equals the first by code point."""
    counts: dict[str, int] = {}
    values: dict[str, JSON] = {}
    for entry in _accepted(entries) or entries:
        raw = entry.value.text if isinstance(entry.value, Number) else str(entry.value)
        counts[raw] = counts.get(raw, 0) + 1
        values[raw] = entry.value
    return values[min(counts, key=lambda raw: (-counts[raw], raw))]


def _ranked(options: Iterable[Option]) -> list[Option]:
    return sorted((o for o in options if _accepted(o.entries)), key=lambda o: (-o.weight, o.canon))


def _leads(rank: Sequence[Option]) -> bool:
    """Whether one number was given more than once, and more often than any other: then it is no estimate to average."""
    return len(_accepted(rank[0].entries)) > 1 and (len(rank) == 1 or rank[0].weight > rank[1].weight)


def _middle(accepted: Sequence[Entry]) -> str | None:
    """Return the canonical form of the lower median of the numbers, if more than half of the values are numbers."""
    numbers = [entry.value for entry in accepted if isinstance(entry.value, Number) and entry.value.value is not None]
    if 2 * len(numbers) <= len(accepted):
        return None
    ascending = sorted(numbers, key=lambda number: (number.value, number.canon))
    return ascending[(len(ascending) - 1) // 2].canon


def _won(option: Option, options: Iterable[Option], *, tie: bool) -> Merged:
    rival = max((len(other.entries) for other in options if other.canon != option.canon), default=0)
    return Merged(option.value, len(option.entries), rival, tie)


def _least(value: JSON, parts: Sequence[Merged], support: int) -> Merged:
    """Return a composite: as supported as the least of its parts, and never more than by those that have it at all."""
    return Merged(
        value,
        min((part.support for part in parts), default=support),
        max((part.rival for part in parts), default=0),
        any(part.tie for part in parts),
    )
