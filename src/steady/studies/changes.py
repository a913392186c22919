"""
What would change: recorded traffic decided under two policies, and where the decisions differ.

Both policies judge the candidates that were drawn then. What a policy changes about drawing (its sampling, its
constraints) can't be seen in them; where it would change the question itself, that receipt is counted apart.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from steady.errors import ConfigError
from steady.pipeline.explain import mask_all, sensitive
from steady.policy.load import Loaded
from steady.policy.presets import BUILT_IN, Presets
from steady.policy.resolve import from_bytes, resolve
from steady.policy.resolved import Bound, Resolved, Target
from steady.studies.rerun import LACKS, Lack, NotComputable, Questions, rerun
from steady.types import Decision, Receipt, Verdict

FIELDS = ("action", "answer", "chosen", "agreement", "disclosure", "verdicts", "fixes")


class Side(NamedTuple):
    """One of the two policies: loaded from a file, or the very bytes of a receipt's."""

    name: str
    loaded: Loaded | None = None
    bytes: bytes = b""
    presets: Presets = BUILT_IN

    def over(self, own: Resolved) -> Resolved:
        """Return the policy over the model that a receipt's policy asked."""
        if self.loaded is None:
            return from_bytes(self.bytes)
        same = own.doc.otherwise.model == self.loaded.policy.otherwise.model
        fallback = own.fallback if same and own.fallback else _unasked(self.loaded)
        return resolve(self.loaded, target=own.target, fallback=fallback, presets=self.presets)


def _unasked(loaded: Loaded) -> Target:
    """A fallback that no journal can have asked."""
    from steady.providers.capabilities import capabilities

    return Target(
        provider="(not asked then)", model=loaded.policy.otherwise.model, capabilities=capabilities("scripted", "")
    )


class Change(NamedTuple):
    """One receipt whose decision differs."""

    receipt: str
    fields: Mapping[str, tuple[Any, Any]]  # of FIELDS: under A, under B; what sensitive rules match is masked


class Changes(NamedTuple):
    """What would change over all receipts."""

    compared: int
    changed: tuple[Change, ...]
    by_field: Mapping[str, int]
    rules: Mapping[str, tuple[int | None, int | None]]  # receipts on which a rule fails, under A and B; None: not there
    lacking: Mapping[Lack, tuple[tuple[str, str], ...]]  # receipt and why, for what can't be computed
    notes: tuple[str, ...] = ()


class _Pair:
    """The two sides over each model that receipts were made with."""

    def __init__(self, a: Side, b: Side) -> None:
        self._sides, self._made = (a, b), {}  # type: ignore[var-annotated]

    def over(self, receipt: Receipt) -> tuple[Resolved, Resolved, Resolved]:
        """Return the receipt's own policy, and the two over its model."""
        if receipt.policy_hash not in self._made:
            own = from_bytes(receipt.policy_bytes)
            self._made[receipt.policy_hash] = (own, *(side.over(own) for side in self._sides))
        found: tuple[Resolved, Resolved, Resolved] = self._made[receipt.policy_hash]
        return found


async def changes(receipts: Sequence[Receipt], a: Side, b: Side) -> Changes:
    """
    Decide every receipt's request under both policies, with no model call.

    Raises:
        ConfigError: A policy can't be resolved.
    """
    pair, compared = _Pair(a, b), 0
    changed: list[Change] = []
    lacking: dict[Lack, list[tuple[str, str]]] = {lack: [] for lack in LACKS}
    counts: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    known: tuple[dict[str, None], dict[str, None]] = ({}, {})
    notes: dict[str, None] = {}
    for receipt in receipts:
        try:
            own, one, two, first, second = await _both(receipt, pair)
        except NotComputable as error:
            lacking[error.lack].append((receipt.id, str(error)))
            continue
        compared += 1
        notes.update(dict.fromkeys(_drawing(one, two)))
        for side, policy, decision in ((0, one, first), (1, two, second)):
            known[side].update({bound.rule.key: None for bound in (*policy.input_rules, *policy.rules)})
            counts[side].update({v.rule for v in decision.verdicts if v.passed is False})
        fields = dict(_different(first, second))
        if fields:
            hide = [*sensitive(own), *sensitive(one), *sensitive(two)]
            changed.append(Change(receipt.id, {key: _masked(pair_, hide) for key, pair_ in fields.items()}))
    return Changes(
        compared=compared,
        changed=tuple(changed),
        by_field={field: sum(1 for c in changed if field in c.fields) for field in FIELDS},
        rules={
            rule: (counts[0][rule] if rule in known[0] else None, counts[1][rule] if rule in known[1] else None)
            for rule in {**known[0], **known[1]}
        },
        lacking={lack: tuple(found) for lack, found in lacking.items() if found},
        notes=tuple(notes),
    )


async def _both(receipt: Receipt, pair: _Pair) -> tuple[Resolved, Resolved, Resolved, Decision, Decision]:
    if receipt.request is None or receipt.journal is None or not receipt.policy_bytes:
        raise NotComputable("hashes only", "its content was not kept")
    try:
        own, one, two = pair.over(receipt)
    except ConfigError as error:
        raise NotComputable("an error", f"its own policy can't be read: {error}") from None
    asked: Questions = (await rerun(receipt, own, own, None))[1]
    decisions = [(await rerun(receipt, policy, own, asked))[0].decision for policy in (one, two)]
    return own, one, two, decisions[0], decisions[1]


def _masked(pair: tuple[Any, Any], hide: Sequence[Bound]) -> tuple[Any, Any]:
    one, two = (mask_all(value, hide) for value in pair)
    return one, two


def _drawing(one: Resolved, two: Resolved) -> Iterator[str]:
    """Say what of drawing differs: the candidates that were recorded can't show it."""
    if one.sampling != two.sampling:
        yield "the two policies sample differently; the candidates are those that were drawn then"
    if one.doc.candidates != two.doc.candidates:
        yield "`candidates` differs; of the candidates drawn then each policy looks at as many as it asks for"


def _different(one: Decision, two: Decision) -> Iterator[tuple[str, tuple[Any, Any]]]:
    for field in FIELDS:
        first, second = (_TOLD[field](decision) for decision in (one, two))
        if first != second:
            yield field, _trimmed(first, second) if field in {"verdicts", "fixes"} else (first, second)


def _trimmed(first: dict[str, Any], second: dict[str, Any]) -> tuple[Any, Any]:
    """Return of two mappings what differs."""
    keys = [key for key in {**first, **second} if first.get(key) != second.get(key)]
    return {key: first.get(key) for key in keys}, {key: second.get(key) for key in keys}


def _place(verdict: Verdict) -> str:
    where = "input" if verdict.slot < 0 else f"#{verdict.slot}" + (f".{verdict.attempt}" if verdict.attempt else "")
    path = "/".join(map(str, verdict.path)) if verdict.surface != "answer" else ""
    return f"{verdict.rule} {where}" + (f" {path}" if path else "")


def _verdicts(decision: Decision) -> dict[str, str]:
    """Return what failed: a new rule that everything passes is no change."""
    out: dict[str, str] = {}
    for verdict in decision.verdicts:
        if verdict.passed is False:
            done = "shadow" if verdict.mode == "shadow" else verdict.action
            out.setdefault(_place(verdict), f"fails ({done})")
    return out


def _fixes(decision: Decision) -> dict[str, Any]:
    return {_place(v): [[e.start, e.end, e.text] for e in v.edits] for v in decision.verdicts if v.edits}


def _agreement(decision: Decision) -> Any:
    share = decision.agreement.share
    return "not measured" if share is None else f"{share.numerator}/{share.denominator} of {decision.agreement.of}"


_TOLD: Mapping[str, Any] = {
    "action": lambda d: f"{d.action} {d.code}".strip(),
    "answer": lambda d: [msgspec.to_builtins(choice) for choice in d.choices],
    "chosen": lambda d: list(d.chosen),
    "agreement": _agreement,
    "disclosure": lambda d: {"text": d.disclosure.text, "place": d.disclosure.place},
    "verdicts": _verdicts,
    "fixes": _fixes,
}


def as_json(found: Changes) -> dict[str, Any]:
    """Return what was found as plain data."""
    return {
        "compared": found.compared,
        "changed": len(found.changed),
        "by_field": {field: count for field, count in found.by_field.items() if count},
        "rules": {rule: {"a": one, "b": two} for rule, (one, two) in found.rules.items()},
        "not_computed": {
            lack: [{"receipt": receipt, "why": why} for receipt, why in rows] for lack, rows in found.lacking.items()
        },
        "notes": list(found.notes),
        "changes": [
            {"receipt": c.receipt, "fields": {f: {"a": one, "b": two} for f, (one, two) in c.fields.items()}}
            for c in found.changed
        ],
    }
