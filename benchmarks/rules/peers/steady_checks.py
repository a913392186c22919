"""Steady's own side: the checks of one set, judged as the pipeline judges a candidate."""

import sys
from importlib.metadata import version
from typing import Any

from timing import CHECKS, measure

from steady.pipeline.body import Said
from steady.pipeline.journal import Recorder
from steady.pipeline.judge import Scene, judge
from steady.pipeline.outside import CLOSED
from steady.policy.resolved import Bound
from steady.rules.catalog import decode
from steady.rules.rule import Context

FORBIDDEN = [{"rule": "not_regex", "id": f"forbidden-{i}", "pattern": p} for i, p in enumerate(CHECKS["forbidden"])]
BANNED = {"rule": "excludes", "terms": CHECKS["banned"]}
READING = {"rule": "reading_time", "seconds": {"max": CHECKS["minutes"] * 60}}
GUARDRAILS: list[dict[str, Any]] = [
    {"rule": "regex", "pattern": CHECKS["opening"]},
    {"rule": "length", "characters": {"min": 1, "max": CHECKS["characters"]}},
    {"rule": "contains", "all": [CHECKS["contains"]]},
    {"rule": "ends_with", "any": [CHECKS["ends"]]},
    BANNED,
    READING,
    {"rule": "no_secrets"},
]
LLM_GUARD = [BANNED, *FORBIDDEN, READING, {"rule": "no_secrets"}, {"rule": "no_invisible_text"}]
TWENTY = [
    *GUARDRAILS,
    *FORBIDDEN,
    {"rule": "length", "id": "sentences", "sentences": {"max": 60}, "words": {"max": 600}},
    {"rule": "starts_with", "text": "Dear"},
    {"rule": "no_pii"},
    {"rule": "urls_allowed", "domains": ["example.com"]},
    {"rule": "no_repetition", "max_ratio": 0.3},
    {"rule": "language", "allow": ["en"]},
    {"rule": "no_invisible_text"},
    {"rule": "expression", "expr": "length < 4000"},
]
TERMS = {
    n: [{"rule": "excludes", "terms": CHECKS["banned"] + [f"term{i:05d}x" for i in range(n - 10)]}]
    for n in (10, 10_000)
}
SETS = {
    "guardrails": GUARDRAILS,
    "llmguard": LLM_GUARD,
    "nemo": FORBIDDEN,
    "twenty": TWENTY,
    "terms-10": TERMS[10],
    "terms-10000": TERMS[10_000],
}


class Nowhere:
    """A world that nothing is asked of: every rule of these sets is pure."""

    functions: dict[str, Any] = {}  # noqa: RUF012
    outside = CLOSED


def main(name: str) -> None:
    """Time one set of rules."""
    rules = [Bound(rule, rule.build()) for rule in (decode({"on": ["answer"], **item}) for item in SETS[name])]
    scene = Scene(slot=0, attempt=0, context=Context(), world=Recorder(Nowhere()))  # type: ignore[arg-type]

    def check(text: str) -> bool:
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        judged = judge(Said(choice), rules, scene)
        try:  # rules that are pure never wait, so no event loop is needed
            judged.send(None)
        except StopIteration as done:
            return not any(result.failed for result in done.value)
        raise AssertionError("a pure rule waited")

    measure(check, {"steady": version("steady-llm"), "rules": [bound.rule.name for bound in rules]})


if __name__ == "__main__":
    main(sys.argv[1])
