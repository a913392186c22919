"""From an outcome to the value that a caller of the function gets: plain, of the annotated type, as it was decided."""

import copy
from collections.abc import Sequence
from typing import Any

import msgspec

from steady.decorator.provider import FunctionProvider, Given
from steady.decorator.values import Returned, of, shown
from steady.errors import Abstained, AllCandidatesFailed, ConfigError, RuleViolation
from steady.providers.chunks import split
from steady.types import Outcome

QUOTED = 60  # characters of an answer that an error shows


class Ran:
    """One run: what was decided, and what the function itself gave."""

    def __init__(self, outcome: Outcome, provider: FunctionProvider, returns: Returned) -> None:
        self.outcome, self.provider, self.returns = outcome, provider, returns

    def winner(self) -> Given | None:
        """Return what the function gave for the chosen candidate, or None for a fallback."""
        chosen = self.outcome.decision.chosen
        mine = [c for c in self.outcome.candidates if chosen and c.slot == chosen[0]]
        return self.provider.given(max(mine, key=lambda c: c.attempt).choice) if mine else None

    def pattern(self) -> Given | None:
        """Return something that the function gave, to tell of which type its answers are."""
        given = [self.provider.given(c.choice) for c in self.outcome.candidates]
        return self.winner() or next((one for one in given if one is not None), None)

    def message(self) -> dict[str, Any]:
        """Return the decided message, without any disclosure."""
        choices = self.outcome.decision.choices
        return dict(choices[0].get("message") or {}) if choices else {}

    def unchanged(self) -> bool:
        """Whether what is released is all that the function gave, to the letter."""
        winner = self.winner()
        return winner is not None and winner.choices == 1 and winner.choice.get("message") == self.message()


def value_of(ran: Ran, *, disclose: bool) -> Any:
    """
    Return the plain value.

    Args:
        ran: What was decided.
        disclose: Whether a str may carry its disclosure.

    Raises:
        Abstained: No value can carry the answer. RuleViolation where a rule says `exception`.
        AllCandidatesFailed: There is none, since every candidate errored.
    """
    _raise_for(ran)
    message = ran.message()
    text = message.get("content")
    pattern = ran.pattern()
    given = pattern.value if pattern is not None else None
    if is_response(given) and ran.returns.kind in {"", "text"} and ran.returns.annotation is not str:
        return given if ran.unchanged() else _rewritten(given, ran)
    if not isinstance(text, str):
        if message.get("refusal"):
            raise _cannot(ran, ran.outcome.decision.reason or "the model refused")
        if ran.winner() is not None and given is None and ran.returns.kind == "":
            return None
        raise _cannot(ran, "there is no text")
    if ran.returns.kind in {"", "text"}:
        return _as_given(ran, given, text, disclose=disclose)
    try:
        return ran.returns.value(text)
    except (ValueError, KeyError) as error:
        raise _cannot(ran, f"{type(error).__name__} of the answer {_quoted(text)}") from error


def _quoted(text: str) -> str:
    return repr(text if len(text) <= QUOTED else f"{text[:QUOTED]}...")


def _cause(error: Exception) -> str:
    """Return an error in one short line."""
    said = " ".join(str(error).split())[:200]
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def _raise_for(ran: Ran) -> None:
    outcome, decision = ran.outcome, ran.outcome.decision
    if decision.code == "upstream_error":
        errors = [ran.provider.original(error) for error in outcome.errors]
        if errors:
            raise AllCandidatesFailed(f"all {len(errors)} candidates failed; the first: {_cause(errors[0])}", errors)
        raise Abstained(f"No answer: {decision.reason}.", outcome)
    if decision.action == "error":
        kind = RuleViolation if decision.code == "rule_violation" else Abstained
        raise kind(f"No answer was released: {decision.reason}.", outcome)


def _cannot(ran: Ran, why: str) -> Abstained:
    annotation = shown(ran.returns.annotation)
    return Abstained(f"No answer that {annotation} can carry: {why}. `default=` gives a value instead.", ran.outcome)


def _as_given(ran: Ran, given: Any, text: str, *, disclose: bool) -> Any:
    """Return the text as what the function gives where nothing is annotated: a str, or data of the same type."""
    if given is None or isinstance(given, str) or ran.returns.kind == "text" or is_response(given):
        if ran.returns.kind == "" and ran.returns.response:
            raise _cannot(ran, "the function gave no such response")
        return (ran.outcome.text or text) if disclose else text
    if ran.unchanged():
        return given
    try:
        return of(type(given)).value(text)
    except (ValueError, KeyError, ConfigError) as error:
        raise _cannot(ran, f"{type(given).__name__} was given, and {type(error).__name__} came of it") from error


def is_response(value: Any) -> bool:
    """Whether a value is a whole response: an SDK's object, or a dict of the same form."""
    choices = value.get("choices") if isinstance(value, dict) else getattr(value, "choices", None)
    return isinstance(choices, list) and bool(choices)


def _rewritten(value: Any, ran: Ran) -> Any:
    """Return a response with the decided choice in place of its own: nothing that was not judged leaves."""
    decided: dict[str, Any] = ran.outcome.decision.choices[0]
    winner = ran.winner()
    choice = {**(winner.choice if winner is not None else {"index": 0}), **decided, "index": 0}
    if winner is not None and winner.choice.get("message") != decided.get("message"):
        choice.pop("logprobs", None)  # they spell the text that was changed
    if isinstance(value, dict):
        return {**copy.deepcopy({k: v for k, v in value.items() if k != "choices"}), "choices": [copy.deepcopy(choice)]}
    body = {**value.model_dump(mode="json", exclude_unset=True), "choices": [_unparsed(choice)]}
    return type(value).model_validate(body)


def _unparsed(choice: dict[str, Any]) -> dict[str, Any]:
    """Return a choice whose message holds no object that was parsed out of another text."""
    message = {k: v for k, v in choice["message"].items() if k != "parsed"}
    return {**choice, "message": message}


def parts_of(ran: Ran, value: Any) -> Sequence[Any]:
    """Return the winner's parts, to be yielded again: its own where it was not changed, else what stands for them."""
    winner, pattern = ran.winner(), ran.pattern()
    disclosed = isinstance(value, str) and value != ran.message().get("content")
    if winner is not None and winner.parts is not None and ran.unchanged() and not disclosed:
        return winner.parts
    first = next((p for p in (pattern.parts or () if pattern is not None else ()) if p is not None), None)
    if first is None or isinstance(first, str) or not ran.outcome.decision.choices:
        return [value]
    return [_chunk(first, chunk) for chunk in split(_completion(ran, first))]


def _completion(ran: Ran, first: Any) -> dict[str, Any]:
    dumped = first if isinstance(first, dict) else first.model_dump(mode="json", exclude_unset=True)
    envelope = {key: dumped[key] for key in ("id", "created", "model", "system_fingerprint") if key in dumped}
    decided = ran.outcome.decision.choices[0]
    return {**envelope, "choices": [{"index": 0, **msgspec.to_builtins(decided)}]}


def _chunk(first: Any, chunk: dict[str, Any]) -> Any:
    return chunk if isinstance(first, dict) else type(first).model_validate(chunk)
