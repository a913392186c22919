"""Two calls with the same arguments are two questions: what one tool may be told another may not."""

import asyncio
from typing import Any

import pytest
from tests.pipeline.asking_outside import CALL, HOOK, Told, asked
from tests.pipeline.worlds import policy, question, tool_call

from steady.pipeline.replay import replay
from steady.pipeline.respond import receipt_of
from steady.types import JSON


class ByName(Told):
    """A webhook that lets every tool be called but `delete`."""

    def __init__(self) -> None:
        super().__init__(lambda text: None, {"mine": lambda text, about: about["name"] != "delete"})

    async def post(self, url: str, body: JSON, timeout: float) -> JSON:
        name = body["context"]["name"]
        self.asked.append((url, name))
        return {"passed": name != "delete"}


def calling(*names: str) -> dict[str, Any]:
    calls = [tool_call('{"a": 1}', name, f"c{number}") for number, name in enumerate(names)]
    return {"role": "assistant", "content": None, "tool_calls": calls}


@pytest.mark.parametrize("rule", [HOOK, CALL, {"rule": "all", "of": [HOOK]}], ids=["webhook", "python", "all"])
def test_a_call_is_not_let_through_for_what_was_said_of_another(rule: dict[str, Any]) -> None:
    under = policy({**rule, "on": ["tool_arguments"]})

    outcome = asyncio.run(asked(under, [calling("read", "delete")], ByName()))
    receipt = receipt_of(outcome, question(), under, id="r", created=0, tenant="t")

    assert outcome.decision.action == "error"
    assert asyncio.run(replay(receipt)).equal


def test_the_same_call_twice_is_asked_about_once() -> None:
    told = ByName()

    outcome = asyncio.run(asked(policy({**HOOK, "on": ["tool_arguments"]}), [calling("read", "read")], told))

    assert outcome.decision.action == "answered"
    assert told.texts == ["read"]
