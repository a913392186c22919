"""Outcomes as a busy Steady has them, for the tests of metrics and dashboards."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from steady.errors import ProviderError, ProviderTimeout
from steady.server.metrics import Metrics, Names
from steady.types import Agreement, Candidate, Decision, Edit, Outcome, Usage, Verdict

NAMES = Names(
    policies=("pass-through", "support-answer", "extract-invoice"),
    models=("local/smollm2-135m", "openai/gpt-4o"),
    providers=("local", "openai"),
    rules=(
        ("support-answer", "length", "reask"),
        ("support-answer", "no_pii", "fix"),
        ("support-answer", "no_repetition", "penalize"),
        ("extract-invoice", "json_schema", "fix_reask"),
    ),
)
TIMINGS = (("guard", 0.0004), ("generate", 0.2), ("choose", 0.0002), ("disclose", 0.00001))


class BrokenStore:
    """What metrics read off a store."""

    stored, lost, queued, problem = 12, 3, 1, "full"


def an_outcome(**fields: Any) -> Outcome:
    """Return a pass-through outcome, changed by `fields`; `decision` takes a dict of changes."""
    decision: dict[str, Any] = {
        "action": "passed_through",
        "kind": "text",
        "chosen": (0,),
        "agreement": Agreement(why="one candidate was asked for"),
    }
    decision.update(fields.pop("decision", {}))
    usage = Usage(prompt=80, completion=100, cost=Fraction(3, 10_000))
    base: dict[str, Any] = {
        "decision": Decision(**decision),
        "envelope": {},
        "choices": ({"message": {"content": "x"}},),
        "candidates": (Candidate(slot=0, choice={}),),
        "returned": usage,
        "total": usage,
        "journal": (),
        "policy": "pass-through",
        "policy_hash": "0" * 64,
        "timings": TIMINGS,
        "rule_timings": (("no_pii", 0.00004),),
    }
    return Outcome(**{**base, **fields})


def a_verdict(rule: str = "no_pii", **fields: Any) -> Verdict:
    """Return a verdict that passed, changed by `fields`."""
    base: dict[str, Any] = {"rule": rule, "action": "fix", "surface": "answer", "slot": 0, "passed": True}
    return Verdict(**{**base, **fields})


def supported(agreeing: int, action: str = "answered") -> Outcome:
    """Return an outcome of a policy with rules and 5 candidates of which `agreeing` agree."""
    verdicts = (
        a_verdict("length", passed=False),
        a_verdict("no_pii", passed=False, edits=(Edit(0, 1, "x"),)),
        a_verdict("no_repetition", passed=False, mode="shadow"),
        a_verdict("length"),
        a_verdict("length", passed=None),
        a_verdict("json_schema", passed=False, error="it raised"),
    )
    return an_outcome(
        policy="support-answer",
        candidates=tuple(Candidate(slot=slot, choice={}) for slot in range(5)),
        total=Usage(prompt=400, completion=500, cost=Fraction(3, 2000)),
        decision={"action": action, "agreement": Agreement(share=Fraction(agreeing, 5), of=5), "verdicts": verdicts},
    )


def a_busy_minute() -> Iterator[Any]:
    """Yield functions of a Metrics that together touch every metric."""
    for agreeing in range(1, 6):
        for action in ("answered", "otherwise", "refrained", "error", "refused_input"):
            yield lambda m, a=agreeing, d=action: m.observe(
                supported(a, d), model="local/smollm2-135m", seconds=0.3 * a, allowed=8, streamed=True
            )
    for model in ("openai/gpt-4o", "local/smollm2-135m", "nobody/knows"):
        yield lambda m, n=model: m.observe(an_outcome(), model=n, seconds=0.02, streamed=True, live=True)
    yield lambda m: m.error("rule_violation", decided=True)
    yield lambda m: m.error("invalid_api_key")
    for status in (None, 400, 429, 503):
        yield lambda m, s=status: m.upstream("openai", 0.4, retries=1, error=ProviderError("x", status=s))
    yield lambda m: m.upstream("openai", 9.0, error=ProviderTimeout("x"))
    yield lambda m: m.upstream("local", 0.2)
    yield Metrics.started
    yield Metrics.hung_up


def busy_metrics() -> Metrics:
    """Return metrics after a busy minute."""
    metrics = Metrics(NAMES, version="0.1.0")
    metrics.watch(BrokenStore())
    for step in a_busy_minute():
        step(metrics)
    return metrics
