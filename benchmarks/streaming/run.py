"""
What leaves a live stream, on random texts cut up at random, beside the same policy unstreamed.

    python benchmarks/streaming/run.py [TEXTS] [--seed N] [--processes N]

For each text: the pipeline runs it whole; it runs it as a live stream in random pieces of 1 to 40 characters; and a
scanner of single chunks, with the same rules, runs over the same pieces. The text and the decision of the stream must
be those of the whole answer (or, where a rule ends it, what was sent must be a beginning of what the fixes make), and
no forbidden character may leave. What a scanner of single chunks lets out is counted by the same judge. The hold is
how many characters that have come have not left, after each piece. Deterministic but for the times; exits 1 when a
promise is broken, or when the judge finds nothing that the scanner of single chunks let out.
"""

# ruff: noqa: T201
import argparse
import asyncio
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from random import Random
from typing import Any, NamedTuple

from steady.pipeline.act import fixing_finders
from steady.pipeline.fixing import masks_of, replace_all
from steady.pipeline.gate import Gate
from steady.pipeline.run import run
from steady.pipeline.stream import Done, Sent, stream
from steady.pipeline.world import Live
from steady.policy.load import parse
from steady.policy.resolve import resolve
from steady.policy.resolved import Resolved, Target
from steady.providers.capabilities import capabilities
from steady.records.clock import SystemClock
from steady.rules.rule import Context, Finder
from steady.types import Call, Reply, Request, Sampling

TEXTS = 100_000
RULES: dict[str, dict[str, Any]] = {
    "no_pii": {"rule": "no_pii"},
    "no_secrets": {"rule": "no_secrets"},
    "excludes": {"rule": "excludes", "terms": ["guarantee", "refund policy", "Straße", "C++"], "replace": "***"},
    "not_regex": {"rule": "not_regex", "pattern": r"\b[0-9]{3}-[0-9]{4}\b", "replace": "[number]"},
    "no_urls": {"rule": "no_urls"},
}
POLICIES: dict[str, tuple[tuple[str, ...], str]] = {
    **{f"{name}, {action}": ((name,), action) for name in RULES for action in ("fix", "exception")},
    **{f"all five, {action}": (tuple(RULES), action) for action in ("fix", "exception")},
}

FORBIDDEN = (
    "ann@example.com", "ann.b+c@mail.example.org", "ａnn@example.com", "ann@exa\u200bmple.com", "a@b.co",
    "4111 1111 1111 1111", "4111111111111111", "5500-0000-0000-0004", "４１１１１１１１１１１１１１１１",
    "DE89370400440532013000", "DE89 3704 0044 0532 0130 00", "+49 170 1234567", "(415) 555-0199", "192.168.7.11",
    "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCD", "AKIAIOSFODNN7EXAMPLE", "password = 'hunter2x9Zq'",
    "ghp_abcdefghijklmnopqrstuvwxyz0123456789", "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg", "aB3" * 40,
    "https://evil.test/x?y=1", "www.evil.test", "example.com/path", "https://ex\u00adample.com", "https://a:b@c.de",
    "guarantee", "GUARANTEE", "ｇｕａｒａｎｔｅｅ", "gua\u200brantee", "refund  policy", "refund\u200b\u200bpolicy",
    "STRASSE", "c++", "555-0123", "ann@foo.comhttps://x.org",
)  # fmt: skip
HALVES = (
    "ann@", "@example.com", "4111 1111", "1111 1111 ", "https://", "guar", "antee", "refund", " policy", "DE89", "sk-",
    "-----BEGIN ", "password", ": ", "://", "www.", ".com", "+49", "555-", "0123", "c+", "+", "\u200b", "\u200b\u200b",
)  # fmt: skip
PLAIN = (
    "Paris is the capital.", "so it is, ", "and the rest follows ", " ", " ", ".", "\n", "x", "42", "7 of 8", "é日本",
    "😀", "No", "Yes.", "(see below)", "[EMAIL]", "e\u0301", "\ufe0f", "begin", "class", "on 12 May 2024", "3.14",
)  # fmt: skip


class Case(NamedTuple):
    """A text and how it is cut up."""

    text: str
    parts: list[str]


class Tally(NamedTuple):
    """What was counted under one policy."""

    counts: Counter[str]
    most: int  # the most characters held


def case(seed: int, number: int) -> Case:
    """Return the text and the pieces of one number: the same on every machine."""
    random = Random(f"{seed}:{number}")
    pools: Sequence[tuple[str, ...]] = (PLAIN, PLAIN, PLAIN, HALVES, FORBIDDEN)
    glue = random.choice(("", "", " ", " ", ", "))
    text = glue.join(random.choice(random.choice(pools)) for _ in range(random.randint(1, 24)))
    most = random.choice((1, 2, 4, 9, 40))
    parts, at = [], 0
    while at < len(text):
        size = random.randint(1, most)
        parts.append(text[at : at + size])
        at += size
    return Case(text, parts)


class Cut:
    """A provider that says one text, whole or in the given pieces."""

    name = "bench"
    capabilities = capabilities("scripted", "")

    def __init__(self, said: Case) -> None:
        self.said = said

    async def complete(self, call: Call) -> Reply:
        """See Provider."""
        message = {"role": "assistant", "content": self.said.text}
        return Reply(body={**_BASE, "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})

    async def stream(self, call: Call) -> AsyncIterator[dict[str, Any]]:
        """See Provider."""
        deltas: Iterator[Mapping[str, str]] = ({"content": part} for part in self.said.parts)
        for delta in deltas:
            yield {**_BASE, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
        yield {**_BASE, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}

    async def ready(self) -> str | None:
        """See Provider."""
        return None

    async def aclose(self) -> None:
        """See Provider."""


_BASE = {"id": "1", "object": "chat.completion", "created": 0, "model": "m"}


def resolved(name: str) -> Resolved:
    """Return one of the policies. Raises ValueError if it would not stream live."""
    rules, action = POLICIES[name]
    made = [{**RULES[rule], "on_fail": action} for rule in rules]
    disclose = {"place": "none", "when": "never"}
    policy = parse({"steady": 1, "name": "bench", "rules": made, "disclose": disclose})
    target = Target(provider="bench", model="m", capabilities=Cut.capabilities)
    done = resolve(policy, target=target, fallback=None)
    if not done.plan.live:
        raise ValueError(f"{name} does not stream live: {done.plan.why}")
    return done


def leaked(text: str, policy: Resolved) -> int:
    """Return how many characters of `text`, as far as it was sent, belong to a match that no further text undoes."""
    bad: set[int] = set()
    for bound in policy.rules:
        if isinstance(bound.check, Finder):
            place = bound.check.open(text)
            bad.update(*(range(m.start, m.end) for m in bound.check.find(text) if m.start < place))
    return len(bad)


def chunk_scanner(said: Case, policy: Resolved) -> str:
    """Return what a scanner lets out that fixes and searches each piece by itself."""
    fixing = [finder for _, finder in fixing_finders(policy.rules)]
    out = ""
    for part in said.parts:
        part = replace_all(part, fixing)[0]
        if any(next(b.check.find(part), None) for b in policy.rules if isinstance(b.check, Finder)):
            break
        out += part
    return out


def held(said: Case, policy: Resolved) -> list[int]:
    """Return how many characters are held back after each piece."""
    gate = Gate("answer", ("message", "content"), policy.rules, Context())
    out = []
    for part in said.parts:
        gate.feed(part)
        if gate.shut:
            break
        out.append(gate.holding)
    return out


async def one(said: Case, policy: Resolved) -> tuple[Counter[str], int]:
    """Run one text in all three ways and count."""
    request = Request(messages=({"role": "user", "content": "?"},), sampling=Sampling(seed=1))
    clock = SystemClock()
    whole = await run(request, policy, Live({"bench": Cut(said)}, clock))
    sent, done = "", None
    async for event in stream(request, policy, Live({"bench": Cut(said)}, clock)):
        if isinstance(event, Sent):
            sent += event.chunk["choices"][0]["delta"].get("content") or ""
        else:
            done = event
    if not isinstance(done, Done):
        raise TypeError("a stream that does not end")
    holds = held(said, policy)
    finders = fixing_finders(policy.rules)
    fixed = replace_all(said.text, [f for _, f in finders], masks_of([b for b, _ in finders]))[0]
    final = sent
    if whole.choices and done.whole:
        final = done.outcome.choices[0]["message"]["content"]
    elif not done.broken:
        final += "".join(c["delta"].get("content") or "" for r in done.rest for c in r["choices"])
    answered = whole.decision.action == "answered"
    equal = final == whole.choices[0]["message"]["content"] if answered else fixed.startswith(sent)
    scanner = leaked(chunk_scanner(said, policy), policy)
    return Counter(
        texts=1,
        pieces=len(said.parts),
        answered=answered,
        fixed=answered and final != said.text,
        ended=not answered,
        unequal=not (equal and done.live and done.outcome.decision == whole.decision),
        forbidden=leaked(final, policy),
        scanner_texts=scanner > 0,
        scanner=scanner,
        holds=len(holds),
        held=sum(holds),
    ), max(holds, default=0)


def share(work: tuple[int, int, int, int]) -> dict[str, Tally]:
    """Count one process's part: each `step`th round of all policies, from the one numbered `first` on."""
    texts, seed, first, step = work
    policies = {name: resolved(name) for name in POLICIES}
    names = list(policies)
    tallies = {name: Tally(Counter(), 0) for name in names}

    async def all_of_them() -> None:
        for number in range(texts):
            if number // len(names) % step != first:  # rounds of all policies, so that the shares weigh the same
                continue
            name = names[number % len(names)]
            counts, most = await one(case(seed, number), policies[name])
            old = tallies[name]
            old.counts.update(counts)
            tallies[name] = old._replace(most=max(old.most, most))

    asyncio.run(all_of_them())
    return tallies


def measure(texts: int, seed: int, processes: int) -> dict[str, Tally]:
    """Return the counts of every policy over `texts` texts, shared among processes."""
    work = [(texts, seed, first, processes) for first in range(processes)]
    if processes == 1:
        return share(work[0])
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        parts = pool.map(share, work)
    merged: dict[str, Tally] = {}
    for name in POLICIES:
        counts: Counter[str] = Counter()
        for part in parts:
            counts.update(part[name].counts)
        merged[name] = Tally(counts, max(part[name].most for part in parts))
    return merged


def total(tallies: Mapping[str, Tally]) -> Tally:
    """Return the sum of all policies."""
    counts: Counter[str] = Counter()
    for tally in tallies.values():
        counts.update(tally.counts)
    return Tally(counts, max(tally.most for tally in tallies.values()))


def row(name: str, tally: Tally) -> str:
    """Return one line of the table."""
    counts, most = tally
    mean = counts["held"] / max(counts["holds"], 1)
    return (
        f"{name:22} {counts['texts']:>7,} {counts['pieces']:>9,} {counts['fixed']:>7,} {counts['ended']:>7,} "
        f"{counts['unequal']:>7} {counts['forbidden']:>9} {most:>8} {mean:>9.2f} "
        f"{counts['scanner_texts']:>9,} {counts['scanner']:>10,}"
    )


def main(argv: Sequence[str]) -> int:
    """Print the table; return 1 if a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("texts", nargs="?", type=int, default=TEXTS)
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--processes", type=int, default=2)
    asked = parser.parse_args(argv)
    began = time.perf_counter()
    tallies = measure(asked.texts, asked.seed, asked.processes)
    print(f"{asked.texts:,} texts, seed {asked.seed}, {asked.processes} processes, {time.perf_counter() - began:.0f} s")
    print(
        f"{'policy':22} {'texts':>7} {'pieces':>9} {'fixed':>7} {'ended':>7} {'unequal':>7} {'forbidden':>9} "
        f"{'max hold':>8} {'mean hold':>9} {'per-chunk scanner: texts, characters leaked':>20}"
    )
    for name, tally in tallies.items():
        print(row(name, tally))
    everything = total(tallies)
    print(row("all", everything))
    counts = everything.counts
    return int(counts["unequal"] > 0 or counts["forbidden"] > 0 or counts["scanner"] == 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
