"""Guards of Guardrails AI as policies: Python, JSON and RAIL; the validators themselves are run beside."""

import asyncio
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from steady.migration.draft import Translated
from steady.migration.translate import translate
from steady.pipeline.outside import CLOSED
from steady.pipeline.world import Live, SystemClock
from steady.policy.load import parse
from steady.policy.presets import BUILT_IN
from steady.policy.resolved import Resolved
from steady.policy.yaml_marks import read_yaml
from steady.rules.guardrails import silenced
from steady.studies.checking import check
from steady.studies.golden import over_anything
from steady.types import Request


def made(folder: Path, name: str, source: str) -> Translated:
    (folder / name).write_text(source)
    return translate("guardrails", folder / name)


@lru_cache
def ready(text: str) -> Resolved:
    """Return a policy from the very text that is written."""
    return over_anything(parse(read_yaml(text, "made").data), BUILT_IN)


def passes(translated: Translated, text: str) -> bool:
    """Whether the imported policy lets a text through."""
    choice = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    request = Request(messages=({"role": "user", "content": "x"},))
    world = Live({}, SystemClock(), outside=CLOSED)
    return asyncio.run(check(request, choice, ready(translated.text), world, judge_input=False)).passed


TEXTS = ["", "A", "a", "Ab", "Abc", "abc", "ABC", "Ab c", "Abc\n", "\nAbc", "Abcd", "Ab1", "12", "A\u00e9b", "Abc. X"]


@pytest.mark.parametrize(
    "kwargs",
    [
        {"regex": "^[A-Z][a-z]*$"},
        {"regex": "[A-Z][a-z]+"},
        {"regex": "[A-Z][a-z]+", "match_type": "search"},
        {"regex": "^[A-Z][a-z]+$", "match_type": "search"},
        {"regex": r"c\Z", "match_type": "search"},
        {"regex": "b|12", "match_type": "fullmatch"},
    ],
)
def test_regex_match_decides_as_the_validator_does(tmp_path: Path, kwargs: dict[str, Any]) -> None:
    silenced()
    from guardrails_ai.regex_match import RegexMatch

    validator = {"id": "guardrails/regex_match", "on": "$", "onFail": "filter", "kwargs": kwargs}
    guard = {"name": "g", "validators": [validator]}
    translated, theirs = made(tmp_path, "g.json", json.dumps(guard)), RegexMatch(**kwargs)

    for text in TEXTS:
        assert passes(translated, text) is (theirs.validate(text, {}).outcome == "pass"), (kwargs, text)


@pytest.mark.parametrize("kwargs", [{"min": 1, "max": 3}, {"min": 2}, {"max": 3}])
def test_valid_length_decides_as_the_validator_does(tmp_path: Path, kwargs: dict[str, Any]) -> None:
    silenced()
    from guardrails_ai.valid_length import ValidLength

    source = f"guard = Guard().use(ValidLength({', '.join(f'{k}={v}' for k, v in kwargs.items())}, on_fail='filter'))"
    translated, theirs = made(tmp_path, "g.py", source), ValidLength(**kwargs)

    for text in [*TEXTS, "\U0001f600" * 3]:
        assert passes(translated, text) is (theirs.validate(text, {}).outcome == "pass"), (kwargs, text)


def test_a_guard_written_by_guardrails_itself_is_read(tmp_path: Path) -> None:
    silenced()
    from guardrails import Guard
    from guardrails_ai.valid_length import ValidLength

    guard = Guard(name="short").use(ValidLength(1, 9, on_fail="reask"))
    translated = made(tmp_path, "g.json", json.dumps(guard.to_dict()))

    assert translated.policy["rules"] == [
        {"rule": "length", "id": "valid-length", "characters": {"min": 1, "max": 9}, "on_fail": "reask"}
    ]


PYTHON = """\
from guardrails import Guard, OnFailAction
from guardrails.hub import CompetitorCheck, RegexMatch, ToxicLanguage, ValidLength

RIVALS = ["Apple", "Google"]
open("/tmp/never-run", "w")
guard = Guard(name="g").use(
    RegexMatch(regex="^A", match_type="search", on_fail=OnFailAction.REASK),
    ValidLength(1, 120, on_fail="fix"),
)
guard.use(CompetitorCheck(RIVALS), ToxicLanguage(threshold=0.5, on_fail="noop"))
guard.use(RegexMatch(regex=some_function()))
guard.use(RegexMatch, regex="z", match_type="search", on_fail="filter")
guard.use(RegexMatch("hack", "search", on_fail="filter"), on="messages")
other = Guard().use(ValidLength(max=2))
third = Guard.for_pydantic(Model)
answer = guard(model="gpt", num_reasks=3)
"""


def test_python_is_read_and_never_run(tmp_path: Path) -> None:
    translated = made(tmp_path, "config.py", PYTHON)
    rules = [
        (r["rule"].replace("excludes", "competitors"), r["on_fail"], r.get("on")) for r in translated.policy["rules"]
    ]

    assert rules == [
        ("regex", "reask", None),
        ("length", "fix", None),
        ("competitors", "exception", None),
        ("regex", "filter", None),
        ("regex", "refrain", ["input"]),
    ]
    assert translated.policy["candidates"] == {"max": 4}
    assert [(lost.line, lost.what) for lost in translated.lost] == [
        (10, "guardrails/toxic_language"),
        (11, "RegexMatch"),
        (14, "the guard 'other'"),
        (15, "Guard.for_pydantic"),
    ]
    assert not Path("/tmp/never-run").exists()


def test_a_validator_without_a_rule_of_its_own_is_taken_as_it_is_where_it_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its author's package is asked: here one under another name than those that are known."""
    from steady.migration import guards

    monkeypatch.setattr(guards, "_RULES", {})
    rule = made(tmp_path, "g.py", 'g = Guard().use(RegexMatch(regex="^A", on_fail="filter"))').policy["rules"][0]

    assert rule["rule"] == "guardrails" and rule["validator"] == "guardrails/regex_match"
    assert rule["args"] == {"regex": "^A"}


def test_names_and_foul_words_are_found_by_rules_and_it_says_that_no_model_looks(tmp_path: Path) -> None:
    translated = made(
        tmp_path,
        "g.py",
        "g = Guard().use(CompetitorCheck(['Acme'], on_fail='filter'), ProfanityFree(on_fail='filter'))",
    )

    assert not translated.lost and all("without a model" in note for note in translated.notes)
    assert passes(translated, "A fine answer.") and not passes(translated, "Buy from Acme instead.")
    assert not passes(translated, "This is fucking bad.")


def test_on_fail_words_carry_over_and_their_defaults_are_those_of_guardrails(tmp_path: Path) -> None:
    """A validator made in Python raises unless told otherwise; one in JSON or RAIL does nothing."""
    in_python = made(tmp_path, "g.py", "g = Guard().use(ValidLength(max=2))")
    in_json = made(tmp_path, "g.json", '{"name": "g", "validators": [{"id": "valid_length", "kwargs": {"max": 2}}]}')

    assert in_python.policy["rules"][0]["on_fail"] == "exception"
    assert in_json.policy["rules"][0]["on_fail"] == "noop"
    for word in ("reask", "filter", "refrain", "noop", "exception", "fix", "fix_reask"):
        told = made(tmp_path, "g.py", f"g = Guard().use(ValidLength(max=2, on_fail={word!r}))").policy["rules"][0]
        assert told["on_fail"] == word


def test_a_fix_that_makes_a_text_up_becomes_a_reask_and_a_function_is_named(tmp_path: Path) -> None:
    translated = made(
        tmp_path, "g.py", "g = Guard().use(RegexMatch('a', on_fail='fix'), ValidLength(max=2, on_fail=shorten))"
    )

    assert [r["on_fail"] for r in translated.policy["rules"]] == ["reask", "filter"]
    assert "makes a text up" in translated.notes[0] and "custom: shorten" in translated.lost[0].what


RAIL = """\
<rail version="0.1">
<messages><message role="user">Extract: {{document}}</message></messages>
<output>
  <string name="name" description="who" on-fail-guardrails_valid_length="reask"
          validators="hub://guardrails/valid_length: 1 {10}; two-words"/>
  <integer name="age" format="valid-range: 0 100" on-fail-valid-range="reask"/>
  <enum name="kind" values="a, b"/>
  <list name="tags" required="false"><string/></list>
  <object name="home"><string name="city"/></object>
</output>
</rail>
"""


def test_the_form_of_a_rail_becomes_the_schema_that_guardrails_makes_of_it(tmp_path: Path) -> None:
    silenced()
    from guardrails.schema.rail_schema import rail_string_to_schema

    plain = RAIL.replace("hub://guardrails/valid_length: 1 {10}; two-words", "").replace(
        'format="valid-range: 0 100"', ""
    )
    output = made(tmp_path, "r.rail", RAIL).policy["output"]
    theirs = rail_string_to_schema(plain).json_schema

    assert output["on_fail"] == "reask"
    assert output["schema"]["properties"]["name"].pop("maxLength") == 10
    assert output["schema"]["properties"]["name"].pop("minLength") == 1
    assert output["schema"]["properties"]["age"].pop("minimum") == 0
    assert output["schema"]["properties"]["age"].pop("maximum") == 100
    assert output["schema"] == json.loads(json.dumps(theirs))


def test_what_of_a_rail_is_not_translated_is_named_with_its_line(tmp_path: Path) -> None:
    lost = made(tmp_path, "r.rail", RAIL).lost

    assert [(item.line, item.what) for item in lost] == [(2, "<messages>"), (4, "guardrails/two_words on $.name")]


def test_a_rail_of_one_string_becomes_rules(tmp_path: Path) -> None:
    source = (
        '<rail version="0.1"><output type="string" validators="guardrails/regex_match: ^[A-Z].* search; one-line" '
        'on-fail-guardrails_regex_match="filter" on-fail-one-line="fix"/></rail>'
    )
    rules = made(tmp_path, "r.rail", source).policy["rules"]

    assert [(r["rule"], r["on_fail"]) for r in rules] == [("regex", "filter"), ("length", "fix")]


@pytest.mark.parametrize(
    ("name", "source", "word"),
    [
        ("g.py", "guard = Guard(", "no Python"),
        ("g.py", "x = 1", "no call of .use"),
        ("g.json", "[]", "a guard is an object"),
        ("r.rail", "<rail><output>", "no XML"),
        ("r.rail", "<rail/>", "no <output>"),
        ("r.rail", '<!DOCTYPE r [<!ENTITY a "b">]><rail><output type="string">&a;</output></rail>', "an entity"),
        ("r.rail", "<a>" * 70, "deeper"),
    ],
)
def test_what_is_no_guard_is_told_and_nothing_is_expanded(tmp_path: Path, name: str, source: str, word: str) -> None:
    assert any(word in str(lost) for lost in made(tmp_path, name, source).lost)
