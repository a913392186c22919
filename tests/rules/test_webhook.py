"""webhook and python: what they ask, which answers are verdicts, and which addresses lie under a listed one."""

import asyncio
import contextvars
import threading
import time
from typing import Any

import msgspec
import pytest

from steady.errors import RuleError
from steady.rules.aside import MOST, aside
from steady.rules.catalog import decode
from steady.rules.rule import Context
from steady.rules.webhook import bad_url, under, verdict_of
from steady.types import Piece

CONTEXT = Context(messages=({"role": "user", "content": "Hi"},), finish_reason="length")
PIECE = Piece("tool_arguments", ("x",), "some \ud800 text", name="send")


class Outside:
    """Keeps what it is asked."""

    def __init__(self, answer: Any = None, function: Any = None) -> None:
        self.answer, self.given, self.asked = answer, function, []  # type: ignore[var-annotated]

    async def post(self, url: str, body: Any, timeout: float) -> Any:
        self.asked.append((url, msgspec.json.decode(msgspec.json.encode(body)), timeout))
        return self.answer

    def function(self, name: str) -> Any:
        return self.given


async def ask(item: dict[str, Any], outside: Outside, piece: Piece = PIECE) -> Any:
    check: Any = decode(item).build()
    return await check.ask(piece, CONTEXT, outside)


@pytest.mark.parametrize("messages", [False, True])
async def test_a_webhook_is_asked_with_the_documented_body(messages: bool) -> None:
    outside = Outside({"passed": True})
    item = {"rule": "webhook", "id": "tone", "url": "https://a.test/x", "timeout": "1.5s", "messages": messages}
    assert await ask(item, outside) == {"passed": True, "reason": "", "fix": None}

    body = {
        "steady": 1,
        "rule": "tone",
        "surface": "tool_arguments",
        "text": "some ? text",
        "context": {"kind": "text", "finish_reason": "length", "name": "send"},
    }
    more = {"messages": [{"role": "user", "content": "Hi"}]} if messages else {}
    assert outside.asked == [("https://a.test/x", body | more, 1.5)]


@pytest.mark.parametrize(
    "answer",
    [None, [], {}, "yes", {"passed": None}, {"passed": 1}, {"passed": True, "fix": 3}, {"passed": False, "reason": []},
     {"passed": False, "fix": "x" * 1_000_001}],
)  # fmt: skip
def test_what_is_no_verdict_is_none(answer: Any) -> None:
    with pytest.raises(RuleError, match="no verdict"):
        verdict_of(answer)


def test_a_verdicts_reason_is_one_short_line() -> None:
    assert verdict_of({"passed": False, "reason": "a\n\n b " + "c" * 999})["reason"].startswith("a b ccc")
    assert len(verdict_of({"passed": False, "reason": "c" * 999})["reason"]) == 300
    assert verdict_of({"passed": False})["reason"] == "It did not pass."


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://a.test/checks", True),
        ("https://a.test/checks/tone?x=1", True),
        ("https://a.test:443/checks/", True),
        ("https://A.test/checks/", True),
        ("https://a.test/checksum", False),
        ("https://a.test/", False),
        ("http://a.test/checks/", False),
        ("https://a.test:8443/checks/", False),
        ("https://a.test.evil.org/checks/", False),
        ("https://a.test@evil.org/checks/", False),
        ("https://a.test/checks/../admin", False),
        ("https://a.test/checks/%2e%2E/admin", False),
        ("https://a.test/checks/..%2fadmin", False),
        ("https://a.test\\@evil.org/checks/", False),
        ("https://a.test/checks/ x", False),
        ("https://a.test/checks#x", False),
    ],
)
def test_an_address_lies_under_a_listed_one_or_not(url: str, allowed: bool) -> None:
    assert under(url, "https://a.test/checks") == allowed
    assert under(url, "https://a.test/checks/") == (allowed and url != "https://a.test/checks")


@pytest.mark.parametrize(
    "url", ["", "ftp://a.test/", "a.test", "https://", "https://a.test:99999/", "http://[::1/", "x" * 3000]
)
def test_what_is_no_address_does_not_compile(url: str) -> None:
    assert bad_url(url)
    with pytest.raises(ValueError, match="`url`"):
        decode({"rule": "webhook", "url": url}).build()


@pytest.mark.parametrize(
    ("given", "passed", "reason"),
    [(True, True, ""), (False, False, "It did not pass."), ((False, "why"), False, "why"),
     ({"passed": False, "reason": "why", "fix": "so"}, False, "why")],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["plain", "async"])
async def test_a_function_gives_a_bool_a_pair_or_a_verdict(kind: str, given: Any, passed: bool, reason: str) -> None:
    seen = []

    def plain(text: str, about: dict[str, Any]) -> Any:
        seen.append((text, sorted(about), threading.current_thread() is threading.main_thread()))
        return given

    async def later(text: str, about: dict[str, Any]) -> Any:
        return plain(text, about)

    answer = await ask({"rule": "python", "function": "f"}, Outside(function=plain if kind == "plain" else later))

    assert (answer["passed"], answer["reason"]) == (passed, reason)
    keys = ["finish_reason", "kind", "messages", "name", "rule", "surface", "tools"]
    assert seen == [(PIECE.text, keys, kind == "async")]


@pytest.mark.parametrize("given", [None, 1, "yes", (True,), (1, "x"), {"ok": True}])
async def test_a_function_that_gives_anything_else_gives_no_verdict(given: Any) -> None:
    with pytest.raises(RuleError, match="no verdict"):
        await ask({"rule": "python", "function": "f"}, Outside(function=lambda text, about: given))


async def test_what_is_called_aside_has_its_callers_context_and_raises_as_it_did() -> None:
    here: contextvars.ContextVar[str] = contextvars.ContextVar("here")
    here.set("mine")
    assert await aside(here.get) == "mine"
    for error, shown in ((ValueError("x"), ValueError), (StopIteration(), RuleError), (SystemExit(3), RuleError)):

        def raising(raised: BaseException = error) -> None:
            raise raised

        with pytest.raises(shown):
            await aside(raising)


async def test_calls_that_never_return_are_left_behind_up_to_a_bound() -> None:
    """A thread can't be stopped, so a function that hangs must neither pile up threads nor keep others from running."""
    end = threading.Event()
    jobs = [asyncio.ensure_future(aside(end.wait)) for _ in range(MOST)]
    await asyncio.sleep(0)
    try:
        with pytest.raises(RuleError, match="have not returned"):
            await aside(lambda: None)
        jobs[0].cancel()
    finally:
        end.set()
    assert all(await asyncio.gather(*jobs[1:]))
    for _ in range(100):  # the last threads leave just after their answers
        if not [t for t in threading.enumerate() if t.name == "steady-rule"]:
            break
        time.sleep(0.01)
    assert await aside(lambda: "free") == "free"
