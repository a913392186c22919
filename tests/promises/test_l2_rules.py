"""L2: whatever a model says, nothing released breaks an enforced rule, and a stream ends as the whole answer does."""

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, event, given, settings
from hypothesis import strategies as st
from tests.pipeline.worlds import CAPS, ROOT, policy, question
from tests.promises.outputs import BANNED, CARDS, EMAILS, IBANS, KEYS, SEARCHES, URLS, choice, document, long_choice
from tests.promises.releases import (
    MODELS_OWN,
    Naive,
    Streamed,
    leaks,
    said,
    seen_too_much,
    streamed,
    undisclosed,
    whole,
)

from steady.errors import ConfigError
from steady.pipeline.gate import Gate
from steady.policy.load import Loaded, parse
from steady.policy.resolve import resolve
from steady.policy.resolved import Resolved, Target
from steady.rules.rule import Context
from steady.types import Outcome, Request

MESSAGE = "Ask ann@example.com."  # what a policy of these tests says for itself


def loaded(doc: dict[str, Any]) -> Loaded:
    try:
        return parse({"steady": 1, "name": "p", **doc})
    except ConfigError:
        assume(False)  # two random rules can contradict each other, and such a policy does not load
        raise


def resolved(made: Loaded) -> Resolved:
    targets = [Target(provider=name, model="m", capabilities=CAPS) for name in ("scripted", "other")]
    return resolve(made, target=targets[0], fallback=targets[1])


def holds(outcome: Outcome, policy: Resolved, request: Request) -> None:
    """Nothing that a model said was released against a rule; anything else is the policy's own text or a refusal."""
    released = undisclosed(outcome)
    if outcome.decision.chosen:
        assert outcome.decision.action in MODELS_OWN
        assert leaks(released, [bound.rule for bound in policy.rules], request) == []
        return
    own = [m.get("content") or m.get("refusal") for m in (c["message"] for c in released)]
    assert all(text == MESSAGE or str(text).startswith("The answer was withheld") for text in own), own


def same(got: Streamed, want: Outcome, policy: Resolved) -> None:
    """The stream's verdict is the whole answer's, and so is its text, unless it was broken off."""
    assert got.outcome.decision.action == want.decision.action
    assert got.outcome.decision.choices == want.decision.choices
    assert [c["message"] for c in got.outcome.choices] == [c["message"] for c in want.choices]
    assert not got.broken or want.decision.action in {"error", "refrained", "otherwise"}
    assert seen_too_much(got.sent, [bound.rule for bound in policy.rules]) == []
    if got.message is not None:
        assert said(got.message) == said(want.choices[0]["message"])
        assert got.finish == want.choices[0]["finish_reason"]


def lines_for(data: st.DataObject, policy: Resolved, n: int) -> dict[tuple[int, int], Any]:
    most = max(policy.doc.candidates.max, n)
    said_first = [data.draw(choice) for _ in range(most)]
    again = data.draw(choice)
    return {(slot, 0): line for slot, line in enumerate(said_first)} | {
        (slot, attempt): again for slot in range(most) for attempt in range(1, 5)
    }


def check(data: st.DataObject, live: bool) -> None:
    policy = resolved(loaded(data.draw(document(live))))
    n = 1 if live else data.draw(st.sampled_from((1, 1, 2, 3)))
    request = question(seed=ROOT, n=n)
    lines, other = {(0, 0): data.draw(long_choice)} if live else lines_for(data, policy, n), data.draw(choice)

    async def all_ways() -> tuple[Outcome, list[Streamed]]:
        plain = await whole(request, policy, lines, other)
        cuts = data.draw(st.lists(st.integers(0, 2**32), min_size=2 if live else 1, max_size=2 if live else 1))
        return plain, [await streamed(request, policy, lines, other, cut) for cut in cuts]

    plain, streams = asyncio.run(all_ways())
    event("sent early" if any(streams[0].sent.values()) else "sent at the end")
    event(
        f"{'live' if streams[0].live else 'buffered'}: {plain.decision.action}{' broken' if streams[0].broken else ''}"
    )
    holds(plain, policy, request)
    for got in streams:
        holds(got.outcome, policy, request)
        same(got, plain, policy)


RELAXED = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
PHASES = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)
fast = settings(max_examples=120, deadline=None, suppress_health_check=RELAXED, phases=PHASES)
thorough = settings(fast, max_examples=2500)


@fast
@given(st.data())
def test_nothing_released_breaks_a_rule_and_a_stream_says_the_same(data: st.DataObject) -> None:
    check(data, live=False)


@fast
@given(st.data())
def test_a_live_stream_lets_nothing_forbidden_out_however_it_is_cut(data: st.DataObject) -> None:
    check(data, live=True)


@pytest.mark.slow
@thorough
@given(st.data())
def test_nothing_released_breaks_a_rule_in_2500_more(data: st.DataObject) -> None:
    check(data, live=False)


@pytest.mark.slow
@thorough
@given(st.data())
def test_a_live_stream_lets_nothing_forbidden_out_in_2500_more(data: st.DataObject) -> None:
    check(data, live=True)


FORBIDDEN = (*EMAILS, *CARDS, *IBANS, *KEYS, *URLS, *BANNED)


def leaked(gate: Gate | Naive, pieces: list[str], under: Resolved) -> bool:
    for i, piece in enumerate(pieces):
        gate.feed(piece, final=i == len(pieces) - 1)
    return bool(seen_too_much({"content": gate.released + " ."}, [bound.rule for bound in under.rules]))


@pytest.mark.parametrize("action", ["fix", "exception"])
def test_a_scanner_of_single_chunks_leaks_where_the_gate_does_not(action: str) -> None:
    """The property has to be able to fail: the same judge finds what a scanner without a hold-back lets through."""
    naive = gated = tried = 0
    for rule in SEARCHES:
        under = policy({**rule, "on_fail": action})
        for text in FORBIDDEN:
            for at in range(1, len(text), 3):
                pieces = ["Write to ", text[:at], text[at:], " today."]
                tried += 1
                naive += leaked(Naive(under.rules), pieces, under)
                gated += leaked(Gate("answer", ("message", "content"), under.rules, Context()), pieces, under)

    assert gated == 0
    assert naive > tried / 20


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "right", "wrong"),
    [
        ("gate.py", "else opening(self._finders, view, len(left))", "else len(view)"),
        (
            "act.py",
            "judged = await judge(body, rules, scene)\n    return body, judged",
            "judged = [r for r in judged if not r.failed]\n    return body, judged",
        ),
        ("generate.py", "act(candidate, pool.plan.rules, scene))", "act(candidate, (), scene))"),
        ("pieces.py", "return (*answer, *arguments, *rest, *_joined(rest))", "return (*answer, *arguments)"),
    ],
)  # fmt: skip
def test_the_property_fails_where_the_pipeline_is_broken(tmp_path: Path, file: str, right: str, wrong: str) -> None:
    """Run on a copy of the source in which one line that keeps L2 is gone."""
    root = Path(__file__).parents[2]
    shutil.copytree(root / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(root / "policies", tmp_path / "policies")
    broken = tmp_path / "src" / "steady" / "pipeline" / file
    source = broken.read_text()
    assert source.count(right) == 1
    broken.write_text(source.replace(right, wrong))
    env = {**os.environ, "PYTHONPATH": f"{tmp_path / 'src'}{os.pathsep}{root}", "PYTHONDONTWRITEBYTECODE": "1"}
    tests = f"{__file__}::test_nothing_released_breaks_a_rule_in_2500_more"
    live = f"{__file__}::test_a_live_stream_lets_nothing_forbidden_out_in_2500_more"
    options = ["-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:randomly", "--hypothesis-seed=7"]
    chunks = f"{__file__}::test_a_scanner_of_single_chunks_leaks_where_the_gate_does_not"
    command = [sys.executable, "-m", "pytest", *options, chunks, live, tests]
    ran = subprocess.run(command, env=env, cwd=root, capture_output=True, text=True, timeout=400, check=False)

    assert ran.returncode == 1, ran.stdout[-2000:]
