"""The data of `make bench-demo`, and the arithmetic of its tables. What the model does with it is measured there."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema_rs
import pytest

from steady.policy.load import load
from steady.providers.embedded import EmbeddedProvider

DEMO = Path(__file__).parents[2] / "benchmarks" / "demo"
TASKS = ("extraction", "classification")


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_demo", DEMO / "run.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def rows(task: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DEMO / f"{task}.jsonl").read_text("utf-8").splitlines()]


def prompt(task: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((DEMO / "tasks.json").read_text("utf-8"))[task]
    return loaded


@pytest.mark.parametrize("task", TASKS)
def test_there_are_forty_different_prompts(task: str) -> None:
    assert len(rows(task)) == len({row["id"] for row in rows(task)}) == len({row["text"] for row in rows(task)}) == 40


def test_every_truth_is_legal_under_the_policy(bench: ModuleType) -> None:
    """A truth that no valid answer can equal would count against everyone."""
    schema = load(bench.POLICIES["extraction"]).policy.output.schema
    assert isinstance(schema, dict)
    for row in rows("extraction"):
        jsonschema_rs.validate(schema, row["truth"])
    for example in prompt("extraction")["examples"]:
        jsonschema_rs.validate(schema, json.loads(example["answer"]))
    labels = load(bench.POLICIES["classification"]).policy.output.labels
    assert labels is not None
    assert {row["truth"] for row in rows("classification")} == set(labels)
    assert {example["answer"] for example in prompt("classification")["examples"]} == set(labels)


def test_every_truth_of_an_invoice_stands_in_its_text() -> None:
    for row in rows("extraction"):
        for key in ("invoice_number", "vendor", "date", "currency"):
            assert row["truth"][key] in row["text"], (row["id"], key)
        assert f"{row['truth']['total']:.2f}" in row["text"], row["id"]


@pytest.mark.parametrize("task", TASKS)
def test_no_prompt_is_among_the_worked_examples(task: str) -> None:
    assert not {row["text"] for row in rows(task)} & {example["text"] for example in prompt(task)["examples"]}


def test_labels_are_equally_frequent() -> None:
    """A model that always says one label is then right in a fifth."""
    truths = [row["truth"] for row in rows("classification")]
    assert {truths.count(label) for label in set(truths)} == {8}


def test_the_interval_is_wilsons(bench: ModuleType) -> None:
    """Numbers from Newcombe, Statistics in Medicine 17 (1998), table I: 81 of 263 and 0 of 20."""
    low, high = bench.wilson(81, 263)
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)
    low, high = bench.wilson(0, 20)
    assert (round(low, 4), round(high, 4)) == (0.0, 0.1611)


def test_a_table_counts_what_the_answers_say(bench: ModuleType) -> None:
    task = bench.read_task("classification", EmbeddedProvider())
    first, second = task.rows[:2]
    answers = [
        bench.Answer(arm=arm, run=run, row=row, text=text, candidates=4, seconds=1.0)
        for arm in bench.ARMS
        for run, row, text in [
            (0, first.id, first.truth),
            (1, first.id, first.truth),
            (0, second.id, "no label"),
            (1, second.id, None),
        ]
    ]

    line = bench.table(task, answers).splitlines()[-1]

    cells = [cell.strip().split(" ")[0] for cell in line.split("|")[2:-1]]
    assert cells == ["50%", "25%", "50%", "50%", "4.0", "1.00"]


def test_a_pool_goes_on_where_it_was_cut_off(bench: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "pool.jsonl"
    roots, answers = bench.read_pool(path)
    assert len(set(roots)) == 2 and answers == []
    line = b'{"arm":"plain","run":0,"row":"c01","text":"food","action":"answered","candidates":1,"seconds":0.5}\n'
    path.write_bytes(path.read_bytes() + line + line[:30])

    again, answers = bench.read_pool(path)

    assert again == roots and len(answers) == 1
    assert path.read_bytes().endswith(line)
