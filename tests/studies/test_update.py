"""`--update`: what came of the cases is written over what was expected; comments, order and quotes stay."""

from pathlib import Path

from steady.studies.golden import check
from steady.studies.update import update

POLICY = """\
steady: 1
name: redact
rules:
  - {rule: no_pii, kinds: [email], on_fail: fix}
disclose: {place: none}
"""
CASES = """\
# The head stays.
cases:
  # of the first
  - name: a
    candidates: ["Mail a@example.com"]   # beside
    expect:
      verdicts: {no_pii: pass}           # wrong
      text: "Mail me"
  - name: b
    candidates:
      - |-
        two
        lines
  - {name: c, candidates: ['kept as it is'], expect: {text: 'kept as it is', action: answered}}
"""
AFTER = """\
# The head stays.
cases:
  # of the first
  - name: a
    candidates: ["Mail a@example.com"]   # beside
    expect:
      verdicts: {no_pii: fail}           # wrong
      text: "Mail [EMAIL]"
  - name: b
    candidates:
      - |-
        two
        lines
    expect:
      action: answered
      text: |-
        two
        lines
      verdicts:
        no_pii: pass
      agreement: "not measured"
  - {name: c, candidates: ['kept as it is'], expect: {text: 'kept as it is', action: answered}}
"""


def written(folder: Path, cases: str) -> Path:
    (folder / "p.yaml").write_text(POLICY)
    (folder / "p.tests.yaml").write_text(cases)
    return folder / "p.tests.yaml"


def updated(file: Path) -> int:
    return update(file, check(file).results)


def test_only_what_differs_is_written_and_all_else_stays(tmp_path: Path) -> None:
    file = written(tmp_path, CASES)

    assert updated(file) == 2 and file.read_text() == AFTER
    assert not check(file).failed


def test_a_file_that_holds_is_not_touched(tmp_path: Path) -> None:
    """Written in a way that a YAML writer would not keep: no final line break, odd spaces."""
    file = written(tmp_path, "cases:   [ {name: a,  candidates: [x], expect: {text:   x}} ]")
    before = file.read_bytes(), file.stat().st_mtime_ns

    assert updated(file) == 0 and (file.read_bytes(), file.stat().st_mtime_ns) == before


def test_lists_without_indent_keep_their_form(tmp_path: Path) -> None:
    file = written(tmp_path, "cases:\n- name: a\n  candidates:\n  - x\n  expect:\n    text: y\n")
    updated(file)

    assert file.read_text() == "cases:\n- name: a\n  candidates:\n  - x\n  expect:\n    text: x\n"


def test_texts_that_yaml_would_read_otherwise_come_back(tmp_path: Path) -> None:
    for text in ("no", "1.0", "a: b", "- x", "é\u2028y", " lead", "tail \nx", "\tx\n", "null", "#"):
        file = written(tmp_path, f"cases: [{{name: a, candidates: [{quoted(text)}], expect: {{text: other}}}}]")
        updated(file)
        assert not check(file).failed, repr(text)


def quoted(text: str) -> str:
    import json

    return json.dumps(text)


def test_a_case_that_could_not_run_is_left_as_it_is(tmp_path: Path) -> None:
    cases = "cases: [{name: a, fields: {temperature: hot}, candidates: [x], expect: {text: y}}]\n"
    file = written(tmp_path, cases)

    assert updated(file) == 0 and file.read_text() == cases
