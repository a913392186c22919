"""
tell: the policy's rules as plain sentences in the system message, where the policy says `tell: true`.

The wording is fixed, so that a receipt's request can be made again: what stands in `HEADING`, then one line for each
enforced rule on what goes out, in the policy's order, its own `statement()`. Rules on the input are not told, nor are
rules in shadow or those that only weigh. It is added to the first system (or developer) message, after a blank line; a
conversation without one gets one at its beginning.
"""

from collections.abc import Sequence
from typing import Any

from steady.policy.resolved import Bound
from steady.types import UNENFORCED

HEADING = "Your answer must keep these rules:"
LONGEST = 8_000  # characters that are told; a rule that does not fit is left out, and judges all the same


def rules_told(rules: Sequence[Bound]) -> str:
    """Return what a model is told of the rules; "" where they say nothing."""
    lines: list[str] = []
    size = len(HEADING)
    for rule in (bound.rule for bound in rules):
        said = " ".join(rule.statement().split("\n")).strip()
        if not said or rule.mode != "enforce" or rule.on_fail in UNENFORCED or not set(rule.surfaces) - {"input"}:
            continue
        line = f"\n- {said}"
        if line not in lines and size + len(line) <= LONGEST:
            lines.append(line)
            size += len(line)
    return HEADING + "".join(lines) if lines else ""


def with_rules(messages: Sequence[dict[str, Any]], rules: Sequence[Bound]) -> tuple[dict[str, Any], ...]:
    """Return the messages with the rules told in the system message."""
    told = rules_told(rules)
    if not told:
        return tuple(messages)
    for at, message in enumerate(messages):
        if message.get("role") in ("system", "developer"):
            return (*messages[:at], _added(message, told), *messages[at + 1 :])
    return ({"role": "system", "content": told}, *messages)


def _added(message: dict[str, Any], told: str) -> dict[str, Any]:
    content = message.get("content")
    if isinstance(content, (list, tuple)):
        return {**message, "content": [*content, {"type": "text", "text": told}]}
    return {**message, "content": f"{content}\n\n{told}" if content else told}
