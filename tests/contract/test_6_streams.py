"""Contract, section 6, over HTTP: live, buffered, alive, failing. Each test's name is a promise."""

import json
import time
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.serving import Answer, Served, by_turns, fresh, label, openai_like, policy, serving
from tests.upstream import Behaviour, Upstream, chunks_of, completion, sse

FIX_EMAIL = {"rule": "no_pii", "kinds": ["email"], "on_fail": "fix"}
STOP_LAVA = {"rule": "excludes", "id": "no-lava", "terms": ["lava"], "on_fail": "exception"}
MAIL = "jane.doe@example.com"
KEEPALIVE = 0.05
LONG = ["Paris is the capital of France and has been for a very long time. "] * 24  # longer than any hold-back
POLICIES = [
    policy("live", model="up/m", rules=[FIX_EMAIL], disclose={"place": "append", "when": "always"}),
    policy("fixing", model="up/m", rules=[FIX_EMAIL]),
    policy("stopping", model="up/m", rules=[STOP_LAVA]),
    policy("ending", model="up/m", rules=[FIX_EMAIL, STOP_LAVA]),
    policy("prefix", model="up/m", rules=[FIX_EMAIL], disclose={"place": "prefix", "when": "always"}),
    policy("filtering", model="up/m", rules=[{**STOP_LAVA, "on_fail": "filter"}]),
    policy("whole", model="up/m", rules=[{"rule": "length", "words": {"min": 2}, "on_fail": "exception"}]),
    label("vote", model="up/m"),
]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Upstream]]:
    """One server for the module; silence is commented on after 50 ms."""
    config = {"server": {"keepalive_after": "50ms"}}
    with Upstream() as up:
        config["providers"] = {"up": openai_like(up)}
        with serving(tmp_path_factory.mktemp("streams"), config, POLICIES) as steady:
            yield steady, up


@pytest.fixture
def steady(shared: tuple[Served, Upstream]) -> Served:
    """The server."""
    return shared[0]


@pytest.fixture
def up(shared: tuple[Served, Upstream]) -> Upstream:
    """Its upstream, fresh."""
    return fresh(shared[1])


def _events(content: Any, **fields: Any) -> list[bytes]:
    return [sse([chunk], done=False) for chunk in chunks_of(completion(content, **fields))]


def _pieces(texts: list[str]) -> list[bytes]:
    """A stream whose deltas are these texts."""
    base = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}, *({"content": text} for text in texts)]
    chunks = [{**base, "choices": [{"index": 0, "delta": d, "finish_reason": None}]} for d in deltas]
    last = {**base, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    return [sse([chunk], done=False) for chunk in [*chunks, last]] + [sse([])]


def _read_some(steady: Served, up: Upstream, model: str, wanted: bytes) -> bytes:
    """Read a stream until `wanted` is there, then hang up; return what came."""
    body = {"model": model, "messages": [{"role": "user", "content": "x"}], "stream": True}
    with steady.socket(body) as sock:
        got, until = b"", time.monotonic() + 20
        while wanted not in got:
            assert time.monotonic() < until, got
            part = sock.recv(4096)
            assert part, got
            got += part
    return got


# Live


def test_a_live_stream_sends_on_before_the_upstream_has_ended(steady: Served, up: Upstream) -> None:
    """The upstream never ends its stream, and yet the first words arrive."""
    up.stream(*_pieces(LONG)[:-2], then="hang")

    assert b"Paris" in _read_some(steady, up, "fixing", b"Paris")


def test_a_hold_back_never_releases_a_part_of_what_is_forbidden(steady: Served, up: Upstream) -> None:
    """The address comes letter by letter; not even its first letter leaves."""
    up.stream(*_pieces(["Write to ", *MAIL, " today, or ", "tomorrow."]))
    answer = steady.chat(model="fixing", stream=True)

    assert answer.events[-1]["steady"]["stream"]["live"] is True
    assert "jane" not in answer.streamed
    assert "example" not in answer.streamed
    assert answer.streamed.startswith("Write to ")
    assert answer.streamed.endswith(" today, or tomorrow.")


def test_an_exception_ends_a_live_stream_before_the_forbidden_text(steady: Served, up: Upstream) -> None:
    up.stream(*_pieces([*LONG, "Then hot la", "va flows."]))
    answer = steady.chat(model="ending", stream=True)

    assert b"lava" not in answer.body.replace(b"no-lava", b"")
    assert answer.streamed.startswith("Paris is")
    assert "hot la" not in answer.streamed
    assert answer.events[-1]["error"]["reason"] == "rule_violation"
    assert answer.lines[-1] != "data: [DONE]"


def test_not_even_a_part_of_the_forbidden_text_leaves_letter_by_letter(steady: Served, up: Upstream) -> None:
    up.stream(*_pieces([*"Harmless words come first, and plenty of them, and then hot lava flows."]))
    answer = steady.chat(model="stopping", stream=True)

    assert answer.streamed.startswith("Harmless")
    assert "hot l" not in answer.streamed
    assert answer.events[-1]["error"]["reason"] == "rule_violation"


def test_a_stream_goes_on_live_after_a_fix(steady: Served, up: Upstream) -> None:
    up.stream(*_pieces(["Write to ", *MAIL, " or not at all. ", *LONG])[:-2], then="hang")

    got = _read_some(steady, up, "fixing", b"not at all")
    assert b"jane" not in got


def test_an_exception_before_anything_was_sent_keeps_its_status(steady: Served, up: Upstream) -> None:
    up.stream(*_pieces(["La", "va flows."]))
    answer = steady.chat(model="ending", stream=True)

    assert answer.status == 422
    assert answer.error["code"] == "rule_violation"


def test_a_live_stream_tells_the_upstream_when_the_client_hangs_up(steady: Served, up: Upstream) -> None:
    up.stream(*_pieces(LONG)[:-2], then="hang")
    _read_some(steady, up, "fixing", b"Paris")

    assert up.wait(lambda u: u.hangups >= 1)


def test_a_live_stream_that_is_given_up_is_counted_and_nothing_of_it_is_kept(steady: Served, up: Upstream) -> None:
    """What had come is no answer: nothing was decided. It was a request all the same."""
    up.stream(*_pieces(LONG)[:-2], then="hang")
    names = ("steady_requests_total", 'steady_decisions_total{action="hung_up",policy="fixing"}')
    before = [steady.metric(name) for name in (*names, "steady_receipts_stored_total")]
    _read_some(steady, up, "fixing", b"Paris")

    assert up.wait(lambda u: u.hangups >= 1)
    assert up.wait(lambda u: [steady.metric(name) for name in names] == [count + 1 for count in before[:2]])
    assert steady.metric("steady_receipts_stored_total") == before[2]


def test_an_answer_that_is_decided_whole_is_kept_though_its_client_hung_up(steady: Served, up: Upstream) -> None:
    """It was paid for; a retry of the same request gets it."""
    up.reply("spam", delay=0.1)
    before = steady.metric("steady_requests_total")
    body = {"model": "vote", "messages": [{"role": "user", "content": "gone"}], "stream": True}
    steady.socket(body).close()

    assert up.wait(lambda u: len(u.requests) == 5)
    assert up.wait(lambda u: steady.metric("steady_requests_total") == before + 1)
    assert up.hangups == 0
    again = steady.ask("POST", "/v1/chat/completions", body, {"x-stainless-retry-count": "1"})
    assert again.streamed == "spam"
    assert len(up.requests) == 5


# Which one, and why


@pytest.mark.parametrize(
    ("model", "why"),
    [
        ("vote", "candidates"),
        ("prefix", "before the text"),
        ("filtering", "filter"),
        ("whole", "whole text"),
    ],
)
def test_the_response_says_that_it_was_decided_first_and_why(
    steady: Served, up: Upstream, model: str, why: str
) -> None:
    up.reply("spam ham")
    by_turns(up, ["spam" if model == "vote" else "spam ham"])
    answer = steady.chat(model=model, stream=True)

    said = answer.events[-1]["steady"]["stream"]
    assert said["live"] is False
    assert why in " ".join(said["why"])
    assert not any(body.get("stream") for body in up.bodies)


@pytest.mark.parametrize("extra", [{"n": 2}, {"response_format": {"type": "json_object"}}])
def test_a_request_can_bring_what_needs_the_whole_answer(steady: Served, up: Upstream, extra: dict[str, Any]) -> None:
    up.reply('{"a": 1}')
    answer = steady.chat(model="fixing", stream=True, **extra)

    assert answer.events[-1]["steady"]["stream"]["live"] is False


def test_stream_options_are_not_sent_with_a_call_that_does_not_stream(steady: Served, up: Upstream) -> None:
    """OpenAI answers 400 where they stand without `stream: true`."""
    up.reply("spam ham")
    answer = steady.chat(model="whole", stream=True, stream_options={"include_usage": True})

    assert "stream_options" not in up.bodies[0]
    assert answer.events[-1]["usage"]["total_tokens"] == 12


# Alive


def test_a_buffered_stream_sends_nothing_until_it_has_been_silent_for_a_while(steady: Served, up: Upstream) -> None:
    """So that an early error keeps its status and Retry-After."""
    up.error(429, "slow down", headers={"retry-after": "7"})
    for model in ("whole", "fixing", "mock-model"):
        answer = steady.chat(model=model, stream=True)

        assert answer.status == 429
        assert answer.headers["retry-after"] == "7"
        assert answer.headers["content-type"] == "application/json"
        assert answer.error["message"] == "slow down"


def test_after_that_comments_keep_it_alive(steady: Served, up: Upstream) -> None:
    up.reply("spam ham", delay=4 * KEEPALIVE)
    answer = steady.chat(model="whole", stream=True)

    assert 2 <= answer.lines.count(": still deciding") <= 4
    assert answer.lines[0] == ": still deciding"
    assert answer.streamed == "spam ham"


def test_the_sdk_reads_a_stream_with_comments(steady: Served, up: Upstream) -> None:
    up.reply("spam ham", delay=3 * KEEPALIVE)
    with steady.client() as client:
        chunks = list(client.chat.completions.create(model="whole", messages=[], stream=True, extra_body=_BODY))

    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "spam ham"


_BODY = {"messages": [{"role": "user", "content": "x"}]}


@pytest.mark.parametrize("model", ["whole", "vote", "fixing", "live", "mock-model"])
def test_steady_is_on_the_last_chunk_of_every_stream(steady: Served, up: Upstream, model: str) -> None:
    """What headers would have said is there: they may have gone long before."""
    by_turns(up, ["spam" if model == "vote" else "spam ham"])
    answer = steady.chat(model=model, stream=True)

    assert [("steady" in event) for event in answer.events].count(True) == 1
    said = answer.events[-1]["steady"]
    assert {"policy", "policy_hash", "receipt", "agreement", "action"} <= said.keys()
    assert said["receipt"].startswith("rcpt_")
    assert answer.lines[-1] == "data: [DONE]"
    assert answer.headers["content-type"].startswith("text/event-stream")


@pytest.mark.parametrize("model", ["whole", "vote", "fixing", "live", "mock-model"])
def test_a_usage_chunk_comes_only_when_asked(steady: Served, up: Upstream, model: str) -> None:
    by_turns(up, ["spam" if model == "vote" else "spam ham"])
    asked = steady.chat(model=model, stream=True, stream_options={"include_usage": True})
    quiet = steady.chat(model=model, stream=True)

    usages = [event for event in asked.events if event.get("usage")]
    assert len(usages) == 1
    assert usages[0]["choices"] == []
    assert usages[0]["usage"]["completion_tokens"] == (35 if model == "vote" else 7)
    assert not any(event.get("usage") for event in quiet.events)
    assert all(event["choices"] for event in quiet.events)


# Failing


def _only_error(answer: Answer) -> Any:
    assert answer.status == 200
    assert not any(line.startswith("id:") for line in answer.lines)
    assert answer.lines[-1] != "data: [DONE]"
    finishes = [c.get("finish_reason") for event in answer.events for c in event.get("choices", ())]
    assert not any(finishes)
    errors = [event["error"] for event in answer.events if "error" in event]
    assert len(errors) == 1
    assert "error" in answer.events[-1]
    return errors[0]


def test_a_late_failure_is_one_error_event_with_the_original_status(steady: Served, up: Upstream) -> None:
    body = json.dumps({"error": {"message": "slow down", "type": "mock", "param": None, "code": "mock"}}).encode()
    up.add(Behaviour((body,), 429, delay=2 * KEEPALIVE))
    error = _only_error(steady.chat(model="whole", stream=True))

    assert error["code"] == 429
    assert error["message"] == "slow down"
    assert error["reason"] == "mock"


def test_a_late_refusal_by_a_rule_is_one_error_event(steady: Served, up: Upstream) -> None:
    up.reply("one", delay=2 * KEEPALIVE)
    error = _only_error(steady.chat(model="whole", stream=True))

    assert error["code"] == 422
    assert error["reason"] == "rule_violation"


@pytest.mark.parametrize("model", ["fixing", "mock-model"])
def test_an_upstream_that_breaks_off_is_an_error_and_no_finish(steady: Served, up: Upstream, model: str) -> None:
    up.stream(*_pieces(LONG)[:-2], then="cut")
    error = _only_error(steady.chat(model=model, stream=True))

    assert error["code"] == 502


def test_the_sdk_raises_what_the_event_says(steady: Served, up: Upstream) -> None:
    up.stream(*_pieces(LONG)[:-2], then="cut")
    with steady.client() as client, pytest.raises(openai.APIError) as told:
        list(client.chat.completions.create(model="fixing", messages=[], stream=True, extra_body=_BODY))

    assert told.value.code == 502  # type: ignore[comparison-overlap]


def test_an_early_refusal_keeps_its_status(steady: Served, up: Upstream) -> None:
    up.reply("one")
    answer = steady.chat(model="whole", stream=True)

    assert answer.status == 422
    assert answer.error["code"] == "rule_violation"
    assert answer.headers["x-should-retry"] == "false"


# The same, streamed or not

_WORDS = st.sampled_from(
    ["hot", " ", "lava", "la", "va", MAIL, "jane", "@", "example.com", ".", "\n", "é", "🌋", "ok "]
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_WORDS, min_size=1, max_size=12), st.sampled_from(["live", "fixing", "ending", "whole", "filtering"]))
def test_text_and_action_are_the_same_streamed_and_not(
    steady: Served, up: Upstream, parts: list[str], model: str
) -> None:
    text = "".join(parts)
    fresh(up).reply(text)
    whole = steady.chat(model=model)
    fresh(up).stream(*_pieces(parts)) if model not in {"whole", "filtering"} else None
    streamed = steady.chat(model=model, stream=True)

    if whole.status != 200:
        said = streamed.error if streamed.status != 200 else streamed.events[-1]["error"]
        assert whole.error["code"] in (said["code"], said.get("reason"))
        return
    last = streamed.events[-1]["steady"]
    assert streamed.streamed == (whole.text or "")
    assert last["action"] == whole.json["steady"]["action"]
    assert last.get("fixed") == whole.json["steady"].get("fixed")


def test_every_choice_is_streamed_with_its_index(steady: Served, up: Upstream) -> None:
    by_turns(up, ["alpha one", "beta two"])
    answer = steady.chat(model="fixing", stream=True, n=2)

    texts: dict[int, str] = {}
    for event in answer.events:
        for choice in event["choices"]:
            texts[choice["index"]] = texts.get(choice["index"], "") + (choice["delta"].get("content") or "")
    assert sorted(texts.values()) == ["alpha one", "beta two"]
    assert sorted(texts) == [0, 1]


def test_tool_calls_are_streamed_as_deltas_that_the_sdk_reads(steady: Served, up: Upstream) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": '{"city": "Paris"}'}}
    up.reply({"role": "assistant", "content": None, "tool_calls": [call]})
    tool = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}
    for model in ("fixing", "whole", "mock-model"):
        with steady.client() as client:
            chunks = client.chat.completions.create(
                model=model, messages=[], stream=True, extra_body={**_BODY, "tools": [tool]}
            )
            deltas = [d for c in chunks for choice in c.choices for d in choice.delta.tool_calls or ()]

        assert [d.index for d in deltas] == [0] * len(deltas), model
        assert "".join(d.function.arguments or "" for d in deltas if d.function) == '{"city": "Paris"}', model


def test_a_stream_begins_with_the_policy_in_its_headers_where_it_was_decided(steady: Served, up: Upstream) -> None:
    by_turns(up, ["spam"])
    answer = steady.chat(model="vote", stream=True)

    assert answer.headers["x-steady-policy"] == "vote"
    assert answer.headers["x-steady-agreement"] == "1.0000"
    assert steady.get(f"/v1/receipts/{answer.headers['x-steady-receipt']}").status == 200


def test_streams_end_promptly(steady: Served, up: Upstream) -> None:
    """No wait for a keep-alive tick, none for the upstream's connection."""
    up.reply("spam ham")
    steady.chat(model="fixing", stream=True)
    began = time.monotonic()
    for _ in range(10):
        steady.chat(model="fixing", stream=True)

    assert time.monotonic() - began < 10.0
