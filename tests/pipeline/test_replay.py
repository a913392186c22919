"""replay: the diff, and what is compared. That every receipt replays equal is shown under promises."""

from typing import Any

import pytest
from msgspec import structs
from tests.pipeline.worlds import BySlot, decided, draws, policy, question

from steady.pipeline.replay import diff, replay
from steady.pipeline.respond import receipt_of
from steady.types import Receipt

PII = {"rule": "no_pii", "kinds": ["email"]}
SHORT = {"rule": "length", "words": {"max": 3}, "on_fail": "reask"}


async def shout(text: str, reason: str) -> str | None:
    return "Nobody."


async def receipt(resolved: Any, lines: Any, request: Any = None) -> Receipt:
    request = request or question(seed=None)
    provider = lines if isinstance(lines, BySlot) else None
    from steady.providers.scripted import ScriptedProvider

    outcome = await decided(resolved, provider or ScriptedProvider(lines), request, functions={"shout": shout})
    return receipt_of(outcome, request, resolved, id="r", created=1.0, tenant="t")


@pytest.mark.parametrize(
    ("rules", "doc", "lines"),
    [
        ((), {}, ["Paris."]),
        (({**PII, "on_fail": "fix"},), {"disclose": {"place": "append"}}, ["Ask ann@example.com."]),
        (({**PII, "on_fail": "custom", "function": "shout"},), {}, ["Ask ann@example.com."]),
        ((SHORT,), {"candidates": draws(2, 4)}, ["far too many words for it", "so are these words too", "Paris."]),
        (({**PII, "on_fail": "exception"},), {"candidates": draws(2)}, ["Ask ann@example.com."]),
        ((), {"candidates": draws(2, 8)}, ["Paris.", "Rome it is.", "I would say Lyon."]),
    ],
)
async def test_every_kind_of_outcome_replays_equal(rules: Any, doc: Any, lines: Any) -> None:
    found = await replay(await receipt(policy(*rules, **doc), lines))

    assert found.equal
    assert found.diff == ""
    assert found.kept == found.made


async def test_another_policy_shows_as_a_difference() -> None:
    kept = await receipt(policy({**PII, "on_fail": "fix"}), ["Ask ann@example.com."])
    other = policy({**PII, "on_fail": "noop"})
    found = await replay(structs.replace(kept, policy_bytes=other.canonical))

    assert not found.equal
    assert '"action": "noop"' in found.diff


def test_the_diff_is_by_field_and_empty_for_equal_bytes() -> None:
    assert diff(b'{"a":1}', b'{"a":1}') == ""
    made = diff(b'{"a":1,"b":2}', b'{"a":1,"b":3}')
    assert '-  "b": 2' in made
    assert '+  "b": 3' in made
