"""
What Steady changes with a small model: `python benchmarks/demo/run.py [TASK...] [--limit N] [--fresh]`.

40 prompts with their truth for each task. Each is answered twice, under two fresh root seeds, in three ways that share
model, prompt, sampling and length: one call as it is, one call with the answer's form asked of the model (JSON Schema,
or a grammar of the labels), and Steady under a policy. What was answered is kept in `.bench/demo/`, so that a run that
was cut off goes on where it stopped; `--fresh` begins anew. A change of data, prompt or policy begins anew by itself.
"""

# ruff: noqa: T201 - a benchmark prints

import argparse
import asyncio
import hashlib
import json
import math
import secrets
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct, structs

from steady.errors import ModelMissing, ProviderError
from steady.pipeline.run import run
from steady.pipeline.world import Live, SystemClock
from steady.policy.load import load
from steady.policy.resolve import resolve
from steady.policy.resolved import Resolved, Target
from steady.providers.embedded import EmbeddedProvider
from steady.providers.grammar import choices_grammar
from steady.types import Call, Request, Sampling

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
POOLS = ROOT / ".bench" / "demo"
MODEL = "smollm2-135m"
POLICIES = {
    "extraction": ROOT / "policies" / "extract-invoice.yaml",
    "classification": HERE / "classify-department.yaml",
}
ARMS = {"plain": "one call", "form": "one call, form asked of the model", "steady": "Steady"}
RUNS = 2


class Row(NamedTuple):
    """A prompt and its truth."""

    id: str
    text: str
    truth: Any


class Answer(Struct, frozen=True, kw_only=True):
    """One answer to one prompt, as it is kept."""

    arm: str
    run: int
    row: str
    text: str | None  # None: Steady released nothing
    action: str = "answered"
    candidates: int = 1
    seconds: float = 0.0


class Task(NamedTuple):
    """A task, ready to run."""

    name: str
    rows: tuple[Row, ...]
    policy: Resolved
    prompt: dict[str, Any]
    pool: Path

    def messages(self, row: Row) -> tuple[dict[str, Any], ...]:
        """The system message, the worked examples, the text."""
        turns: list[dict[str, Any]] = [{"role": "system", "content": self.prompt["system"]}]
        for example in self.prompt["examples"]:
            turns.append({"role": "user", "content": self.prompt["ask"].format(text=example["text"])})
            turns.append({"role": "assistant", "content": example["answer"]})
        return (*turns, {"role": "user", "content": self.prompt["ask"].format(text=row.text)})

    def form(self) -> dict[str, Any]:
        """What asks the model itself for the answer's form."""
        output = self.policy.doc.output
        if output.kind == "label":
            return {"grammar": choices_grammar(output.labels or ())}
        schema = {"name": "answer", "schema": output.schema}
        return {"response_format": {"type": "json_schema", "json_schema": schema}}


def read_task(name: str, provider: EmbeddedProvider) -> Task:
    """Read a task's data, prompt and policy."""
    data = (HERE / f"{name}.jsonl").read_bytes()
    prompt = json.loads((HERE / "tasks.json").read_text("utf-8"))[name]
    loaded = load(POLICIES[name])
    # No deadline: what a busy machine has no time for is not what is measured here.
    candidates = structs.replace(loaded.policy.candidates, deadline="1h")
    loaded = loaded._replace(policy=structs.replace(loaded.policy, candidates=candidates))
    target = Target(provider="local", model=MODEL, capabilities=provider.capabilities)
    policy = resolve(loaded, target=target)
    key = hashlib.sha256(b"\0".join((data, json.dumps(prompt, sort_keys=True).encode(), policy.canonical))).hexdigest()
    rows = tuple(Row(**json.loads(line)) for line in data.splitlines())
    return Task(name, rows, policy, prompt, POOLS / f"{name}-{key[:12]}.jsonl")


async def single(task: Task, row: Row, root: int, provider: EmbeddedProvider, fields: dict[str, Any]) -> Answer:
    """Ask the model once, with the policy's own sampling."""
    sampling = {key: value for key, value in structs.asdict(task.policy.sampling).items() if value is not None}
    seed = int.from_bytes(hashlib.sha256(f"{root}/{row.id}".encode()).digest()[:4], "big") % 2**31
    body = {**sampling, "messages": list(task.messages(row)), "seed": seed, **fields}
    reply = await provider.complete(Call(provider="local", model=MODEL, body=body, timeout=3600))
    return Answer(arm="", run=0, row=row.id, text=reply.body["choices"][0]["message"]["content"])


async def steady(task: Task, row: Row, root: int, provider: EmbeddedProvider) -> Answer:
    """Ask through the whole pipeline."""
    seed = int.from_bytes(hashlib.sha256(f"{root}/{row.id}".encode()).digest()[:4], "big") % 2**31
    request = Request(messages=task.messages(row), model=MODEL, sampling=Sampling(seed=seed))
    outcome = await run(request, task.policy, Live({"local": provider}, SystemClock()))
    if outcome.errors and not outcome.candidates:
        raise outcome.errors[0]  # the model does not work at all: that is no answer to count
    answered = outcome.decision.action in ("answered", "passed_through") and bool(outcome.choices)
    return Answer(
        arm="",
        run=0,
        row=row.id,
        text=outcome.choices[0]["message"]["content"] if answered else None,
        action=outcome.decision.action,
        candidates=len(outcome.candidates),
    )


async def fill(task: Task, limit: int, provider: EmbeddedProvider) -> list[Answer]:
    """Answer what the pool does not hold yet, and return all answers."""
    roots, answers = read_pool(task.pool)
    rows = task.rows[:limit]
    done = {(one.arm, one.run, one.row) for one in answers}
    todo = [
        (arm, number, row)
        for number in range(RUNS)
        for index, row in enumerate(rows)
        for arm in _turned(list(ARMS), index)
        if (arm, number, row.id) not in done
    ]
    with task.pool.open("ab") as pool:
        for count, (arm, number, row) in enumerate(todo, 1):
            began = time.perf_counter()
            if arm == "steady":
                answer = await steady(task, row, roots[number], provider)
            else:
                fields = task.form() if arm == "form" else {}
                answer = await single(task, row, roots[number], provider, fields)
            seconds = round(time.perf_counter() - began, 3)
            answer = structs.replace(answer, arm=arm, run=number, seconds=seconds)
            answers.append(answer)
            pool.write(msgspec.json.encode(answer) + b"\n")
            pool.flush()
            if sys.stderr.isatty():
                print(f"\r{task.name}: {count} of {len(todo)} calls", end="", file=sys.stderr, flush=True)
    if todo and sys.stderr.isatty():
        print(file=sys.stderr)
    wanted = {row.id for row in rows}
    return [one for one in answers if one.row in wanted]


def _turned(arms: list[str], by: int) -> list[str]:
    """Let each way go first equally often: the first pays for reading the prompt, which the model then remembers."""
    by %= len(arms)
    return arms[by:] + arms[:by]


def read_pool(path: Path) -> tuple[list[int], list[Answer]]:
    """Return the two root seeds and what was answered; a line that was cut off is dropped."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.write_text(json.dumps({"roots": [secrets.randbits(31) for _ in range(RUNS)]}) + "\n")
    raw = path.read_bytes()
    whole = raw[: raw.rfind(b"\n") + 1]
    if len(whole) < len(raw):
        path.write_bytes(whole)
    first, *lines = whole.splitlines()
    return json.loads(first)["roots"], [msgspec.json.decode(line, type=Answer) for line in lines]


def value_of(task: Task, text: str | None) -> Any:
    """Return what an answer says, or None if it has not the form that was asked for."""
    if text is None:
        return None
    output = task.policy.doc.output
    if output.kind == "label":
        return text if text in (output.labels or ()) else None
    import jsonschema_rs

    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(output.schema, dict) and jsonschema_rs.is_valid(output.schema, value) else None


def wilson(hits: float, n: int) -> tuple[float, float]:
    """Return the 95% score interval of a share (Wilson, 1927). `hits` may be a mean over several runs of n prompts."""
    if n == 0:
        return 0.0, 1.0
    z, share = 1.959964, hits / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def shown(hits: float, n: int) -> str:
    """Return `75% (60-86)`."""
    low, high = wilson(hits, n)
    return f"{hits / n:.0%} ({low:.0%}-{high:.0%})".replace("%-", "-").replace("%)", ")")


def mean(values: Iterable[float]) -> float:
    """Return the mean of at least one value."""
    kept = list(values)
    return math.fsum(kept) / len(kept)


def table(task: Task, answers: list[Answer]) -> str:
    """Return the Markdown table of one task. Intervals count prompts, not calls: two answers to one are not two."""
    truth = {row.id: row.truth for row in task.rows}
    n = len({one.row for one in answers})
    lines = [
        f"### {task.name}: {n} prompts, {RUNS} runs each, policy `{task.policy.name}`",
        "",
        "| | valid | nothing released | right | two runs agree | candidates | seconds |",
        "|---|---|---|---|---|---|---|",
    ]
    for arm, title in ARMS.items():
        mine = [one for one in answers if one.arm == arm]
        values = {(one.row, one.run): value_of(task, one.text) for one in mine}
        texts = {(one.row, one.run): one.text for one in mine}
        valid = sum(value is not None for value in values.values()) / RUNS
        none = sum(one.text is None for one in mine) / RUNS
        right = sum(value == truth[row] for (row, _), value in values.items()) / RUNS
        same = sum(_alike(values, texts, row) for row in {one.row for one in mine})
        cells = (
            title,
            shown(valid, n),
            f"{none / n:.0%}",
            shown(right, n),
            shown(same, n),
            f"{mean(one.candidates for one in mine):.1f}",
            f"{mean(one.seconds for one in mine):.2f}",
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _alike(values: dict[tuple[str, int], Any], texts: dict[tuple[str, int], str | None], row: str) -> bool:
    """Whether two runs gave the same value; where one has no value, the same text."""
    if values[row, 0] is None or values[row, 1] is None:
        return texts[row, 0] == texts[row, 1]
    return bool(values[row, 0] == values[row, 1])


async def main(names: list[str], limit: int, fresh: bool) -> None:
    """Run and print."""
    provider = EmbeddedProvider()
    try:
        await provider.warm()
        for name in names:
            task = read_task(name, provider)
            if fresh:
                task.pool.unlink(missing_ok=True)
            print(table(task, await fill(task, limit, provider)), end="\n\n", flush=True)
        print("Shares with their 95% Wilson interval; sampling is the policy's in every row.")
    finally:
        await provider.aclose()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("task", nargs="*", choices=[[], *POLICIES], help="both, if none is named")
    parser.add_argument("--limit", type=int, default=40, help="how many prompts of each task (default: all 40)")
    parser.add_argument("--fresh", action="store_true", help="forget what was answered before; draw new root seeds")
    given = parser.parse_args()
    try:
        asyncio.run(main(given.task or list(POLICIES), given.limit, given.fresh))
    except (ModelMissing, ProviderError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("stopped; run it again to go on")
