"""The README's examples work as they stand, and every page it leads to is there."""

import re
from pathlib import Path
from typing import Any

import pytest
from tests.cli.terminal import steady as command

from steady.policy.config import EMBEDDED, Config, Found
from steady.policy.library import Library
from steady.policy.load import load
from steady.policy.resolve import resolve

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def _code(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.+?)```", README, re.DOTALL)


def test_the_policy_loads_and_resolves(tmp_path: Path) -> None:
    (text,) = _code("yaml")
    (tmp_path / "reply.yaml").write_text(text)
    library = Library(Found(Config(providers=EMBEDDED), tmp_path, None))

    assert resolve(load(tmp_path / "reply.yaml"), target=library.target("local/smollm2-135m"), fallback=None).rules


def test_the_decorator_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (text,) = [code for code in _code("python") if "@steady" in code]
    said = iter(["billing", "technical", "billing", "billing", "billing"] * 2)
    names: dict[str, Any] = {"my_model": lambda *args, **kwargs: next(said)}
    exec(compile(text, "README.md", "exec"), names)  # the README's own code

    assert names["queue"] == "billing" and capsys.readouterr().out == "4/5\n"


def test_the_first_answer_takes_three_lines_of_code_that_compile() -> None:
    (text,) = [code for code in _code("python") if "base_url" in code]

    assert len(text.strip().splitlines()) == 3 and compile(text, "README.md", "exec")


def test_every_link_leads_somewhere() -> None:
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_command_that_it_names_exists(tmp_path: Path) -> None:
    for name in set(re.findall(r"`steady ([a-z]+)", README)):
        assert command(tmp_path, name, "--help").code == 0


def test_every_make_target_that_it_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:`|^    )make ([a-z-]+)", README + (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE))

    assert named and named <= targets


def test_the_five_levels_are_all_there_and_what_is_not_promised_too() -> None:
    for level in ("L0 replay", "L1 decision", "L2 rules", "L3 repeatability", "L4 correctness"):
        assert f"| {level} |" in README
    assert "It does not make a model deterministic." in README and "Agreement is not truth." in README
    assert "<!-- bench-demo -->" in README and "<!-- bench -->" in README


def test_the_figures_of_the_documentation_are_the_codes() -> None:
    """Counts in prose grow old silently."""
    from steady.pipeline.texts import LOCALES
    from steady.rules.catalog import RULES

    changes = (ROOT / "CHANGELOG.md").read_text()
    assert len(LOCALES) == 12 and "Disclosures in twelve languages" in changes
    assert len(RULES) == 53 and "53 rules" in changes
    assert len(list((ROOT / "policies").glob("*.yaml"))) == 12 and "twelve that run as they ship" in changes
