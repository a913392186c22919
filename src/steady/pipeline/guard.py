"""Rules on what goes in: a text is fixed before it is sent, or the request is refused before a model is asked."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from steady.pipeline.act import treat
from steady.pipeline.body import Heard
from steady.pipeline.judge import Scene
from steady.policy.resolved import Bound
from steady.types import Verdict

INPUT_SLOT = -1  # verdicts about the input carry this slot


class Guarded(NamedTuple):
    """The input after its rules."""

    messages: tuple[dict[str, Any], ...]
    verdicts: tuple[Verdict, ...]
    refused: Literal["", "refused", "exception"]
    reason: str = ""


async def guard(messages: tuple[dict[str, Any], ...], rules: Sequence[Bound], scene: Scene) -> Guarded:
    """
    Judge the input, fix what is to be fixed, and say whether the request is refused.

    The rules act as they do on what comes out: searches together, span by span, then whole texts, then what is asked
    outside. What an enforced rule still fails, after fixes, refuses the request, whatever its `on_fail`.
    """
    if not rules:
        return Guarded(messages, (), "")
    treated = await treat(Heard(messages), rules, scene)
    left: tuple[dict[str, Any], ...] = treated.body.messages  # type: ignore[attr-defined]
    if not treated.still:
        return Guarded(left, treated.verdicts, "")
    worst = next((r for r in treated.still if r.bound.rule.on_fail == "exception"), treated.still[0])
    refused: Literal["refused", "exception"] = "exception" if worst.bound.rule.on_fail == "exception" else "refused"
    reason = worst.finding.reason if worst.finding else ""
    return Guarded(left, treated.verdicts, refused, f"the input broke the rule {worst.bound.rule.key}: {reason}")
