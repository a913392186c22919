"""A client's JSON Schema that reaches outside, backtracks, explodes or is huge: a clear 400, and nobody is asked."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from tests.serving import Served, fresh, openai_like, policy, serving
from tests.upstream import Upstream

POLICY = policy("plain", model="up/m", rules=[{"rule": "excludes", "terms": ["lava"]}])
USER = [{"role": "user", "content": "x"}]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Upstream]]:
    with Upstream() as up:
        config = {"providers": {"up": openai_like(up)}}
        with serving(tmp_path_factory.mktemp("schemas"), config, [POLICY]) as steady:
            yield steady, up


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A host that a `$ref` may name, which hears whoever comes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        yield server


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(levels):
        schema = {"items": schema}
    return schema


BAD = {
    "remote": ({"properties": {"a": {"$ref": "HOST/s.json"}}}, "nothing is fetched"),
    "remote dialect": ({"$schema": "HOST/meta"}, "names the dialect"),
    "remote in what is never applied": ({"contentSchema": {"$ref": "HOST/s.json"}}, "nothing is fetched"),
    "file": ({"$ref": "file:///etc/hostname"}, "nothing is fetched"),
    "endless": ({"$ref": "#"}, "without a step in between"),
    "multiplying": ({"anyOf": [{"properties": {"a": {"$ref": "#"}}}] * 30}, "would not end in time"),
    "dynamic": ({"$dynamicRef": "#a"}, "use $ref"),
    "lookaround": ({"pattern": "(?=a)b"}, "not linear-time"),
    "long pattern": ({"pattern": "a" * 2_000}, "more than 1000 characters"),
    "deep": (nested(100), "more than 64 deep"),
    "huge": ({"enum": ["x" * 400_000]}, "bytes"),
    "wide": ({"allOf": [{}] * 3_000}, "more than 2,000 subschemas"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_schema_is_a_400_that_says_what_is_wrong(
    shared: tuple[Served, Upstream], listener: socket.socket, name: str
) -> None:
    steady, up = shared[0], fresh(shared[1])
    schema, says = BAD[name]
    host = f"http://127.0.0.1:{listener.getsockname()[1]}"
    schema = json.loads(json.dumps(schema).replace("HOST", host))
    form = {"type": "json_schema", "json_schema": {"name": "s", "schema": schema}}
    answer = steady.ask(
        "POST",
        "/v1/chat/completions",
        {"model": "plain", "messages": USER, "response_format": form},
    )

    assert answer.status == 400, answer.body
    assert answer.error["param"] == "response_format"
    assert says in answer.error["message"]
    assert len(answer.error["message"]) < 500
    assert up.requests == []
    with pytest.raises(TimeoutError):
        listener.accept()
