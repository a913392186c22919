"""docs/generate.py: pages that can't lie."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from steady.policy.load import parse
from steady.policy.yaml_marks import read_yaml
from steady.rules.catalog import RULES

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    """docs/generate.py, which is no part of a package."""
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_generated_page_is_what_the_code_says(generate: ModuleType) -> None:
    assert generate.differing() == [], "run `make docs`"
    assert generate.main(["--check"]) == 0


def test_a_page_that_differs_or_is_missing_is_found_and_written_again(generate: ModuleType, tmp_path: Path) -> None:
    every = [page.path for page in generate.PAGES]

    assert generate.differing(tmp_path) == every
    assert generate.write(tmp_path) == every
    assert generate.differing(tmp_path) == []
    (tmp_path / "rules.md").write_text("# Rules\n")
    assert generate.differing(tmp_path) == ["rules.md"]
    assert generate.write(tmp_path) == ["rules.md"]


def test_the_check_exits_1_and_names_the_page(
    generate: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "generate.py").write_text((ROOT / "docs" / "generate.py").read_text())
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    command = [sys.executable, "docs/generate.py", "--check"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "docs/rules.md differs from what the code says; run `make docs`." in done.stderr
    assert generate.main(["--chek"]) == 2
    assert "usage" in capsys.readouterr().err


def test_every_rule_has_a_section_and_its_example_loads(generate: ModuleType) -> None:
    page = generate.rules()

    for name in RULES:
        example = page.split(f"\n## {name}\n", 1)[1].split("```yaml\n", 1)[1].split("\n```", 1)[0]
        rules = read_yaml(example.encode(), "example").data
        assert parse({"steady": 1, "name": "p", "candidates": {"max": 4}, "rules": rules}).rules[0].name == name
    assert not re.search(r"Annotated|Meta\(|`Action|Surface", page), "a reader must find words, not names of types"


def test_every_rule_says_what_it_costs_and_how_it_streams(generate: ModuleType) -> None:
    """Both decide where a rule belongs: before everything, or last, or not into a live stream."""
    from steady.rules.catalog import entries

    page = generate.rules()
    for entry in entries():
        section = page.partition(f"\n## {entry.name}\n")[2].partition("\n## ")[0]
        assert f"In a stream: {entry.streams} ({entry.streams_how}). Cost: {entry.cost}." in section


def test_the_decorators_example_runs(generate: ModuleType) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", generate.decorator(), re.DOTALL)
    scope: dict[str, Any] = {"ask_a_model": lambda message, **sampling: "billing", "__name__": "example"}
    exec(code, scope)

    assert scope["topic"]("I was charged twice.") == "billing"
    assert len(scope["topic"].detailed("?").candidates) == 4


def test_every_command_is_on_the_page_of_the_command_line(generate: ModuleType) -> None:
    page = generate.cli()

    for name in ("serve", "run", "check", "replay", "policies", "schema", "model pull", "model list", "demo"):
        assert f"## steady {name}\n" in page
    assert max(map(len, page.splitlines())) <= generate.WIDTH
