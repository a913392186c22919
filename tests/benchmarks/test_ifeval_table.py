"""The arithmetic of IFEval's tables, on answers made up for it."""

from typing import Any

import pytest
from benchmarks.ifeval.table import (
    Judged,
    candidates_line,
    decided_list,
    disagreements,
    distinct_triples,
    fixes_table,
    kinds_table,
    main_table,
    report,
    scores,
)
from hypothesis import given, settings
from hypothesis import strategies as st


def judged(*followed: bool, key: int = 1, **more: Any) -> Judged:
    kinds = tuple(("punctuation:no_comma", "startend:quotation", "keywords:existence")[: len(followed)])
    return Judged(key=key, kinds=kinds, followed=followed, **more)


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


ANSWERS = [judged(True, True, key=1), judged(True, False, key=2), judged(False, key=3)]


def test_a_prompt_counts_only_whole_and_each_instruction_by_itself() -> None:
    """IFEval's two strict accuracies: 1 of 3 prompts, 3 of 5 instructions."""
    got = scores(ANSWERS)
    assert got.prompt == pytest.approx(1 / 3)
    assert got.instruction == pytest.approx(3 / 5)
    assert got.average == pytest.approx((1 / 3 + 3 / 5) / 2)


def test_an_answer_that_was_not_released_can_be_counted_as_nothing() -> None:
    answers = [judged(True, True), judged(True, False, released=False)]
    assert scores(answers) == (0.5, 0.75)
    assert scores(answers, strict=True) == (0.5, 0.5)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.lists(st.booleans(), min_size=1, max_size=3), st.booleans()), min_size=1))
def test_scores_stay_between_nothing_and_all_and_strictness_never_helps(drawn: list[tuple[list[bool], bool]]) -> None:
    answers = [judged(*followed, released=released) for followed, released in drawn]
    lenient, strict = scores(answers), scores(answers, strict=True)
    assert 0 <= strict.prompt <= lenient.prompt <= 1
    assert 0 <= strict.instruction <= lenient.instruction <= 1
    assert lenient.prompt <= 1 if lenient.instruction == 1 else lenient.prompt < 1


def test_the_main_table_holds_a_row_for_each_way() -> None:
    ruled = [judged(True, ruled=True, candidates=2, tokens=100, seconds=3.0), judged(False, ruled=True, released=False)]
    lines = main_table([("bare", ANSWERS), ("Steady", ruled)]).splitlines()
    assert cells(lines[2]) == ["bare", "0.333", "0.600", "0.467", "-", "1.00", "0", "0.0", "1.00"]
    assert cells(lines[3]) == ["Steady", "0.500", "0.500", "0.500", "50%", "1.50", "50", "1.5", "1.00"]


def test_the_worst_instruction_of_the_last_row_comes_first() -> None:
    better = [judged(True, True), judged(True, True), judged(False)]
    lines = kinds_table([("bare", ANSWERS), ("Steady", better)]).splitlines()[2:]
    assert [cells(line) for line in lines] == [
        ["punctuation:no_comma", "3", "2", "2"],
        ["startend:quotation", "2", "1", "2"],
    ]


def test_a_kind_asked_twice_in_one_prompt_counts_twice() -> None:
    kind = "change_case:capital_word_frequency"
    line = kinds_table([("x", [Judged(key=1, kinds=(kind, kind), followed=(True, False))])]).splitlines()[2]
    assert cells(line) == [kind, "2", "1"]


def test_fixes_are_counted_by_rule_and_apart_where_they_decided() -> None:
    first = [judged(True, fixes=("case", "punctuation"), decided=True), judged(False, key=2, fixes=("case",))]
    lines = fixes_table([("none", [judged(True)]), ("fixed", first)]).splitlines()[2:]
    assert [cells(line) for line in lines] == [["case", "0 (0)", "2 (1)"], ["punctuation", "0 (0)", "1 (1)"]]
    assert fixes_table([("none", [judged(True)])]) == "No fix acted."


def test_the_prompts_on_which_a_fix_decided_are_listed() -> None:
    answers = [judged(True, key=7, fixes=("case", "case"), decided=True), judged(True, key=8, fixes=("case",))]
    assert decided_list(answers) == "7 (case)"
    assert decided_list(answers[1:]) == "none"


def test_candidates_are_counted_by_prompt() -> None:
    assert candidates_line([judged(True, candidates=n) for n in (8, 1, 1, 2)]) == "1: 2, 2: 1, 8: 1"


def test_only_a_released_answer_can_disagree_with_the_checker() -> None:
    answers = [
        judged(False, key=1, ruled=True),
        judged(False, key=2, ruled=True, released=False),
        judged(False, key=3),
        judged(True, key=4, ruled=True),
    ]
    assert disagreements(answers) == [1]


def test_the_report_says_what_steady_knows_and_the_bare_model_does_not() -> None:
    text = report([("bare", ANSWERS), ("Steady", [judged(True, ruled=True)])], "settings")
    assert "told the rules by a policy" in text
    assert "the bare model must read them in the prompt" in text.replace("\n", " ")
    assert "- Steady: prompts by candidates taken: 1: 1" in text
    assert "- bare:" not in text, "a row without a policy has nothing to list"


def test_a_text_that_goes_in_circles_is_told_by_its_triples() -> None:
    assert distinct_triples("one two three four five") == 1
    assert distinct_triples("") == distinct_triples("two words") == 1
    assert distinct_triples("ha " * 102) == pytest.approx(0.01)
    assert distinct_triples("A b c a B c") == pytest.approx(3 / 4)
