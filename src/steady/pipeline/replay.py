"""replay: the same function over the journal instead of the world. No model, no file, no clock."""

import difflib
from typing import NamedTuple

import msgspec

from steady.errors import ContentNotKept
from steady.pipeline.journal import Replayed
from steady.pipeline.run import run
from steady.policy.resolve import from_bytes
from steady.records.codec import decision_bytes
from steady.types import DECISION_VERSION, Receipt


class Replay(NamedTuple):
    """What a replay found."""

    equal: bool
    kept: bytes  # the decision bytes on the receipt
    made: bytes  # the decision bytes computed again
    diff: str  # a unified diff of the two, indented; "" where they are equal


async def replay(receipt: Receipt) -> Replay:
    """
    Compute a receipt's decision again, and compare it byte for byte.

    Raises:
        ContentNotKept: The request or the journal was not kept, or another decision version made it.
    """
    if receipt.decision_version != DECISION_VERSION:
        raise ContentNotKept(
            f"Receipt {receipt.id} was decided by decision version {receipt.decision_version}; "
            f"this Steady decides by version {DECISION_VERSION}."
        )
    if receipt.request is None or receipt.journal is None:
        raise ContentNotKept(
            f"Receipt {receipt.id} holds hashes only (`record: hashes`): the decision's hash is "
            f"{receipt.decision_hash}, and nothing is there to compute it from."
        )
    policy = from_bytes(receipt.policy_bytes)
    outcome = await run(receipt.request, policy, Replayed(receipt.journal))
    made = decision_bytes(outcome.decision)
    return Replay(made == receipt.decision, receipt.decision, made, diff(receipt.decision, made))


def diff(kept: bytes, made: bytes) -> str:
    """Return a unified diff of two decisions, field by field; "" if they are equal."""
    if kept == made:
        return ""
    old, new = (msgspec.json.format(data, indent=2).decode().splitlines() for data in (kept, made))
    return "\n".join(difflib.unified_diff(old, new, "kept", "replayed", lineterm="", n=2))
