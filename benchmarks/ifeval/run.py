"""
IFEval with the embedded model: one call against Steady with at most 8 candidates.

    python benchmarks/ifeval/run.py [--prompts 60|all] [--rows bare,choose,fix,prevent,steady,oracle] [--recorded]

Judged by lm_eval's checker (strict), never by Steady's rules. Each row runs the real pipeline under a policy made for
the prompt from its instructions, and adds one part to the row before it. What the model says is recorded in
`.bench/ifeval/` as it comes (see `pool.py`): a run that was killed goes on where it stopped, and a row that changes
nothing in what is generated asks the model nothing. `--recorded` makes the tables from the record alone.

Told beside the table, since it matters: Steady is told the rules by a policy, while a bare model must read them in the
prompt. What a policy can't be met with is given as the nearest candidate, so that it counts at the level of
instructions; the column says for how many prompts an answer passed every rule.
"""

# ruff: noqa: T201 - a benchmark prints

import argparse
import asyncio
import datetime
import hashlib
import json
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import structs

from steady.errors import ConfigError, ModelMissing, ProviderError
from steady.pipeline.act import Acted, act
from steady.pipeline.journal import Recorder
from steady.pipeline.judge import Scene, rounds_of
from steady.pipeline.pieces import answer_text, truncated
from steady.pipeline.run import run
from steady.pipeline.world import Live, SystemClock
from steady.policy.load import parse
from steady.policy.resolve import resolve
from steady.policy.resolved import Resolved, Target
from steady.providers.capabilities import capabilities
from steady.providers.embedded import EmbeddedProvider
from steady.rules.rule import Context
from steady.types import Call, Candidate, Capabilities, Request, Sampling

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT))
from benchmarks.ifeval.checker import Pair, verdicts  # noqa: E402
from benchmarks.ifeval.instructions import OPTIONS, rules_of  # noqa: E402
from benchmarks.ifeval.pool import Heard, Recorded, Said  # noqa: E402
from benchmarks.ifeval.table import Judged, distinct_triples, report, scores  # noqa: E402

DATA = ROOT.parent / "shared" / "data" / "ifeval.jsonl"
POOL = ROOT / ".bench" / "ifeval"
MODEL = "smollm2-135m"
SIDE_BY_SIDE = 8  # prompts at once, and slots of the model
MOST = 8  # candidates, reasks included
LONGEST = 700  # tokens of an answer, where no form says how long it may be
REPEAT_PENALTY = 1.1
CONTEXT = 4096  # tokens of prompt and answer: a hundred sentences are asked for
SOME = 60  # prompts of the short run


class Prompt(NamedTuple):
    """One line of the data."""

    key: int
    text: str
    kinds: tuple[str, ...]
    kwargs: tuple[dict[str, Any], ...]

    @property
    def root(self) -> int:
        """The root seed of this prompt's draws, the same in every row."""
        return int.from_bytes(hashlib.sha256(f"ifeval/{self.key}".encode()).digest()[:4], "big") >> 1

    @property
    def messages(self) -> tuple[dict[str, Any], ...]:
        """What is asked: the prompt, and nothing else."""
        return ({"role": "user", "content": self.text},)


class Row(NamedTuple):
    """One way to answer. Each but the first and the last is a policy."""

    title: str
    fixes: bool = False  # rules whose fix changes form alone do fix; else they only filter
    prevents: bool = False  # the provider is told the rules' constraints
    varies: bool = False  # a repeat penalty, against the loops of a small model
    asks_again: bool = False  # what fails is asked again, with the reason


FORM = frozenset({"case", "format", "json", "punctuation"})
"""Rules whose fix changes form alone. Those of `starts_with`, `ends_with` and `length` would write or cut content."""

ROWS = {
    "bare": Row("one call (greedy)"),
    "choose": Row("Steady: candidates, chosen by rules"),
    "fix": Row("+ form fixes", fixes=True),
    "prevent": Row("+ prevention without a repeat penalty", fixes=True, prevents=True),
    "vary": Row("+ prevention with a repeat penalty", fixes=True, prevents=True, varies=True),
    "steady": Row("+ reasks, in place of further draws", fixes=True, prevents=True, varies=True, asks_again=True),
    "oracle": Row("those candidates, as the checker itself would choose"),
}


def read_prompts(path: Path, some: int | None) -> list[Prompt]:
    """Return the prompts, or `some` of them evenly spread: a fixed choice that nothing about the answers decides."""
    lines = path.read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines if line.strip()]
    if some is not None and some < len(rows):
        rows = [rows[at * len(rows) // some] for at in range(some)]
    return [Prompt(r["key"], r["prompt"], tuple(r["instruction_id_list"]), tuple(r["kwargs"])) for r in rows]


def as_asked(rule: dict[str, Any]) -> dict[str, Any]:
    """
    Return a rule as the instruction's own words have it, where the checker lets more pass.

    It asks for JSON as the whole output, and takes a bare number for it; for one of three answers, and takes any text
    that holds one. What is stricter can be prevented better. A fix of JSON may add no brace that the model left out.
    """
    if rule["rule"] == "json":
        return {**rule, "type": "object", "repair": "form_only"}
    if rule["rule"] == "contains" and tuple(rule.get("any", ())) == OPTIONS:
        return {"rule": "one_of", "id": rule["id"], "values": list(OPTIONS), "case": True, "repair": "none"}
    return rule


def policy_of(row: Row, prompt: Prompt) -> dict[str, Any]:
    """Return the policy that tells Steady one prompt's instructions."""
    rules = []
    for rule in rules_of(prompt.kinds, prompt.kwargs, prompt.text):
        rule = as_asked(rule)
        fixable = row.fixes and rule["rule"] in FORM
        again = "fix_reask" if fixable else "reask"
        rules.append({**rule, "on_fail": again if row.asks_again else "fix" if fixable else "filter"})
    sampling: dict[str, Any] = {"preset": "balanced"}
    if not row.prevents:  # else as long as the form needs: what is asked for has room, and no more
        sampling["max_tokens"] = LONGEST
    if row.varies:
        sampling["repeat_penalty"] = REPEAT_PENALTY
    return {
        "steady": 1,
        "name": f"ifeval-{prompt.key}",
        "model": f"local/{MODEL}",
        "sampling": sampling,
        "candidates": {"min": 1, "max": MOST, "wave": 1, "deadline": "10h", "budget": {"tokens": MOST * LONGEST}},
        "rules": rules,
        "choose": {"by": "first"},
        "disclose": {"place": "none", "when": "never"},
    }


def resolved(row: Row, prompt: Prompt, able: Capabilities) -> Resolved:
    """Return the policy ready to run. A provider that takes no constraint is what a row without prevention has."""
    if not row.prevents:
        params = tuple(name for name in able.params if name not in ("logit_bias", "stop"))
        able = structs.replace(able, params=params, grammar="none", json_schema=False)
    target = Target(provider="local", model=MODEL, capabilities=able)
    return resolve(parse(policy_of(row, prompt)), target=target)


class Given(NamedTuple):
    """What one way gave for one prompt, not judged yet."""

    prompt: Prompt
    texts: tuple[str, ...]  # the answer; for the oracle, all that it may choose from
    said: Sequence[Said]  # every candidate, as the model gave it
    raw: str = ""  # the answer before fixes
    ruled: bool = False
    released: bool = True
    fixes: tuple[str, ...] = ()
    invented: bool = False


async def bare(row: Row, prompt: Prompt, recorded: Recorded) -> Given:
    """Ask the model once, greedily."""
    said = await ask(recorded, {"temperature": 0.0, "max_tokens": LONGEST, "messages": list(prompt.messages)})
    return Given(prompt, (said.text,), [said], said.text)


async def oracle(row: Row, prompt: Prompt, recorded: Recorded) -> Given:
    """Give all that the choosing row drew, for the checker itself to choose: what choosing could reach at best."""
    chosen = await steady(ROWS["choose"], prompt, recorded)
    return Given(prompt, tuple(one.text for one in chosen.said), chosen.said)


async def ask(recorded: Recorded, body: dict[str, Any]) -> Said:
    """Ask the model, beside any pipeline."""
    call = Call(provider="local", model=MODEL, body=body, timeout=36_000)
    await recorded.complete(call)
    said = recorded.said(call)
    assert said is not None
    return said


async def steady(row: Row, prompt: Prompt, recorded: Recorded) -> Given:
    """Ask through the whole pipeline."""
    heard = Heard(recorded, recorded.capabilities)
    try:
        policy = resolved(row, prompt, recorded.capabilities)
    except (ConfigError, ValueError) as error:  # instructions that contradict each other make no policy
        print(f"prompt {prompt.key}: there is no policy for it: {error}", file=sys.stderr)
        return Given(prompt, ("",), (), ruled=True, released=False)
    world = Live({"local": heard}, SystemClock())
    request = Request(messages=prompt.messages, model=MODEL, sampling=Sampling(seed=prompt.root))
    outcome = await run(request, policy, world)
    for error in outcome.errors:
        if getattr(error, "status", 500) != 400:  # the model does not work: that is no answer to count
            raise error
        print(f"prompt {prompt.key}: a candidate was lost: {error}", file=sys.stderr)
    if not outcome.candidates:
        return Given(prompt, ("",), heard.said, ruled=True, released=False)
    acted = [await _acted(one, policy, prompt, world) for one in outcome.candidates]
    given = min(acted, key=_distance)
    text = answer_text(given.choice)
    if outcome.text is not None and (given.fate != "accepted" or text != outcome.text):
        raise RuntimeError(f"prompt {prompt.key}: the pipeline released another answer than its rules accept")
    edited = [verdict for verdict in given.verdicts if verdict.edits]
    return Given(
        prompt,
        (text,),
        heard.said,
        raw=answer_text(given.candidate.choice),
        ruled=True,
        released=outcome.text is not None,
        fixes=tuple(dict.fromkeys(_kind(verdict.rule) for verdict in edited)),
        invented=any(edit.invented for verdict in edited for edit in verdict.edits),
    )


def _kind(rule: str) -> str:
    """Return the kind of instruction that a rule's id names; further ones of a kind are numbered."""
    name, _, number = rule.rpartition("-")
    return name if number.isdigit() else rule


async def _acted(candidate: Candidate, policy: Resolved, prompt: Prompt, world: Live) -> Acted:
    """Return what the pipeline made of a candidate; rules and fixes are pure, so it is the same again."""
    reason = str(candidate.choice.get("finish_reason") or "stop")
    context = Context(messages=prompt.messages, kind=policy.doc.output.kind, finish_reason=reason)
    scene = Scene(
        slot=candidate.slot, attempt=candidate.attempt, context=context, world=Recorder(world), rounds=rounds_of(policy)
    )
    return await act(candidate, policy.rules, scene)


def _distance(acted: Acted) -> tuple[int, bool, int, int]:
    """Order candidates: fewest rules broken after fixes, whole before cut off, then as they were asked for."""
    broken = len({bound.rule.key for bound, _ in acted.failing})
    return broken, truncated(acted.candidate), acted.candidate.slot, acted.candidate.attempt


def judge(given: Sequence[Given], checker: Callable[[list[Pair]], list[list[bool]]] = verdicts) -> list[Judged]:
    """Let lm_eval's checker judge every text in one go, answers as given and as they were before fixes."""
    asked = [(one, text) for one in given for text in (*one.texts, one.raw)]
    pairs = [Pair(one.prompt.text, one.prompt.kinds, one.prompt.kwargs, text) for one, text in asked]
    followed = iter(checker(pairs))
    judged = []
    for one in given:
        *mine, raw = [tuple(next(followed)) for _ in range(len(one.texts) + 1)]
        best = max(mine, key=lambda f: (all(f), sum(f)))
        judged.append(
            Judged(
                key=one.prompt.key,
                kinds=one.prompt.kinds,
                followed=best,
                ruled=one.ruled,
                released=one.released and (len(mine) == 1 or all(best)),
                candidates=len(one.said),
                tokens=sum(said.completion for said in one.said),
                seconds=sum(said.seconds for said in one.said),
                fixes=one.fixes,
                decided=all(best) and not all(raw) and one.raw != one.texts[0] and bool(one.fixes),
                invented=one.invented,
                distinct=distinct_triples(one.texts[mine.index(best)]),
            )
        )
    return judged


WAYS: dict[str, Callable[[Row, Prompt, Recorded], Awaitable[Given]]] = {"bare": bare, "oracle": oracle}


async def answers(name: str, prompts: Sequence[Prompt], recorded: Recorded) -> list[Given]:
    """Answer every prompt in one way, several at once, in the order of the prompts."""
    done: dict[int, Given] = {}
    waiting = iter(list(enumerate(prompts)))

    async def work(waiting: Iterator[tuple[int, Prompt]]) -> None:
        for at, prompt in waiting:
            done[at] = await WAYS.get(name, steady)(ROWS[name], prompt, recorded)
            if sys.stderr.isatty():
                print(f"\r{name}: {len(done)} of {len(prompts)} prompts", end="", file=sys.stderr, flush=True)

    await asyncio.gather(*(work(waiting) for _ in range(SIDE_BY_SIDE)))
    if sys.stderr.isatty():
        print(file=sys.stderr)
    return [done[at] for at in sorted(done)]


async def main(some: int | None, names: Sequence[str], data: Path, *, only_recorded: bool, keep: bool) -> float:
    """Run and print; return the average of the last row."""
    prompts = read_prompts(data, some)
    model = None if only_recorded else EmbeddedProvider(slots=SIDE_BY_SIDE, context_per_slot=CONTEXT)
    recorded = Recorded(POOL / f"{MODEL}.jsonl", model, capabilities("embedded", MODEL))
    try:
        rows = []
        for name in names:
            given = await answers(name, prompts, recorded)
            rows.append((ROWS[name].title, judge(given)))
    finally:
        await recorded.aclose()
    settings = (
        f"{datetime.datetime.now(tz=datetime.UTC):%Y-%m-%d}; {MODEL}; {len(prompts)} of the prompts; sampling: preset "
        f"`balanced`, at most {LONGEST} tokens (with prevention: what the form needs, which may be more) and {MOST} "
        f"candidates, {SIDE_BY_SIDE} prompts side by side"
    )
    text = report(rows, settings)
    print(text)
    if keep:
        (HERE / f"results-{len(prompts)}.md").write_text(text + "\n", "utf-8")
    last = scores(rows[-1][1])
    return (last.prompt + last.instruction) / 2


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("--prompts", default=str(SOME), help=f"`all`, or how many, evenly spread (default: {SOME})")
    parser.add_argument("--rows", default=",".join(ROWS), help="which rows, with commas between (default: all)")
    parser.add_argument("--data", type=Path, default=DATA, help="IFEval's prompts as JSON lines")
    parser.add_argument("--recorded", action="store_true", help="ask no model; a call that is not recorded is an error")
    parser.add_argument("--least", type=float, default=0.0, help="exit 1 where the last row's average is under this")
    parser.add_argument("--keep", action="store_true", help="write the tables to results-N.md too")
    given = parser.parse_args()
    if not given.data.exists():
        sys.exit(f"skipped: {given.data} is not there")
    if unknown := sorted(set(given.rows.split(",")) - set(ROWS)):
        sys.exit(f"no row {', '.join(unknown)}; there are {', '.join(ROWS)}")
    try:
        some = None if given.prompts == "all" else int(given.prompts)
        wanted = given.rows.split(",")
        average = asyncio.run(main(some, wanted, given.data, only_recorded=given.recorded, keep=given.keep))
    except (ModelMissing, ProviderError, BlockingIOError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("stopped; run it again to go on")
    if average < given.least:
        sys.exit(f"the average of the last row is {average:.3f}, under {given.least}")
