"""guard: rules on what goes in."""

from typing import Any

import pytest
from tests.pipeline.worlds import BySlot, decided, policy, question

from steady.types import Outcome

MAIL = "My address is ann@example.com."
PII = {"rule": "no_pii", "kinds": ["email"], "on": ["input"]}


def user(text: Any) -> dict[str, Any]:
    return {"role": "user", "content": text}


async def guarded(rule: dict[str, Any], *messages: dict[str, Any], **doc: Any) -> tuple[Outcome, list[Any]]:
    provider = BySlot(["Hello."])
    outcome = await decided(policy(rule, **doc), provider, question(messages=messages))
    return outcome, [message for call in provider.calls for message in call.body["messages"]]


async def test_a_fix_reaches_the_upstream() -> None:
    outcome, sent = await guarded({**PII, "on_fail": "fix"}, user(MAIL))

    assert outcome.decision.action == "answered"
    assert "ann@" not in str(sent)
    assert "My address is" in sent[0]["content"]
    (verdict,) = [v for v in outcome.decision.verdicts if v.surface == "input"]
    assert (verdict.slot, verdict.path) == (-1, ("messages", 0, "content"))
    assert verdict.edits


@pytest.mark.parametrize("on_fail", ["filter", "reask", "refrain"])
async def test_a_refused_request_asks_no_model(on_fail: str) -> None:
    outcome, sent = await guarded({**PII, "on_fail": on_fail}, user(MAIL), candidates={"max": 2})

    assert (outcome.decision.action, outcome.decision.code, sent) == ("error", "no_acceptable_answer", [])
    assert "the input broke the rule no_pii" in outcome.decision.reason
    assert outcome.total.prompt == 0


async def test_an_exception_on_the_input_is_a_rule_violation() -> None:
    outcome, sent = await guarded({**PII, "on_fail": "exception"}, user(MAIL))

    assert (outcome.decision.action, outcome.decision.code, sent) == ("error", "rule_violation", [])


async def test_the_policys_message_answers_a_refused_request() -> None:
    outcome, sent = await guarded(
        {**PII, "on_fail": "filter"}, user(MAIL), otherwise={"do": "message", "text": "Please leave addresses out."}
    )

    assert (outcome.decision.action, sent) == ("refused_input", [])
    assert outcome.text == "Please leave addresses out."


@pytest.mark.parametrize("more", [{"mode": "shadow", "on_fail": "filter"}, {"on_fail": "noop"}])
async def test_what_is_not_enforced_refuses_nothing(more: dict[str, Any]) -> None:
    outcome, sent = await guarded({**PII, **more}, user(MAIL))

    assert outcome.decision.action == "answered"
    assert MAIL in str(sent)
    assert any(v.passed is False for v in outcome.decision.verdicts)


async def test_a_refused_message_does_not_refuse_the_next_turn() -> None:
    turns = (user(MAIL), {"role": "assistant", "content": "I can't use that."}, user("Where is Paris?"))
    outcome, _ = await guarded({**PII, "on_fail": "filter"}, *turns)
    whole, _ = await guarded({**PII, "on_fail": "filter", "scope": "conversation"}, *turns)

    assert outcome.decision.action == "answered"
    assert whole.decision.action == "error"


async def test_tool_results_of_the_turn_are_looked_at() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    turns = (
        user("Who is she?"),
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": MAIL},
    )
    outcome, sent = await guarded({**PII, "on_fail": "fix"}, *turns)

    assert "ann@" not in str(sent)
    assert sent[2]["tool_call_id"] == "c"
    assert outcome.decision.action == "answered"


@pytest.mark.parametrize(("roles", "refused"), [(None, False), (["system"], True), (["user"], False)])
async def test_system_messages_are_looked_at_only_if_named(roles: Any, refused: bool) -> None:
    rule = {**PII, "on_fail": "filter", **({"roles": roles} if roles else {})}
    outcome, _ = await guarded(rule, {"role": "system", "content": MAIL}, user("Hello"))

    assert (outcome.decision.action == "error") == refused


async def test_text_parts_are_fixed_in_place_and_images_pass() -> None:
    image = {"type": "image_url", "image_url": {"url": "https://example.com/ann@example.com.png"}}
    _, sent = await guarded({**PII, "on_fail": "fix"}, user([{"type": "text", "text": MAIL}, image]))

    assert "ann@" not in sent[0]["content"][0]["text"]
    assert sent[0]["content"][1] == image


async def test_a_rule_without_a_fix_refuses() -> None:
    rule = {"rule": "contains", "any": ["please"], "on": ["input"], "on_fail": "filter"}
    refused, _ = await guarded(rule, user("Hello"))
    passed, _ = await guarded(rule, user("Hello, please"))

    assert (refused.decision.action, passed.decision.action) == ("error", "answered")


async def test_several_rules_fix_one_text_one_after_the_other() -> None:
    provider = BySlot(["Hello."])
    urls = {"rule": "no_urls", "on": ["input"], "on_fail": "fix"}
    text = f"{MAIL} See https://evil.test/x."
    await decided(policy({**PII, "on_fail": "fix"}, urls), provider, question(text))
    (message,) = provider.calls[0].body["messages"]

    assert "ann@" not in message["content"]
    assert "evil.test" not in message["content"]


async def test_searches_of_several_rules_merge_on_the_input_as_they_do_on_an_answer() -> None:
    """Rule by rule, the first would tear apart what the second looks for."""
    from tests.pipeline.worlds import judged

    masks: list[dict[str, Any]] = [
        {"rule": "no_pii", "id": "mail", "kinds": ["email"], "on_fail": "fix"},
        {"rule": "no_urls", "on_fail": "fix"},
    ]
    text = "See https://evil.test/ann@example.com/x and bob@example.com."
    provider = BySlot(["Hello."])
    await decided(policy(*({**rule, "on": ["input"]} for rule in masks)), provider, question(text))
    (message,) = provider.calls[0].body["messages"]
    answered = await judged(policy(*masks), text)

    assert message["content"] == answered.choice["message"]["content"]


async def test_roles_and_scope_hold_for_fixes_that_act_together() -> None:
    system = {"role": "system", "content": f"{MAIL} lava"}
    lava = {"rule": "excludes", "terms": ["lava"], "replace": "***", "on": ["input"], "on_fail": "fix"}
    rules = ({**PII, "on_fail": "fix", "roles": ["system", "user"]}, lava)
    provider = BySlot(["Hello."])
    await decided(policy(*rules), provider, question(messages=(system, user(f"{MAIL} lava"))))
    first, second = (message["content"] for message in provider.calls[0].body["messages"])

    assert "ann@" not in first + second
    assert "lava" in first and "lava" not in second


async def test_a_custom_function_may_write_the_input_anew() -> None:
    async def bow(text: str, reason: str) -> str | None:
        return "Good day"

    rule = {**PII, "on_fail": "custom", "function": "bow"}
    provider = BySlot(["Hello."])
    outcome = await decided(policy(rule), provider, question(MAIL), functions={"bow": bow})

    assert provider.calls[0].body["messages"][0]["content"] == "Good day"
    assert outcome.decision.action == "answered"


async def test_rules_made_of_rules_judge_the_input() -> None:
    either = [{"rule": "contains", "any": ["please"]}, {"rule": "not", "of": {"rule": "contains", "any": ["now"]}}]
    rule = {"rule": "any", "of": either, "on": ["input"], "on_fail": "filter"}
    refused, _ = await guarded(rule, user("Tell me now"))
    passed, _ = await guarded(rule, user("Tell me now, please"))

    assert (refused.decision.action, passed.decision.action) == ("error", "answered")
    assert "None of 2 holds" in refused.decision.reason


async def test_a_fix_of_the_input_that_breaks_another_rule_refuses() -> None:
    """What is sent has passed every rule, whichever was first."""
    lava = {"rule": "excludes", "terms": ["lava"], "replace": "rock", "on": ["input"], "on_fail": "fix"}
    rock = {"rule": "excludes", "id": "rock", "terms": ["rock"], "on": ["input"], "on_fail": "filter"}
    provider = BySlot(["Hello."])
    outcome = await decided(policy(rock, lava), provider, question("hot lava"))

    assert outcome.decision.action == "error" and provider.calls == []
    assert outcome.decision.reason.startswith("the input broke the rule rock")
