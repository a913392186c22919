"""The official Node client against a running Steady. npm fetches it once, into .bench/node."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.sdk.asking import CALLED, PLACE
from tests.serving import Served
from tests.upstream import Behaviour, Upstream, completion

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".bench" / "node"
VERSION = "6"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("node") is None or shutil.which("npm") is None, reason="node and npm are not installed"
    ),
]


def say(body: Any) -> Behaviour:
    """Answer by the last message's words."""
    asked = body["messages"][-1]["content"]
    if asked == "fail":
        error = {"message": "slow down", "type": "mock_error", "param": None, "code": "mock"}
        return Behaviour((json.dumps({"error": error}).encode(),), 429, {"retry-after": "7"})
    said = {"whole": "Paris is a city", "place": PLACE, "lava place": PLACE.replace("Paris", "lava"), "tool": CALLED}
    return Behaviour((json.dumps(completion(said.get(asked, "hot lava"))).encode(),))


@pytest.fixture(scope="module")
def package() -> Path:
    """The folder whose node_modules holds the client."""
    if not (FOLDER / "node_modules" / "openai" / "package.json").is_file():
        FOLDER.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--prefix", str(FOLDER), "--no-audit", "--no-fund", "--no-save"]
        done = subprocess.run([*command, f"openai@{VERSION}"], capture_output=True, text=True, timeout=300)
        if done.returncode != 0:  # the registry is not reached from here: nothing is known of the client then
            pytest.skip(f"npm can't install openai@{VERSION}: {done.stderr.strip()[:200]}")
    return FOLDER


@pytest.fixture(scope="module")
def got(package: Path, shared: tuple[Served, Upstream]) -> Iterator[dict[str, Any]]:
    """What the client got, all at once: starting node costs more than asking."""
    steady, up = shared
    up.clear()
    up.choose = say
    script = Path(__file__).with_name("client.mjs")
    done = subprocess.run(["node", str(script), str(package), steady.url], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    yield json.loads(done.stdout)
    up.clear()


def test_an_answer_comes_whole(got: dict[str, Any]) -> None:
    assert got["whole"] == {"text": "Paris is a city", "policy": "ruled", "tokens": 12}


def test_the_headers_are_there(got: dict[str, Any]) -> None:
    assert got["headers"] == {"agreement": "1.0000", "policy": "voting"}


@pytest.mark.parametrize(("model", "tokens"), [("up/m", 12), ("ruled", 12), ("voting", 36)])
def test_a_stream_is_chunks_to_the_same_text(got: dict[str, Any], model: str, tokens: int) -> None:
    assert got[f"stream {model}"] == {"text": "Paris is a city", "finish": ["stop"], "tokens": tokens}


def test_the_stream_helper_accumulates(got: dict[str, Any]) -> None:
    assert got["helper"] == {"final": "Paris is a city", "deltas": "Paris is a city"}


def test_parse_gives_the_object_and_the_refusal(got: dict[str, Any]) -> None:
    assert got["parsed"] == {"city": "Paris", "people": 2}
    assert got["refused"] == {"refusal": "I can't say that.", "content": None, "finish": "stop"}


def test_a_forced_tool_comes_back(got: dict[str, Any]) -> None:
    assert got["tool"] == {"name": "look_up", "arguments": PLACE}


@pytest.mark.parametrize("name", ["upstream", "streamed"])
def test_an_upstreams_error_keeps_its_status_message_and_retry_after(got: dict[str, Any], name: str) -> None:
    error = got[name]
    assert (error["kind"], error["status"], error["code"], error["after"]) == ("RateLimitError", 429, "mock", "7")
    assert "slow down" in error["message"]


@pytest.mark.parametrize(
    ("name", "kind", "code"),
    [
        ("field", "BadRequestError", "invalid_value"),
        ("unknown", "NotFoundError", "model_not_found"),
        ("rule", "UnprocessableEntityError", "rule_violation"),
        ("key", "AuthenticationError", "invalid_api_key"),
    ],
)
def test_steadys_own_errors_are_the_clients_classes(got: dict[str, Any], name: str, kind: str, code: str) -> None:
    assert (got[name]["kind"], got[name]["code"]) == (kind, code)
    assert "lava" not in got[name]["message"]
    assert "wr0ng" not in got[name]["message"]


def test_models_list_gives_policies_and_routes(got: dict[str, Any]) -> None:
    assert {"ruled", "voting", "polite", "gpt-4o"} <= set(got["models"])
