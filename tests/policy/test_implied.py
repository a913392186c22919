"""What an output implies, with the real rules; and what a fallback must satisfy."""

from typing import Any

import pytest

from steady.errors import ConfigError
from steady.policy.document import Policy
from steady.policy.implied import implied_rule
from steady.policy.load import parse
from steady.policy.resolve import from_bytes, resolve
from steady.policy.resolved import Resolved, Target
from steady.rules.json_schema import JsonSchema
from steady.rules.json_text import Json
from steady.rules.rule import Rule
from steady.rules.values import OneOf, Range
from steady.types import Capabilities

TARGET = Target(provider="local", model="m", capabilities=Capabilities(params=()))
SCHEMA = {"type": "object", "properties": {"why": {"type": "string"}, "a": {"type": "integer"}}, "required": ["a"]}


def policy(output: dict[str, Any], **more: Any) -> Policy:
    return parse({"steady": 1, "name": "x", "output": output, **more}).policy


def implied(output: dict[str, Any], **more: Any) -> Rule | None:
    return implied_rule(policy(output, **more))


def resolved(**more: Any) -> Resolved:
    return resolve(parse({"steady": 1, "name": "x", **more}), target=TARGET)


def told(**more: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        resolved(**more)
    return str(caught.value)


def test_each_kind_implies_its_rule() -> None:
    assert implied({"kind": "text"}) is None
    assert implied({"kind": "label", "labels": ["a", "b"]}) == OneOf(
        values=("a", "b"), id="output", on_fail="fix_reask"
    )
    assert implied({"kind": "json", "schema": SCHEMA}) == JsonSchema(schema=SCHEMA, id="output", on_fail="fix_reask")
    assert implied({"kind": "json"}) == Json(id="output", on_fail="fix_reask")
    assert implied({"kind": "number"}) == Range(id="output", on_fail="fix_reask")


def test_what_a_fix_may_invent_is_handed_on() -> None:
    for output in ({"kind": "label", "labels": ["a"]}, {"kind": "json", "schema": SCHEMA}, {"kind": "json"}):
        rule = implied({**output, "repair": "form_only"})

        assert getattr(rule, "repair", None) == "form_only"


@pytest.mark.parametrize(
    ("repair", "on_fail", "most", "done"),
    [
        ("any", "fix", 1, "fix"),
        ("any", "fix_reask", 1, "fix_reask"),
        ("any", "reask", 4, "reask"),
        ("none", "fix", 4, "filter"),
        ("none", "fix_reask", 4, "reask"),
        ("none", "fix_reask", 1, "filter"),
        ("none", "exception", 1, "exception"),
        ("form_only", "fix", 1, "fix"),
    ],
)
def test_where_no_fix_can_be_made_the_next_best_is_done(repair: str, on_fail: str, most: int, done: str) -> None:
    output = {"kind": "json", "schema": SCHEMA, "repair": repair, "on_fail": on_fail}
    rule = implied(output, candidates={"max": most})

    assert rule is not None
    assert rule.on_fail == done


def test_the_implied_rule_comes_first_and_is_kept() -> None:
    there = resolved(output={"kind": "json", "schema": SCHEMA}, rules=[{"rule": "no_secrets"}])

    assert [bound.rule.key for bound in there.rules] == ["output", "no_secrets"]
    assert from_bytes(there.canonical).rules[0].rule == there.rules[0].rule


def test_a_schemas_order_reaches_the_rule_and_its_replay() -> None:
    there = resolved(output={"kind": "json", "schema": SCHEMA})
    constraint = there.rules[0].rule.constraint()

    assert constraint is not None
    assert list((constraint.json_schema or {})["properties"]) == ["why", "a"]


def test_an_output_that_is_no_text_does_not_stream_live() -> None:
    plan = resolved(output={"kind": "number", "on_fail": "exception"}).plan

    assert plan.why[0] == "an output of kind number is judged whole"


@pytest.mark.parametrize(
    ("output", "value"),
    [
        ({"kind": "label", "labels": ["a", "b"]}, "b"),
        ({"kind": "json", "schema": SCHEMA}, {"a": 1}),
        ({"kind": "json"}, [1, None]),
        ({"kind": "number"}, 2.5),
        ({"kind": "text"}, "anything"),
    ],
)
def test_a_fallback_that_satisfies_the_output_loads(output: dict[str, Any], value: Any) -> None:
    assert resolved(output=output, otherwise={"do": "value", "value": value}).doc.otherwise.value == value


@pytest.mark.parametrize(
    ("output", "value"),
    [
        ({"kind": "label", "labels": ["a", "b"]}, "c"),
        ({"kind": "label", "labels": ["a", "b"]}, 3),
        ({"kind": "json", "schema": SCHEMA}, {"a": "x"}),
        ({"kind": "json", "schema": SCHEMA}, None),
        ({"kind": "number"}, "many"),
        ({"kind": "number"}, [1]),
        ({"kind": "text"}, 3),
    ],
)
def test_a_fallback_that_breaks_the_output_is_told(output: dict[str, Any], value: Any) -> None:
    assert "<dict>: otherwise.value: " in told(output=output, otherwise={"do": "value", "value": value})


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ({"kind": "label"}, "output: kind label needs `labels`"),
        ({"kind": "label", "labels": []}, "output: kind label needs `labels`"),
        ({"kind": "label", "labels": ["a", "a"]}, "output.labels[1]: the label 'a' is there twice."),
        ({"kind": "label", "labels": ["a", " "]}, "output.labels[1]: ' ' is empty"),
        ({"kind": "label", "labels": [f"l{i}" for i in range(1001)]}, "output.labels: "),
        ({"kind": "json", "schema": {"type": "objekt"}}, "output.schema: "),
        ({"kind": "json", "schema": {"$ref": "http://x.test/a.json"}}, "output.schema: "),
        ({"kind": "json", "on_fail": "reask"}, "output.on_fail: `reask` asks again"),
    ],
)
def test_an_output_that_can_not_be_met_is_told(output: dict[str, Any], message: str) -> None:
    assert f"<dict>: {message}" in told(output=output)


def test_no_rule_may_take_the_implied_rules_id() -> None:
    message = told(output={"kind": "number"}, rules=[{"rule": "no_secrets", "id": "output"}])

    assert "two rules have the id 'output': this one and the rule that `output` implies" in message
    assert resolved(rules=[{"rule": "no_secrets", "id": "output"}])


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ([{"rule": "regex", "pattern": "(a"}], "rules[0].pattern: "),
        ([{"rule": "not_regex", "pattern": "(?=a)b"}], "rules[0].pattern: "),
        ([{"rule": "length", "words": {"min": 5, "max": 3}}], "rules[0].words.min: "),
        ([{"rule": "excludes", "terms": ["a"], "on_fail": "fix"}], "rules[0].on_fail: 'fix' needs `replace`"),
        ([{"rule": "regex", "pattern": "a", "on_fail": "fix"}], "rules[0].on_fail: rule 'regex' has no fix"),
        (
            [{"rule": "not_regex", "pattern": "(?i)bye"}, {"rule": "ends_with", "any": ["Bye.", "Bye!"]}],
            "rules[0]: excludes what rule 'ends_with' requires ('Bye.')",
        ),
        (
            [{"rule": "excludes", "terms": ["refund"]}, {"rule": "contains", "all": ["Refund policy"]}],
            "rules[0]: excludes what rule 'contains' requires ('Refund policy')",
        ),
    ],
)
def test_real_rules_that_can_not_be_kept_are_told(rules: list[dict[str, Any]], message: str) -> None:
    assert f"<dict>: {message}" in told(rules=rules)
