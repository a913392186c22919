"""IFEval's instructions as rules: all types compile, and say what the independent checker said of texts kept here."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from benchmarks.ifeval.checker import random_arguments
from benchmarks.ifeval.equal import Judge, cases
from benchmarks.ifeval.instructions import INSTRUCTIONS, rules_for, rules_of
from benchmarks.ifeval.kept import KEPT, TOLD
from benchmarks.ifeval.mutate import mutations
from benchmarks.ifeval.reasons import UNEXPLAINED, reason

from steady.rules.catalog import decode

ROWS: list[tuple[str, dict[str, Any], str, bool]] = [tuple(row) for row in json.loads(KEPT.read_text("utf-8"))]
DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "ifeval.jsonl"


def test_the_kept_pairs_hold_every_type_with_both_verdicts() -> None:
    followed = {name: {row[3] for row in ROWS if row[0] == name} for name in INSTRUCTIONS}

    assert len(INSTRUCTIONS) == 25
    assert len(ROWS) >= 300
    assert all(both == {True, False} for both in followed.values()), followed


def test_the_rules_say_what_the_checker_said() -> None:
    """Each difference has a known reason, and there are few: a rule read otherwise would show at once."""
    judge = Judge()
    differ = [row for row in ROWS if judge(row[0], row[1], row[2]) != row[3]]
    why = Counter(reason(name, kwargs, text) for name, kwargs, text, _ in differ)

    assert not [one for one in why if one.startswith(UNEXPLAINED)], why
    assert len(differ) <= len(ROWS) * 0.05, why


@pytest.mark.parametrize(("name", "kwargs"), TOLD)
def test_every_type_compiles_to_rules_that_build(name: str, kwargs: dict[str, Any]) -> None:
    for rule in rules_for(name, kwargs):
        decode(rule).build()


def test_no_instruction_is_followed_by_nothing() -> None:
    judge = Judge()

    assert not any(judge(name, kwargs, text) for name, kwargs in TOLD for text in ("", " ", "\n\n"))


def test_the_rules_of_a_prompt_have_ids_of_their_own() -> None:
    names, kwargs = zip(*TOLD, strict=True)
    rules = rules_of([*names, names[0]], [*kwargs, kwargs[0]], "prompt")
    ids = [rule["id"] for rule in rules]

    assert len(set(ids)) == len(ids)
    assert ids.count("not_empty") == 1
    assert "existence-3" in ids


def test_what_can_not_be_compiled_is_named() -> None:
    with pytest.raises(ValueError, match=r"No instruction 'keywords:none'"):
        rules_for("keywords:none", {})
    with pytest.raises(ValueError, match="needs 'num_words'"):
        rules_for("length_constraints:number_words", {"relation": "at least", "num_words": None})
    with pytest.raises(ValueError, match="neither 'less than' nor 'at least'"):
        rules_for("length_constraints:number_words", {"relation": "about", "num_words": 3})


def test_the_same_seed_changes_an_answer_in_the_same_ways() -> None:
    name, kwargs = TOLD[1]

    assert list(mutations(name, kwargs, "One, two.", 7)) == list(mutations(name, kwargs, "One, two.", 7))
    assert list(mutations(name, kwargs, "One, two.", 7)) != list(mutations(name, kwargs, "One, two.", 8))


def test_pairs_are_made_until_there_are_enough() -> None:
    told = [(name, kwargs, "") for name, kwargs in TOLD]

    assert len(list(cases(told, ["One.", "Two, three."], 3_000))) >= 3_000


def test_arguments_that_the_checker_draws_at_random_are_known() -> None:
    assert random_arguments("keywords:letter_frequency", {"letter": "#"})
    assert not random_arguments("keywords:letter_frequency", {"letter": "E"})
    assert not random_arguments("punctuation:no_comma", {})


@pytest.mark.skipif(not DATA.exists(), reason="the shared development data is not here")
def test_every_prompt_of_the_development_data_compiles() -> None:
    for line in DATA.read_text("utf-8").splitlines():
        doc = json.loads(line)
        for rule in rules_of(doc["instruction_id_list"], doc["kwargs"], doc["prompt"]):
            decode(rule).build()
