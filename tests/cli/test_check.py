"""`steady check` and `steady policies`: every problem by its line, and how each policy streams."""

import json
from pathlib import Path

import pytest
from tests.cli.terminal import CALM, VOTE, place, process, steady

BAD = """\
steady: 1
name: bad
modle: s/m
output: {kind: labl}
rules:
  - {rule: lenth}
  - {rule: length, wrods: {max: 20}, on_fail: filtr}
"""


def test_every_problem_is_a_line_with_file_line_field_legal_words_and_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(BAD)
    said = process(tmp_path, "check", "bad.yaml")
    lines = said.err.splitlines()

    assert said.code == 2 and said.out == "" and len(lines) == 5
    for line, (place_, near) in zip(
        lines,
        [
            ("bad.yaml:3: modle: ", "'model'"),
            ("bad.yaml:4: output.kind: ", "'label'"),
            ("bad.yaml:6: rules[0].rule: ", "'length'"),
            ("bad.yaml:7: rules[1].wrods: ", "'words'"),
            ("bad.yaml:7: rules[1].on_fail: ", "'filter'"),
        ],
        strict=True,
    ):
        assert line.startswith(place_) and f"Did you mean {near}?" in line and "Known: " in line


def test_a_valid_policy_is_told_with_how_it_streams_and_why(tmp_path: Path) -> None:
    place(tmp_path, ["x"], CALM, VOTE)
    said = steady(tmp_path, "check", "policies")

    assert said.code == 0 and said.err == ""
    assert (
        "policies/calm.yaml: ok, policy 'calm', kind text, 1 rule; is decided first, then streamed, because:\n"
        in said.out
    )
    assert (
        "    rule 'excludes' has on_fail `filter`, which acts on a whole answer; only fix and exception stream\n"
        in said.out
    )
    assert "    up to 4 candidates are made, and the choice among them comes first\n" in said.out


def test_a_policy_that_streams_live_is_told_so(tmp_path: Path) -> None:
    live = {**CALM, "rules": [{"rule": "no_pii", "on_fail": "fix"}], "disclose": {"place": "field"}}
    place(tmp_path, ["x"], live)

    assert steady(tmp_path, "check", "policies/calm.yaml").out.endswith("1 rule; streams live\n")


def test_one_problem_among_valid_files_exits_2_and_tells_of_all(tmp_path: Path) -> None:
    place(tmp_path, ["x"], CALM)
    (tmp_path / "bad.yaml").write_text(BAD)
    said = steady(tmp_path, "check", "steady.yaml", "gone.yaml", "bad.yaml", "policies")

    assert said.code == 2
    assert "steady.yaml: ok, a configuration" in said.out and "policies/calm.yaml: ok" in said.out
    assert said.err.startswith("gone.yaml: no such file or folder\nbad.yaml:3: ")


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("steady.yaml", "steady: 1\n", "configuration"),
        ("production.yaml", "steady: 1\nserver: {port: 9000}\n", "configuration"),
        ("style.yaml", "- {rule: no_secrets}\n", "list of rules"),
        ("terse.yaml", "name: terse\nwhy: Short.\nsampling: {preset: precise, max_tokens: 9}\n", "preset"),
    ],
)
def test_what_a_file_is_its_content_says(tmp_path: Path, name: str, content: str, what: str) -> None:
    """`--config production.yaml` works, so `check production.yaml` must not read it as a policy."""
    (tmp_path / name).write_text(content)
    said = steady(tmp_path, "check", name)

    assert (said.code, said.out, said.err) == (0, f"{name}: ok, a {what}\n", "")


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("production.yaml", "steady: 1\nserver: {prt: 9000}\n", "production.yaml:2: server.prt: no field 'prt'."),
        ("style.yaml", "- {rule: no_secrets}\n- {rule: no_secret}\n", "style.yaml:2: [1].rule: no rule 'no_secret'."),
        ("terse.yaml", "name: terse\nsampling: {preset: precse}\n", "terse.yaml:2: sampling.preset: "),
        ("broken.yaml", "a: [\n", "broken.yaml:2: not YAML: "),
        ("empty.yaml", "", "empty.yaml"),
        ("text.yaml", "just a text\n", "text.yaml:1: a policy is a mapping; it begins with `steady: 1`."),
    ],
)
def test_a_problem_of_any_kind_of_file_has_its_line(tmp_path: Path, name: str, content: str, line: str) -> None:
    (tmp_path / name).write_text(content)
    said = steady(tmp_path, "check", name)

    assert said.code == 2 and said.out == "" and said.line.startswith(line)


def test_a_folder_without_a_policy_is_a_problem(tmp_path: Path) -> None:
    """A misspelt folder that exists must not pass a CI job."""
    (tmp_path / "polices").mkdir()
    said = steady(tmp_path, "check", "polices")

    assert (said.code, said.line) == (2, "polices: no .yaml file in this folder")


def test_a_feature_that_is_not_built_yet_is_refused_by_name(tmp_path: Path) -> None:
    place(tmp_path, ["x"], {**CALM, "pin": {"for": "24h"}})

    assert "pin: pins are not built yet in this version" in steady(tmp_path, "check", "policies").line


def test_policies_lists_what_can_be_named(tmp_path: Path) -> None:
    place(tmp_path, ["x"], {**CALM, "description": "Says no more than it knows"}, VOTE)
    said = steady(tmp_path, "policies")
    rows = [line.split() for line in said.out.splitlines()]

    assert said.code == 0 and said.err == ""
    assert rows[0] == ["calm", "text", "s/m", "1", "draws", "buffered", "excludes"]
    assert rows[1] == ["Says", "no", "more", "than", "it", "knows"]
    assert ["vote", "label", "s/m", "4-4", "draws", "buffered", "output"] in rows
    assert [row[0] for row in rows if row[0] in {"calm", "vote", "pass-through"}] == ["calm", "pass-through", "vote"]


def test_policies_as_json_has_the_hash_and_why_it_is_buffered(tmp_path: Path) -> None:
    place(tmp_path, ["x"], CALM)
    rows = {row["name"]: row for row in json.loads(steady(tmp_path, "policies", "--json").out)}

    assert len(rows["calm"]["hash"]) == 64 and rows["calm"]["rules"] == ["excludes"]
    assert rows["pass-through"]["live"] is True and rows["pass-through"]["why"] == []
    assert rows["calm"]["live"] is False and "filter" in rows["calm"]["why"][0]


def test_a_policy_whose_model_is_unknown_is_listed_with_its_problem(tmp_path: Path) -> None:
    place(tmp_path, ["x"], {**CALM, "model": "s/m"}, providers={"e": {"kind": "embedded", "models": ["smollm2-135m"]}})
    said = steady(tmp_path, "policies")

    assert said.code == 0 and "No model 's/m'. Known: e/smollm2-135m." in said.out
