"""Every policy of the repository runs: plausible replies are answered, bad ones are not, streamed or not."""

import asyncio
import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from steady.pipeline.replay import replay
from steady.pipeline.respond import receipt_of
from steady.pipeline.run import run
from steady.pipeline.runtime import Runtime
from steady.pipeline.stream import Done, Sent, stream
from steady.policy.config import EMBEDDED, Config, Found
from steady.providers.scripted import ScriptedProvider
from steady.types import Outcome, Request, Sampling

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "policies").glob("*.yaml"))


def _invoice(**fields: Any) -> str:
    base = {"invoice_number": "INV-7", "vendor": "Blue Harbor", "date": "2026-02-01", "total": 90.5, "currency": "USD"}
    return json.dumps({**base, **fields})


def _order(letters: str) -> str:
    words = {"a": "apology", "v": "voucher", "r": "refund", "p": "replacement"}
    return json.dumps([words[letter] for letter in letters])


def _call(parcel: str) -> dict[str, Any]:
    function = {"name": "track", "arguments": json.dumps({"parcel": parcel})}
    return {"tool_calls": [{"id": "call_1", "type": "function", "function": function}]}


class Case(NamedTuple):
    """What a model may say under a policy, what must come of it, and what must never leave."""

    replies: tuple[Any, ...]
    answer: str
    bad: tuple[str, ...] = ()
    never: str = "\0"


CASES = {
    "pass-through": Case(("Any text, unchanged: ann@example.com",), "Any text, unchanged: ann@example.com"),
    "classify-ticket": Case(("billing", " Billing.", "billing", "account"), "billing", ("I can't say",), "I can't say"),
    "estimate-number": Case(("About 120", "121 km", "119.5", "118", "120"), "119.5", ("none",), "none"),
    "extract-invoice": Case(
        (_invoice(), f"```json\n{_invoice()}\n```", _invoice(vendor="Blue Harbour"), _invoice()),
        _invoice(),
        ("no invoice here",),
        "no invoice",
    ),
    "rank-options": Case(
        (_order("avrp"), _order("avpr"), f"```json\n{_order('avrp')}\n```", _order("avrp"), _order("avrp")),
        _order("avrp"),
        (_order("av"),),
        "voucher",
    ),
    "recommend-items": Case(
        ('["delivery", "returns"]', '["returns", "delivery"]', '["delivery"]', '["delivery", "returns"]'),
        '["delivery", "returns"]',
        ('["songs"]',),
        "songs",
    ),
    "group-items": Case(('[["late", "lost"], ["torn"]]',), '[["late", "lost"], ["torn"]]', ("late, lost",), "late"),
    "flag-incident": Case(("yes", "Yes.", "yes", "no"), "yes", ("perhaps",), "perhaps"),
    "write-code": Case(("def f():\n    return 1",), "def f():\n    return 1", ("def f(:",), "def"),
    "call-tool": Case((_call("A1"),), "", ("Tracking it now.",), "Tracking"),
    "redact-stream": Case(
        ("Write to ann@example.com today.",), "Write to [EMAIL] today.", ("Card 4111 1111 1111 1111.",), "4111"
    ),
    "support-answer": Case(
        ("It takes 3 to 5 working days.", "It takes 3 to 5 working days.", "It takes three to five working days."),
        "It takes 3 to 5 working days.",
        ("We guarantee a full refund.",),
        "guarantee",
    ),
}


def _runtime(replies: tuple[Any, ...]) -> Runtime:
    found = Found(Config(providers=EMBEDDED), ROOT, None)
    provider = ScriptedProvider(replies, name="local", by="seed", size=3)
    return Runtime(found, providers={"local": provider})


TRACK = {"type": "function", "function": {"name": "track", "parameters": {"type": "object"}}}


def _request(name: str) -> Request:
    fields = {"tools": [TRACK]} if name == "call-tool" else {}
    return Request(messages=({"role": "user", "content": "A question."},), sampling=Sampling(seed=11), fields=fields)


def _whole(name: str, replies: tuple[Any, ...]) -> Outcome:
    runtime = _runtime(replies)
    return asyncio.run(run(_request(name), runtime.library.resolved(name, None), runtime.world()))


def _streamed(name: str, replies: tuple[Any, ...]) -> tuple[str, Done]:
    async def collect() -> tuple[str, Done]:
        runtime, text = _runtime(replies), ""
        async for event in stream(_request(name), runtime.library.resolved(name, None), runtime.world()):
            for chunk in (event.chunk,) if isinstance(event, Sent) else event.rest:
                for choice in chunk.get("choices") or ():
                    text += choice["delta"].get("content") or ""
            if isinstance(event, Done):
                return (_content(event.outcome) if event.whole else text), event
        raise AssertionError("a stream must end with Done")

    return asyncio.run(collect())


def _content(outcome: Outcome) -> str:
    return "".join(str(choice["message"].get("content") or "") for choice in outcome.choices)


def _decided(outcome: Outcome) -> str:
    return "".join(str(choice["message"].get("content") or "") for choice in outcome.decision.choices)


def test_every_policy_of_the_repository_has_a_case() -> None:
    assert {file.stem for file in FILES} == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_plausible_replies_are_answered(name: str) -> None:
    case = CASES[name]
    outcome = _whole(name, case.replies)

    assert outcome.decision.action in {"answered", "passed_through"}, outcome.decision.reason
    decided = _decided(outcome)
    if name == "extract-invoice":
        assert json.loads(decided) == json.loads(case.answer)
    elif name == "call-tool":
        assert outcome.choices[0]["message"]["tool_calls"] == case.replies[0]["tool_calls"]
    elif name == "estimate-number":
        assert 118 <= float(decided) <= 121
    elif name == "support-answer":
        assert (
            decided in case.replies and _content(outcome).startswith(decided) and len(_content(outcome)) > len(decided)
        )
    else:
        assert decided == case.answer


@pytest.mark.parametrize("name", CASES)
def test_streamed_and_not_give_the_same_text_and_action(name: str) -> None:
    case = CASES[name]
    for replies in (case.replies, case.bad or case.replies):
        whole = _whole(name, replies)
        text, done = _streamed(name, replies)

        assert (text, done.outcome.decision.action) == (_content(whole), whole.decision.action)
        assert not done.broken


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.bad])
def test_what_a_policy_forbids_never_leaves(name: str) -> None:
    case = CASES[name]
    text, done = _streamed(name, case.bad)

    assert case.never not in text and case.never not in _content(_whole(name, case.bad))
    assert done.outcome.decision.action != "passed_through"


@pytest.mark.parametrize("name", CASES)
def test_every_decision_replays_equal(name: str) -> None:
    case = CASES[name]
    for replies in (case.replies, case.bad or case.replies):
        runtime = _runtime(replies)
        policy = runtime.library.resolved(name, None)
        outcome = asyncio.run(run(_request(name), policy, runtime.world()))
        receipt = receipt_of(outcome, _request(name), policy, id="rcpt_test", created=0.0, tenant="local")

        assert asyncio.run(replay(receipt)).equal


def test_only_the_two_that_are_made_for_it_stream_live() -> None:
    library = _runtime(("x",)).library

    assert [name for name in CASES if library.resolved(name, None).plan.live] == ["pass-through", "redact-stream"]
