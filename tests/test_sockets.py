"""Steady contacts nobody but the configured upstreams: watched from inside, and from outside where strace is there."""

import http.client
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.serving import openai_like, policy, write
from tests.upstream import Behaviour, Upstream, completion

from steady.errors import ModelMissing
from steady.providers.weights import find

ROOT = Path(__file__).parents[1]
CLAUDE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5",
    "content": [{"type": "text", "text": "a plain answer in English"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 5, "output_tokens": 3},
}
RULES: dict[str, list[dict[str, Any]]] = {
    "guarded": [
        {"rule": "guardrails", "validator": "guardrails/regex_match", "args": {"regex": ".*"}, "on_fail": "filter"},
        {
            "rule": "guardrails",
            "id": "length-2",
            "validator": "guardrails/valid_length",
            "args": {"min": 1, "max": 999},
        },
    ],
    "worded": [
        {"rule": "language", "allow": ["en"]},
        {"rule": "expression", "expr": "words < 500"},
        {"rule": "length", "tokens": {"max": 500}, "tokenizer": "o200k_base"},
        {"rule": "no_pii", "on_fail": "fix"},
        {"rule": "no_secrets", "on_fail": "fix"},
        {"rule": "no_urls"},
    ],
}
pytestmark = pytest.mark.slow


def speak(body: Any) -> Behaviour:
    """Answer as OpenAI's API or as Anthropic's, by the model's name."""
    said = CLAUDE if str(body["model"]).startswith("claude") else completion("a plain answer in English")
    return Behaviour((json.dumps(said).encode(),))


class Seen(NamedTuple):
    """What a watched server did."""

    events: list[tuple[str, list[str]]]
    answers: dict[str, tuple[int, Any]]  # by policy
    upstream: int  # its port
    calls: int  # that the upstream got
    traced: str  # strace's lines of the connections made; "" without it
    home: list[str]  # files that appeared in the home directory


def traces() -> bool:
    """Whether strace is here and may trace."""
    strace = shutil.which("strace")
    return (
        strace is not None and subprocess.run([strace, "-o", "/dev/null", "true"], capture_output=True).returncode == 0
    )


def post(port: int, body: Any) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=90)
    try:
        connection.request("POST", "/v1/chat/completions", json.dumps(body), {"content-type": "application/json"})
        got = connection.getresponse()
        data = got.read()
        return got.status, data.decode() if body.get("stream") else json.loads(data)
    finally:
        connection.close()


def ask_all(port: int, names: list[str]) -> dict[str, tuple[int, Any]]:
    """Ask every policy, and one of them as a stream."""
    messages = [{"role": "user", "content": "Hello, is anybody there?"}]
    found = {name: post(port, {"model": name, "max_tokens": 8, "messages": messages}) for name in names}
    found["stream"] = post(port, {"model": "worded", "messages": messages, "stream": True})
    found["/metrics"] = found["/readyz"] = (0, None)
    for path in ("/metrics", "/readyz", "/v1/models"):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", path)
        found[path] = (connection.getresponse().status, None)
        connection.close()
    return found


def documents() -> list[dict[str, Any]]:
    made = [policy(name, model="up/m", rules=rules) for name, rules in RULES.items()]
    made += [policy("plain", model="up/m"), policy("scripted", model="tests/m", rules=RULES["worded"])]
    made.append(policy("claude", model="claude/claude-sonnet-4-5", rules=[*RULES["guarded"], *RULES["worded"]]))
    return made


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """A server with a provider of every kind, after a request through each."""
    folder = tmp_path_factory.mktemp("watched")
    (folder / "home").mkdir()
    (folder / "key.txt").write_text("k")
    (folder / "replies.yaml").write_text("- a plain answer in English\n")
    made = documents()
    with Upstream() as up:
        up.choose = speak
        providers: dict[str, Any] = {
            "up": openai_like(up),
            "tests": {"kind": "scripted", "script": "replies.yaml"},
            "claude": {
                "kind": "litellm",
                "vendor": "anthropic",
                "base_url": up.url.removesuffix("/v1"),
                "key": {"file": "key.txt"},
            },
        }
        try:
            providers["local"] = {"kind": "embedded", "models": [str(find("smollm2-135m"))]}
            made.append(policy("local", model=f"local/{providers['local']['models'][0]}"))
        except ModelMissing:
            pass
        config = write(folder, {"providers": providers}, made)
        yield watched(folder, config, up, [one["name"] for one in made])


def watched(folder: Path, config: Path, up: Upstream, names: list[str]) -> Seen:
    log, trace, home = folder / "log", folder / "trace", folder / "home"
    command = [sys.executable, "-m", "tests.watched", str(log), str(config)]
    if traces():
        command = ["strace", "-f", "-qq", "-e", "trace=connect,execve", "-o", str(trace), *command]
    plain = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    env = {**plain, "HOME": str(home), "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}", "PYTHONDONTWRITEBYTECODE": "1"}
    with (folder / "errors").open("w") as errors:
        process = subprocess.Popen(
            command, cwd=folder, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
        )
    assert process.stdin and process.stdout
    try:
        line = process.stdout.readline()
        assert line, (folder / "errors").read_text()[-2000:]
        answers = ask_all(int(line), names)
    finally:
        process.stdin.close()
        process.wait(30)
        process.stdout.close()
    events = [tuple(json.loads(row)) for row in log.read_text().splitlines()]
    traced = trace.read_text() if trace.exists() else ""
    files = sorted(str(path.relative_to(home)) for path in home.rglob("*") if path.is_file())
    return Seen(events, answers, up.port, len(up.requests), traced, files)


def test_every_kind_of_provider_answered_under_every_kind_of_rule(seen: Seen) -> None:
    """Else nothing would be shown: an import that failed contacts nobody."""
    assert {name: status for name, (status, _) in seen.answers.items()} == dict.fromkeys(seen.answers, 200)
    assert {"guarded", "worded", "plain", "scripted", "claude"} <= seen.answers.keys()
    assert seen.calls >= 5


def test_only_the_configured_upstream_is_connected_to(seen: Seen) -> None:
    connected = {address[0] for event, address in seen.events if event == "socket.connect"}

    assert connected == {str(("127.0.0.1", seen.upstream))}


def test_no_name_is_looked_up_but_the_upstreams_own_address(seen: Seen) -> None:
    looked_up = [args for event, args in seen.events if event.startswith(("socket.get", "http.", "urllib."))]

    assert {args[0] for args in looked_up} <= {"127.0.0.1", "b'127.0.0.1'"}, looked_up


def test_no_datagram_is_sent_and_no_program_is_started(seen: Seen) -> None:
    others = [(event, args) for event, args in seen.events if not event.startswith(("socket.connect", "socket.get"))]

    assert others == []


def test_nothing_is_downloaded_into_the_home_directory(seen: Seen) -> None:
    assert seen.home == []


def test_the_systems_own_calls_show_no_other_address(seen: Seen) -> None:
    """What native code does (llama.cpp, gRPC, TLS libraries) no hook of Python's sees."""
    if not seen.traced:
        pytest.skip("strace is not installed, or may not trace here")
    calls = [line for line in seen.traced.splitlines() if "connect(" in line and "AF_INET" in line]

    ports = {re.search(r"htons\((\d+)\).*?\"([^\"]+)\"", line).groups() for line in calls}  # type: ignore[union-attr]
    assert ports == {(str(seen.upstream), "127.0.0.1")}
