"""asking: what is sent upstream, what is compiled into it, what is dropped, and what a note says of it."""

from typing import Any

import pytest
from msgspec import structs
from tests.pipeline.worlds import CAPS, BySlot, decided, draws, policy, question

from steady.pipeline.compiling import is_strict
from steady.pipeline.reasking import QUOTED
from steady.providers.capabilities import capabilities
from steady.providers.scripted import ScriptedProvider
from steady.types import Capabilities, Outcome, Sampling

SCHEMA = {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}, "additionalProperties": False}
LABEL = {"kind": "label", "labels": ["spam", "ham"]}


async def sent(resolved: Any, request: Any = None, line: str = '{"a": 1}') -> tuple[dict[str, Any], Outcome]:
    provider = ScriptedProvider([line])
    outcome = await decided(resolved, provider, request)
    return provider.calls[0].body, outcome


async def test_what_a_provider_does_not_take_is_dropped_with_a_note() -> None:
    caps = capabilities("openai", "gpt-4o")
    body, outcome = await sent(policy(sampling={"preset": "balanced", "top_k": 40, "max_tokens": 9}, caps=caps))

    assert "top_k" not in body
    assert any(note.startswith("top_k dropped") for note in outcome.decision.notes)
    assert body["max_completion_tokens"] == 9
    assert "max_tokens" not in body


async def test_a_seed_that_is_not_taken_is_dropped_with_a_note() -> None:
    caps = structs.replace(CAPS, params=tuple(p for p in CAPS.params if p != "seed"))
    body, outcome = await sent(policy({"rule": "no_pii"}, caps=caps), question(seed=5))

    assert "seed" not in body
    assert any(note.startswith("seed dropped") for note in outcome.decision.notes)


async def test_a_schema_becomes_response_format_where_the_provider_takes_it() -> None:
    resolved = policy(output={"kind": "json", "schema": SCHEMA})
    body, outcome = await sent(resolved)

    assert body["response_format"]["json_schema"] == {"name": "answer", "schema": SCHEMA, "strict": True}
    assert any("compiled to response_format" in note for note in outcome.decision.notes)
    plain, _ = await sent(policy(output={"kind": "json", "schema": SCHEMA}, caps=Capabilities(params=CAPS.params)))
    assert "response_format" not in plain


@pytest.mark.parametrize(
    ("grammar", "key"),
    [
        ("gbnf", "grammar"),
        ("structured", "structured_outputs"),
        ("guided_choice", "structured_outputs"),
        ("none", None),
    ],
)
async def test_labels_become_what_the_provider_takes(grammar: Any, key: str | None) -> None:
    resolved = policy(output=LABEL, caps=Capabilities(params=CAPS.params, grammar=grammar))
    body, outcome = await sent(resolved, line="spam")

    assert {"grammar", "structured_outputs"} & set(body) == ({key} if key else set())
    assert any("one_of compiled" in note for note in outcome.decision.notes) == (key is not None)


async def test_unknown_request_fields_reach_the_upstream_unchanged() -> None:
    fields = {"provider_options": {"x": [1, None]}, "user": "ann"}
    body, _ = await sent(policy({"rule": "no_pii"}), question(fields=fields))

    assert {key: body[key] for key in fields} == fields


async def test_a_rule_in_shadow_constrains_nothing() -> None:
    rule = {"rule": "json_schema", "schema": SCHEMA, "mode": "shadow"}
    body, _ = await sent(policy(rule))

    assert "response_format" not in body


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        (SCHEMA, True),
        ({**SCHEMA, "additionalProperties": True}, False),
        ({**SCHEMA, "required": []}, False),
        ({"type": "array", "items": {"type": "object"}}, False),
        ({"type": "string"}, True),
    ],
)
def test_strict_is_said_only_of_closed_schemas(schema: Any, strict: bool) -> None:
    assert is_strict(schema) == strict


async def test_a_reask_quotes_a_bounded_part_of_the_answer() -> None:
    rule = {"rule": "length", "words": {"max": 1}, "on_fail": "reask"}
    provider = BySlot({(s, a): "x y " * 5000 for s in range(3) for a in range(3)})
    await decided(policy(rule, candidates=draws(1, 2)), provider)
    again = [call.body["messages"] for call in provider.calls if len(call.body["messages"]) > 1]

    assert all(len(m[-2]["content"]) == QUOTED for m in again)
    assert again


async def test_a_json_rule_says_its_schema_in_a_reask() -> None:
    provider = BySlot({(s, a): "no json" for s in range(4) for a in range(4)})
    resolved = policy(output={"kind": "json", "schema": SCHEMA, "on_fail": "reask"}, candidates=draws(1, 2))
    await decided(resolved, provider, question(sampling=Sampling(seed=7)))

    assert '"a"' in provider.calls[-1].body["messages"][-1]["content"]
