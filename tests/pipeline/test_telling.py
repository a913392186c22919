"""`tell: true`: the rules as sentences in the system message, and nothing else of the request changed."""

from typing import Any

import pytest
from tests.pipeline.worlds import decided, policy, question

from steady.pipeline.telling import HEADING, LONGEST, rules_told, with_rules
from steady.providers.scripted import ScriptedProvider
from steady.types import Outcome

SHORT = {"rule": "length", "words": {"max": 9}}
ENDS = {"rule": "ends_with", "text": "Bye."}
USER = {"role": "user", "content": "hi"}


async def messages(
    *rules: dict[str, Any], told: tuple[dict[str, Any], ...] = (USER,), **doc: Any
) -> tuple[Any, Outcome]:
    provider = ScriptedProvider(["Bye."])
    outcome = await decided(policy(*rules, **doc), provider, question(messages=told))
    return provider.calls[0].body["messages"], outcome


async def test_rules_are_told_in_a_new_system_message_in_the_policys_order() -> None:
    sent, outcome = await messages(SHORT, ENDS, tell=True)

    assert sent == [
        {
            "role": "system",
            "content": f"{HEADING}\n- The answer must have at most 9 words.\n- End the answer with 'Bye.'.",
        },
        USER,
    ]
    assert "the rules were told to the model" in outcome.decision.notes


@pytest.mark.parametrize("role", ["system", "developer"])
async def test_rules_are_added_to_the_system_message_that_is_there(role: str) -> None:
    sent, _ = await messages(ENDS, told=({"role": role, "content": "Be kind."}, USER), tell=True)

    assert sent[0]["role"] == role and sent[0]["content"].startswith(f"Be kind.\n\n{HEADING}\n- End")
    assert sent[1:] == [USER]


async def test_parts_of_a_system_message_stay_as_they_are() -> None:
    part = {"type": "text", "text": "Be kind."}
    sent, _ = await messages(ENDS, told=({"role": "system", "content": [part]}, USER), tell=True)

    assert sent[0]["content"][0] == part
    assert sent[0]["content"][1]["text"].startswith(HEADING)


@pytest.mark.parametrize(
    "doc",
    [
        {"tell": False, "rules": [ENDS]},
        {"tell": True, "rules": []},
        {"tell": True, "rules": [{**ENDS, "mode": "shadow"}]},
        {"tell": True, "rules": [{**ENDS, "on_fail": "noop"}]},
        {"tell": True, "rules": [{"rule": "no_pii", "on": ["input"], "on_fail": "refrain"}]},
    ],
)
async def test_nothing_is_told_where_nothing_is_to_be(doc: dict[str, Any]) -> None:
    rules = doc.pop("rules")
    sent, outcome = await messages(*rules, **doc)

    assert list(sent) == [USER]
    assert "the rules were told to the model" not in outcome.decision.notes


async def test_the_disclosure_is_not_told() -> None:
    sent, _ = await messages(SHORT, tell=True, disclose={"place": "append", "when": "always", "text": "Drafts differ."})

    assert "Drafts differ" not in str(sent)


def test_what_is_told_is_bounded_and_said_once() -> None:
    long = [{"rule": "contains", "id": f"c{n}", "all": ["x" * 900 + str(n)]} for n in range(20)]
    rules = policy(ENDS, {**ENDS, "id": "again"}, *long).rules

    assert len(rules_told(rules)) <= LONGEST
    assert rules_told(rules).count("Bye.") == 1
    assert with_rules([USER], ()) == (USER,)
