"""Rules within rules as a policy has them: each checked where it stands, kept whole, and looked into."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from tests.pipeline.worlds import CAPS

from steady.policy.editor import json_schema
from steady.policy.load import check_file, load, parse
from steady.policy.resolve import from_bytes, resolve
from steady.policy.resolved import Target
from steady.rules.compose import Compound

HEAD = "steady: 1\nname: p\nmodel: s/m\nrules:\n"
TARGET = Target(provider="s", model="m", capabilities=CAPS)


def problems(folder: Path, rules: str) -> list[str]:
    path = folder / "p.yaml"
    path.write_text(HEAD + rules)
    return [str(problem).removeprefix(f"{path}:") for problem in check_file(path)]


NESTED = """  - rule: any
    of:
      - {rule: contians, all: [x]}
      - rule: regex
        pattern: "(?=x)"
      - {rule: length, words: {max: 3}, on_fail: filter}
      - rule: not
        of:
          rule: contains
          al: [x]
      - {use: house}
      - 3
      - {rule: json_schema, schema: missing.json}
"""


def test_what_is_wrong_within_a_rule_is_told_at_its_own_line(tmp_path: Path) -> None:
    told = problems(tmp_path, NESTED)

    wanted = [
        "7: rules[0].of[0].rule: no rule 'contians'. Did you mean 'contains'?",
        "9: rules[0].of[1].pattern: `pattern` is not a linear-time pattern",
        "10: rules[0].of[2].on_fail: is said once, of the rule around it",
        "14: rules[0].of[3].of.al: no field 'al'. Did you mean 'all'?",
        "15: rules[0].of[4].use: a shared list can't stand within a rule.",
        "16: rules[0].of[5]: must be a mapping, not the number 3.",
        "17: rules[0].of[6].schema: the schema can't be used",
    ]
    assert len(told) == len(wanted)
    assert all(one.startswith(start) for one, start in zip(told, wanted, strict=True)), told


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("{rule: all}", "the key 'of' is missing"),
        ("{rule: all, of: []}", "rules[0].of: `of` is empty"),
        ("{rule: not, of: [{rule: contains, any: [x]}]}", "rules[0].of: must be a mapping"),
        ("{rule: when, then: {rule: contains, any: [x]}}", "the key 'if' is missing"),
        ("{rule: when, if: {rule: contains, any: [x]}, then: {}}", "rules[0].then: a rule needs `rule: NAME`"),
        ("{rule: not, of: {rule: ends_with, text: x}, on_fail: fix}", "rule 'not' has no fix"),
        ("{rule: all, of: [{rule: excludes, terms: [x]}], on_fail: fix}", "rule 'all' has no fix"),
        ("{rule: any, of: [{rule: length, words: {min: 3, max: 2}}]}", "rules[0].of[0].words"),
        ("{rule: all, of: [{rule: contains, all: [lava]}, {rule: excludes, terms: [lava]}]}",
         "rules[0].of[1]: excludes what rule"),
        ("{rule: all, of: [{rule: all, of: [{rule: contains, all: [lava]}]}]}\n  - {rule: excludes, terms: [lava]}",
         "rules[1]: excludes what rule 'all' requires"),
        ("{rule: python, function: f, on_fail: custom}", "`custom` is not for rule 'python'"),
    ],
)  # fmt: skip
def test_contradictions_and_gaps_within_rules_are_told(tmp_path: Path, rule: str, said: str) -> None:
    told = problems(tmp_path, f"  - {rule}\n")

    assert any(said in one for one in told), told


def test_what_only_one_of_several_rules_requires_contradicts_nothing(tmp_path: Path) -> None:
    either = "{rule: any, of: [{rule: contains, all: [lava]}, {rule: contains, all: [rock]}]}"

    assert problems(tmp_path, f"  - {either}\n  - {{rule: excludes, terms: [lava]}}\n") == []


def test_a_schema_file_within_a_rule_is_inlined(tmp_path: Path) -> None:
    (tmp_path / "city.json").write_text('{"type": "object", "required": ["city"]}')
    path = tmp_path / "p.yaml"
    path.write_text(HEAD + "  - {rule: not, of: {rule: json_schema, schema: city.json}}\n")
    (rule,) = load(path).rules

    assert isinstance(rule, Compound)
    assert rule.parts["of"].schema == {"type": "object", "required": ["city"]}  # type: ignore[attr-defined]


RULES: list[dict[str, Any]] = [
    {
        "rule": "when",
        "if": {"rule": "any", "of": [{"rule": "contains", "any": ["a"]}, {"rule": "python", "function": "f"}]},
        "if_on": "input",
        "then": {"rule": "all", "of": [{"rule": "no_pii", "kinds": ["email"]}, {"rule": "json"}]},
        "else": {"rule": "not", "of": {"rule": "regex", "pattern": "x"}},
        "on_fail": "fix",
    }
]


def test_a_kept_policy_holds_every_field_of_rules_within_rules_and_none_that_they_do_not_take() -> None:
    """A default that a later version changes must not change what a kept policy means, at any depth."""
    loaded = parse({"steady": 1, "name": "p", "model": "s/m", "rules": [{**RULES[0], "on_fail": "filter"}]})
    made = resolve(loaded, target=TARGET)
    kept = json.loads(made.canonical)["rules"][0]

    assert kept["else"]["of"] == {"full": False, "pattern": "x", "rule": "regex"}
    assert kept["if"]["of"][1] == {
        "asks": "", "function": "f", "on_error": "fail", "rule": "python", "timeout": "10s"
    }  # fmt: skip
    assert kept["then"]["of"][0]["kinds"] == ["email"] and "on_fail" not in kept["then"]
    again = from_bytes(made.canonical)
    assert again.hash == made.hash and again.rules[0].rule.is_pure() is False
    assert [place for place, _ in again.rules[0].rule.places()] == ["if", "then", "else"]  # type: ignore[attr-defined]


def test_editors_complete_rules_within_rules() -> None:
    validator = jsonschema_rs.validator_for(json_schema("policy"))
    policy = {"steady": 1, "name": "p", "rules": RULES}

    assert validator.is_valid(policy)
    assert not validator.is_valid({**policy, "rules": [{"rule": "not", "of": {"rule": "nothing"}}]})
    assert not validator.is_valid({**policy, "rules": [{"rule": "any", "of": [{"rule": "length", "wrds": {}}]}]})


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ({"args": {"on_fail": "filter"}, "on_fail": "reask"}, "says on_fail 'filter', and the rule says 'reask'"),
        ({"args": {"regex": "x", "on_fail": "custom"}}, "name a function"),
        ({"args": {"regex": "x", "on_fail": "explode"}}, "Legal: reask, fix, filter"),
        ({"args": {"regex": "x", "on_fail": 3}}, "that can't be taken over"),
    ],
)  # fmt: skip
def test_an_on_fail_of_guardrails_that_can_not_be_taken_over_is_refused(item: dict[str, Any], said: str) -> None:
    with pytest.raises(Exception, match="rules") as caught:
        parse({"steady": 1, "name": "p", "rules": [{"rule": "guardrails", "validator": "json.decoder:X", **item}]})
    assert said in str(caught.value) and "rules[0].args" in str(caught.value)


@pytest.mark.parametrize("more", [{}, {"on_fail": "noop"}])
def test_an_on_fail_of_guardrails_becomes_the_rules(more: dict[str, str]) -> None:
    item = {"rule": "guardrails", "validator": "json.decoder:X", "args": {"regex": "x", "on_fail": "noop"}, **more}
    (rule,) = parse({"steady": 1, "name": "p", "rules": [item]}).rules

    assert (rule.on_fail, rule.args) == ("noop", {"regex": "x"})  # type: ignore[attr-defined]
