"""What was spent: tokens and dollars, of a model's reply and of what rules asked outside."""

from fractions import Fraction
from typing import Any

from steady.policy.resolved import Target
from steady.types import JSON, Reply, Usage


def usage_of(reply: Reply, target: Target) -> Usage:
    """Return what a reply cost, priced where a price is known."""
    told = reply.body.get("usage")
    told = told if isinstance(told, dict) else {}
    prompt, completion = (_count(told.get(key)) for key in ("prompt_tokens", "completion_tokens"))
    cost = None
    if target.prompt_price and target.completion_price:
        cost = prompt * Fraction(target.prompt_price) + completion * Fraction(target.completion_price)
    return Usage(prompt=prompt, completion=completion, cost=cost)


def usage_told(answer: JSON) -> Usage:
    """Return what a rule's answer says it cost (`usage`): tokens, and dollars as an exact fraction."""
    told = answer.get("usage") if isinstance(answer, dict) else None
    if not isinstance(told, dict):
        return Usage()
    cost = told.get("cost_dollars")
    try:
        dollars = Fraction(cost) if isinstance(cost, str) else None
    except (ValueError, ZeroDivisionError):
        dollars = None
    return Usage(
        prompt=_count(told.get("prompt_tokens")), completion=_count(told.get("completion_tokens")), cost=dollars
    )


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
