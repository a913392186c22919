"""What `--explain` prints: candidates side by side in the width there is, verdicts, fixes, and why this answer."""

from typing import Any

from tests.cli.terminal import VOTE, place, steady

from steady.cli.show import MOST_COLUMNS, explained, summary


def _candidate(slot: int, text: str, *verdicts: dict[str, Any], attempt: int = 0) -> dict[str, Any]:
    return {
        "slot": slot,
        "attempt": attempt,
        "texts": [{"surface": "answer", "text": text}],
        "verdicts": list(verdicts),
    }


def _verdict(rule: str, passed: bool | None, **fields: Any) -> dict[str, Any]:
    return {"rule": rule, "action": "filter", "mode": "enforce", "passed": passed, **fields}


def _steady(*candidates: dict[str, Any], **fields: Any) -> dict[str, Any]:
    explain = {"candidates": list(candidates), "chosen": [0], "stopped": "posterior", "input": []}
    measured = {"value": 0.75, "measured": True, "agreed": 3, "of": 4, "method": "vote"}
    return {"action": "answered", "agreement": measured, "explain": explain, **fields}


def test_candidates_stand_side_by_side_at_most_four_in_a_row() -> None:
    lines = list(explained(_steady(*(_candidate(i, f"text{i}") for i in range(MOST_COLUMNS + 1)))))

    (first,) = [line for line in lines if "text0" in line]
    assert all(f"text{i}" in first for i in range(MOST_COLUMNS)) and "text4" not in first
    assert any(line.strip() == "text4" for line in lines)


def test_the_chosen_candidate_is_marked_and_no_other() -> None:
    lines = list(explained(_steady(_candidate(0, "a"), _candidate(1, "b"))))

    (head,) = [line for line in lines if "#1" in line]
    assert head.index("<- chosen") < head.index("#1") and head.count("<- chosen") == 1


def test_a_failing_rule_says_what_was_done_and_why() -> None:
    one = _candidate(
        0,
        "x",
        _verdict("fine", True),
        _verdict("long", False, reason="too long"),
        _verdict("mended", False, reason="an address", edits=[[0, 1, "y", False]]),
        _verdict("seen", False, mode="shadow", reason="odd"),
        _verdict("absent", None, reason="there is no such text"),
    )
    text = "\n".join(explained(_steady(one)))

    assert "pass fine" in text and "FAIL long -> filter: too long" in text
    assert "FAIL mended -> fixed: an address" in text and "FAIL seen -> filter (shadow): odd" in text
    assert "absent" not in text


def test_a_reask_is_told_from_a_first_draw() -> None:
    assert any("#2, asked again (1)" in line for line in explained(_steady(_candidate(2, "x", attempt=1))))


def test_a_long_text_is_cut_with_a_mark_and_lines_fit_the_terminal() -> None:
    lines = list(explained(_steady(*(_candidate(i, "word " * 500) for i in range(4)))))

    assert any(line.rstrip().endswith("...") for line in lines)
    assert max(map(len, lines)) <= 132


def test_a_candidate_without_text_says_so() -> None:
    silent = {"slot": 0, "attempt": 0, "texts": [], "verdicts": []}

    assert any("(no text)" in line for line in explained(_steady(silent)))


def test_the_summary_gives_agreement_as_counted_and_as_a_share() -> None:
    lines = list(summary(_steady()))

    assert lines[0].startswith("  sampling stopped: ") and "  agreement: 3 of 4 (0.75; vote)" in lines


def test_the_summary_never_gives_a_number_where_none_was_measured() -> None:
    told = _steady(agreement={"value": None, "measured": False, "why": "one candidate"})

    assert "  agreement: not measured (one candidate)" in list(summary(told))


def test_the_summary_tells_fixes_notes_fields_and_disclosure() -> None:
    told = _steady(
        fixed=["no_pii"],
        notes=["top_k is not taken"],
        disclosure={"place": "field", "text": "A draft.", "why": "it is JSON"},
        agreement={
            "value": 0.5,
            "measured": True,
            "agreed": 2,
            "of": 4,
            "method": "fields",
            "fields": {"/a": 0.5, "": 1},
        },
    )
    lines = list(summary(told))

    assert "  decision: answered; candidate #0; fixed by no_pii" in lines
    assert "  note: top_k is not taken" in lines and "    /a: 0.50" in lines and "    /: 1.00" in lines
    assert "  disclosed in field (it is JSON): A draft." in lines


def test_a_blend_is_told_as_put_together() -> None:
    told = _steady()
    told["explain"]["blended"] = True

    assert "  decision: answered; put together field by field" in list(summary(told))


def test_what_sensitive_rules_matched_is_not_shown(tmp_path: Any) -> None:
    """`--explain` is one of the sinks that must not carry what a rule withheld."""
    policy = {**VOTE, "output": {"kind": "text"}, "rules": [{"rule": "no_pii", "on_fail": "fix"}]}
    place(tmp_path, ["Write to ann.canary@example.com."], policy)
    said = steady(tmp_path, "run", "hi", "--policy", "vote", "--explain")

    assert said.code == 0 and "FAIL no_pii -> fixed" in said.err
    assert "ann.canary" not in said.out + said.err
