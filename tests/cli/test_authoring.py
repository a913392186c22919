"""`steady test`, `steady diff`, `steady import`: exits, one line a problem, nothing made where nothing was."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from tests.cli.terminal import CALM, place, process, steady

TWO: dict[str, Any] = {**CALM, "name": "two", "sampling": {"preset": "balanced"}, "candidates": {"min": 2, "max": 2}}
CASES = """\
cases:
  - {name: a guarantee is dropped, candidates: [I guarantee it.], expect: {action: error, verdicts: {excludes: fail}}}
  - {name: the rest is answered, candidates: [It is so.], expect: {text: It is so.}}
"""


def cases(folder: Path, text: str = CASES) -> Path:
    place(folder, ["x"], CALM)
    file = folder / "policies" / "calm.tests.yaml"
    file.write_text(text)
    return file


def test_cases_that_hold_exit_0_by_file_policy_and_folder(tmp_path: Path) -> None:
    cases(tmp_path)
    for path in ("policies", "policies/calm.yaml", "policies/calm.tests.yaml"):
        said = steady(tmp_path, "test", path)
        assert (said.code, said.out, said.err) == (0, "policies/calm.tests.yaml: 2 cases, all passed\n", "")


def test_a_case_that_fails_exits_1_and_shows_what_differs(tmp_path: Path) -> None:
    cases(tmp_path, CASES.replace("text: It is so.", "text: It was so."))
    said = steady(tmp_path, "test", "policies", "--junit", "report.xml")

    assert said.code == 1 and said.err == ""
    assert 'FAIL policies/calm.tests.yaml:3: the rest is answered\n  expect.text: expected "It was so."' in said.out
    assert said.out.endswith("policies/calm.tests.yaml: 2 cases, 1 failed\n")
    assert ElementTree.parse(tmp_path / "report.xml").getroot()[0].get("failures") == "1"
    assert steady(tmp_path, "test", "policies", "-k", "guarantee").code == 0


def test_update_writes_what_came_and_then_it_holds(tmp_path: Path) -> None:
    file = cases(tmp_path, CASES.replace("text: It is so.", "text: It was so."))
    said = steady(tmp_path, "test", "policies", "--update")

    assert (said.code, said.out) == (0, "policies/calm.tests.yaml: 1 case written\n")
    assert "It is so." in file.read_text() and steady(tmp_path, "test", "policies").code == 0


def test_a_bad_file_exits_2_with_a_line_for_each_problem(tmp_path: Path) -> None:
    cases(tmp_path, "cases:\n  - {name: a, expct: {}}\n  - {name: b, expect: {actoin: error}}\n")
    said = process(tmp_path, "test", "policies")
    lines = said.err.splitlines()

    assert (said.code, said.out, len(lines)) == (2, "", 2)
    assert lines[0].startswith("policies/calm.tests.yaml:2: cases[0].expct: ") and "Did you mean 'expect'?" in lines[0]
    assert lines[1].startswith("policies/calm.tests.yaml:3: cases[1].expect.actoin: ")


def test_a_path_without_cases_exits_2(tmp_path: Path) -> None:
    place(tmp_path, ["x"], CALM)
    for path in ("policies", "policies/calm.yaml", "nothing"):
        assert steady(tmp_path, "test", path).code == 2


def test_golden_cases_are_no_policies_to_a_server_nor_to_check(tmp_path: Path) -> None:
    cases(tmp_path)

    assert steady(tmp_path, "policies").out.count("calm") == 1
    said = steady(tmp_path, "check", "policies")
    assert said.code == 0 and "policies/calm.tests.yaml: ok, a file of golden cases\n" in said.out
    cases(tmp_path, CASES.replace("excludes: fail", "exclude: fail"))
    assert "Did you mean 'excludes'?" in steady(tmp_path, "check", "policies").err


def test_check_knows_a_script_of_replies_from_a_list_of_rules(tmp_path: Path) -> None:
    place(tmp_path, ["a text", {"content": "x"}, {"error": {"status": 500}}, {"delay": 1, "line": "x"}], CALM)
    (tmp_path / "rules.yaml").write_text("- {rule: no_pii}\n")
    (tmp_path / "bad.yaml").write_text("- a text\n- {delay: soon}\n")
    said = steady(tmp_path, "check", "replies.yaml", "rules.yaml")

    assert (said.code, said.err) == (0, "")
    assert said.out == "replies.yaml: ok, a script of replies\nrules.yaml: ok, a list of rules\n"
    assert steady(tmp_path, "check", "bad.yaml").line == (
        "bad.yaml: line 2 of the script: `delay` is a number of seconds, got 'soon'."
    )


# diff


def recorded(folder: Path, times: int = 2) -> Path:
    place(folder, ["I guarantee it, ann@example.com", "It is so"], TWO)
    for _ in range(times):
        assert steady(folder, "run", "Is it?", "--policy", "two", "--seed", "3").code == 0
    return folder


def other(folder: Path, *rules: dict[str, Any], **more: Any) -> str:
    (folder / "new.yaml").write_text(json.dumps({**TWO, "rules": list(rules), **more}))
    return "new.yaml"


def test_diff_exits_0_where_nothing_would_change(tmp_path: Path) -> None:
    recorded(tmp_path)
    said = steady(tmp_path, "diff", "two", other(tmp_path, *TWO["rules"]), "--on", "receipts")

    assert said.code == 0 and ": 2 computed under both, 0 would change\n" in said.out


def test_diff_exits_1_and_shows_what_would_change(tmp_path: Path) -> None:
    recorded(tmp_path)
    new = other(tmp_path, {"rule": "length", "words": {"max": 2}, "on_fail": "filter"})
    said = steady(tmp_path, "diff", "two", new, "--on", "receipts.db", "--last", "1")

    assert said.code == 1 and "1 receipt of receipts.db: 1 computed under both, 1 would change\n" in said.out
    assert "  action: answered -> error no_acceptable_answer\n  - It is so\n  + -\n" in said.out
    body = json.loads(steady(tmp_path, "diff", "two", new, "--on", "receipts", "--json").out)
    assert body["changed"] == 2 and body["rules"]["length"] == {"a": None, "b": 2}


def test_diff_masks_what_a_sensitive_rule_of_either_side_finds(tmp_path: Path) -> None:
    recorded(tmp_path, 1)
    mail = {"rule": "no_pii", "kinds": ["email"], "on_fail": "fix"}
    for form in ((), ("--json",)):
        said = steady(tmp_path, "diff", other(tmp_path), other(tmp_path, mail), "--on", "receipts", *form)
        assert said.code in {0, 1} and "ann@" not in said.out + said.err


def test_diff_takes_the_policy_of_a_receipt_by_its_hash(tmp_path: Path) -> None:
    recorded(tmp_path)
    mark = json.loads(steady(tmp_path, "policies", "--json").out)[-1]["hash"][:10]

    assert steady(tmp_path, "diff", f"two@{mark}", "two", "--on", "receipts").code == 0
    assert "There are: two@" in steady(tmp_path, "diff", "two@ffff", "two", "--on", "receipts").line


def test_diff_exits_3_where_nothing_can_be_computed(tmp_path: Path) -> None:
    recorded(tmp_path)
    new = other(tmp_path, candidates={"min": 4, "max": 4})
    said = steady(tmp_path, "diff", "two", new, "--on", "receipts")

    assert said.code == 3 and "not computed, more candidates: 2 (first: rcpt_" in said.out


@pytest.mark.parametrize(
    ("args", "word"),
    [
        (("two", "tow", "--on", "receipts"), "Did you mean 'two'?"),
        (("two", "two", "--on", "nowhere"), "no store, no folder"),
        (("pass-through", "pass-through", "--on", "receipts"), "--all takes"),
        (("two", "two"), "Missing option '--on'"),
    ],
)
def test_diff_exits_2_in_one_line_for_what_is_not_there(tmp_path: Path, args: tuple[str, ...], word: str) -> None:
    recorded(tmp_path, 1)
    said = steady(tmp_path, "diff", *args)

    assert said.code == 2 and word in said.line


def test_diff_reads_json_lines_and_folders(tmp_path: Path) -> None:
    import asyncio

    from steady.records.codec import as_json, encode
    from steady.records.sqlite import SqliteStore

    recorded(tmp_path)
    store = SqliteStore(tmp_path / "receipts.db")
    kept = asyncio.run(store.recent(10))
    store.close()
    (tmp_path / "lines.jsonl").write_bytes(b"\n".join(map(as_json, kept)))
    (tmp_path / "folder").mkdir()
    for receipt in kept:
        (tmp_path / "folder" / f"{receipt.id}.receipt").write_bytes(encode(receipt))

    for where in ("lines.jsonl", "folder"):
        said = steady(tmp_path, "diff", "two", "two", "--on", where)
        assert said.code == 0 and ": 2 computed under both, 0 would change\n" in said.out
    (tmp_path / "bad.jsonl").write_text("{}\n")
    assert "bad.jsonl:1: this line is no receipt" in steady(tmp_path, "diff", "two", "two", "--on", "bad.jsonl").line


def test_neither_diff_nor_replay_makes_a_store_where_none_was(tmp_path: Path) -> None:
    place(tmp_path, ["x"], CALM)
    before = sorted(p.name for p in tmp_path.iterdir())
    replay, diff = steady(tmp_path, "replay", "rcpt_x"), steady(tmp_path, "diff", "calm", "calm", "--on", "receipts")

    assert (replay.code, diff.code) == (2, 2) and "rcpt_x" in replay.line and "is not there" in diff.line
    assert sorted(p.name for p in tmp_path.iterdir()) == before


# import

PORTKEY = {
    "output_guardrails": [
        {"default.contains": {"words": ["Apple"], "operator": "none"}, "deny": True},
        {"default.validUrls": {}},
    ]
}


def test_import_writes_a_policy_that_check_accepts_and_names_the_rest(tmp_path: Path) -> None:
    (tmp_path / "pk.json").write_text(json.dumps(PORTKEY))
    said = steady(tmp_path, "import", "portkey", "pk.json", "-o", "out.yaml", "--name", "mine")

    assert (said.code, said.out) == (1, "") and "validUrls" in said.err
    assert said.err.splitlines()[-1] == "pk.json: 1 rule, 1 not translated; written to out.yaml"
    assert "ok, policy 'mine'" in steady(tmp_path, "check", "out.yaml").out
    again = steady(tmp_path, "import", "portkey", "pk.json", "-o", "out.yaml")
    assert again.code == 2 and "--force" in again.line
    assert steady(tmp_path, "import", "portkey", "pk.json").out.startswith("# Made of pk.json (Portkey)")


def test_import_exits_0_where_everything_was_translated_and_2_where_nothing_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "pk.json").write_text(json.dumps({"output_guardrails": PORTKEY["output_guardrails"][:1]}))

    assert steady(tmp_path, "import", "portkey", "pk.json").code == 0
    assert steady(tmp_path, "import", "portkey", "none.json").code == 2
    assert "portkey" in steady(tmp_path, "import", "portky", "pk.json").line
