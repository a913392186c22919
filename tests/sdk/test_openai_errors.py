"""Errors, retries and time-outs as the official Python client sees them."""

from typing import Any

import openai
import pytest
from tests.sdk.asking import HELLO
from tests.serving import Served, openai_like, serving
from tests.upstream import Upstream


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (403, openai.PermissionDeniedError),
        (404, openai.NotFoundError),
        (409, openai.ConflictError),
        (422, openai.UnprocessableEntityError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
        (503, openai.InternalServerError),
    ],
)
@pytest.mark.parametrize("model", ["up/m", "ruled", "voting"])
@pytest.mark.parametrize("stream", [False, True])
def test_an_upstreams_error_keeps_its_status_and_message(
    client: openai.OpenAI, up: Upstream, status: int, kind: type[openai.APIStatusError], model: str, stream: bool
) -> None:
    up.error(status, f"it said {status}")

    with pytest.raises(kind, match=f"it said {status}") as raised:
        made = client.chat.completions.create(model=model, messages=HELLO, stream=stream)
        list(made)

    assert raised.value.status_code == status
    assert (raised.value.code, raised.value.type) == ("mock", "mock_error")


@pytest.mark.parametrize("model", ["up/m", "ruled"])
def test_a_rate_limit_keeps_its_retry_after(client: openai.OpenAI, up: Upstream, model: str) -> None:
    up.error(429, "slow down", headers={"retry-after": "7"})

    with pytest.raises(openai.RateLimitError) as raised:
        client.chat.completions.create(model=model, messages=HELLO)

    assert raised.value.response.headers["retry-after"] == "7"


def test_bad_values_are_bad_requests_that_name_the_field(client: openai.OpenAI, up: Upstream) -> None:
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("temperature", {"temperature": -1}),
        ("n", {"n": 0}),
        ("max_tokens", {"max_tokens": -5}),
        ("steady.polcy", {"extra_body": {"steady": {"polcy": "x"}}}),
    ]
    for field, values in wrong:
        with pytest.raises(openai.BadRequestError) as raised:
            client.chat.completions.create(model="ruled", messages=HELLO, **values)
        assert raised.value.param == field
    assert up.requests == []


def test_a_wrong_key_is_an_authentication_error(shared: tuple[Served, Upstream], up: Upstream) -> None:
    with shared[0].client("wr0ng") as client, pytest.raises(openai.AuthenticationError) as raised:
        client.chat.completions.create(model="ruled", messages=HELLO)

    assert raised.value.code == "invalid_api_key"
    assert "wr0ng" not in str(raised.value)


def test_an_unknown_policy_is_not_found_with_the_nearest_name(client: openai.OpenAI, up: Upstream) -> None:
    with pytest.raises(openai.NotFoundError, match="Did you mean 'ruled'") as raised:
        client.chat.completions.create(model="x", messages=HELLO, extra_body={"steady": {"policy": "ruledd"}})

    assert raised.value.code == "model_not_found"


def test_a_body_over_the_limit_is_a_413(client: openai.OpenAI, up: Upstream) -> None:
    with pytest.raises(openai.APIStatusError) as raised:
        client.chat.completions.create(model="ruled", messages=[{"role": "user", "content": "x" * 70_000}])

    assert (raised.value.status_code, raised.value.code) == (413, "body_too_large")


def test_a_broken_rule_is_a_422_that_is_not_tried_again(shared: tuple[Served, Upstream], up: Upstream) -> None:
    """After a candidate was paid for, the client is told not to buy another."""
    up.reply("hot lava")

    with shared[0].client("k", max_retries=2) as client, pytest.raises(openai.UnprocessableEntityError) as raised:
        client.chat.completions.create(model="strict", messages=HELLO)

    assert raised.value.code == "rule_violation"
    assert raised.value.response.headers["x-should-retry"] == "false"
    assert len(up.requests) == 1


def test_an_upstream_that_is_down_is_a_502(tmp_path: Any) -> None:
    with Upstream() as gone:
        entry = openai_like(gone)
    with serving(tmp_path, {"providers": {"up": entry}}) as steady, steady.client() as client:  # noqa: SIM117
        with pytest.raises(openai.InternalServerError) as raised:
            client.chat.completions.create(model="up/m", messages=HELLO)

    assert raised.value.status_code == 502


# time


def test_the_clients_own_retries_work(shared: tuple[Served, Upstream], up: Upstream) -> None:
    up.error(503, "once")
    up.reply("Paris")

    with shared[0].client("k", max_retries=1) as client:
        made = client.chat.completions.create(model="up/m", messages=HELLO)

    assert made.choices[0].message.content == "Paris"
    assert len(up.requests) == 2


def test_a_client_that_times_out_and_tries_again_joins_what_runs(shared: tuple[Served, Upstream], up: Upstream) -> None:
    """Its second try carries x-stainless-retry-count: 1; it must not buy the answer twice."""
    up.reply("Paris", delay=1.2)

    with shared[0].client("k", max_retries=2, timeout=0.5) as client:
        made = client.chat.completions.create(model="ruled", messages=[{"role": "user", "content": "joins?"}])

    assert made.choices[0].message.content == "Paris"
    assert len(up.requests) == 1


def test_a_timeout_is_the_clients_own(shared: tuple[Served, Upstream], up: Upstream) -> None:
    up.reply("late", delay=0.8)

    with shared[0].client("k", timeout=0.2) as client, pytest.raises(openai.APITimeoutError):
        client.chat.completions.create(model="ruled", messages=[{"role": "user", "content": "late?"}])
