"""plan: whose values hold, which rules a request brings, and what is noted."""

from typing import Any

import pytest
from tests.pipeline.worlds import draws, policy, question

from steady.errors import RequestError
from steady.pipeline.plan import Plan, plan
from steady.types import Options, Request, Sampling

SCHEMA = {"type": "object", "required": ["a"]}
TOOL = {"type": "function", "function": {"name": "send", "parameters": {"type": "object"}}}


def planned(resolved: Any, request: Request) -> Plan:
    return plan(request, resolved, request.messages)


def form(schema: Any = SCHEMA) -> dict[str, Any]:
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}}


def test_a_preset_wins_over_the_clients_sampling_and_says_so() -> None:
    made = planned(policy(sampling={"preset": "balanced"}), question(sampling=Sampling(temperature=1.9, top_p=0.2)))

    assert made.sampling.temperature != 1.9
    assert "temperature of the request was overridden by the policy" in made.notes
    assert "top_p of the request was overridden by the policy" in made.notes


def test_the_preset_client_keeps_the_clients_values() -> None:
    made = planned(policy({"rule": "no_pii"}), question(sampling=Sampling(temperature=1.9)))

    assert (made.sampling.temperature, made.notes) == (1.9, ())


def test_allowed_values_are_the_clients_to_change() -> None:
    resolved = policy(sampling={"preset": "balanced", "max_tokens": 10}, allow={"sampling": ["max_tokens"]})
    made = planned(resolved, question(sampling=Sampling(max_tokens=99)))

    assert (made.sampling.max_tokens, made.notes) == (99, ())


def test_what_is_no_part_of_the_distribution_stays_the_clients() -> None:
    made = planned(policy(sampling={"preset": "balanced"}), question(sampling=Sampling(stop=("x",), max_tokens=5)))

    assert (made.sampling.stop, made.sampling.max_tokens) == (("x",), 5)


def test_a_schema_of_the_request_is_a_rule_beside_the_policys() -> None:
    made = planned(policy({"rule": "no_pii"}), question(fields=form()))

    assert [b.rule.key for b in made.rules] == ["no_pii", "request_schema"]
    assert (made.kind, made.structured) == ("json", True)


def test_json_object_is_a_rule_too() -> None:
    made = planned(policy({"rule": "no_pii"}), question(fields={"response_format": {"type": "json_object"}}))

    assert [b.rule.key for b in made.rules] == ["no_pii", "request_json"]
    assert made.kind == "json"


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "send"}}])
def test_a_forced_tool_is_a_rule_too(choice: Any) -> None:
    made = planned(policy({"rule": "no_pii"}), question(fields={"tools": [TOOL], "tool_choice": choice}))

    assert [b.rule.key for b in made.rules] == ["no_pii", "request_tool"]
    assert (made.kind, made.structured) == ("tool_call", True)


@pytest.mark.parametrize(
    "fields",
    [
        {"response_format": {"type": "json_schema", "json_schema": {"schema": "none"}}},
        {"response_format": {"type": "json_schema"}},
        form({"type": "object", "$ref": "http://evil.test/schema"}),
        form({"type": "nothing-known"}),
    ],
)
def test_a_schema_that_cant_be_used_is_refused_by_its_field(fields: Any) -> None:
    with pytest.raises(RequestError) as caught:
        planned(policy({"rule": "no_pii"}), question(fields=fields))
    assert caught.value.param == "response_format"


def test_more_choices_than_can_be_made_are_refused() -> None:
    with pytest.raises(RequestError, match="at most 64") as caught:
        planned(policy({"rule": "no_pii"}), question(n=65))
    assert caught.value.param == "n"


@pytest.mark.parametrize(
    ("candidates", "n", "want"),
    [
        (draws(1), 1, (1, 1, 1)),
        (draws(2, 6), 1, (2, 6, 6)),
        (draws(2, 6), 4, (4, 6, 6)),
        (draws(2, 3), 5, (5, 5, 5)),
        (draws(1), 3, (3, 3, 3)),
    ],
)
def test_how_many_draws_are_made(candidates: Any, n: int, want: Any) -> None:
    made = planned(policy({"rule": "no_pii"}, candidates=candidates), question(n=n))

    assert (made.first, made.most, made.total) == want


def test_disclosure_changes_only_where_it_is_allowed() -> None:
    asked = question(options=Options(disclose={"place": "prefix", "when": "never"}))
    made = planned(policy({"rule": "no_pii"}, disclose={"place": "append"}, allow={"disclose": ["place"]}), asked)

    assert (made.disclose.place, made.disclose.when) == ("prefix", "always")
    assert made.notes == ("disclose.when of the request was overridden by the policy",)


def test_a_disclosure_that_does_not_exist_is_refused() -> None:
    asked = question(options=Options(disclose={"place": "footnote"}))

    with pytest.raises(RequestError) as caught:
        planned(policy({"rule": "no_pii"}, allow={"disclose": ["place"]}), asked)
    assert caught.value.param == "steady.disclose"


def test_a_label_policy_overrides_the_requests_format() -> None:
    resolved = policy(output={"kind": "label", "labels": ["a", "b"]})
    made = planned(resolved, question(fields={"response_format": {"type": "text"}, "user": "ann"}))

    assert made.fields == {"user": "ann"}
    assert "response_format of the request was overridden by the policy" in made.notes


def test_the_requests_schema_is_the_one_that_generation_is_asked_for() -> None:
    resolved = policy({"rule": "json_schema", "schema": {"type": "object"}})

    assert planned(resolved, question(fields=form())).constraint.json_schema == SCHEMA
