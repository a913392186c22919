"""
Makes the kept receipts of this version: `python -m tests.promises.receipts.make FOLDER`.

Every later version that has the same decision version replays them equal, forever. Deterministic: no clock, no
randomness, so that the same version makes the same files. Run once for each released version, into a folder of its
name; the files of an older version are never made again.
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

from tests.pipeline.worlds import BySlot, draws, policy, question, tool_call, world
from tests.promises.deciding import KINDS, multiset, policies
from tests.promises.outputs import FUNCTIONS

from steady.pipeline.respond import receipt_of
from steady.pipeline.run import run
from steady.policy.resolved import Resolved
from steady.records.codec import encode
from steady.types import Receipt, Request

PII = {"rule": "no_pii", "kinds": ["email"], "on_fail": "fix"}
SHORT = {"rule": "length", "words": {"max": 3}, "on_fail": "reask"}
MAIL = "Write to ann@example.com now."
TOOLS = {"tools": [{"type": "function", "function": {"name": "send", "parameters": {"type": "object"}}}]}
CASES: dict[str, tuple[Resolved, Any, Request]] = {
    "pass-through": (policy(), ["Paris."], question()),
    "fixed-and-disclosed": (policy(PII, disclose={"place": "append"}), [MAIL], question()),
    "reasked": (
        policy(SHORT, candidates=draws(2, 4)),
        {(s, a): "Paris it is." if a else "It is the city of Paris." for s in range(4) for a in range(4)},
        question(),
    ),
    "input-refused": (policy({**PII, "on": ["input"], "on_fail": "exception"}), ["Hi."], question(MAIL)),
    "input-fixed": (policy({**PII, "on": ["input"]}), ["Hi."], question(MAIL)),
    "custom": (policy({**PII, "on_fail": "custom", "function": "blank"}), [MAIL], question()),
    "tool-call": (
        policy(PII),
        [{"content": None, "tool_calls": [tool_call('{"to": "Ann"}')]}],
        question(fields=TOOLS),
    ),
    "refrained": (policy({**PII, "on_fail": "refrain"}), [MAIL], question()),
    "otherwise": (
        policy({**PII, "on_fail": "filter"}, otherwise={"do": "message", "text": "No."}),
        [MAIL],
        question(),
    ),
    "agreement-too-low": (
        policy(candidates=draws(3), choose={"min_agreement": 0.9}, otherwise={"do": "best"}),
        ["Paris.", "Lyon it may be.", "I would say 7."],
        question(),
    ),
} | {
    f"{kind}-{number}": (policies(kind)[number % 3], multiset(kind, number), question())
    for kind in KINDS
    for number in range(3)
}


def made(name: str) -> Receipt:
    """Return the receipt of one case."""
    resolved, lines, request = CASES[name]
    outcome = asyncio.run(run(request, resolved, world(BySlot(lines), functions=FUNCTIONS)))
    return receipt_of(outcome, request, resolved, id=name, created=1_700_000_000.0, tenant="kept")


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in CASES:
        (folder / f"{name}.receipt").write_bytes(encode(made(name)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
