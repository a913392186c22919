"""outside: what rules may ask is what steady.yaml allows, asked once, read with bounds, and paid for in the open."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from tests.pipeline.asking_outside import Told, asked, fails
from tests.pipeline.worlds import CAPS, draws, policy, question

from steady.errors import ConfigError, ProviderError, ProviderTimeout, RuleError
from steady.pipeline.outside import CLOSED, MAX_ANSWER, Allowed, Hook
from steady.pipeline.run import run
from steady.pipeline.runtime import Runtime
from steady.policy.resolved import Target
from steady.providers.scripted import ScriptedProvider
from steady.types import Capabilities

JUDGE = {"rule": "judge", "model": "s/judge", "rubric": "It is polite."}
PASS = json.dumps({"verdict": "pass", "reason": "fine"})


@asynccontextmanager
async def service(answer: bytes, *, wait: float = 0) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Yield the address of a server that answers every request with these bytes, and what it was sent."""
    seen: list[bytes] = []
    served: list[asyncio.Task[None] | None] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.append(asyncio.current_task())
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if b"content-length" in line)
        seen.append(head + await reader.readexactly(length))
        await asyncio.sleep(wait)
        writer.write(answer)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", seen
    finally:
        server.close()
        await asyncio.gather(*(task for task in served if task))


def http(body: bytes, status: str = "200 OK", *more: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", "connection: close", *more]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def allowed(*hooks: Hook, **more: Any) -> Allowed:
    return Allowed(provider=lambda name: None, target=lambda name: Target(provider="s", model="m", capabilities=CAPS),
                   hooks=hooks, **more)  # fmt: skip


async def post(answer: bytes, *, secret: bytes = b"", timeout: float = 5, wait: float = 0) -> tuple[Any, bytes]:
    async with service(answer, wait=wait) as (url, seen):
        said = await allowed(Hook(url, secret)).post(f"{url}/tone", {"text": "Käse"}, timeout)
        assert len(seen) == 1
        return said, seen[0]


async def test_a_webhook_is_asked_by_post_with_json() -> None:
    said, sent = await post(http(b'{"passed": true}'))

    head, _, body = sent.partition(b"\r\n\r\n")
    assert said == {"passed": True}
    assert head.startswith(b"POST /tone HTTP/1.1\r\n") and b"x-steady-signature" not in head.lower()
    assert json.loads(body) == {"text": "Käse"}


async def test_what_is_sent_is_signed_with_the_operators_secret() -> None:
    _, sent = await post(http(b"{}"), secret=b"s3cret")

    head, _, body = sent.partition(b"\r\n\r\n")
    line = next(line for line in head.decode().split("\r\n") if line.lower().startswith("x-steady-signature"))
    assert line.split(": ")[1] == "sha256=" + hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (http(b"", "302 Found", "location: http://127.0.0.1:1/"), "status 302"),
        (http(b"{}", "500 Oops"), "status 500"),
        (http(b"{}", "201 Created"), "status 201"),
        (http(b"no json"), "no JSON"),
        (http(b"[" * 60_000), "no JSON"),
        (http(b" " * (MAX_ANSWER + 1)), "over 64 KiB"),
        (b"nonsense\r\n\r\n", "can't be reached"),
        (b"", "can't be reached"),
    ],
)
async def test_any_other_answer_is_none_and_nothing_is_followed_or_tried_again(answer: bytes, said: str) -> None:
    with pytest.raises(RuleError, match=said):
        await post(answer)


async def test_a_webhook_that_takes_too_long_is_given_up() -> None:
    with pytest.raises(RuleError, match=r"no verdict within 0\.05 s"):
        await post(http(b"{}"), timeout=0.05, wait=0.2)


async def test_an_address_that_is_not_listed_is_not_asked() -> None:
    async with service(http(b"{}")) as (url, seen):
        with pytest.raises(RuleError, match="not among those that the operator allows"):
            await allowed(Hook(f"{url}/other")).post(f"{url}/tone", {}, 1)
        assert seen == []


async def test_where_nothing_is_allowed_nothing_can_be_asked() -> None:
    with pytest.raises(RuleError, match="no webhook"):
        await CLOSED.post("https://a.test/", {}, 1)
    with pytest.raises(RuleError, match="no model"):
        await CLOSED.model("s/m", {}, 1)
    for outside in (CLOSED, allowed()):
        with pytest.raises(RuleError, match="no function 'f'"):
            outside.function("f")
    with pytest.raises(RuleError, match="no such provider"):
        await allowed().model("s/m", {}, 1)


def judging(provider: Any, caps: Capabilities = CAPS, price: str = "") -> Allowed:
    target = Target(provider="s", model="judge", capabilities=caps, prompt_price=price, completion_price=price)
    return Allowed(provider=lambda name: provider, target=lambda name: target)


async def test_a_model_is_asked_for_what_it_takes() -> None:
    body = {"messages": [], "temperature": 0, "seed": 0, "max_tokens": 9, "response_format": {"type": "json_schema"}}
    poor = Capabilities(params=(), max_tokens_name="max_completion_tokens")
    rich = Capabilities(params=("seed", "temperature"), json_schema=True)
    for caps, sent in ((poor, {"messages": [], "max_completion_tokens": 9}), (rich, body)):
        provider = ScriptedProvider(["{}"], name="s")
        await judging(provider, caps).model("s/judge", body, 3)
        assert (provider.calls[0].body, provider.calls[0].timeout) == (sent, 3)


@pytest.mark.parametrize(
    ("error", "said"),
    [(ProviderTimeout("told: canary"), "ProviderTimeout"), (ProviderError("canary", status=400), "status 400")],
)
async def test_a_model_that_fails_says_how_and_not_with_which_words(error: Exception, said: str) -> None:
    with pytest.raises(RuleError, match=said) as caught:
        await judging(ScriptedProvider([error], name="s")).model("s/judge", {}, 1)
    assert "canary" not in str(caught.value)


async def judged(*rules: dict[str, Any], judge: Any = PASS, **doc: Any) -> Any:
    from tests.pipeline.worlds import BySlot, world

    provider = ScriptedProvider([judge] * 20, name="s")
    outside = judging(provider, price="0.000001")
    outcome = await run(question(), policy(*rules, **doc), world(BySlot(["calm"]), outside=outside))
    return outcome, provider


async def test_what_a_judge_costs_is_in_the_total_and_not_in_what_was_returned() -> None:
    alone, _ = await judged()
    outcome, provider = await judged(JUDGE)
    told = next(entry.value["usage"] for entry in outcome.journal if entry.what == "rule")

    assert len(provider.calls) == 2
    assert told["prompt_tokens"] > 0 and told["completion_tokens"] > 0
    assert outcome.total.prompt - alone.total.prompt == told["prompt_tokens"]
    assert outcome.total.completion - alone.total.completion == told["completion_tokens"]
    assert outcome.total.cost == Fraction(told["prompt_tokens"] + told["completion_tokens"], 1_000_000)
    assert outcome.returned == alone.returned


async def test_a_judge_that_gave_no_verdict_was_paid_for_too() -> None:
    outcome, _ = await judged(JUDGE, judge="hm")

    assert outcome.decision.action == "error"
    assert outcome.decision.verdicts[0].error == "the judge answered what is no JSON object"
    assert outcome.total.cost is not None and outcome.total.cost > 0


async def test_a_judges_tokens_count_against_the_budget() -> None:
    """The draws alone would fit it several times over."""
    budget = {"sampling": {"preset": "balanced"}, "candidates": draws(1, 6, wave=1, budget={"tokens": 400})}
    budget["choose"] = {"min_agreement": 0.99}
    few, _ = await judged({**JUDGE, "rubric": "polite " * 300}, **budget)
    many, _ = await judged(**budget)

    assert few.decision.stopped == "budget" and len(few.candidates) == 1
    assert len(many.candidates) > 1


PLACE = """
steady: 1
providers: {s: {kind: scripted, script: replies.yaml, models: [m]}}
default_provider: s
"""


def place(folder: Path, rule: str, config: str = "") -> Path:
    (folder / "replies.yaml").write_text('["calm"]')
    (folder / "policies").mkdir()
    head = "steady: 1\nname: p\nmodel: s/m\nrules:\n"
    (folder / "policies" / "p.yaml").write_text(f"{head}  - rule: any\n    of:\n      - {rule}\n")
    (folder / "steady.yaml").write_text(PLACE + "policies: policies\ndefault_policy: p\n" + config)
    return folder / "steady.yaml"


HOOKS = 'outside: {webhooks: ["https://a.test/checks"]}\n'
FUNCTIONS = 'functions: {mine: "tests.docs.softening:soften"}\n'


@pytest.mark.parametrize(
    ("rule", "config", "said"),
    [
        ('{rule: webhook, url: "https://a.test/tone"}', HOOKS, "of[0].url: steady.yaml does not allow this address"),
        ('{rule: webhook, url: "https://a.test/tone"}', "", "It allows none"),
        ("{rule: python, function: other}", FUNCTIONS, "of[0].function: no function 'other'"),
        ("{rule: python, function: mine}", "", "no function 'mine'"),
        ("{rule: judge, model: x/m, rubric: polite}", "", "of[0].model: No model 'x/m'"),
    ],
)
def test_a_policy_that_asks_for_more_than_is_allowed_does_not_load(
    tmp_path: Path, rule: str, config: str, said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        Runtime.open(place(tmp_path, rule, config), store=False)
    assert said in str(caught.value)
    assert "p.yaml:7: " in str(caught.value)


@pytest.mark.parametrize(
    "rule",
    ['{rule: webhook, url: "https://a.test/checks/tone"}', "{rule: python, function: mine}",
     '{rule: python, function: "tests.docs.softening:soften"}', "{rule: judge, model: s/m, rubric: polite}"],
)  # fmt: skip
def test_what_is_allowed_loads(tmp_path: Path, rule: str) -> None:
    runtime = Runtime.open(place(tmp_path, rule, HOOKS + FUNCTIONS), store=False)

    assert runtime.library.resolved("p", None).rules[0].rule.name == "any"
    runtime.close()


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("outside: {webhooks: [ftp://a.test/]}", "outside.webhooks[0]: is no http:// or https:// address."),
        ('outside: {webhooks: ["https://a.test/?x"]}', "may hold no query."),
        ("outside: {webhooks: [{url: https://a.test/, secret: {}}]}", "must name one of env and file"),
        ("outside: {webhook: []}", "Did you mean 'webhooks'?"),
        ("outside: {webhooks: [{url: https://a.test/, secret: {env: STEADY_NO_SUCH}}]}", "STEADY_NO_SUCH is not set"),
    ],
)
def test_what_is_wrong_with_the_operators_own_words_is_told(tmp_path: Path, config: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Runtime.open(place(tmp_path, "{rule: contains, any: [x]}", config), store=False)
    assert said in str(caught.value)


async def test_a_live_runtime_signs_with_the_secret_that_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEADY_TEST_SECRET", "s3cret")
    async with service(http(b'{"passed": false, "reason": "rude"}')) as (url, seen):
        config = f'outside: {{webhooks: [{{url: "{url}", secret: {{env: STEADY_TEST_SECRET}}}}]}}\n'
        runtime = Runtime.open(place(tmp_path, f'{{rule: webhook, url: "{url}/x"}}', config), store=False)
        outcome = await run(question(), runtime.library.resolved("p", None), runtime.world())
        await runtime.aclose()

    assert b"x-steady-signature: sha256=" in seen[0].lower()
    assert outcome.decision.verdicts[0].reason == "rude"


async def test_input_rules_may_ask_outside_too() -> None:
    told = Told(fails("What is the capital of France?"))
    hook = {"rule": "webhook", "url": "https://a.test/", "on": ["input"], "on_fail": "filter"}
    outcome = await asked(policy(hook), ["Paris."], told)

    assert told.texts == ["What is the capital of France?"]
    assert outcome.decision.reason == "the input broke the rule webhook: not so"
    assert outcome.candidates == ()
