"""
What came of a case, in the words in which it was expected.

`seen` answers an expectation in its own shape: a key that was not given is not there, a part of a text that is found
stays as it was written. So a case passes where the two are equal, and `--update` writes the second over the first.
"""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from steady.pipeline.guard import INPUT_SLOT
from steady.pipeline.pieces import pieces_of
from steady.rules.rule import apply_edits
from steady.types import Agreement, Outcome, Request, Verdict

NOT_MEASURED = "not measured"


class Difference(NamedTuple):
    """One thing that is not as it was expected."""

    field: str  # "expect.verdicts.no_pii[0]"
    expected: Any
    got: Any


def seen(expect: Mapping[str, Any], outcome: Outcome, request: Request) -> dict[str, Any]:
    """Return what came of it, under the keys of `expect` and in their shapes."""
    return {key: _FIELDS[key](given, outcome, request) for key, given in expect.items()}


def everything(outcome: Outcome, request: Request) -> dict[str, Any]:
    """Return an expectation that holds: what `--update` writes where a case has none."""
    decision = outcome.decision
    wanted: dict[str, Any] = {"action": ""}
    wanted |= {"code": ""} if decision.code else {}
    wanted |= {"reason": ""} if decision.reason else {}
    wanted |= {"text": None} if outcome.choices else {}
    wanted["verdicts"] = {v.rule: _blank(v.rule, outcome) for v in decision.verdicts}
    wanted["agreement"] = ""
    if decision.disclosure.text:
        wanted["disclosure"] = {"text": "", "place": ""}
    out = seen(wanted, outcome, request)
    return {**out, "reason": decision.reason} if "reason" in out else out


def _blank(rule: str, outcome: Outcome) -> Any:
    """A word where a rule says the same of all candidates, else one for each."""
    slots = range(len(outcome.candidates))
    words = [_word(_of(rule, outcome, slot=i, attempt=0)) for i in slots]
    return "" if len({w for w in words if w is not None}) < 2 else ["" for _ in slots]


def differences(expect: Any, got: Any, field: str = "expect") -> Iterator[Difference]:
    """Yield where two values of one shape differ, field by field."""
    if isinstance(expect, dict) and isinstance(got, dict) and expect.keys() == got.keys():
        for key in expect:
            yield from differences(expect[key], got[key], f"{field}.{key}")
    elif isinstance(expect, list) and isinstance(got, list) and len(expect) == len(got):
        for i, (one, other) in enumerate(zip(expect, got, strict=True)):
            yield from differences(one, other, f"{field}[{i}]")
    elif expect != got or isinstance(expect, bool) != isinstance(got, bool):
        yield Difference(field, expect, got)


def _part(given: Any, whole: str) -> str:
    return given if isinstance(given, str) and given in whole and (given or not whole) else whole


def _content(choices: Sequence[Any]) -> Any:
    return (choices[0].get("message") or {}).get("content") if choices else None


def _like(given: Any, actual: Any) -> Any:
    """Return the parts of `actual` that `given` names."""
    if isinstance(given, dict) and isinstance(actual, dict):
        return {key: _like(value, actual.get(key)) for key, value in given.items()}
    if isinstance(given, list | tuple) and isinstance(actual, list | tuple) and len(given) == len(actual):
        return [_like(one, other) for one, other in zip(given, actual, strict=True)]
    return list(actual) if isinstance(actual, tuple) else actual


def _agreement(given: Any, agreement: Agreement) -> Any:
    if isinstance(given, dict):
        told: dict[str, Any] = {
            "share": _share,
            "of": lambda _, __: agreement.of,
            "why": lambda part, __: _part(part, agreement.why),
        }
        return {key: told[key](value, agreement.share) for key, value in given.items()}
    return _share(given, agreement.share)


def _share(given: Any, share: Fraction | None) -> Any:
    if share is None:
        return NOT_MEASURED
    if isinstance(given, str) and "/" in given:
        return given if Fraction(given) == share else f"{share.numerator}/{share.denominator}"
    if isinstance(given, str) and given not in ("", NOT_MEASURED):
        places = len(given.partition(".")[2])
        return given if Fraction(given) == round(share, places) else str(round(float(share), 4))
    if isinstance(given, int | float) and not isinstance(given, bool):
        places = len(str(given).partition(".")[2])
        return given if Fraction(str(given)) == round(share, places) else round(float(share), 4)
    return round(float(share), 4)


def _disclosure(given: Any, outcome: Outcome) -> Any:
    made = outcome.decision.disclosure
    if isinstance(given, dict):
        return {key: getattr(made, key) for key in given}
    return made.text


def _notes(given: Sequence[str], notes: Sequence[str]) -> list[str]:
    return list(given) if all(any(part in note for note in notes) for part in given) else list(notes)


def _of(
    rule: str, outcome: Outcome, *, slot: int | None = None, attempt: int | None = None, surface: str | None = None
) -> list[Verdict]:
    return [
        v
        for v in outcome.decision.verdicts
        if v.rule == rule
        and (slot is None or v.slot == slot)
        and (attempt is None or v.attempt == attempt)
        and (surface is None or v.surface == surface)
    ]


def _word(verdicts: Sequence[Verdict]) -> str | None:
    if not verdicts:
        return None
    if any(v.passed is False for v in verdicts):
        return "fail"
    return "pass" if any(v.passed for v in verdicts) else "n/a"


def _verdicts(given: Mapping[str, Any], outcome: Outcome, request: Request) -> dict[str, Any]:
    return {rule: _said(rule, wanted, outcome, request) for rule, wanted in given.items()}


def _said(rule: str, wanted: Any, outcome: Outcome, request: Request) -> Any:
    if isinstance(wanted, list | tuple):
        return [_one(rule, item, i, outcome, request) for i, item in enumerate(wanted)]
    return _one(rule, wanted, None, outcome, request)


def _one(rule: str, wanted: Any, place: int | None, outcome: Outcome, request: Request) -> Any:
    if not isinstance(wanted, dict):
        return _word(_of(rule, outcome, slot=place, attempt=None if place is None else 0))
    slot = wanted.get("slot", place)
    attempt = wanted.get("attempt", None if place is None or "slot" in wanted else 0)
    verdicts = _of(
        rule, outcome, slot=INPUT_SLOT if slot == "input" else slot, attempt=attempt, surface=wanted.get("surface")
    )
    out: dict[str, Any] = {}
    told = sorted(verdicts, key=lambda v: v.passed is not False)
    for key, given in wanted.items():
        if key == "result":
            out[key] = _word(verdicts)
        elif key in {"reason", "error"}:
            texts = [getattr(v, key) for v in told]
            out[key] = given if any(_part(given, text) == given for text in texts) else next(iter(texts), None)
        elif key == "fixed":
            out[key] = next((_fixed(v, outcome, request) for v in told if v.edits), None)
        else:
            out[key] = given
    return out


def _fixed(verdict: Verdict, outcome: Outcome, request: Request) -> str | None:
    """Return the judged text after the rule's own edits."""
    if verdict.slot == INPUT_SLOT:
        text: Any = {"messages": request.messages}
        for step in verdict.path:
            text = text[step]
        return apply_edits(text, verdict.edits) if isinstance(text, str) else None
    for candidate in outcome.candidates:
        if (candidate.slot, candidate.attempt) == (verdict.slot, verdict.attempt):
            for piece in pieces_of(candidate.choice):
                if piece.path == verdict.path:
                    return apply_edits(piece.text, verdict.edits)
    return None


_FIELDS: dict[str, Any] = {
    "action": lambda given, outcome, request: outcome.decision.action,
    "code": lambda given, outcome, request: outcome.decision.code,
    "reason": lambda given, outcome, request: _part(given, outcome.decision.reason),
    "text": lambda given, outcome, request: _content(outcome.decision.choices),
    "released": lambda given, outcome, request: _content(outcome.choices),
    "choice": lambda given, outcome, request: _like(given, outcome.choices[0] if outcome.choices else None),
    "slot": lambda given, outcome, request: next(iter(outcome.decision.chosen), None),
    "slots": lambda given, outcome, request: list(outcome.decision.chosen),
    "verdicts": _verdicts,
    "agreement": lambda given, outcome, request: _agreement(given, outcome.decision.agreement),
    "disclosure": lambda given, outcome, request: _disclosure(given, outcome),
    "stopped": lambda given, outcome, request: outcome.decision.stopped,
    "notes": lambda given, outcome, request: _notes(given, outcome.decision.notes),
}
