"""
What a caller who asks `explain` is shown: every candidate, every verdict, and why this answer.

What PII and secret rules match is never shown: kind, span and a keyed hash stand for it, here and in error texts.
"""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Any

from msgspec import structs

from steady.pipeline.fixing import replace_all
from steady.pipeline.pieces import pieces_of
from steady.policy.resolved import Bound, Resolved
from steady.rules.composed import leaves_of
from steady.rules.escapes import unescaped
from steady.rules.rule import Finder, Match
from steady.types import Candidate, Outcome, Verdict

SHOWN = 4_000  # characters of each text


def sensitive(policy: Resolved) -> list[Bound]:
    """Return the rules whose matches are never shown; of rules made of rules those inside, by the name of the whole."""
    return [
        Bound(rule if rule is bound.rule else structs.replace(rule, id=bound.rule.key), check)
        for bound in (*policy.rules, *policy.input_rules)
        for rule, check in leaves_of(bound.rule, bound.check)
        if rule.sensitive and isinstance(check, Finder)
    ]


class _Masking:
    """A finder that puts `[kind]` in place of whatever another one finds."""

    def __init__(self, finder: Finder) -> None:
        self._finder, self.streams = finder, finder.streams

    def find(self, text: str, start: int = 0) -> Any:
        for match in self._finder.find(text, start):
            yield Match(match.start, match.end, f"[{match.label or 'withheld'}]", match.label)

    def open(self, text: str, start: int = 0) -> int:
        """See Finder."""
        return self._finder.open(text, start)


def mask(text: str, rules: Sequence[Bound]) -> str:
    """Return `text` with everything that a sensitive rule matches replaced by its kind."""
    finders = [_Masking(b.check) for b in rules if isinstance(b.check, Finder)]
    if not finders:
        return text
    masked = replace_all(text, finders)[0]
    if "\\" in masked and replace_all(unescaped(masked), finders)[1]:  # spelled with JSON escapes, whole or in part
        return "[withheld]"
    return masked


def mask_all(value: Any, rules: Sequence[Bound]) -> Any:
    """Mask every string within a JSON value, names of fields too: an upstream's error may quote anything anywhere."""
    if isinstance(value, str):
        return mask(value, rules)
    if isinstance(value, dict):
        return {mask(key, rules): mask_all(item, rules) for key, item in value.items()}
    return [mask_all(item, rules) for item in value] if isinstance(value, list) else value


def explain(outcome: Outcome, policy: Resolved, key: bytes) -> dict[str, Any]:
    """Return the candidates side by side with their verdicts, the scores, and why sampling stopped."""
    rules = sensitive(policy)
    decision = outcome.decision
    return {
        "stopped": decision.stopped,
        "chosen": list(decision.chosen),
        "blended": decision.blended,
        "clusters": [list(slots) for slots in decision.agreement.clusters],
        "scores": [[slot, round(float(score), 6)] for slot, score in decision.scores],
        "input": [shown(v, None, rules, key) for v in decision.verdicts if v.surface == "input"],
        "candidates": [_candidate(c, outcome, rules, key) for c in outcome.candidates],
    }


def _candidate(candidate: Candidate, outcome: Outcome, rules: Sequence[Bound], key: bytes) -> dict[str, Any]:
    mine = [
        v
        for v in outcome.decision.verdicts
        if v.slot == candidate.slot and v.attempt == candidate.attempt and v.surface != "input"
    ]
    return {
        "slot": candidate.slot,
        "attempt": candidate.attempt,
        "finish_reason": candidate.choice.get("finish_reason"),
        "texts": [
            {"surface": p.surface, "path": list(p.path), "text": mask(p.text, rules)[:SHOWN]}
            for p in pieces_of(candidate.choice)
        ],
        "verdicts": [shown(v, candidate, rules, key) for v in mine],
    }


def shown(verdict: Verdict, candidate: Candidate | None, rules: Sequence[Bound], key: bytes) -> dict[str, Any]:
    """Return one verdict as JSON; a sensitive rule's spans come with a keyed hash of what they cover."""
    body: dict[str, Any] = {
        "rule": verdict.rule,
        "action": verdict.action,
        "mode": verdict.mode,
        "surface": verdict.surface,
        "passed": verdict.passed,
    }
    if verdict.reason:
        body["reason"] = mask(verdict.reason, rules)
    if verdict.spans:
        body["spans"] = [list(span) for span in verdict.spans]
    if verdict.edits:
        body["edits"] = [[e.start, e.end, mask(e.text, rules), e.invented] for e in verdict.edits]
    if verdict.error:
        body["error"] = verdict.error
    if verdict.rule in {b.rule.key for b in rules} and candidate is not None:
        texts = {p.path: p.text for p in pieces_of(candidate.choice)}
        text = texts.get(verdict.path, "")
        body["hashes"] = [keyed_hash(text[s.start : s.end], key) for s in verdict.spans]
    return body


def keyed_hash(text: str, key: bytes) -> str:
    """Return 16 hex digits of HMAC-SHA256: equal for equal texts under one key, and useless without it."""
    return hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:16]
