"""Bad input at the HTTP door: one clear error each, in OpenAI's shape, and never a 500."""

import http.client
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.serving import Answer, Served, fresh, gather, label, openai_like, policy, serving, write
from tests.upstream import Upstream

from steady.errors import ConfigError, ModelMissing
from steady.pipeline.runtime import Runtime
from steady.server.serve import judges_schemas, serve

USER = [{"role": "user", "content": "x"}]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
POLICIES = [
    policy("calm", model="up/m", rules=[{"rule": "excludes", "terms": ["lava"], "on_fail": "exception"}]),
    policy("city", model="up/m", output={"kind": "json", "schema": SCHEMA}),
    label("vote", model="up/m"),
]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Upstream]]:
    """One server for the module, which takes bodies of 20 KiB and four requests at once."""
    with Upstream() as up:
        config = {"providers": {"up": openai_like(up)}, "server": {"max_body": "20KiB", "max_concurrent": 4}}
        with serving(tmp_path_factory.mktemp("bad"), config, POLICIES) as steady:
            yield steady, up


@pytest.fixture
def steady(shared: tuple[Served, Upstream]) -> Served:
    """The server."""
    return shared[0]


@pytest.fixture
def up(shared: tuple[Served, Upstream]) -> Upstream:
    """Its upstream, fresh."""
    return fresh(shared[1])


def _shape(answer: Answer) -> dict[str, Any]:
    assert answer.headers["content-type"] == "application/json"
    assert {"message", "type", "param", "code"} <= answer.error.keys(), answer.error
    assert "\n" not in answer.error["message"]
    assert answer.error["message"]
    return dict(answer.error)


# The body


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"", "JSON"),
        (b"{", "JSON"),
        (b"not json", "JSON"),
        (b'{"messages": [}', "JSON"),
        (b"\xff\xfe", "JSON"),
        (b'{"model": "\xff"}', "JSON"),
        (b"[]", "an array"),
        (b"5", "a number"),
        (b"null", "null"),
        (b'"text"', "a string"),
        (b"[" * 9000, ""),
        (b'{"a":' * 3000 + b"1" + b"}" * 3000, ""),
    ],
)
def test_broken_json_is_a_400_that_says_so(steady: Served, up: Upstream, body: bytes, word: str) -> None:
    answer = steady.ask("POST", "/v1/chat/completions", body)

    assert answer.status == 400
    assert word in _shape(answer)["message"]
    assert answer.error["type"] == "invalid_request_error"
    assert up.requests == []


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": {}}, "messages"),
        ({"messages": ["hi"]}, "messages[0]"),
        ({"messages": [{"content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": 1, "content": "x"}]}, "messages[0].role"),
        ({"messages": [*USER, {"role": "user", "content": 5}]}, "messages[1].content"),
        ({"messages": [{"role": "user", "content": {"a": 1}}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": ["x"]}]}, "messages[0].content"),
        ({"model": 5}, "model"),
        ({"model": None}, "model"),
        ({"stream": "yes"}, "stream"),
        ({"stream": 1}, "stream"),
        ({"n": 0}, "n"),
        ({"n": -1}, "n"),
        ({"n": 10**30}, "n"),
        ({"n": 129}, "n"),
        ({"n": 1.5}, "n"),
        ({"n": True}, "n"),
        ({"n": "2"}, "n"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": 3}, "temperature"),
        ({"temperature": -0.1}, "temperature"),
        ({"top_p": 1.1}, "top_p"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": -5}, "max_tokens"),
        ({"max_completion_tokens": 0}, "max_completion_tokens"),
        ({"max_completion_tokens": "many"}, "max_completion_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"presence_penalty": 5}, "presence_penalty"),
        ({"stop": 5}, "stop"),
        ({"stop": ["a", 5]}, "stop"),
        ({"seed": "x"}, "seed"),
        ({"logit_bias": [1]}, "logit_bias"),
        ({"logprobs": "yes"}, "logprobs"),
        ({"top_logprobs": 100}, "top_logprobs"),
        ({"steady": 5}, "steady"),
        ({"steady": {"polici": "calm"}}, "steady.polici"),
        ({"steady": {"explain": "maybe"}}, "steady.explain"),
        ({"steady": {"sampling": {"temperature": "x"}}}, "steady.sampling.temperature"),
        ({"steady": {"decorated": True}}, "steady.decorated"),
        ({"response_format": "json"}, "response_format"),
        ({"response_format": {"type": "json_schema"}}, "response_format"),
        ({"response_format": {"type": "json_schema", "json_schema": "x"}}, "response_format"),
        ({"response_format": {"type": "json_schema", "json_schema": {"schema": 5}}}, "response_format"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "nothing"}}}},
            "response_format",
        ),
        ({"tools": "look_up"}, "tools"),
        ({"tools": ["look_up"]}, "tools"),
        ({"stream_options": "usage", "stream": True}, "stream_options"),
    ],
    ids=lambda value: json.dumps(value)[:60] if isinstance(value, dict) else value,
)
def test_a_wrong_field_is_a_400_that_names_it(steady: Served, up: Upstream, fields: dict[str, Any], param: str) -> None:
    answer = steady.ask("POST", "/v1/chat/completions", {"model": "calm", "messages": USER, **fields})

    assert answer.status == 400, answer.body
    assert _shape(answer)["param"] == param
    assert param.split(".")[0].split("[")[0] in answer.error["message"]
    assert up.requests == []


@pytest.mark.parametrize("model", ["calm", "city", "vote"])
def test_more_choices_than_can_be_made_is_a_400(steady: Served, up: Upstream, model: str) -> None:
    answer = steady.chat(model=model, n=100)

    assert answer.status == 400
    assert _shape(answer)["param"] == "n"


_LEAVES = st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text(max_size=5)
_JSON = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_NAMES = st.sampled_from(
    ["messages", "tools", "tool_choice", "response_format", "functions", "stream_options", "stream", "n", "stop",
     "steady", "logit_bias", "seed", "modalities", "audio", "prediction", "metadata", "user", "model"]
)  # fmt: skip
_MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "system", "tool"])},
    optional={"content": _JSON, "tool_calls": _JSON, "function_call": _JSON, "name": _JSON, "steady": _JSON},
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(_NAMES, _JSON, min_size=1, max_size=3),
    st.lists(_MESSAGE, max_size=2),
    st.sampled_from(["calm", "city", "vote", "x"]),
)
def test_no_body_makes_it_crash(
    steady: Served, up: Upstream, fields: dict[str, Any], more: list[dict[str, Any]], model: str
) -> None:
    body = {"model": model, "messages": [*more, *USER], **fields}
    answer = steady.ask("POST", "/v1/chat/completions", body)

    assert answer.status != 500, (body, answer.body)
    if answer.status >= 400:
        _shape(answer)


# Names


def test_an_unknown_policy_is_a_404_with_the_nearest_name(steady: Served, up: Upstream) -> None:
    answer = steady.chat(steady={"policy": "clam"})

    assert answer.status == 404
    assert "No policy 'clam'. Did you mean 'calm'?" in _shape(answer)["message"]


def test_an_unknown_model_is_a_404_with_the_nearest_name(tmp_path: Path) -> None:
    with Upstream() as up:
        config = {"providers": {"up": openai_like(up, models=["gpt-large"])}, "store": {"off": True}}
        with serving(tmp_path, config) as steady:
            answer = steady.chat(model="gpt-larg")

            assert answer.status == 404
            assert _shape(answer)["code"] == "model_not_found"
            assert "Did you mean" in answer.error["message"]
            assert up.requests == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/chat/completions", 405),
        ("POST", "/v1/models", 405),
        ("DELETE", "/v1/receipts/rcpt_x", 405),
        ("GET", "/", 404),
        ("POST", "/v1/chat/completion", 404),
        ("POST", "/v1/embeddings", 404),
        ("GET", "/v1/models/", 404),
    ],
)
def test_a_wrong_path_or_method_is_told_with_what_is_there(steady: Served, method: str, path: str, status: int) -> None:
    answer = steady.ask(method, path)

    assert answer.status == status
    _shape(answer)
    if status == 405:
        assert answer.headers["allow"] in {"GET", "POST"}
    if path == "/v1/chat/completion":
        assert "Did you mean '/v1/chat/completions'?" in answer.error["message"]


# Size and number


def test_a_body_over_the_limit_is_a_413(steady: Served, up: Upstream) -> None:
    answer = steady.chat("x" * 21_000, model="calm")

    assert answer.status == 413
    assert "20,480" in _shape(answer)["message"]
    assert "server.max_body_bytes" not in answer.error["message"] or "max_body" in answer.error["message"]
    assert up.requests == []


def test_a_body_over_the_limit_without_a_length_is_a_413(steady: Served, up: Upstream) -> None:
    def parts() -> Iterator[bytes]:
        yield b'{"messages": ['
        for _ in range(30):
            yield b" " * 1000

    with closing(http.client.HTTPConnection("127.0.0.1", steady.port, timeout=5)) as connection:
        connection.request(
            "POST", "/v1/chat/completions", parts(), encode_chunked=True, headers={"transfer-encoding": "chunked"}
        )
        answer = connection.getresponse()

        assert answer.status == 413
        assert json.loads(answer.read())["error"]["code"] == "body_too_large"


def test_a_body_at_the_limit_is_taken(steady: Served, up: Upstream) -> None:
    empty = len(json.dumps({"messages": [{"role": "user", "content": ""}], "model": "calm"}))

    assert steady.chat("x" * (20 * 1024 - empty), model="calm").status == 200
    assert steady.chat("x" * (20 * 1024 - empty + 1), model="calm").status == 413


def test_one_request_more_than_are_taken_at_once_gets_a_429_with_retry_after(steady: Served, up: Upstream) -> None:
    up.reply("ok", delay=0.2)
    answers = gather([lambda: steady.chat(model="calm")] * 7)

    refused = [answer for answer in answers if answer.status == 429]
    assert len(refused) == 3
    assert len(up.requests) == 4
    assert refused[0].headers["retry-after"] == "1"
    assert _shape(refused[0])["code"] == "too_many_requests"
    assert "max_concurrent" in refused[0].error["message"]
    assert steady.chat(model="calm").status == 200
    assert steady.metric("steady_requests_in_flight") == 0


def test_the_sdk_waits_for_a_place_and_gets_its_answer(steady: Served, up: Upstream) -> None:
    """openai's clients retry a 429 by themselves, after Retry-After."""
    up.reply("ok", delay=0.1)
    with steady.client(max_retries=1) as client:
        gathered = gather(
            [lambda: steady.chat(model="calm")] * 4
            + [lambda: client.chat.completions.create(model="calm", messages=USER)]  # type: ignore[list-item]
        )

    assert gathered[-1].choices[0].message.content == "ok"


# A client that hangs up


def test_a_whole_answer_whose_client_hung_up_is_kept_all_the_same(steady: Served, up: Upstream) -> None:
    before = steady.metric("steady_requests_total")
    up.reply("too late", delay=0.1)
    steady.socket({"model": "calm", "messages": USER}).close()

    assert up.wait(lambda _: steady.metric("steady_requests_total") > before)
    assert up.hangups == 0
    assert steady.services.runtime.store is not None
    assert steady.services.runtime.store.flush()
    retry = steady.ask(
        "POST", "/v1/chat/completions", {"model": "calm", "messages": USER}, {"x-stainless-retry-count": "1"}
    )
    assert retry.text == "too late"
    assert steady.receipt(retry)["decision"]["action"] == "answered"
    assert len(up.requests) == 1


def test_a_client_that_hangs_up_within_its_body_costs_nothing(steady: Served, up: Upstream) -> None:
    with socket.create_connection(("127.0.0.1", steady.port), timeout=5) as sock:
        sock.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 500\r\n\r\n{")
    assert up.wait(lambda _: steady.metric("steady_requests_in_flight") == 0)

    assert up.requests == []
    assert steady.chat(model="calm").status == 200


# Starting


def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, Upstream() as up:
        port = taken.getsockname()[1]
        config = write(tmp_path, {"providers": {"up": openai_like(up)}, "store": {"off": True}})

        with pytest.raises(ConfigError, match=rf"Can't listen on 127\.0\.0\.1:{port}: .*another --port"):
            serve(config, port=port)


def test_an_address_that_is_not_here_is_one_clear_line(tmp_path: Path) -> None:
    config = write(
        tmp_path, {"server": {"insecure": True}, "providers": {"up": {"kind": "openai"}}, "store": {"off": True}}
    )

    with pytest.raises(ConfigError, match=r"Can't listen on 192\.0\.2\.7:8790"):
        serve(config, host="192.0.2.7")


def test_a_missing_model_file_is_one_clear_line(tmp_path: Path) -> None:
    config = write(tmp_path, {"providers": {"local": {"kind": "embedded", "models": ["nowhere.gguf"]}}})

    with pytest.raises(ModelMissing, match=r"nowhere\.gguf"):
        serve(config, only_check=True)


@pytest.mark.parametrize(("named", "warms"), [(POLICIES[0], False), (POLICIES[1], True)])
def test_what_words_a_schemas_complaints_is_loaded_at_the_start_where_there_is_a_schema(
    tmp_path: Path, named: dict[str, Any], warms: bool
) -> None:
    """It takes seconds, which the first wrong JSON, and all requests beside it, would have to wait."""
    providers = {"up": {"kind": "openai-compatible", "base_url": "http://127.0.0.1:9/v1"}}
    runtime = Runtime.open(write(tmp_path, {"providers": providers, "store": {"off": True}}, [named]))

    assert judges_schemas(runtime) is warms


def test_serve_says_where_it_serves_and_ends_cleanly_when_told(tmp_path: Path) -> None:
    """A process of its own: SIGTERM writes what is queued, says nothing, and ends it, as such signals do."""
    with Upstream() as up:
        config = write(tmp_path, {"providers": {"up": openai_like(up)}}, [POLICIES[0]])
        command = [sys.executable, "-m", "steady.cli", "serve", "--config", str(config), "--port", "0"]
        with subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        ) as it:
            assert it.stdout
            said = it.stdout.readline()
            port = int(said.partition("127.0.0.1:")[2].partition("/")[0])
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
                connection.request("POST", "/v1/chat/completions", json.dumps({"model": "calm", "messages": USER}))
                answer = connection.getresponse()
                receipt = answer.headers["x-steady-receipt"]
            it.terminate()
            assert it.stderr
            code, complaint = it.wait(10), it.stderr.read()

    assert "calm" in said
    assert answer.status == 200
    assert code in (0, -signal.SIGTERM)
    assert complaint == ""
    with closing(sqlite3.connect(tmp_path / "steady-receipts.db")) as store:
        assert store.execute("select count(*) from receipts where id = ?", [receipt]).fetchone() == (1,)
