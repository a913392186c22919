"""
What PII and secret rules match is shown nowhere (contract, section 3, last line).

Canaries (an address, a card number, a key) are planted in the prompt, the candidate, headers, the configuration and an
upstream's errors; then every sink is searched: answers, their headers, error bodies, `explain`, the receipts endpoint,
/metrics, /readyz, /v1/models, log records and stderr. Each canary's place is in its name, so that a failure tells.
"""

import json
import logging
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
from tests.serving import Answer, Served, fresh, openai_like, policy, serving, sha256
from tests.upstream import Behaviour, Upstream, completion

CARDS = {"prompt": "4111 1111 1111 1111", "candidate": "5500 0055 5555 5559", "error": "4012 8888 8888 1881"}
PLACES = ("prompt", "candidate", "error")
KEY = "sk-proj-{}Zq7Xw2Rt9Lm4Kp8Vb3Nc6Hd1Jf5Gs0Ya7Ue2Ti9Ow4Pl8Ak3Mz6"
HEADER = KEY.format("header")
CONFIGURED = KEY.format("configured")


def _canaries(place: str) -> list[str]:
    return [f"canary.{place}@example.com", CARDS[place], KEY.format(place)]


def _planted(place: str) -> str:
    mail, card, key = _canaries(place)
    return f"Write to {mail}, pay with {card}, and log in with {key} today."


ALL = [*(c for place in PLACES for c in _canaries(place)), HEADER, CONFIGURED, CARDS["prompt"].replace(" ", "")]
ACTIONS = ("fix", "filter", "exception", "refrain", "reask", "fix_reask")
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def _rules(action: str, **fields: Any) -> list[dict[str, Any]]:
    ids = {"id": "{}-" + "-".join(fields["on"])} if "on" in fields else {}
    named = {name: {key: value.format(name) for key, value in ids.items()} for name in ("no_pii", "no_secrets")}
    return [{"rule": name, "on_fail": action, **more, **fields} for name, more in named.items()]


POLICIES = [
    *(
        policy(action.replace("_", "-"), model="up/m", candidates={"max": 2}, rules=_rules(action))
        for action in ACTIONS
    ),
    *(
        policy(f"input-{action}", model="up/m", rules=[*_rules(action, on=["input"]), *_rules("filter")])
        for action in ("fix", "exception", "refrain")
    ),
    policy("sorry", model="up/m", rules=_rules("filter"), otherwise={"do": "message", "text": "Not today."}),
    policy("spare", model="up/m", rules=_rules("filter"), otherwise={"do": "model", "model": "up/spare"}),
    policy(
        "schema",
        model="up/m",
        rules=[{"rule": "json_schema", "schema": SCHEMA, "on_fail": "exception"}, *_rules("filter")],
    ),
    policy("streaming", model="up/m", rules=_rules("fix")),
]
NAMES = [one["name"] for one in POLICIES]


@pytest.fixture
def shared(
    tmp_path: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Served, Upstream]]:
    """A server whose provider's key and whose client's key are canaries; all loggers are heard."""
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("STEADY_TEST_CANARY", CONFIGURED)
    with Upstream() as up:
        config = {
            "providers": {"up": openai_like(up, key={"env": "STEADY_TEST_CANARY"})},
            "keys": [{"sha256": sha256(HEADER), "tenant": "acme", "admin": True}],
            "server": {"keepalive_after": "60s"},
        }
        with serving(tmp_path, config, POLICIES) as steady:
            yield steady, up


def _search(what: str, *sinks: Any) -> None:
    text = "\n".join(sink if isinstance(sink, str) else repr(sink) for sink in sinks)
    spelled = text.replace("\\u0040", "@")
    found = [canary for canary in ALL if canary in spelled]
    assert not found, f"{what} shows {found}"


def _search_everywhere(steady: Served, what: str, answer: Answer) -> None:
    _search(f"{what}: the answer", answer.body.decode(), answer.headers)
    name = answer.headers.get("x-steady-receipt", "none")
    if name != "none":
        _search(f"{what}: the receipt", steady.get(f"/v1/receipts/{name}", key=HEADER).body.decode())


def _ask(steady: Served, model: str, *, stream: bool) -> Answer:
    headers = {"x-steady-user": _canaries("prompt")[0], "cookie": f"session={HEADER}"}
    options = {"explain": True}
    return steady.chat(_planted("prompt"), model=model, stream=stream, steady=options, headers=headers, key=HEADER)


def _candidates() -> dict[str, Any]:
    said = _planted("candidate")
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": json.dumps({"to": said})}}
    message = {"role": "assistant", "content": "Fine, thank you."}
    return {
        "content": completion(said),
        "json": completion(json.dumps({"n": said})),
        "tool": completion({"role": "assistant", "content": None, "tool_calls": [call]}),
        "reasoning": completion({**message, "reasoning_content": said}),
        "signed": completion({**message, "thinking_blocks": [{"thinking": said, "signature": "s"}]}),
        "unknown field": completion({**message, "annotations": [{"note": said}]}),
        "refusal": completion({"role": "assistant", "content": None, "refusal": said}),
        "parts": completion({"role": "assistant", "content": [{"type": "text", "text": said}]}),
    }


def _end(steady: Served, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    for path in ("/metrics", "/readyz", "/v1/models", "/healthz"):
        _search(path, steady.get(path, key=HEADER).body.decode())
    _search("a log", *(record.getMessage() for record in caplog.records), caplog.text)
    _search("stderr or stdout", *capfd.readouterr())


def test_what_a_candidate_or_a_prompt_holds_is_shown_nowhere(
    shared: tuple[Served, Upstream], caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    steady, up = shared
    for at, ((kind, body), model) in enumerate(product(_candidates().items(), NAMES)):
        stream = at % 2 == at // len(NAMES) % 2 and kind != "parts"  # no upstream streams its content in parts
        fresh(up).add(Behaviour((json.dumps(body).encode(),)))
        answer = _ask(steady, model, stream=stream)

        assert answer.status in (200, 422), (kind, model, answer.body)
        _search_everywhere(steady, f"{kind} under {model}, streamed: {stream}", answer)
    _end(steady, caplog, capfd)


def test_what_an_upstreams_error_holds_is_shown_nowhere(
    shared: tuple[Served, Upstream], caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """It may quote the prompt, the key that it was sent, and anything else."""
    steady, up = shared
    said = f"{_planted('error')} You sent {CONFIGURED} and {_planted('prompt')}"
    error = {"error": {"message": said, "type": said, "param": said, "code": said, "more": {said: [said]}}}
    told = [
        Behaviour((json.dumps(error).encode(),), 400),
        Behaviour((json.dumps(error).encode(),), 500),
        Behaviour((json.dumps(error).encode(),), 200),
        Behaviour((said.encode(),), 503, {"content-type": "text/plain"}),
        Behaviour((said.encode(),), 200, {"content-type": "text/html"}),
        Behaviour((b"data: " + json.dumps(error).encode() + b"\n\n",), 200, {"content-type": "text/event-stream"}),
    ]
    for behaviour, model, stream in product(told, NAMES, (False, True)):
        fresh(up).add(behaviour)
        answer = _ask(steady, model, stream=stream)

        assert answer.status >= 400 or b"refus" in answer.body or b"error" in answer.body, (model, answer.body)
        _search_everywhere(steady, f"{behaviour.status} under {model}, streamed: {stream}", answer)
    _end(steady, caplog, capfd)


def test_an_answer_that_another_model_could_not_give_quotes_no_error(shared: tuple[Served, Upstream]) -> None:
    steady, up = shared
    up.reply(_planted("candidate"))
    up.error(400, _planted("error"))
    answer = _ask(steady, "spare", stream=False)

    assert answer.status == 422
    _search_everywhere(steady, "the other model's error", answer)


def test_a_key_is_shown_nowhere(
    shared: tuple[Served, Upstream], caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Neither a wrong one that a client sends, nor the one that the provider gets, pass-through included."""
    steady, up = shared
    wrong = KEY.format("wrong")
    refused = steady.chat(model="fix", key=wrong)
    up.error(401, f"Incorrect API key provided: {CONFIGURED}")
    passed = steady.chat(model="mock-model", key=HEADER)
    streamed = steady.chat(model="mock-model", key=HEADER, stream=True)

    assert (refused.status, passed.status, streamed.status) == (401, 401, 401)
    for answer in (refused, passed, streamed):
        _search_everywhere(steady, "an answer to a wrong key", answer)
        assert wrong not in answer.body.decode()
    _end(steady, caplog, capfd)


def test_a_request_that_breaks_off_or_crashes_is_logged_without_its_words(
    shared: tuple[Served, Upstream], caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    steady, up = shared
    up.stream(b"data: " + json.dumps({"choices": [{"delta": {"content": _planted("candidate")}}]}).encode(), then="cut")
    for model in ("streaming", "mock-model"):
        answer = _ask(steady, model, stream=True)
        if model == "streaming":
            _search_everywhere(steady, "a broken stream", answer)
    for body in (b'{"messages": "' + _planted("prompt").encode(), b'{"steady": {"' + HEADER.encode() + b'": 1}}'):
        steady.ask("POST", "/v1/chat/completions", body, key=HEADER)
    _end(steady, caplog, capfd)


def test_explain_gives_kind_span_and_a_keyed_hash_instead(shared: tuple[Served, Upstream]) -> None:
    """Equal texts have equal hashes, so that evidence can be compared; without the key they tell nothing."""
    steady, up = shared
    up.reply(_planted("candidate"))
    first, second = (_ask(steady, "fix", stream=False).json["steady"]["explain"] for _ in range(2))

    verdict = next(v for v in first["candidates"][0]["verdicts"] if v["rule"] == "no_pii")
    text = first["candidates"][0]["texts"][0]["text"]
    assert len(verdict["spans"]) == len(verdict["hashes"]) == 2
    assert verdict["spans"][0] == [9, 9 + len(_canaries("candidate")[0])]
    assert "[email]" in text
    assert all(len(digest) == 16 for digest in verdict["hashes"])
    assert verdict["hashes"] == next(v for v in second["candidates"][0]["verdicts"] if v["rule"] == "no_pii")["hashes"]
