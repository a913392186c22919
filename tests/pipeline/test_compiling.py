"""What the upstream is really asked for: the bodies that a scripted provider and an HTTP upstream receive."""

from typing import Any

import pytest
from msgspec import structs
from tests.pipeline.worlds import CAPS, decided, policy, question, world
from tests.upstream import Upstream

from steady.pipeline.journal import Replayed
from steady.pipeline.run import run
from steady.providers.capabilities import capabilities
from steady.providers.openai import OpenAIProvider
from steady.providers.scripted import ScriptedProvider
from steady.types import Capabilities, Outcome, Sampling

GBNF = Capabilities(params=CAPS.params, json_schema=True, grammar="gbnf")
STRUCTURED = structs.replace(GBNF, grammar="structured")
GPT = capabilities("openai", "gpt-4o")
BULLETS = {"rule": "format", "bullets": {"min": 2, "max": 2}, "on_fail": "noop"}
CLOSED = {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}, "additionalProperties": False}


def tool(parameters: dict[str, Any] = CLOSED, **more: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": "f", "parameters": parameters, **more}}


def enforced(rule: dict[str, Any]) -> dict[str, Any]:
    return {**rule, "on_fail": "filter"}


async def sent(
    *rules: dict[str, Any], caps: Capabilities = GBNF, request: Any = None
) -> tuple[dict[str, Any], Outcome]:
    provider = ScriptedProvider(["hello"])
    outcome = await decided(policy(*rules, caps=caps), provider, request)
    return provider.calls[0].body, outcome


def noted(outcome: Outcome, part: str) -> bool:
    return any(part in note for note in outcome.decision.notes)


async def test_several_rules_become_one_grammar_and_the_receipt_says_so() -> None:
    body, outcome = await sent(enforced(BULLETS), {"rule": "ends_with", "text": "Bye now."})

    assert "root ::= " in body["grammar"]
    assert '"Bye now."' in body["grammar"].replace("\\n\\n", "") and " bl" in body["grammar"]
    assert noted(outcome, "ends, bullets compiled to a grammar")
    assert body["max_tokens"] >= 512


async def test_vllm_gets_the_grammar_under_its_own_name() -> None:
    body, _ = await sent(enforced(BULLETS), caps=STRUCTURED)

    assert set(body["structured_outputs"]) == {"grammar"}
    assert "grammar" not in body


@pytest.mark.parametrize(
    "rule",
    [
        BULLETS,
        {**BULLETS, "on_fail": "penalize"},
        {**enforced(BULLETS), "mode": "shadow"},
        {"rule": "excludes", "terms": ["a"], "on": ["tool_arguments"]},
    ],
)
async def test_only_an_enforced_rule_on_the_answer_constrains(rule: dict[str, Any]) -> None:
    body, outcome = await sent(rule)

    assert "grammar" not in body
    assert not noted(outcome, "compiled")


async def test_a_provider_that_takes_no_grammar_is_sent_none() -> None:
    body, outcome = await sent(enforced(BULLETS), caps=Capabilities(params=CAPS.params))

    assert not {"grammar", "structured_outputs", "logit_bias"} & set(body)
    assert not noted(outcome, "compiled")


async def test_a_request_keeps_its_own_response_format_and_tools() -> None:
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": CLOSED}}
    own, outcome = await sent(enforced(BULLETS), request=question(fields={"response_format": form}))
    assert own["response_format"] == form and "grammar" not in own
    assert noted(outcome, "form not compiled: the request has its own response_format")

    tools, outcome = await sent(enforced(BULLETS), request=question(fields={"tools": [tool()]}))
    assert "grammar" not in tools
    assert noted(outcome, "a grammar would forbid the tools")


async def test_what_cannot_be_asked_for_is_noted_and_judged_all_the_same() -> None:
    rules = ({"rule": "starts_with", "text": "A"}, {"rule": "starts_with", "id": "other", "text": "B"})
    body, outcome = await sent(*rules)

    assert noted(outcome, "starts of other not asked for")
    assert "grammar" in body
    assert {v.rule: v.passed for v in outcome.decision.verdicts} == {"starts_with": False, "other": False}


async def test_case_is_left_to_a_rule_that_fixes_it() -> None:
    """Held to capitals a small model writes gibberish; what it writes freely can be put in capitals exactly."""
    fixed, outcome = await sent({"rule": "case", "letters": "upper", "on_fail": "fix"})
    held, _ = await sent({"rule": "case", "letters": "upper"})

    assert "grammar" not in fixed and "grammar" in held
    assert noted(outcome, "case of case not asked for: its fix sees to it")


async def test_a_length_only_ever_lowers_max_tokens() -> None:
    rule = {"rule": "length", "tokens": {"max": 50}}
    free, outcome = await sent(rule, caps=CAPS)
    lower, _ = await sent(rule, caps=CAPS, request=question(sampling=Sampling(seed=7, max_tokens=20)))
    higher, _ = await sent(rule, caps=CAPS, request=question(sampling=Sampling(seed=7, max_tokens=90)))

    assert (free["max_tokens"], lower["max_tokens"], higher["max_tokens"]) == (50, 20, 50)
    assert noted(outcome, "length compiled to max_tokens: 50")


async def test_terms_of_one_token_are_forbidden_by_their_ids() -> None:
    tiktoken_ids = {"cat": 8837, " cat": 9059}  # o200k_base
    body, outcome = await sent({"rule": "excludes", "terms": ["cat", "refund policy"]}, caps=GPT)

    assert {body["logit_bias"].get(str(one)) for one in tiktoken_ids.values()} == {-100.0}
    assert noted(outcome, "excluded terms compiled to logit_bias")
    assert noted(outcome, "1 excluded terms not compiled: each is several tokens")


async def test_a_mark_is_not_forbidden_within_json() -> None:
    comma = {"rule": "punctuation", "without": [","]}
    json = {"rule": "json_schema", "schema": CLOSED}

    assert "logit_bias" in (await sent(comma, caps=GPT))[0]
    assert "logit_bias" not in (await sent(comma, json, caps=GPT))[0]


async def test_closed_tools_are_asked_for_strictly_where_a_rule_wants_them_valid() -> None:
    fields = {"tools": [tool(), tool({"type": "object"}), tool(strict=False)]}
    rule = {"rule": "tool_call_schema"}
    body, outcome = await sent(rule, caps=GPT, request=question(fields=fields))

    assert [t["function"].get("strict") for t in body["tools"]] == [True, None, False]
    assert noted(outcome, "strict tools: 1 of 3")
    unruled, _ = await sent({"rule": "no_pii"}, caps=GPT, request=question(fields=fields))
    assert unruled["tools"] == fields["tools"]


async def test_replay_computes_the_same_notes() -> None:
    resolved = policy(enforced(BULLETS), {"rule": "starts_with", "text": "A"}, caps=GBNF)
    outcome = await decided(resolved, ScriptedProvider(["hello"]))
    again = await run(question(), resolved, Replayed(outcome.journal))

    assert again.decision == outcome.decision


async def test_an_http_upstream_receives_the_grammar() -> None:
    with Upstream() as up:
        up.reply("- one\n- two")
        provider = OpenAIProvider("scripted", up.url, key="k", capabilities=GBNF)
        try:
            await run(question(), policy(enforced(BULLETS), caps=GBNF), world(provider))
        finally:
            await provider.aclose()
        assert up.bodies[0]["grammar"].startswith("root ::= ")
