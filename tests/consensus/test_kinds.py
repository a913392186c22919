"""What holds for every kind: the order of votes never matters, only accepted ones win, and nothing raises."""

import hashlib
import json
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steady.consensus.kinds import aggregator
from steady.types import Aggregate, Consensus, Kind, Vote

KINDS: tuple[Kind, ...] = get_args(Kind)
SCALES = ("ranking", "items", "clusters")  # their agreement is a mean over draws, not a share of them
SCHEMA = {"type": "object", "properties": {"n": {"type": "number"}, "s": {"type": "string"}}, "required": ["n"]}
PENALTIES = (Fraction(0), Fraction(1, 3), Fraction(1))
MEASURES = ("words", "characters", "ratio")


def decider(kind: Kind, draws: Random) -> Aggregate:
    """Return one of the ways in which a policy can set up this kind."""
    options: dict[str, Any] = {
        "labels": ("yes", "no") if kind == "flag" else draws.choice([("yes", "no", "maybe"), ()]),
        "method": draws.choice(["kemeny", "borda"]),
        "keep": draws.choice(["f1", "threshold"]),
        "least": Fraction(draws.randint(1, 10), 10),
        "alarm": Fraction(draws.choice([1, 5, 5, 8]), 10),
        "language": draws.choice(["python", "sql"]),
        "schema": draws.choice([SCHEMA, None]),
        "absolute": Fraction(draws.randint(0, 3)),
        "relative": Fraction(draws.randint(0, 2), 10),
        "estimate": draws.choice(["median", "trimmed_mean"]),
        "measure": draws.choice(MEASURES),
        "threshold": Fraction(draws.randint(0, 10), 10),
        "variability_penalty": draws.choice(PENALTIES),
    }
    return aggregator(kind, **options)


def one_text(kind: Kind, draws: Random) -> str:
    """Return an answer as models give it: often right, sometimes respelled, now and then broken."""
    if draws.random() < 0.1:
        return draws.choice(["", "   ", "\ud800", "no 5", "I can't say.", "{", "7 or 8", "ſ\u0301İ"])
    if kind in ("label", "flag"):
        return draws.choice(["yes", "no", "maybe", "Yes.", '"NO"', " maybe", "ja"])
    if kind == "number":
        return draws.choice(["{}", "{}.0", "about {} days", "{}%", "-{}"]).format(draws.randint(1, 12))
    if kind == "text":
        subject, verb = draws.choice(["The refund", "Your refund"]), draws.choice(["was", "was not", "is"])
        return (
            f"{subject} {verb} {draws.choice(['approved', 'accepted', 'denied'])} in {draws.choice(['5', '6'])} days."
        )
    if kind in ("ranking", "items"):
        some = draws.sample(["yes", "no", "maybe", "Yes", "5"], draws.randint(0, 5))
        return json.dumps([5 if item == "5" else item for item in some])
    if kind == "clusters":
        some = draws.sample(["yes", "no", "maybe", "NO"], draws.randint(0, 4))
        return json.dumps([some[::2], some[1::2]])
    if kind == "code":
        name, value = draws.choice("ab"), draws.randint(1, 2)
        return draws.choice(["def f():\n    {0} = {1}\n    return {0}", "```\nx = {1}  # {0}\n```", "f({0}"]).format(
            name, value
        )
    if kind == "tool_call" and draws.random() < 0.7:
        calls = [[draws.choice(["find", "send"]), {"n": draws.randint(1, 2)}] for _ in range(draws.randint(1, 2))]
        return json.dumps(calls)
    rows = [f'{{"x": {draws.randint(1, 2)}, "t": "{draws.choice("ab")} b c"}}' for _ in range(draws.randint(0, 3))]
    number = draws.choice(["1", "1.0", "2", "3", "true", "null"])
    return f'{{"n": {number}, "s": "{draws.choice(["on time", "on  time", "late"])}", "rows": [{", ".join(rows)}]}}'


def multiset(kind: Kind, draws: Random) -> list[Vote]:
    """Return 1 to 12 votes; some rejected, some of lower quality, some refusals, some equal in everything."""
    return [
        Vote(
            slot=slot,
            text=one_text(kind, draws),
            accepted=draws.random() < 0.75,
            quality=draws.choice([Fraction(1), Fraction(1), Fraction(9, 10), Fraction(0)]),
            refusal=draws.random() < 0.1,
        )
        for slot in range(draws.randint(1, 12))
    ]


def told(made: Consensus, votes: list[Vote]) -> str:
    """Return everything that a consensus says with each slot replaced by the content of its vote."""
    content = {vote.slot: vote[1:] for vote in votes}
    agreement = made.agreement
    return repr(
        (
            None if made.winner is None else content[made.winner],
            made[1:3],
            [(content[slot], score) for slot, score in made.ranked],
            [sorted(map(repr, (content[slot] for slot in cluster))) for cluster in agreement.clusters],
            [getattr(agreement, name) for name in agreement.__struct_fields__ if name != "clusters"],
            made[5:],
        )
    )


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=150)
@given(seed=st.integers(0, 10**9))
def test_neither_order_nor_slot_numbers_change_what_is_said(kind: Kind, seed: int) -> None:
    """Arrival must not decide: votes are shuffled, and slots are given out anew."""
    draws = Random(seed)
    votes, decide = multiset(kind, draws), decider(kind, draws)
    slots = draws.sample(range(50), len(votes))
    moved = [vote._replace(slot=slot) for vote, slot in zip(votes, slots, strict=True)]
    draws.shuffle(moved)

    assert told(decide(moved), moved) == told(decide(votes), votes)


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=150)
@given(seed=st.integers(0, 10**9))
def test_a_consensus_is_whole_and_honest(kind: Kind, seed: int) -> None:
    draws = Random(seed)
    votes, decide = multiset(kind, draws), decider(kind, draws)
    made = decide(votes)
    by_slot = {vote.slot: vote for vote in votes}
    agreement = made.agreement
    ranked = [slot for slot, _ in made.ranked]

    assert agreement.of == len(votes)
    assert sorted(slot for cluster in agreement.clusters for slot in cluster) == sorted(by_slot)
    assert [len(cluster) for cluster in agreement.clusters] == sorted(map(len, agreement.clusters), reverse=True)
    assert len(set(ranked)) == len(ranked)
    assert all(by_slot[slot].accepted for slot in ranked)
    assert ranked[:1] == ([] if made.winner is None else [made.winner])
    assert 0 <= made.leader <= len(votes) and 0 <= made.runner_up <= len(votes)
    if made.winner is None:
        assert (made.text, made.blended, agreement.share, made.leader) == (None, False, None, 0)
        assert agreement.why
    else:
        assert agreement.share is not None and 0 <= agreement.share <= 1
        if kind not in SCALES and not (kind == "flag" and made.leader == 0):
            assert agreement.share == Fraction(made.leader, len(votes))
        assert made.blended or made.text == by_slot[made.winner].text
    if kind not in ("json", "number", "flag") and made.winner is not None:
        assert made.leader == next(len(cluster) for cluster in agreement.clusters if made.winner in cluster)


@pytest.mark.parametrize("kind", KINDS)
def test_votes_equal_in_everything_go_by_slot(kind: Kind) -> None:
    text = {"label": "yes", "flag": "yes", "number": "5", "text": "open"}.get(kind, '{"n": 1}')
    text = {"ranking": '["a", "b"]', "items": '["a", "b"]', "clusters": '[["a"], ["b"]]'}.get(kind, text)
    made = aggregator(kind, labels={"label": ("yes",), "flag": ("yes", "no")}.get(kind, ()))(
        [Vote(slot, text, True) for slot in (7, 3, 5)]
    )

    assert [slot for slot, _ in made.ranked] == [3, 5, 7]
    assert (made.winner, made.text, made.agreement.share, made.blended) == (3, text, 1, False)


@pytest.mark.parametrize("kind", KINDS)
def test_refusals_alone_win_only_if_accepted(kind: Kind) -> None:
    votes = [Vote(0, "I can't.", False, refusal=True), Vote(1, "No.", False, refusal=True)]
    of_kind = aggregator(kind, labels=("yes", "no"))
    none, some = of_kind(votes), of_kind([votes[0], votes[1]._replace(accepted=True)])

    assert (none.winner, none.agreement.share, none.agreement.clusters) == (None, None, ((0, 1),))
    assert (some.winner, some.text, some.agreement.share) == (1, "No.", 1)


@pytest.mark.parametrize("kind", KINDS)
def test_no_votes_is_an_error(kind: Kind) -> None:
    with pytest.raises(ValueError, match="at least one vote"):
        aggregator(kind, labels=("yes", "no"))([])


ODD = [
    "",
    "\x00",
    "\ud800",
    "\udfff" * 50,
    "a\u0301" * 1_000,
    "İıſß" * 10,
    "\u202e5\u202c",
    "٥",
    "[" * 200,
    '{"a":' * 150 + "1" + "}" * 150,
    '{"\\ud800": "\\udfff", "n": 1e400}',
    "1e308",
    "-0",
    "9" * 5_000,
    "NaN",
    "null",
    "x " * 500_000,
    '"' + "\\u0061" * 150_000 + '"',
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("measure", MEASURES)
def test_odd_and_huge_texts_never_raise(kind: Kind, measure: Any) -> None:
    decide = aggregator(kind, labels=("yes", "\ud800"), measure=measure, variability_penalty=Fraction(1, 2))
    made = decide([Vote(slot, text, True) for slot, text in enumerate(ODD)])

    assert made.agreement.of == len(ODD)


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=100)
@given(texts=st.lists(st.text(st.characters(codec=None), max_size=30), min_size=1, max_size=5))
def test_any_text_is_counted(kind: Kind, texts: list[str]) -> None:
    made = aggregator(kind, labels=("a", "b"))([Vote(slot, text, True) for slot, text in enumerate(texts)])

    assert sum(map(len, made.agreement.clusters)) == len(texts)


@pytest.mark.parametrize(
    ("name", "number"),
    [("absolute", -1), ("relative", 2), ("relative", -1), ("threshold", 2), ("variability_penalty", Fraction(3, 2))],
)
def test_numbers_out_of_range_are_named(name: str, number: Fraction) -> None:
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        aggregator("text", **{name: Fraction(number)})  # type: ignore[arg-type]


def test_a_kind_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"poem.*Known: label, number"):
        aggregator("poem")  # type: ignore[arg-type]


def digest(shuffled: int) -> str:
    """Return a digest of 200 random multisets per kind, their votes shuffled by `shuffled`."""
    order = Random(shuffled)
    total = hashlib.sha256()
    for kind in KINDS:
        for seed in range(200):
            draws = Random(seed)
            votes, decide = multiset(kind, draws), decider(kind, draws)
            order.shuffle(votes)
            total.update(repr(decide(votes)).encode("utf-8", "surrogatepass"))
    return total.hexdigest()


def test_other_processes_say_the_same_bytes() -> None:
    """Neither hash seed, time zone, locale nor order of arrival may reach a decision, on any machine."""
    settings_of = [
        {"PYTHONHASHSEED": "1", "TZ": "UTC", "LC_ALL": "C"},
        {"PYTHONHASHSEED": "4242", "TZ": "Pacific/Kiritimati", "LC_ALL": "tr_TR.UTF-8", "PYTHONUTF8": "1"},
    ]
    running = [
        subprocess.Popen(
            [sys.executable, str(Path(__file__)), str(index)],
            env={**os.environ, **extra},
            stdout=subprocess.PIPE,
            text=True,
        )
        for index, extra in enumerate(settings_of, start=1)
    ]
    said = [process.communicate(timeout=120)[0].strip() for process in running]

    assert [process.returncode for process in running] == [0, 0]
    assert said == [digest(0), digest(0)]


if __name__ == "__main__":
    sys.stdout.write(digest(int(sys.argv[1])) + "\n")
