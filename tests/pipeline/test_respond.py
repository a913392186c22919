"""respond: what a door says of an outcome."""

from fractions import Fraction
from typing import Any

import pytest
from msgspec import structs
from tests.pipeline.worlds import decided, draws, policy, question

from steady.pipeline.respond import agreement_header, agreement_object, completion, receipt_of, steady_object
from steady.records.codec import decision_bytes
from steady.types import Agreement

PII = {"rule": "no_pii", "kinds": ["email"], "on_fail": "fix"}


async def test_a_completion_keeps_every_upstream_field() -> None:
    said = {
        "id": "up-1",
        "object": "chat.completion",
        "created": 5,
        "model": "m-2026",
        "service_tier": "gold",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Paris."}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4, "details": {"cached": 2}},
    }
    passed = completion(await decided(policy(), [said]), id="x", created=9, model="y")
    ruled = completion(await decided(policy(PII), [said]), id="x", created=9, model="y")

    assert passed == said
    assert (ruled["id"], ruled["service_tier"], ruled["model"]) == ("up-1", "gold", "m-2026")


async def test_a_completion_that_no_upstream_answered_has_an_envelope_of_its_own() -> None:
    refused = await decided(policy({**PII, "on": ["input"], "on_fail": "filter"}), ["x"], question("I am ann@b.com"))
    made = completion(refused, id="x", created=9, model="y")

    assert (made["id"], made["object"], made["created"], made["model"]) == ("x", "chat.completion", 9, "y")
    assert made["usage"] == {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}


async def test_usage_is_of_all_candidates_and_the_split_is_told() -> None:
    outcome = await decided(policy(candidates=draws(3)), ["Paris it is.", "Paris it is.", "Rome."])
    total = completion(outcome, id="x", created=9, model="y")["usage"]
    split = steady_object(outcome)["usage"]

    assert total["completion_tokens"] == split["total"]["completion_tokens"] == 7
    assert split["returned"]["completion_tokens"] == 3


async def test_the_steady_object_says_what_was_done() -> None:
    outcome = await decided(policy(PII, disclose={"place": "field"}), ["Ask ann@example.com."])
    made = steady_object(outcome, live=False, why_buffered=("because",))

    assert (made["action"], made["receipt"], made["fixed"]) == ("answered", "none", ["no_pii"])
    assert made["agreement"] == {"value": None, "measured": False, "why": outcome.decision.agreement.why}
    assert made["disclosure"]["text"]
    assert made["stream"] == {"live": False, "why": ["because"]}
    assert made["policy_hash"] == outcome.policy_hash


async def test_a_pass_through_says_that_nothing_was_changed() -> None:
    assert steady_object(await decided(policy(), ["Paris."]))["unchanged"] is True


@pytest.mark.parametrize(
    ("agreement", "header"),
    [
        (Agreement(why="one"), "not measured"),
        (Agreement(share=Fraction(7, 8), of=8), "0.8750"),
        (Agreement(share=Fraction(1), of=2), "1.0000"),
    ],
)
def test_the_header_of_agreement(agreement: Agreement, header: str) -> None:
    assert agreement_header(agreement) == header


def test_agreement_as_json() -> None:
    made = agreement_object(Agreement(share=Fraction(2, 3), of=3, method="vote", tie=True, fixed=1, low="1", high="2"))

    assert made == {
        "value": 0.6667,
        "measured": True,
        "agreed": 2,
        "of": 3,
        "method": "vote",
        "low": "1",
        "high": "2",
        "fixed": 1,
        "tie": True,
    }


async def test_a_receipt_never_holds_the_authorization() -> None:
    resolved, request = policy(PII), question(authorization="Bearer sk-canary")
    outcome = await decided(resolved, ["Paris."], request)
    receipt: Any = receipt_of(outcome, request, resolved, id="r", created=1.0, tenant="t")

    assert "sk-canary" not in str(receipt)
    assert receipt.decision == decision_bytes(outcome.decision)
    assert receipt.policy_bytes == resolved.canonical
    bare = receipt_of(outcome, structs.replace(request, authorization=None), resolved, id="r", created=1.0, tenant="t")
    assert receipt.request_hash == bare.request_hash
