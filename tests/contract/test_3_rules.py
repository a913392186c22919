"""Contract, section 3: rules. Each test's name is a promise. Canaries: test_3_canaries.py."""

import json
from typing import Any

import jsonschema
import pytest
from tests.pipeline.worlds import BySlot, decided, draws, policy, question, tool_call, world

from steady.errors import ConfigError, RequestError
from steady.pipeline.run import run
from steady.policy.load import catalog
from steady.providers.scripted import ScriptedProvider
from steady.rules.json_schema import JsonSchema
from steady.rules.rule import Context
from steady.types import Outcome, Piece, Verdict

LAVA = {"rule": "excludes", "terms": ["lava"]}
EVERYWHERE = {"answer", "tool_arguments", "reasoning"}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "people": {"type": "integer"}},
    "required": ["city", "people"],
    "additionalProperties": False,
}


def called(arguments: str, **message: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": None, "tool_calls": [tool_call(arguments)], **message}


def verdicts(outcome: Outcome, rule: str) -> list[Verdict]:
    return [v for v in outcome.decision.verdicts if v.rule == rule]


def conversation(*turns: tuple[str, str]) -> Any:
    return question(messages=tuple({"role": role, "content": content} for role, content in turns))


# where a rule looks


@pytest.mark.parametrize("rule", ["no_secrets", "no_pii", "excludes"])
def test_secrets_pii_and_excluded_terms_look_everywhere_that_text_goes_out(rule: str) -> None:
    assert set(catalog()[rule].default_on) == EVERYWHERE


@pytest.mark.parametrize(
    "rule",
    ["length", "one_of", "range", "json", "json_schema", "starts_with", "ends_with", "regex", "language", "contains"],
)
def test_form_looks_at_the_answer_only(rule: str) -> None:
    assert set(catalog()[rule].default_on) == {"answer"}


@pytest.mark.parametrize(
    "message",
    [
        {"role": "assistant", "content": "hot lava"},
        called('{"what": "lava"}'),
        {"role": "assistant", "content": "fine", "reasoning_content": "lava, I think"},
        {"role": "assistant", "content": "fine", "thinking": {"text": "lava, I think"}},
    ],
)
async def test_an_excluded_term_is_found_wherever_it_would_go_out(message: dict[str, Any]) -> None:
    outcome = await decided(policy({**LAVA, "on_fail": "filter"}), [message])

    assert outcome.decision.action == "error"
    assert "lava" not in str(outcome.choices)


async def test_on_names_the_surfaces() -> None:
    message = {"role": "assistant", "content": "hot lava", "reasoning_content": "fine"}

    outcome = await decided(policy({**LAVA, "on": ["reasoning"], "on_fail": "filter"}), [message])

    assert outcome.decision.action == "answered"


async def test_a_text_rule_is_not_applicable_and_not_failed_where_there_is_no_text() -> None:
    rules = [
        {"rule": "length", "words": {"min": 5}, "on_fail": "filter"},
        {"rule": "language", "allow": ["en"], "on_fail": "filter"},
    ]

    outcome = await decided(policy(*rules), [called("{}")])

    assert outcome.decision.action == "answered"
    assert [verdicts(outcome, rule)[0].passed for rule in ("length", "language")] == [None, None]


# what a fix may touch


async def test_nothing_is_fixed_inside_tool_arguments_there_a_fix_becomes_a_reask() -> None:
    bad, good = called('{"what": "lava"}'), called('{"what": "stone"}')
    resolved = policy(
        {**LAVA, "replace": "stone", "on_fail": "fix"}, candidates={"max": 2}, sampling={"preset": "precise"}
    )
    provider = BySlot({(0, 0): bad, (0, 1): good, (1, 0): bad})

    outcome = await decided(resolved, provider)

    assert [provider.place(call) for call in provider.calls] == [(0, 0), (0, 1)]
    assert outcome.choices[0]["message"]["tool_calls"] == good["tool_calls"]
    assert all(not v.edits for v in outcome.decision.verdicts)


async def test_arguments_that_no_reask_mends_are_never_released() -> None:
    resolved = policy({**LAVA, "replace": "stone", "on_fail": "fix"}, candidates={"max": 3})

    outcome = await decided(resolved, ScriptedProvider([called('{"what": "lava"}')]))

    assert outcome.decision.action == "error"


async def test_signed_reasoning_that_fails_is_withheld_whole() -> None:
    """Its signature covers every character: changed, the vendor would refuse the next turn."""
    blocks = [
        {"type": "thinking", "thinking": "hot lava", "signature": "s1g"},
        {"type": "thinking", "thinking": "cold stone", "signature": "s2g"},
    ]
    message = {"role": "assistant", "content": "fine", "thinking_blocks": blocks}

    outcome = await decided(policy({**LAVA, "replace": "stone", "on_fail": "fix"}), [message])

    assert outcome.choices[0]["message"]["thinking_blocks"] == blocks[1:]
    assert outcome.choices[0]["message"]["content"] == "fine"


async def test_reasoning_without_a_signature_is_fixed() -> None:
    message = {"role": "assistant", "content": "fine", "reasoning_content": "hot lava"}

    outcome = await decided(policy({**LAVA, "replace": "stone", "on_fail": "fix"}), [message])

    assert outcome.choices[0]["message"]["reasoning_content"] == "hot stone"


async def test_ids_and_signatures_travel_untouched() -> None:
    message = {
        "role": "assistant",
        "content": "hot lava",
        "tool_calls": [tool_call("{}", id="lava_1")],
        "thinking_blocks": [{"type": "thinking", "thinking": "fine", "signature": "lava"}],
    }

    outcome = await decided(policy({**LAVA, "replace": "stone", "on_fail": "fix"}), [message])

    released = outcome.choices[0]["message"]
    assert released["content"] == "hot stone"
    assert released["tool_calls"][0]["id"] == "lava_1"
    assert released["thinking_blocks"] == message["thinking_blocks"]


# what a fix may invent


def forms(repair: str = "any", schema: dict[str, Any] = SCHEMA) -> Any:
    return policy(output={"kind": "json", "schema": schema, "repair": repair, "on_fail": "fix"})


CHOICE = {
    "type": "object",
    "properties": {"size": {"enum": ["small", "large"]}, "unit": {"type": "string", "default": "cm"}},
    "required": ["size", "unit"],
}
INVENTING = [
    ('{"city": "Paris", "people": "2"}', SCHEMA, {"city": "Paris", "people": 2}),  # a coerced number
    ('{"size": "Small", "unit": "cm"}', CHOICE, {"size": "small", "unit": "cm"}),  # a snapped enum
    ('{"size": "small"}', CHOICE, {"size": "small", "unit": "cm"}),  # a default
    ('{"people": 2, "city": "Paris"', SCHEMA, {"city": "Paris", "people": 2}),  # a closed bracket
]


@pytest.mark.parametrize(("said", "schema", "given"), INVENTING)
async def test_a_fix_that_adds_a_value_is_marked_invented(said: str, schema: dict[str, Any], given: Any) -> None:
    outcome = await decided(forms(schema=schema), [said])

    assert json.loads(outcome.choices[0]["message"]["content"]) == given
    assert any(edit.invented for v in outcome.decision.verdicts for edit in v.edits)


@pytest.mark.parametrize(("said", "schema", "given"), INVENTING)
async def test_a_fix_that_adds_a_value_can_be_forbidden(said: str, schema: dict[str, Any], given: Any) -> None:
    outcome = await decided(forms("form_only", schema), [said])

    assert outcome.decision.action == "error"


async def test_form_only_still_mends_form() -> None:
    outcome = await decided(forms("form_only"), ['Here you are: ```json\n{"city": "Paris", "people": 2,}\n```'])

    assert json.loads(outcome.choices[0]["message"]["content"]) == {"city": "Paris", "people": 2}
    assert not any(edit.invented for v in outcome.decision.verdicts for edit in v.edits)


@pytest.mark.parametrize("said", ['{"names": ["Ann", "Bo', '{"names": ["Ann", "Bo"', '["Ann", "B', '{"names": ["Ann",'])
@pytest.mark.parametrize("why", ["length", "stop"])
async def test_cut_off_strings_and_arrays_are_never_closed_into_a_shorter_valid_answer(said: str, why: str) -> None:
    names = {"type": "array", "items": {"type": "string"}}
    schema = {"anyOf": [names, {"type": "object", "properties": {"names": names}}]}
    line = {"message": {"role": "assistant", "content": said}, "finish_reason": why}

    outcome = await decided(forms(schema=schema), [line])

    assert outcome.decision.action == "error"


# rounds


async def test_after_any_fix_all_rules_run_again() -> None:
    """The replacement is itself what the other rule forbids, and that rule stands before."""
    rules = [
        {"rule": "excludes", "id": "no-stone", "terms": ["stone"], "on_fail": "filter"},
        {**LAVA, "replace": "stone", "on_fail": "fix"},
    ]

    outcome = await decided(policy(*rules), ["hot lava"])

    assert outcome.decision.action == "error"
    assert "stone" not in str(outcome.choices)


async def test_fixes_that_undo_each_other_end_and_release_nothing_that_fails() -> None:
    rules = [
        {"rule": "excludes", "id": "a", "terms": ["lava"], "replace": "stone", "on_fail": "fix"},
        {"rule": "excludes", "id": "b", "terms": ["stone"], "replace": "lava", "on_fail": "fix"},
    ]

    outcome = await decided(policy(*rules), ["hot lava"])

    assert outcome.decision.action == "error"


@pytest.mark.parametrize(("bound", "most"), [({"max": 3}, 3), ({"max": 9, "budget": {"tokens": 300}}, 8)])
async def test_reasks_count_as_candidates_against_max_and_budget(bound: dict[str, Any], most: int) -> None:
    body = {
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "lava"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 40, "completion_tokens": 40},
    }
    provider = ScriptedProvider([body])

    outcome = await decided(policy({**LAVA, "on_fail": "reask"}, candidates=bound), provider)

    assert 1 < len(provider.calls) <= most
    assert outcome.total.prompt + outcome.total.completion == 80 * len(provider.calls) <= 300


# JSON Schema

REMOTE = {"$ref": "http://127.0.0.1:9/schema.json"}
DEEP: dict[str, Any] = {}
for _ in range(70):
    DEEP = {"properties": {"a": DEEP}}
UNSAFE = [
    REMOTE,
    {"properties": {"a": {"$ref": "file:///etc/passwd"}}},
    {"$schema": "http://127.0.0.1:9/draft", "type": "object"},
    DEEP,
    {"enum": ["x" * 300_000]},
    {"type": "string", "pattern": "(a+)+\\1$"},
    {"type": "string", "pattern": "a" * 1_001},
]


@pytest.mark.parametrize("schema", UNSAFE, ids=range(len(UNSAFE)))
def test_no_ref_is_fetched_and_size_depth_and_patterns_are_capped_in_a_policys_schema(schema: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        policy(output={"kind": "json", "schema": schema})


@pytest.mark.parametrize("schema", UNSAFE, ids=range(len(UNSAFE)))
async def test_no_ref_is_fetched_and_size_depth_and_patterns_are_capped_in_a_clients_schema(
    schema: dict[str, Any],
) -> None:
    provider = ScriptedProvider(["{}"])
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}

    with pytest.raises(RequestError) as refused:
        await run(question(fields={"response_format": form}), policy(LAVA), world(provider))

    assert refused.value.param == "response_format"
    assert provider.calls == []


DIFFER = [  # jsonschema says one thing, the compiled engine another
    ({"type": "number", "multipleOf": 0.01}, "19.99"),
    ({"type": "string", "pattern": "^a$"}, '"a\\n"'),
    ({"type": "string", "pattern": "^\\d$"}, '"٣"'),
]


@pytest.mark.parametrize(("schema", "text"), DIFFER)
def test_where_the_two_engines_differ_the_compiled_one_decides(schema: dict[str, Any], text: str) -> None:
    import jsonschema_rs

    value = json.loads(text)
    compiled = jsonschema_rs.validator_for(schema).is_valid(value)
    found = JsonSchema(schema=schema).build().judge(Piece("answer", (), text), Context())

    assert jsonschema.Draft202012Validator(schema).is_valid(value) is not compiled
    assert found.passed is compiled


# input

ASKED = {**LAVA, "on": ["input"], "on_fail": "filter"}


@pytest.mark.parametrize(
    ("turns", "refused"),
    [
        ([("user", "lava")], True),
        ([("user", "lava"), ("assistant", "no"), ("user", "fine")], False),
        ([("user", "fine"), ("assistant", "lava"), ("user", "fine")], False),
        ([("user", "x"), ("assistant", "y"), ("user", "lava"), ("user", "fine")], True),
        ([("user", "x"), ("assistant", "y"), ("tool", "lava")], True),
        ([("system", "never say lava"), ("user", "fine")], False),
        ([("developer", "never say lava"), ("user", "fine")], False),
    ],
)
async def test_input_rules_look_at_what_came_after_the_last_assistant_answer(
    turns: list[tuple[str, str]], refused: bool
) -> None:
    """Tool results included; a message that was refused does not refuse the next turn."""
    provider = ScriptedProvider(["fine"])

    outcome = await decided(policy(ASKED), provider, conversation(*turns))

    assert (outcome.decision.action == "error") is refused
    assert len(provider.calls) == (0 if refused else 1)


async def test_scope_conversation_looks_at_all_of_it() -> None:
    turns = [("user", "lava"), ("assistant", "no"), ("user", "fine")]

    outcome = await decided(policy({**ASKED, "scope": "conversation"}), ["fine"], conversation(*turns))

    assert outcome.decision.action == "error"


async def test_system_messages_are_looked_at_only_if_they_are_named() -> None:
    turns = [("system", "never say lava"), ("user", "fine")]

    outcome = await decided(policy({**ASKED, "roles": ["system"]}), ["fine"], conversation(*turns))

    assert outcome.decision.action == "error"


async def test_a_refused_input_asks_no_model_and_says_so() -> None:
    resolved = policy(
        ASKED, otherwise={"do": "message", "text": "Not that."}, candidates=draws(3), sampling={"preset": "balanced"}
    )
    provider = ScriptedProvider(["fine"])

    outcome = await decided(resolved, provider, question("lava?"))

    assert (outcome.decision.action, provider.calls) == ("refused_input", [])
    assert outcome.choices[0]["message"]["content"] == "Not that."
