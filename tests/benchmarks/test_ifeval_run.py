"""IFEval's rows, through the real pipeline with a scripted model: what each part may do, and what is counted."""

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from benchmarks.ifeval.checker import Pair
from benchmarks.ifeval.pool import Recorded
from benchmarks.ifeval.run import (
    MOST,
    ROWS,
    Given,
    Prompt,
    answers,
    judge,
    policy_of,
    read_prompts,
    resolved,
)

from steady.providers.capabilities import capabilities
from steady.providers.scripted import ScriptedProvider

ABLE = capabilities("embedded", "m")
DATA = Path(__file__).parents[3] / "shared" / "data" / "ifeval.jsonl"
NO_COMMA = Prompt(1, "Say it without commas.", ("punctuation:no_comma",), ({},))
ENDS = Prompt(2, "Say it. End with: The end.", ("startend:end_checker",), ({"end_phrase": "The end."},))


def lines(count: int) -> str:
    rows = [{"key": n, "prompt": f"p{n}", "instruction_id_list": ["a:b"], "kwargs": [{}]} for n in range(count)]
    return "".join(json.dumps(row) + "\n" for row in rows)


async def given(row: str, prompt: Prompt, script: Sequence[Any], tmp_path: Path) -> tuple[Given, ScriptedProvider]:
    model = ScriptedProvider(list(script), capabilities=ABLE)
    recorded = Recorded(tmp_path / "pool.jsonl", model)
    try:
        (one,) = await answers(row, [prompt], recorded)
    finally:
        await recorded.aclose()
    return one, model


def no_comma(pairs: list[Pair]) -> list[list[bool]]:
    return [["," not in pair.answer] for pair in pairs]


def test_the_short_run_takes_prompts_evenly_and_always_the_same(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text(lines(279))
    some = [prompt.key for prompt in read_prompts(path, 60)]
    assert len(set(some)) == 60
    assert {b - a for a, b in pairwise(some)} == {4, 5}
    assert len(read_prompts(path, None)) == 279
    assert [prompt.key for prompt in read_prompts(path, 500)] == list(range(279))


def test_every_prompt_has_a_root_seed_of_its_own() -> None:
    roots = [Prompt(key, "", (), ()).root for key in range(300)]
    assert len(set(roots)) == 300
    assert all(0 <= root < 2**31 for root in roots)


def test_each_row_adds_one_part_to_the_row_before_it() -> None:
    kept = [ROWS[name][1:] for name in ROWS if name not in ("bare", "oracle")]
    for before, after in pairwise(kept):
        assert sum(after) == sum(before) + 1
        assert all(b or not a for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("name", [name for name in ROWS if name not in ("bare", "oracle")])
def test_no_policy_takes_more_than_eight_candidates_or_lets_a_broken_answer_out(name: str) -> None:
    policy = policy_of(ROWS[name], NO_COMMA)
    assert policy["candidates"]["max"] == MOST == 8
    assert {rule["on_fail"] for rule in policy["rules"]} <= {"fix", "filter", "fix_reask", "reask"}
    assert "otherwise" not in policy


def test_without_prevention_the_model_is_told_nothing() -> None:
    policy = resolved(ROWS["fix"], ENDS, ABLE)
    assert policy.target.capabilities.grammar == "none"
    assert not policy.target.capabilities.json_schema
    assert not {"stop", "logit_bias"} & set(policy.target.capabilities.params)
    assert resolved(ROWS["prevent"], ENDS, ABLE).target.capabilities == ABLE


def test_the_policy_asks_for_what_the_instruction_says_and_no_fix_may_add_to_it() -> None:
    prompt = Prompt(4, "x", ("detectable_format:json_format", "detectable_format:constrained_response"), ({}, {}))
    first, second = policy_of(ROWS["steady"], prompt)["rules"]
    assert (first["rule"], first["type"], first["repair"]) == ("json", "object", "form_only")
    assert (second["rule"], second["repair"]) == ("one_of", "none")


def test_what_would_write_content_is_never_a_fix() -> None:
    """An end phrase or a repeated request that a fix adds would be content, not form."""
    kinds = ("startend:end_checker", "combination:repeat_prompt", "change_case:english_lowercase")
    prompt = Prompt(5, "x", kinds, ({"end_phrase": "the end"}, {"prompt_to_repeat": "say it"}, {}))
    actions = {rule["rule"]: rule["on_fail"] for rule in policy_of(ROWS["fix"], prompt)["rules"]}
    assert {name for name, action in actions.items() if action == "fix"} == {"case"}
    assert {"ends_with", "starts_with"} <= {name for name, action in actions.items() if action == "filter"}


async def test_the_bare_model_is_asked_once_and_greedily(tmp_path: Path) -> None:
    one, model = await given("bare", NO_COMMA, ["a, b"], tmp_path)
    assert (one.texts, one.raw, one.ruled) == (("a, b",), "a, b", False)
    (call,) = model.calls
    assert call.body["temperature"] == 0
    assert call.body["messages"] == [{"role": "user", "content": NO_COMMA.text}]


async def test_the_oracle_chooses_among_the_very_draws_of_the_choosing_row(tmp_path: Path) -> None:
    """Else the table would compare two luckier or less lucky sets of draws."""
    script = [f"draw {n}, no more" for n in range(MOST)]
    chosen, choosing = await given("choose", NO_COMMA, script, tmp_path)
    assert len(choosing.calls) == MOST
    best, asked = await given("oracle", NO_COMMA, ["never said"], tmp_path)
    assert asked.calls == [], "all its draws were recorded by the row before"
    assert sorted(best.texts) == sorted(script)
    assert not chosen.released


async def test_choosing_stops_at_the_first_answer_that_passes(tmp_path: Path) -> None:
    one, model = await given("choose", NO_COMMA, ["a, b", "c, d", "e f", "g"], tmp_path)
    assert one.texts == ("e f",)
    assert len(model.calls) == len(one.said) == 3
    assert one.released and not one.fixes


async def test_a_form_fix_is_counted_and_what_it_decided_is_told(tmp_path: Path) -> None:
    one, model = await given("fix", NO_COMMA, ["a, b"], tmp_path)
    assert len(model.calls) == 1
    assert one.raw == "a, b"
    assert "," not in one.texts[0]
    assert one.fixes == ("no_comma",)
    assert not one.invented
    (found,) = judge([one], no_comma)
    assert found.passed and found.decided


async def test_a_fix_that_was_not_needed_decides_nothing(tmp_path: Path) -> None:
    one, _ = await given("fix", NO_COMMA, ["a b"], tmp_path)
    (found,) = judge([one], no_comma)
    assert found.passed and not found.decided and not found.fixes


def test_a_fix_of_what_the_checker_takes_either_way_decides_nothing() -> None:
    one = Given(NO_COMMA, ("a b",), (), raw="a  b", ruled=True, fixes=("no_comma",))
    (found,) = judge([one], no_comma)
    assert found.passed and found.fixes and not found.decided


async def test_without_a_form_to_write_all_rows_may_write_as_much(tmp_path: Path) -> None:
    for name in ("bare", "choose", "fix"):
        _, model = await given(name, NO_COMMA, ["a b"], tmp_path / name)
        assert model.calls[0].body["max_tokens"] == 700


async def test_prevention_is_asked_of_the_model(tmp_path: Path) -> None:
    _, model = await given("prevent", ENDS, ["Well. The end."], tmp_path)
    _, plain = await given("fix", ENDS, ["Well. The end."], tmp_path)
    assert model.calls[0].body.get("grammar"), "the provider takes grammars"
    assert "grammar" not in plain.calls[0].body


async def test_where_nothing_passes_the_answer_that_breaks_the_fewest_rules_is_judged_and_told_apart(
    tmp_path: Path,
) -> None:
    prompt = Prompt(3, "x", (*NO_COMMA.kinds, *ENDS.kinds), (*NO_COMMA.kwargs, *ENDS.kwargs))
    script = ["a, b", "a, b", "a b", *["a, b"] * 5]
    one, model = await given("choose", prompt, script, tmp_path)
    assert len(model.calls) == MOST
    assert one.texts == ("a b",)
    assert not one.released


async def test_a_prompt_that_makes_no_policy_counts_as_broken_and_stops_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another part of the data may hold an instruction that is not known, or two that contradict each other."""
    one, model = await given("vary", Prompt(9, "x", ("no:such",), ({},)), ["a"], tmp_path)
    assert (one.texts, one.released, model.calls) == (("",), False, [])
    assert "prompt 9: there is no policy for it" in capsys.readouterr().err


def test_the_oracle_takes_the_text_that_follows_most() -> None:
    prompt = Prompt(1, "x", ("a:b", "c:d"), ({}, {}))
    one = Given(prompt, ("neither", "one", "both"), ())

    def count(pairs: list[Pair]) -> list[list[bool]]:
        return [{"one": [True, False], "both": [True, True]}.get(pair.answer, [False, False]) for pair in pairs]

    (found,) = judge([one], count)
    assert found.followed == (True, True)
    assert found.released


@pytest.mark.skipif(not DATA.exists(), reason="../shared/data is not here")
def test_every_prompt_of_the_data_makes_a_policy_that_loads() -> None:
    for prompt in read_prompts(DATA, None)[::9]:
        for name in ("choose", "steady"):
            assert resolved(ROWS[name], prompt, ABLE).rules
