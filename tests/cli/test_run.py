"""`steady run`: the answer on stdout, what Steady says of it on stderr, and an exit code that tells."""

import json
from pathlib import Path

import pytest
from tests.cli.terminal import CALM, VOTE, place, process, receipt_of, steady


def test_the_answer_alone_is_on_stdout(tmp_path: Path) -> None:
    """So that a script can use it."""
    place(tmp_path, ["Parcels arrive in three days."], CALM)
    said = process(tmp_path, "run", "Where is it?", "--policy", "calm")

    assert (said.code, said.out) == (0, "Parcels arrive in three days.\n")
    assert "decision: answered" in said.err and "receipt: rcpt_" in said.err


def test_without_a_policy_the_default_policy_answers(tmp_path: Path) -> None:
    place(tmp_path, ["as it is"], CALM)
    said = steady(tmp_path, "run", "hi", "--model", "m")

    assert (said.code, said.out) == (0, "as it is\n") and "decision: passed through" in said.err


def test_a_prompt_is_read_from_standard_input(tmp_path: Path) -> None:
    place(tmp_path, ["read"], CALM)

    assert steady(tmp_path, "run", "-", "--policy", "calm", stdin="a prompt").out == "read\n"


def test_a_prompt_that_is_no_text_is_one_line(tmp_path: Path) -> None:
    place(tmp_path, ["read"], CALM)
    said = process(tmp_path, "run", "-", "--policy", "calm", stdin=b"\xff\xfe", PYTHONUTF8="1")

    assert (said.code, said.out, said.line) == (2, "", "steady: The prompt is not UTF-8 text.")


def test_the_system_message_and_the_seed_reach_the_model(tmp_path: Path) -> None:
    place(tmp_path, ["one two"], CALM)
    body = json.loads(steady(tmp_path, "run", "hi", "--policy", "calm", "--system", "a b c", "--json").out)

    assert body["usage"]["prompt_tokens"] == 4  # the scripted provider counts words: three and one


def test_no_acceptable_answer_exits_1_and_names_the_rule(tmp_path: Path) -> None:
    place(tmp_path, ["We guarantee it."], CALM)
    said = process(tmp_path, "run", "hi", "--policy", "calm")

    assert (said.code, said.out) == (1, "")
    last = said.err.splitlines()[-1]
    assert last.startswith("steady: No answer was released: ") and "excludes" in last


def test_what_a_policy_gives_instead_is_an_answer(tmp_path: Path) -> None:
    place(tmp_path, ["We guarantee it."], {**CALM, "otherwise": {"do": "message", "text": "Ask a person."}})
    said = steady(tmp_path, "run", "hi", "--policy", "calm")

    assert (said.code, said.out) == (0, "Ask a person.\n") and "decision: otherwise" in said.err


def test_a_rule_that_raises_exits_1(tmp_path: Path) -> None:
    place(tmp_path, ["We guarantee it."], {**CALM, "rules": [{**CALM["rules"][0], "on_fail": "exception"}]})
    said = steady(tmp_path, "run", "hi", "--policy", "calm")

    assert said.code == 1 and said.out == "" and "excludes" in said.err.splitlines()[-1]


def test_a_model_that_fails_exits_1_with_its_words(tmp_path: Path) -> None:
    place(tmp_path, [{"error": {"status": 400, "message": "no such thing"}}], CALM)
    said = steady(tmp_path, "run", "hi", "--policy", "calm")

    assert said.code == 1
    assert said.err.splitlines()[-1] == "steady: no model answered: no such thing"


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (["--policy", "clam"], "steady: No policy 'clam'. Did you mean 'calm'? Known: calm, pass-through."),
        (["--policy", "calm", "--model", "t/m"], "steady: No model 't/m'. Did you mean 's/m'? Known: s/m."),
    ],
)
def test_an_unknown_name_exits_2_with_the_nearest(tmp_path: Path, args: list[str], line: str) -> None:
    place(tmp_path, ["x"], CALM)
    said = steady(tmp_path, "run", "hi", *args)

    assert (said.code, said.out, said.line) == (2, "", line)


def test_json_prints_the_whole_completion_and_nothing_else(tmp_path: Path) -> None:
    place(tmp_path, ["ham"], VOTE)
    said = steady(tmp_path, "run", "hi", "--policy", "vote", "--json")
    body = json.loads(said.out)

    assert said.code == 0 and said.err == ""
    assert body["object"] == "chat.completion" and body["choices"][0]["message"]["content"] == "ham"
    assert body["steady"]["agreement"]["value"] == 1.0 and body["steady"]["receipt"].startswith("rcpt_")
    assert "explain" not in body["steady"]


def test_json_with_explain_has_the_candidates(tmp_path: Path) -> None:
    place(tmp_path, ["ham", "spam", "ham", "ham"], VOTE)
    body = json.loads(steady(tmp_path, "run", "hi", "--policy", "vote", "--json", "--explain").out)

    assert len(body["steady"]["explain"]["candidates"]) == 4


def test_explain_shows_candidates_verdicts_and_why(tmp_path: Path) -> None:
    place(tmp_path, ["ham", "spam", "ham", "eggs"], VOTE)
    said = steady(tmp_path, "run", "hi", "--policy", "vote", "--explain")

    assert said.out == "ham\n"
    for part in ("#0", "#3", "<- chosen", "pass output", "FAIL output -> filter", "agreement: 2 of 4 (0.50; "):
        assert part in said.err, said.err


def test_n_choices_are_given_apart(tmp_path: Path) -> None:
    place(tmp_path, ["ham", "spam"], VOTE)
    said = steady(tmp_path, "run", "hi", "--policy", "vote", "--n", "2")

    assert said.out.splitlines() == ["--- 1", said.out.splitlines()[1], "--- 2", said.out.splitlines()[3]]


def test_a_receipt_is_kept_unless_the_store_is_off(tmp_path: Path) -> None:
    place(tmp_path, ["x"], CALM, store={"off": True})
    said = steady(tmp_path, "run", "hi", "--policy", "calm")

    assert said.code == 0 and receipt_of(said) == "none"
    assert not list(tmp_path.glob("*.db*"))
