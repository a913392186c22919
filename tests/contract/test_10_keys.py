"""Contract, section 10: keys, and being reachable. Each test's name is a promise."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.server.observing import an_outcome
from tests.serving import Served, fresh, openai_like, policy, serving, sha256, write
from tests.upstream import Upstream

from steady.errors import ConfigError
from steady.server.serve import serve

POLICIES = [
    policy("calm", model="up/m"),
    policy("forwarded", model="forward/m"),
    policy("keyed", model="keyed/m"),
    policy("spied", model="up/m", rules=[{"rule": "excludes", "terms": ["lava"], "on_fail": "exception"}]),
]
KEYS = [
    {"sha256": sha256("acme-key"), "tenant": "acme"},
    {"sha256": sha256("acme-two").upper(), "tenant": "acme"},
    {"sha256": sha256("rival-key"), "tenant": "rival"},
    {"sha256": sha256("root-key"), "tenant": "ops", "admin": True},
]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Upstream]]:
    """One server for the module, with client keys."""
    folder = tmp_path_factory.mktemp("keys")
    (folder / "provider.key").write_text("provider-secret-key\n")
    with Upstream() as up:
        providers = {
            "up": openai_like(up),
            "forward": openai_like(up, key="forward"),
            "keyed": openai_like(up, key={"file": "provider.key"}),
        }
        config = {"providers": providers, "default_provider": "up", "keys": KEYS}
        with serving(folder, config, POLICIES) as steady:
            yield steady, up


@pytest.fixture
def steady(shared: tuple[Served, Upstream]) -> Served:
    """The server."""
    return shared[0]


@pytest.fixture
def up(shared: tuple[Served, Upstream]) -> Upstream:
    """Its upstream, fresh."""
    return fresh(shared[1])


# Beyond loopback


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "steady.example"])
def test_beyond_loopback_steady_refuses_to_start_without_a_client_key(tmp_path: Path, host: str) -> None:
    config = write(tmp_path, {"store": {"off": True}, "providers": _nowhere()})

    with pytest.raises(ConfigError, match="without client keys"):
        serve(config, host=host, port=0, only_check=True)


@pytest.mark.parametrize("more", [{"keys": KEYS}, {"server": {"insecure": True}}])
def test_beyond_loopback_it_starts_with_a_key_or_when_told_that_it_is_insecure(
    tmp_path: Path, more: dict[str, object]
) -> None:
    said: list[str] = []
    config = write(tmp_path, {"store": {"off": True}, "providers": _nowhere(), **more})
    serve(config, host="0.0.0.0", port=0, only_check=True, say=said.append)

    assert said[0].startswith("ok: ")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_on_loopback_it_needs_no_key(tmp_path: Path, host: str) -> None:
    said: list[str] = []
    serve(
        write(tmp_path, {"store": {"off": True}, "providers": _nowhere()}),
        host=host,
        port=0,
        only_check=True,
        say=said.append,
    )

    assert said


def _nowhere() -> dict[str, object]:
    return {"up": {"kind": "openai-compatible", "base_url": "http://127.0.0.1:9/v1"}}


# Keys


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/models", "/v1/receipts/rcpt_x"])
@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer wrong-key"}, {"authorization": "Basic YTpi"}])
def test_without_a_known_key_nothing_is_told(steady: Served, up: Upstream, path: str, headers: dict[str, str]) -> None:
    method = "POST" if path.endswith("completions") else "GET"
    body = {"messages": [{"role": "user", "content": "x"}]} if method == "POST" else None
    answer = steady.ask(method, path, body, headers)

    assert answer.status == 401
    assert answer.error["code"] == "invalid_api_key"
    assert b"wrong-key" not in answer.body
    assert up.requests == []


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer acme-key"},
        {"authorization": "bearer acme-key"},
        {"authorization": "Bearer acme-two"},
        {"x-steady-key": "acme-key"},
    ],
)
def test_keys_are_hashed_in_the_configuration_and_known_by_their_hash(
    steady: Served, up: Upstream, headers: dict[str, str]
) -> None:
    assert steady.chat(model="calm", headers=headers).status == 200


def test_a_key_written_as_it_is_does_not_load_and_is_not_repeated(tmp_path: Path) -> None:
    config = write(tmp_path, {"keys": [{"sha256": "acme-secret-key", "tenant": "acme"}]})

    with pytest.raises(ConfigError) as told:
        serve(config, only_check=True)
    assert "acme-secret-key" not in str(told.value)
    assert "sha256sum" in str(told.value)


def test_a_clients_authorization_goes_upstream_only_where_the_provider_says_forward(
    steady: Served, up: Upstream
) -> None:
    own = {"x-steady-key": "acme-key", "authorization": "Bearer clients-own"}
    for model in ("forwarded", "calm", "keyed"):
        steady.chat(model=model, headers=own)
        steady.chat(model=model, headers=own, stream=True)

    sent = [seen.headers.get("authorization") for seen in up.requests]
    assert sent == ["Bearer clients-own"] * 2 + [None] * 2 + ["Bearer provider-secret-key"] * 2


def test_steadys_own_key_never_goes_upstream(steady: Served, up: Upstream) -> None:
    for model in ("forwarded", "calm", "keyed", "anything"):
        steady.chat(model=model, key="acme-key")
        steady.chat(model=model, headers={"x-steady-key": "acme-key"})

    assert len(up.requests) == 8
    assert "acme-key" not in str([seen.headers for seen in up.requests])


# Receipts


def test_receipts_need_the_same_tenants_key_or_the_admins(steady: Served, up: Upstream) -> None:
    path = f"/v1/receipts/{steady.chat(model='spied', key='acme-key').headers['x-steady-receipt']}"

    assert steady.get(path, key="acme-key").json["policy"] == "spied"
    assert steady.get(path, key="acme-two").status == 200
    assert steady.get(path, key="root-key").status == 200
    other = steady.get(path, key="rival-key")
    assert other.status == 404
    assert other.error["code"] == "receipt_not_found"
    assert steady.get(path).status == 401


def test_another_tenants_receipt_looks_like_none(steady: Served, up: Upstream) -> None:
    there = steady.chat(model="spied", key="acme-key").headers["x-steady-receipt"]
    nowhere = there[:-4] + "AAAA"
    told = [steady.get(f"/v1/receipts/{name}", key="rival-key") for name in (there, nowhere)]

    assert [answer.status for answer in told] == [404, 404]
    assert told[0].body.replace(there.encode(), b"") == told[1].body.replace(nowhere.encode(), b"")


@pytest.mark.parametrize("name", ["", "x", "rcpt_", "../models", "%00", "rcpt_" + "A" * 5000, "a'; drop table x; --"])
def test_a_wrong_receipt_id_is_a_404(steady: Served, name: str) -> None:
    from urllib.parse import quote

    answer = steady.get(f"/v1/receipts/{quote(name)}", key="acme-key")

    assert answer.status == 404
    assert answer.error["type"] == "invalid_request_error"


def test_ids_cannot_be_guessed(steady: Served, up: Upstream) -> None:
    """128 random bits each: no two share more than chance would have it, and none tells of time or order."""
    ids = [steady.chat(model="spied", key="acme-key").headers["x-steady-receipt"] for _ in range(20)]

    random = [name.removeprefix("rcpt_") for name in ids]
    assert len(set(random)) == 20
    assert {len(name) for name in random} == {22}
    assert ids != sorted(ids)
    for at in range(21):
        assert len({name[at] for name in random}) > 5


# Metrics


def test_metric_labels_come_only_from_loaded_configuration(steady: Served, up: Upstream) -> None:
    """Ten thousand random model names, users and keys leave fewer series than the stated bound."""
    services = steady.services
    answer = steady.chat(model="calm", key="acme-key", user="user-123456", steady={"user": "user-123456"})
    steady.chat(model="name-from-a-client", key="acme-key")
    steady.chat(model="calm", key="no-such-key")
    for number in range(10_000):
        name = f"random-{number * 7919 % 10007}"
        services.metrics.observe(an_outcome(policy=("calm", name)[number % 2]), model=f"up/{name}", seconds=0.1)

    shown = steady.get("/metrics").body.decode()
    samples = [line for line in shown.splitlines() if not line.startswith("#")]
    assert len(samples) <= services.metrics.bound()
    free = ("random-", "name-from-a-client", "user-123456", "acme", "no-such-key", answer.headers["x-steady-receipt"])
    for word in free:
        assert word not in shown
    assert 'policy="calm"' in shown
    assert 'model="other"' in shown


def test_a_random_model_name_through_the_door_is_other(steady: Served, up: Upstream) -> None:
    before = len(steady.get("/metrics").body.splitlines())
    for number in range(50):
        assert steady.chat(model=f"free-{number}", key="acme-key").status == 200

    assert len(steady.get("/metrics").body.splitlines()) <= before + 20
    assert b"free-" not in steady.get("/metrics").body


# Ready


def test_an_upstream_that_is_down_shows_in_readyz_and_does_not_fail_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    providers = {"gone": {"kind": "openai-compatible", "base_url": f"http://127.0.0.1:{port}/v1", "retries": 0}}
    with serving(tmp_path, {"providers": providers}) as steady:
        answer = steady.get("/readyz")
        steady.chat(model="m")

        assert answer.status == 200
        assert answer.json["status"] == "ready"
        assert "reach" in answer.json["parts"]["provider gone"] or "connect" in answer.json["parts"]["provider gone"]
        assert steady.metric("steady_upstream_errors_total") == 1


def test_an_upstream_that_hangs_does_not_keep_readyz_waiting(tmp_path: Path) -> None:
    """An orchestrator gives a probe a second; five hanging upstreams must not add up to more."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        providers = {f"p{n}": {"kind": "openai-compatible", "base_url": address} for n in range(5)}
        with serving(tmp_path, {"providers": providers, "default_provider": "p0", "store": {"off": True}}) as steady:
            steady.get("/healthz")
            began = time.monotonic()
            answer = steady.get("/readyz")

            assert time.monotonic() - began < 4.5
            assert answer.status == 200
            assert answer.json["parts"]["provider p3"].startswith("no answer within")


def test_readyz_fails_while_draining(tmp_path: Path) -> None:
    with Upstream() as up, serving(tmp_path, {"providers": {"up": openai_like(up)}}) as steady:
        ready = steady.get("/readyz")
        steady.services.draining = True
        draining = steady.get("/readyz")

        assert ready.status == 200
        assert draining.status == 503
        assert draining.json["why"] == "draining"
        assert steady.get("/healthz").status == 200


def test_readyz_fails_where_the_weights_are_missing(tmp_path: Path) -> None:
    providers = {"local": {"kind": "embedded", "models": ["missing.gguf"]}}
    with serving(tmp_path, {"providers": providers, "store": {"off": True}}) as steady:
        answer = steady.get("/readyz")

        assert answer.status == 503
        assert "missing.gguf" in answer.json["why"]


def test_a_store_that_is_down_shows_in_readyz_and_metrics_and_does_not_fail_it(tmp_path: Path) -> None:
    with Upstream() as up:
        config = {"providers": {"up": openai_like(up)}, "store": {"path": "steady.yaml/receipts.db"}}
        with serving(tmp_path, config) as steady:
            answer = steady.get("/readyz")

            assert answer.status == 200
            assert answer.json["parts"]["store"] != "ok"
            assert steady.metric("steady_store_broken") == 1
