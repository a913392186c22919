"""Golden cases collected by pytest, in suites of users: run in processes of their own."""

from pathlib import Path

import pytest
from tests.testing.test_plugin import suite

POLICY = """\
steady: 1
name: redact
rules: [{rule: no_pii, kinds: [email], on_fail: fix}]
disclose: {place: none}
"""
CASES = """\
cases:
  - {name: masked, candidates: [Mail a@example.com], expect: {text: "Mail [EMAIL]"}}
  - {name: wrong, candidates: [Mail a@example.com], expect: {text: Mail me}}
"""
THEIRS = "def test_theirs():\n    pass\n"


def placed(folder: Path, *, on: bool, cases: str = CASES) -> None:
    (folder / "p.yaml").write_text(POLICY)
    (folder / "p.tests.yaml").write_text(cases)
    if on:
        (folder / "pytest.ini").write_text("[pytest]\nsteady_cases = true\n")


def test_cases_are_collected_where_the_setting_says_so_and_told_without_a_traceback(tmp_path: Path) -> None:
    placed(tmp_path, on=True)
    run = suite(tmp_path, THEIRS, "-W", "error")

    assert run.returncode == 1 and "1 failed, 2 passed" in run.stdout
    assert 'p.tests.yaml:3: wrong\n  expect.text: expected "Mail me", got "Mail [EMAIL]"' in run.stdout
    assert "Traceback" not in run.stdout and "golden.py" not in run.stdout


@pytest.mark.slow
def test_without_the_setting_nothing_is_collected(tmp_path: Path) -> None:
    placed(tmp_path, on=False)

    assert "1 passed" in suite(tmp_path, THEIRS).stdout


@pytest.mark.slow
def test_a_file_with_problems_is_an_error_by_line(tmp_path: Path) -> None:
    placed(tmp_path, on=True, cases=CASES.replace("expect: {text: Mail me}", "expct: {}"))
    run = suite(tmp_path, THEIRS)

    assert (
        run.returncode == 2 and "p.tests.yaml:3: cases[1].expct: no field 'expct'. Did you mean 'expect'?" in run.stdout
    )
