"""
Decides random multisets of candidates by the whole pipeline, and prints one digest for each kind of output.

Run as `python -m tests.promises.deciding COUNT ORDER`: the candidates follow from their number alone, ORDER shuffles
the order in which they arrive. The digests have to be the same in every process, whatever its environment.
"""

import asyncio
import hashlib
import json
import sys
from collections.abc import Iterator
from random import Random
from typing import Any

from tests.pipeline.worlds import ROOT, BySlot, policy, question, world

from steady.errors import ProviderError
from steady.pipeline.run import run
from steady.policy.resolved import Resolved
from steady.records.codec import decision_bytes
from steady.types import Request

KINDS = ("label", "number", "json", "text", "ranking", "items", "clusters", "flag", "code")
LABELS = ["spam", "ham", "İstanbul", "ß"]
SCHEMA = {
    "type": "object",
    "required": ["total", "name"],
    "properties": {
        "total": {"type": "number"},
        "name": {"type": "string"},
        "items": {"type": "array", "items": {"type": "object", "properties": {"sku": {"type": "string"}}}},
    },
}
WORDS = ("Paris", "is", "the", "capital", "of", "France", "not", "Lyon", "7", "ﬁn", "Ärger", "ı", "I", "straße", "😀")
_PENALTIES = (0, 0.5, 1)
_RULES: tuple[dict[str, Any], ...] = (
    {"rule": "excludes", "id": "no-lyon", "terms": ["Lyon", "eggs"], "on_fail": "filter"},
    {"rule": "excludes", "id": "fix-it", "terms": ["not"], "replace": "***", "on_fail": "fix"},
    {"rule": "length", "characters": {"max": 40}, "on_fail": "penalize", "weight": 0.3},
)


def line(kind: str, random: Random) -> Any:
    """Return one candidate: mostly of its kind, now and then cut off, refused, empty, broken or no answer at all."""
    odd = random.random()
    if odd < 0.03:
        return ProviderError("the upstream is busy", status=503)
    if odd < 0.06:
        return {"content": None, "refusal": random.choice(("I can't.", "No."))}
    if odd < 0.09:
        return {"message": {"content": said(kind, random)}, "finish_reason": "length"}
    if odd < 0.11:
        return random.choice(("", "nothing of the kind", "{"))
    return said(kind, random)


def said(kind: str, random: Random) -> str:
    if kind == "label":
        return random.choice(("spam", "ham", "Ham", "SPAM.", "ß", "İstanbul", "the answer is ham"))
    if kind == "flag":
        return random.choice(("yes", "no", "Yes.", "NO", "perhaps"))
    if kind in ("ranking", "items"):
        some = random.sample(("Zoë", "milk", "ß", "tea", random.choice(("cake", "cake", "eggs"))), random.randint(1, 4))
        return random.choice(("{}", "```json\n{}\n```")).replace("{}", json.dumps(some))
    if kind == "clusters":
        some = random.sample(("Zoë", "milk", "tea", random.choice(("ß", "ß", "eggs"))), 4)
        cut = random.randint(1, 3)
        return json.dumps([some[:cut], some[cut:]])
    if kind == "code":
        name = random.choice("ab")
        return f"def f():\n    {name} = {random.choice((1, 2))}  # Lyon\n    return {name}"[
            : random.choice((60, 60, 20))
        ]
    if kind == "number":
        return random.choice(("{}", "{}.0", "about {}", "1,{}00", "{}e1", "-{}")).format(
            random.choice((7, 8, 70, 71, 702))
        )
    if kind == "json":
        items = [{"sku": random.choice("abc")} for _ in range(random.randint(0, 3))]
        made: dict[str, Any] = {
            "total": random.choice((1, 1.0, 2.5, "3")),
            "name": random.choice(("Zoë", "Zoe", "eggs")),
            "items": items,
        }
        if random.random() < 0.2:
            del made[random.choice(("total", "name"))]
        text = json.dumps(dict(random.sample(sorted(made.items()), len(made))), ensure_ascii=random.random() < 0.5)
        return random.choice(("{}", "```json\n{}\n```", "{},")).replace("{}", text)
    return " ".join(random.choice(WORDS) for _ in range(random.randint(1, 7)))


def policies(kind: str) -> list[Resolved]:
    """Return the policies that the multisets of a kind are decided under, one after the other."""
    output: dict[str, Any] = {"kind": kind}
    output |= {"labels": LABELS} if kind == "label" else {"schema": SCHEMA} if kind == "json" else {}
    output |= {"on_fail": "filter"} if kind == "number" else {}
    made = []
    for i, penalty in enumerate(_PENALTIES):
        waves = {"min": 8, "max": 8} if i == 0 else {"min": 2, "max": 8, "wave": 1 + i}
        choose = {"variability_penalty": penalty, **({"min_agreement": 0.4} if i == 2 else {})}
        given = {"do": "best"} if i == 2 else {"do": "error"}
        if kind == "flag" and i == 2:  # no early stop where mistakes cost differently, and a small share may decide
            output = {**output, "costs": {"missed": 5}}
        made.append(policy(*_RULES[:i], output=output, candidates=waves, choose=choose, otherwise=given))
    return made


def multiset(kind: str, number: int) -> dict[tuple[int, int], Any]:
    """Return the candidates of one multiset, few distinct ones among them, so that they agree and tie."""
    random = Random(f"{kind} {number}")
    pool = [line(kind, random) for _ in range(random.randint(1, 5))]
    return {(slot, attempt): random.choice(pool) for slot in range(24) for attempt in range(9)}


async def decisions(kind: str, count: int, order: int) -> Iterator[bytes]:
    """Return the decision bytes of `count` multisets, their candidates arriving in an order that `order` shuffles."""
    under = policies(kind)
    request: Request = question(seed=ROOT)
    made = []
    for number in range(count):
        turns = list(range(24))
        Random(order * 1_000_003 + number).shuffle(turns)
        provider = BySlot(multiset(kind, number), turns=turns)
        outcome = await run(request, under[number % len(under)], world(provider))
        made.append(decision_bytes(outcome.decision))
    return iter(made)


def main(count: int, order: int) -> None:
    for kind in KINDS:
        digest = hashlib.sha256()
        for made in asyncio.run(decisions(kind, count, order)):
            digest.update(hashlib.sha256(made).digest())
        sys.stdout.write(f"{kind} {digest.hexdigest()}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
