"""The arithmetic of the streaming benchmark, on a few texts; the promises over many are measured there."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

RUN = Path(__file__).parents[2] / "benchmarks" / "streaming" / "run.py"


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_streaming", RUN)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_a_case_is_the_same_on_every_machine_and_its_pieces_are_its_text(bench: ModuleType) -> None:
    cases = [bench.case(4, number) for number in range(200)]

    assert all("".join(case.parts) == case.text for case in cases)
    assert cases == [bench.case(4, number) for number in range(200)]
    assert cases != [bench.case(5, number) for number in range(200)]
    assert bench.case(4, 7).text == cases[7].text


def test_few_texts_keep_the_promises_and_show_what_a_scanner_of_chunks_leaks(bench: ModuleType) -> None:
    tallies = bench.measure(96, 4, 1)
    counts, most = bench.total(tallies)

    assert counts["texts"] == 96
    assert {name: tally.counts["texts"] for name, tally in tallies.items()} == dict.fromkeys(bench.POLICIES, 8)
    assert (counts["unequal"], counts["forbidden"]) == (0, 0)
    assert counts["scanner"] > 0
    assert counts["answered"] + counts["ended"] == 96
    assert 0 < counts["held"] / counts["holds"] < most


def test_what_leaks_is_counted_by_character(bench: ModuleType) -> None:
    policy = bench.resolved("no_pii, exception")

    assert bench.leaked("Write to ann@example.com today.", policy) == len("ann@example.com")
    assert bench.leaked("Write to ann@exam", policy) == 0


def test_a_scanner_of_single_chunks_fixes_each_and_sees_no_more(bench: ModuleType) -> None:
    said = bench.Case("Write to ann@example.com today.", ["Write to ann@", "example.com today."])
    policy = bench.resolved("no_pii, fix")

    assert bench.chunk_scanner(said, policy) == said.text
    assert max(bench.held(said, policy)) >= len("ann@")
