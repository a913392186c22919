"""
Shows that IFEval's instructions, compiled to Steady's rules, say what the independent checker says.

    python -m benchmarks.ifeval.equal [--pairs 40000] [--differences FILE]

Pairs of an instruction and a text: answers of the embedded model, as they were recorded in `.bench/ifeval/` (see
`pool.py`), and the same answers changed by `mutate.py`. Both sides judge each pair alone. Printed: the share of equal
verdicts for each type of instruction, and every difference by its reason; exit 1 under 99.5%.

An instruction whose arguments the checker draws at random (it can't count a "#") has no verdict to be equal to: such
pairs are counted apart. The checker's own detector of languages draws at random too; its seed is set there, and
`--seed` shows how often the checker differs from itself.
"""

# ruff: noqa: T201
import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

from steady.rules.catalog import decode
from steady.rules.rule import Check, Context
from steady.types import Piece

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
from benchmarks.ifeval.checker import Pair, random_arguments, verdicts  # noqa: E402
from benchmarks.ifeval.instructions import rules_for  # noqa: E402
from benchmarks.ifeval.mutate import mutations  # noqa: E402
from benchmarks.ifeval.reasons import reason  # noqa: E402

DATA = ROOT.parent / "shared" / "data" / "ifeval.jsonl"
RECORDS = ROOT / ".bench" / "ifeval"
LEAST = 0.995
_AT_A_TIME = 10_000
_PLAIN = 11  # answers as they are, beside the one that is changed, for an instruction in each round


class Case(NamedTuple):
    """One instruction and one text."""

    instruction_id: str
    kwargs: Mapping[str, Any]
    mutation: str
    text: str


class Difference(NamedTuple):
    """A case on which the two sides part."""

    case: Case
    ours: bool
    why: str


class Judge:
    """Steady's side: an instruction's rules, compiled once."""

    def __init__(self) -> None:
        self._checks: dict[str, list[Check]] = {}

    def __call__(self, instruction_id: str, kwargs: Mapping[str, Any], text: str) -> bool:
        """Whether the text passes every rule of the instruction."""
        key = json.dumps([instruction_id, dict(kwargs)], sort_keys=True)
        if key not in self._checks:
            self._checks[key] = [cast(Check, decode(rule).build()) for rule in rules_for(instruction_id, kwargs)]
        piece, context = Piece("answer", ("message", "content"), text), Context()
        return all(check.judge(piece, context).passed for check in self._checks[key])


def instructions(path: Path) -> list[tuple[str, dict[str, Any], str]]:
    """Return each instruction of the data with its prompt."""
    docs = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    return [
        (name, {key: value for key, value in kwargs.items() if value is not None}, doc["prompt"])
        for doc in docs
        for name, kwargs in zip(doc["instruction_id_list"], doc["kwargs"], strict=True)
    ]


def recorded(folder: Path) -> list[str]:
    """Return what the model said, each text once."""
    texts: dict[str, None] = {}
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text("utf-8").splitlines():
            try:
                said = json.loads(line).get("text")
            except ValueError:  # a line that is being written
                continue
            if isinstance(said, str) and said.strip():
                texts[said] = None
    return list(texts)


def cases(told: Sequence[tuple[str, dict[str, Any], str]], answers: Sequence[str], wanted: int) -> Iterator[Case]:
    """Yield at least `wanted` cases: rounds over all instructions, each time with another answer."""
    made = turn = 0
    while made < wanted:
        for at, (name, kwargs, _) in enumerate(told):
            for more in range(_PLAIN):
                made += 1
                yield Case(name, kwargs, "as it is", answers[(at * 7 + turn * 61 + more * 13 + 1) % len(answers)])
            answer = answers[(at * 7 + turn * 61) % len(answers)]
            for mutation in mutations(name, kwargs, answer, seed=turn * 100_003 + at):
                made += 1
                yield Case(name, kwargs, mutation.name, mutation.text)
        turn += 1


def compare(many: Sequence[Case], seed: int, judge: Callable[..., bool]) -> tuple[list[Difference], Counter[str]]:
    """Return where the two sides part, and how many pairs of each type the checker has a verdict on."""
    out: list[Difference] = []
    counted: Counter[str] = Counter()
    for at in range(0, len(many), _AT_A_TIME):
        part = many[at : at + _AT_A_TIME]
        pairs = [Pair("", (case.instruction_id,), (case.kwargs,), case.text) for case in part]
        for case, (theirs,) in zip(part, verdicts(pairs, seed=seed), strict=True):
            counted[case.instruction_id] += 1
            ours = judge(case.instruction_id, case.kwargs, case.text)
            if ours != theirs:
                out.append(Difference(case, ours, reason(case.instruction_id, case.kwargs, case.text)))
    return out, counted


def main(wanted: int, seed: int, file: Path | None) -> int:
    """Compare, print, and return 1 where too many verdicts differ."""
    answers = recorded(RECORDS)
    if not answers:
        print(f"no answers in {RECORDS}: run benchmarks/ifeval/run.py first", file=sys.stderr)
        return 1
    many = list(cases(instructions(DATA), answers, wanted))
    apart = [case for case in many if random_arguments(case.instruction_id, case.kwargs)]
    fixed = [case for case in many if not random_arguments(case.instruction_id, case.kwargs)]
    out, counted = compare(fixed, seed, Judge())
    differ = Counter(one.case.instruction_id for one in out)
    print(f"{len(answers)} answers of the model, {len(fixed):,} pairs; seed of the checker's detector: {seed}\n")
    print("| instruction | pairs | equal | differ |\n|---|---|---|---|")
    for name, number in sorted(counted.items()):
        print(f"| {name} | {number:,} | {100 * (1 - differ[name] / number):.2f}% | {differ[name]} |")
    share = 1 - len(out) / len(fixed)
    for title, plain in (("answers as they are", True), ("changed answers", False)):
        number = sum((case.mutation == "as it is") == plain for case in fixed)
        wrong = sum((one.case.mutation == "as it is") == plain for one in out)
        print(f"| {title} | {number:,} | {100 * (1 - wrong / number):.3f}% | {wrong} |")
    print(f"| **all** | {len(fixed):,} | **{100 * share:.3f}%** | {len(out)} |\n")
    print("| why they differ | pairs | Steady passes | Steady fails |\n|---|---|---|---|")
    for why, number in Counter(one.why for one in out).most_common():
        passes = sum(one.ours for one in out if one.why == why)
        print(f"| {why} | {number} | {passes} | {number - passes} |")
    print(f"\nCounted apart: {len(apart)} pairs of instructions whose arguments the checker draws at random.")
    if file is not None:
        lines = (json.dumps({**one.case._asdict(), "steady": one.ours, "why": one.why}) for one in out)
        file.write_text("\n".join(lines) + "\n", "utf-8")
    return 0 if share >= LEAST else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("--pairs", type=int, default=40_000, help="at least so many pairs")
    parser.add_argument("--seed", type=int, default=0, help="of the checker's language detector")
    parser.add_argument("--differences", type=Path, help="write every difference to this file, one a line")
    given = parser.parse_args()
    if not DATA.exists():
        sys.exit(f"skipped: {DATA} is not there")
    sys.exit(main(given.pairs, given.seed, given.differences))
