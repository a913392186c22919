"""Receipts and decisions for the tests of this folder."""

from fractions import Fraction
from hashlib import sha256
from typing import Any

from steady.records.codec import decision_bytes
from steady.records.ids import new_id
from steady.types import Agreement, Decision, Entry, Receipt, Request

POLICY = b'{"name":"support-answer"}'


class SetClock:
    """A clock that a test moves."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.wall, self.ticks = now, 0.0

    def now(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.ticks

    def advance(self, seconds: float) -> None:
        """Let both clocks run on."""
        self.wall += seconds
        self.ticks += seconds


def a_decision(text: str = "Paris.", **fields: Any) -> Decision:
    """Return the decision of a pass-through request that was answered with `text`."""
    choice = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    base: dict[str, Any] = {
        "action": "passed_through",
        "kind": "text",
        "chosen": (0,),
        "choices": (choice,),
        "agreement": Agreement(why="one candidate was asked for"),
        "stopped": "max",
    }
    return Decision(**{**base, **fields})


def a_receipt(content: Any = "What is the capital of France?", *, answer: str = "Paris.", **fields: Any) -> Receipt:
    """Return a receipt as the pass-through policy leaves it, about 1 KB."""
    decision = decision_bytes(a_decision(answer))
    reply = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_800_000_000,
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": answer}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15},
    }
    base: dict[str, Any] = {
        "id": new_id(),
        "created": 1_800_000_000.0,
        "tenant": "acme",
        "policy": "support-answer",
        "policy_hash": sha256(POLICY).hexdigest(),
        "policy_bytes": POLICY,
        "request": Request(messages=({"role": "user", "content": content},), model="gpt-4o"),
        "request_hash": "0" * 64,
        "journal": (Entry(what="seed", value=7), Entry(what="reply", value=reply)),
        "decision": decision,
        "decision_hash": sha256(decision).hexdigest(),
        "usage_returned": (12, 3),
        "usage_total": (12, 3),
    }
    return Receipt(**{**base, **fields})


HALF = Fraction(1, 2)
