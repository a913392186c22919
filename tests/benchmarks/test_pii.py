"""The comparison on personal data counts as it says, and runs without the peer."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

PATH = Path(__file__).parents[2] / "benchmarks" / "pii" / "run.py"


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_pii", PATH)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_a_finding_is_right_by_overlap_and_a_span_is_found_by_cover(bench: ModuleType) -> None:
    spans = [[bench.Found(0, 10, "email")], [bench.Found(5, 9, "phone")], []]
    found = [[bench.Found(2, 12, "email")], [bench.Found(0, 9, "phone")], [bench.Found(0, 3, "phone")]]
    counts = bench.scores(spans, found)

    assert counts["email"] == (1, 0, 0, 1)
    assert counts["phone"] == (1, 1, 1, 1)
    assert (counts["email"].precision, counts["email"].recall) == (1.0, 0.0)
    assert (counts["phone"].precision, counts["phone"].recall) == (0.5, 1.0)
    assert (counts["ip"].precision, counts["ip"].recall) == (None, None)


def test_a_finding_of_another_kind_is_wrong(bench: ModuleType) -> None:
    counts = bench.scores([[bench.Found(0, 9, "phone")]], [[bench.Found(0, 9, "us_ssn")]])

    assert counts["us_ssn"] == (0, 1, 0, 0)
    assert counts["phone"] == (0, 0, 0, 1)


def test_it_runs_alone_and_writes_its_counts(
    bench: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "Mail joe@example.com or call me on 467 3395."
    spans = [
        {"entity_type": "EMAIL_ADDRESS", "start_position": 5, "end_position": 20},
        {"entity_type": "PHONE_NUMBER", "start_position": 35, "end_position": 43},
        {"entity_type": "PERSON", "start_position": 0, "end_position": 4},
    ]
    data, out = tmp_path / "spans.jsonl", tmp_path / "counts.json"
    data.write_text(json.dumps({"text": text, "spans": spans}) + "\n", encoding="utf-8")

    assert bench.main(["--data", str(data), "--alone", "--json", str(out)]) == 0

    assert "phone                  1              1.00  1.00" in capsys.readouterr().out
    assert json.loads(out.read_text())["steady"]["email"] == {"right": 1, "wrong": 0, "covered": 1, "spans": 1}
