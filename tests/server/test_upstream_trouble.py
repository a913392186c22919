"""An upstream or a store that fails: the client is told what happened, and an answer that was made arrives."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import openai
import pytest
from tests.serving import Served, fresh, label, openai_like, policy, serving
from tests.upstream import Behaviour, Upstream

USER = [{"role": "user", "content": "x"}]
BAN = {"rule": "excludes", "terms": ["lava"]}
POLICIES = [
    policy("calm", model="up/m", rules=[BAN]),
    policy("hasty", model="up/m", rules=[BAN], candidates={"deadline": "100ms"}),
    policy("gone", model="gone/m", rules=[BAN]),
    policy("again", model="again/m", rules=[BAN]),
    policy("hashes", model="up/m", rules=[BAN], record="hashes"),
    label("vote", model="up/m"),
]
OWN = {"message": "You exceeded your quota", "type": "insufficient_quota", "param": "p", "code": "quota", "extra": [1]}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Upstream]]:
    """One server for the module, with an upstream, one that is down, and one that is asked again."""
    with Upstream() as up:
        providers = {
            "up": openai_like(up),
            "gone": {"kind": "openai-compatible", "base_url": "http://127.0.0.1:9/v1", "retries": 0},
            "again": openai_like(up, retries=1),
        }
        config = {"providers": providers, "default_provider": "up"}
        with serving(tmp_path_factory.mktemp("trouble"), config, POLICIES) as steady:
            yield steady, up


@pytest.fixture
def steady(shared: tuple[Served, Upstream]) -> Served:
    """The server."""
    return shared[0]


@pytest.fixture
def up(shared: tuple[Served, Upstream]) -> Upstream:
    """Its upstream, fresh."""
    return fresh(shared[1])


@pytest.mark.parametrize("model", ["calm", "vote", "mock-model"])
@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
@pytest.mark.parametrize("stream", [False, True])
def test_a_raw_upstream_error_keeps_its_status_and_its_message(
    steady: Served, up: Upstream, model: str, status: int, stream: bool
) -> None:
    """And every field of its error object."""
    up.add(Behaviour((json.dumps({"error": OWN}).encode(),), status))
    answer = steady.chat(model=model, stream=stream)

    assert answer.status == status
    assert answer.error == OWN


@pytest.mark.parametrize(("header", "told"), [("7", "7"), ("0.5", "0.5")])
def test_retry_after_is_passed_on(steady: Served, up: Upstream, header: str, told: str) -> None:
    up.error(503, "later", headers={"retry-after": header})

    for model in ("calm", "mock-model"):
        assert steady.chat(model=model).headers["retry-after"] == told


def test_the_sdk_raises_the_same_error_as_from_the_upstream_itself(steady: Served, up: Upstream) -> None:
    up.error(429, "slow down")
    with steady.client() as client, pytest.raises(openai.RateLimitError, match="slow down") as told:
        client.chat.completions.create(model="calm", messages=USER)  # type: ignore[arg-type]

    assert told.value.code == "mock"


def test_an_error_is_recorded_and_its_receipt_named(steady: Served, up: Upstream) -> None:
    up.error(500, "broken")
    answer = steady.chat(model="calm")

    decision = steady.receipt(answer)["decision"]
    assert (decision["action"], decision["code"]) == ("error", "upstream_error")


def test_an_upstream_that_is_down_is_a_502(steady: Served, up: Upstream) -> None:
    answer = steady.chat(model="gone")

    assert answer.status == 502
    assert answer.error["type"] == "upstream_error"
    assert "127.0.0.1:9" in answer.error["message"]


def test_an_upstream_that_is_slow_is_a_504(steady: Served, up: Upstream) -> None:
    up.hang()
    answer = steady.chat(model="hasty")

    assert answer.status == 504
    assert answer.error["code"] == "upstream_timeout"
    assert up.wait(lambda u: u.hangups == 1)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, "<html>Bad gateway</html>", "text/html"),
        (200, "", "application/json"),
        (200, "{}", "application/json"),
        (200, '{"choices": []}', "application/json"),
        (200, '{"choices": [{"index": 0}]}', "application/json"),
        (200, '{"choices": [{"message": {"content": 5}}]}', "application/json"),
        (200, "[1]", "application/json"),
        (200, "null", "application/json"),
    ],
)
@pytest.mark.parametrize("model", ["calm", "mock-model"])
def test_an_upstream_that_answers_nonsense_is_a_502(
    steady: Served, up: Upstream, model: str, status: int, body: str, kind: str
) -> None:
    up.raw(body, status=status, content_type=kind)
    answer = steady.chat(model=model)

    assert answer.status == 502
    assert answer.error["code"] == "upstream_invalid_response"
    assert "Bad gateway" not in answer.error["message"]


def test_an_html_error_page_keeps_its_status_and_is_not_quoted(steady: Served, up: Upstream) -> None:
    up.raw("<html>cloud says no</html>", status=503)
    answer = steady.chat(model="calm")

    assert answer.status == 503
    assert "answered 503" in answer.error["message"]
    assert "<html>" not in answer.error["message"]


def test_an_upstream_that_hangs_up_is_a_502(steady: Served, up: Upstream) -> None:
    up.drop()

    assert steady.chat(model="calm").status == 502


def test_a_failure_that_passes_is_asked_again_and_never_seen(steady: Served, up: Upstream) -> None:
    up.error(503, "restarting", headers={"retry-after": "0.01"})
    up.reply("here")
    answer = steady.chat(model="again")

    assert answer.text == "here"
    assert len(up.requests) == 2
    assert steady.metric('steady_upstream_retries_total{provider="again"}') >= 1


def test_under_hashes_a_receipt_says_so_and_holds_no_content(steady: Served, up: Upstream) -> None:
    up.reply("water and nothing else")
    answer = steady.chat("a very private question", model="hashes")
    receipt = steady.receipt(answer)

    assert receipt["content"] == "hashes"
    assert "water" not in json.dumps(receipt)
    assert "private" not in json.dumps(receipt)


# The store


def test_a_store_that_cannot_be_written_loses_no_answer(tmp_path: Path) -> None:
    """The receipt is `none`, in the header and in the body, streamed and not; and it is counted."""
    with Upstream() as up:
        config = {"providers": {"up": openai_like(up)}, "store": {"path": "steady.yaml/receipts.db"}}
        with serving(tmp_path, config, POLICIES[:1]) as steady:
            whole = steady.chat(model="calm")
            stream = steady.chat(model="calm", stream=True)

            assert (whole.status, whole.text) == (200, "ok")
            assert whole.headers["x-steady-receipt"] == "none"
            assert whole.json["steady"]["receipt"] == "none"
            assert stream.streamed == "ok"
            assert stream.events[-1]["steady"]["receipt"] == "none"
            assert steady.metric("steady_receipts_lost_total") == 2
            assert steady.get("/v1/receipts/rcpt_x").status == 500
            assert steady.get("/v1/receipts/rcpt_x").error["code"] == "record_error"


def test_a_store_that_breaks_while_serving_loses_no_answer(tmp_path: Path) -> None:
    with Upstream() as up, serving(tmp_path, {"providers": {"up": openai_like(up)}}, POLICIES[:1]) as steady:
        assert steady.chat(model="calm").headers["x-steady-receipt"] != "none"
        store = steady.services.runtime.store
        assert store is not None
        assert store.flush()
        with closing(sqlite3.connect(tmp_path / "steady-receipts.db")) as other:
            other.execute("drop table receipts")
            answers = [steady.chat(model="calm") for _ in range(3)]

        assert [answer.text for answer in answers] == ["ok"] * 3


def test_with_the_store_off_there_is_no_receipt_and_no_file(tmp_path: Path) -> None:
    with Upstream() as up:
        config = {"providers": {"up": openai_like(up)}, "store": {"off": True}}
        with serving(tmp_path, config) as steady:
            answer = steady.chat(model="m")
            missing = steady.get("/v1/receipts/rcpt_x")

    assert answer.headers["x-steady-receipt"] == "none"
    assert missing.status in (404, 500)
    assert "store is off" in missing.error["message"]
    assert not list(tmp_path.glob("*.db*"))


def test_a_folder_that_goes_away_loses_no_answer(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with Upstream() as up:
        config = {"providers": {"up": openai_like(up)}, "store": {"path": "data/receipts.db"}}
        with serving(tmp_path, config) as steady:
            steady.chat(model="m")
            shutil.rmtree(tmp_path / "data")

            assert [steady.chat(model="m").text for _ in range(3)] == ["ok"] * 3
