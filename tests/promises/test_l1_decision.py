"""L1: the same candidates give the same decision bytes, whatever the order, process, hash seed, locale or zone."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from random import Random

import pytest
from tests.promises.deciding import KINDS, LABELS, SCHEMA, decisions, said

from steady.consensus.kinds import aggregator
from steady.records.codec import decode_decision
from steady.types import Vote

ROOT = Path(__file__).parents[2]
NAMED = {"label": LABELS, "flag": ["yes", "no"]}
COUNT = 1000  # multisets of each kind
PROCESSES = (
    {"PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C", "order": "1"},
    {"PYTHONHASHSEED": "1", "TZ": "Asia/Kathmandu", "LC_ALL": "C.utf8", "order": "2"},
    {"PYTHONHASHSEED": "4242", "TZ": "America/St_Johns", "LC_ALL": "tr_TR.UTF-8", "order": "3"},
)


def digests(environment: dict[str, str], count: int, source: Path = ROOT) -> subprocess.Popen[str]:
    """Start a fresh process that decides `count` multisets of each kind."""
    settings = {key: value for key, value in environment.items() if key != "order"}
    path = os.pathsep.join((str(source / "src"), str(ROOT)))
    command = [sys.executable, "-m", "tests.promises.deciding", str(count), environment["order"]]
    return subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **settings, "PYTHONPATH": path}, stdout=subprocess.PIPE, text=True
    )


def finished(process: subprocess.Popen[str]) -> dict[str, str]:
    out, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    return dict(line.split() for line in out.splitlines())


@pytest.mark.parametrize("count", [60, pytest.param(COUNT, marks=pytest.mark.slow)])
def test_the_multisets_of_each_kind_are_decided_alike_in_every_process(count: int) -> None:
    """Each process shuffles the order of arrival its own way; one byte of one decision would change a digest."""
    found = [finished(process) for process in [digests(environment, count) for environment in PROCESSES]]

    assert set(found[0]) == set(KINDS)
    assert found[1] == found[0]
    assert found[2] == found[0]


@pytest.mark.parametrize("kind", KINDS)
def test_the_multisets_reach_every_way_to_decide(kind: str) -> None:
    """A property over cases that all end alike would show nothing."""
    made = [decode_decision(data) for data in asyncio.run(decisions(kind, 150, 1))]

    assert {"answered", "error", "otherwise"} <= {decision.action for decision in made}
    assert {"max", "posterior"} <= {decision.stopped for decision in made}
    assert any(decision.agreement.tie for decision in made)
    assert any(verdict.passed is False for decision in made for verdict in decision.verdicts)
    assert len({str(decision.choices) for decision in made}) > 4


@pytest.mark.parametrize("kind", KINDS)
def test_consensus_is_the_same_for_every_order_of_the_votes(kind: str) -> None:
    count = aggregator(kind, labels=NAMED.get(kind, ()), schema=SCHEMA)  # type: ignore[arg-type]
    for number in range(250):
        random = Random(number)
        votes = some_votes(kind, random)
        shuffled = random.sample(votes, len(votes))

        assert count(shuffled) == count(votes)


@pytest.mark.parametrize("kind", KINDS)
def test_consensus_does_not_depend_on_who_said_what(kind: str) -> None:
    """Slots are the order of asking; to swap two of them must change neither the answer nor how many back it."""
    count = aggregator(kind, labels=NAMED.get(kind, ()), schema=SCHEMA)  # type: ignore[arg-type]
    for number in range(250):
        random = Random(number)
        votes = some_votes(kind, random)
        slots = random.sample(range(len(votes)), len(votes))
        renamed = [vote._replace(slot=slot) for vote, slot in zip(votes, slots, strict=True)]
        one, other = count(votes), count(renamed)

        assert (other.text, other.blended, other.leader, other.runner_up) == (
            one.text,
            one.blended,
            one.leader,
            one.runner_up,
        )
        assert (other.agreement.share, other.agreement.fields) == (one.agreement.share, one.agreement.fields)
        assert sorted(map(len, other.agreement.clusters)) == sorted(map(len, one.agreement.clusters))
        assert texts_by_rank(other.ranked, renamed) == texts_by_rank(one.ranked, votes)


def some_votes(kind: str, random: Random) -> list[Vote]:
    pool = [said(kind, random) for _ in range(random.randint(1, 5))]
    return [
        Vote(slot, random.choice(pool), random.random() < 0.8, Fraction(random.randint(7, 10), 10)) for slot in range(8)
    ]


def texts_by_rank(ranked: Sequence[tuple[int, Fraction]], votes: Sequence[Vote]) -> list[tuple[str, Fraction]]:
    texts = {vote.slot: vote.text for vote in votes}
    return [(texts[slot], score) for slot, score in ranked]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "right", "wrong"),
    [
        ("pipeline/generate.py", "pool.acted.sort(key=lambda a: (a.candidate.slot, a.candidate.attempt))", "pass"),
        (
            "pipeline/run.py",
            "(v for a in pool.acted for v in a.verdicts)",
            "{v for a in pool.acted for v in a.verdicts}",
        ),
    ],
)
def test_the_digests_differ_where_order_decides(tmp_path: Path, file: str, right: str, wrong: str) -> None:
    """The property has to be able to fail: on a copy of the source where arrival or hashing decides, it does."""
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    broken = tmp_path / "src" / "steady" / file
    source = broken.read_text()
    assert right in source
    broken.write_text(source.replace(right, wrong))
    found = [finished(process) for process in [digests(environment, 60, tmp_path) for environment in PROCESSES]]

    assert any(other != found[0] for other in found[1:])
