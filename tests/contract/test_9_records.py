"""Contract, section 9: records. Each test's name is a promise."""

import asyncio
import base64
import hashlib
import json
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from msgspec import structs
from tests.serving import Answer, Served, fresh, openai_like, policy, serving, write
from tests.upstream import Behaviour, Upstream, completion

from steady.cli.replay import replay_receipt
from steady.errors import RecordError
from steady.pipeline.runtime import Runtime
from steady.policy.config import StoreSpec
from steady.records.ids import new_id
from steady.records.sqlite import SqliteStore
from steady.types import DECISION_VERSION, Receipt

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string", "maxLength": 4321}},
    "required": ["city"],
}
POLICIES = [
    policy(
        "whole",
        model="up/m",
        output={"kind": "json", "schema": "city.json"},
        sampling={"preset": "mine"},
        candidates={"min": 3, "max": 3},
        rules=[{"rule": "excludes", "terms": ["volcano"], "on_fail": "filter"}],
        disclose={"place": "field", "when": "always", "text": "Drafted {of} times."},
    ),
    policy("plain", model="up/m", rules=[{"rule": "excludes", "terms": ["lava"], "on_fail": "filter"}]),
    policy("private", model="up/m", record="hashes", rules=[{"rule": "excludes", "terms": ["lava"]}]),
]
LONG = "Where does the long road out of the town lead? " * 40


def ready(folder: Path) -> Path:
    """Write what the policies refer to."""
    (folder / "presets").mkdir()
    preset = {"name": "mine", "sampling": {"temperature": 0.625, "max_tokens": 77}}
    (folder / "presets" / "mine.yaml").write_text(json.dumps(preset))
    (folder / "policies").mkdir()
    (folder / "policies" / "city.json").write_text(json.dumps(SCHEMA))
    for one in POLICIES:
        (folder / "policies" / f"{one['name']}.yaml").write_text(json.dumps(one))
    return folder


@pytest.fixture
def up() -> Iterator[Upstream]:
    """An upstream that gives valid JSON, each answer with an id and a time of its own."""
    with Upstream() as made:
        count = iter(range(10**6))

        def say(_: Any) -> Behaviour:
            n = next(count)
            return Behaviour((json.dumps(completion('{"city": "Paris"}', id=f"cmpl-{n}", created=n)).encode(),))

        made.choose = say
        yield made


@pytest.fixture
def steady(tmp_path: Path, up: Upstream) -> Iterator[Served]:
    """A server over the policies above."""
    with serving(ready(tmp_path), {"providers": {"up": openai_like(up)}, "presets": "presets"}) as made:
        yield made


def config(steady: Served) -> str:
    return str(steady.services.runtime.found.file)


def store_of(steady: Served) -> SqliteStore:
    store = steady.services.runtime.store
    assert store is not None
    assert store.flush()
    return store


async def kept(steady: Served, answer: Answer) -> Receipt:
    return await store_of(steady).get(answer.headers["x-steady-receipt"], None)


def rows(steady: Served, sql: str) -> list[Any]:
    with closing(sqlite3.connect(store_of(steady).path)) as connection:
        return connection.execute(sql).fetchall()


# the policy


async def test_a_receipt_names_by_hash_the_fully_resolved_policy(steady: Served) -> None:
    """Presets, terms, schemas, texts and capabilities are inlined: no file is needed to know what was decided by."""
    answer = steady.chat(model="whole")
    receipt = await kept(steady, answer)
    text = receipt.policy_bytes.decode()

    assert (
        hashlib.sha256(receipt.policy_bytes).hexdigest()
        == receipt.policy_hash
        == answer.headers["x-steady-policy-hash"]
    )
    for part in ("0.625", "77", "4321", "volcano", "Drafted {of} times.", "json_schema", "frequency_penalty"):
        assert part in text, part


async def test_a_change_of_anything_inlined_changes_the_hash(tmp_path: Path, up: Upstream) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    for folder in (first, second):
        folder.mkdir()
        ready(folder)
    (second / "policies" / "city.json").write_text(json.dumps({**SCHEMA, "required": []}))
    made = {"providers": {"up": openai_like(up)}, "presets": "presets"}

    hashes = []
    for folder in (first, second):
        runtime = Runtime.open(write(folder, made), store=False)
        hashes.append({name: runtime.library.resolved(name, None).hash for name in ("whole", "plain")})

    assert hashes[0]["whole"] != hashes[1]["whole"]
    assert hashes[0]["plain"] == hashes[1]["plain"]


async def test_the_policy_is_stored_once_and_kept_as_long_as_a_receipt_needs_it(steady: Served) -> None:
    answers = [steady.chat(f"{n}", model="whole") for n in range(5)]

    assert rows(steady, "select count(*) from policies") == [(1,)]
    receipt = await kept(steady, answers[0])
    assert store_of(steady).policy(receipt.policy_hash) == receipt.policy_bytes


def test_a_receipt_replays_equal_after_its_policy_was_edited_or_deleted(steady: Served, tmp_path: Path) -> None:
    answer = steady.chat(model="whole")
    store_of(steady)
    shutil.rmtree(tmp_path / "policies")
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "other.yaml").write_text(json.dumps(policy("other", model="up/m")))

    assert replay_receipt(answer.headers["x-steady-receipt"], config(steady), as_json=False) == 0


async def test_a_receipt_carries_the_decision_version(steady: Served) -> None:
    answer = steady.chat(model="plain")

    assert (await kept(steady, answer)).decision_version == DECISION_VERSION
    assert steady.receipt(answer)["decision_version"] == DECISION_VERSION


# the decision


@pytest.mark.parametrize("name", ["whole", "plain", "up/m"])
async def test_decision_bytes_are_rfc_8785_json_without_ids_and_times(steady: Served, name: str) -> None:
    """Two answers that differ in the upstream's id and time alone are one decision."""
    answers = [steady.chat(model=name, seed=7) for _ in range(2)]
    one, two = [await kept(steady, answer) for answer in answers]

    assert rfc8785.dumps(json.loads(one.decision)) == one.decision
    assert answers[0].json["id"] != answers[1].json["id"]
    assert one.decision == two.decision
    assert one.id.encode() not in one.decision
    assert b"cmpl-" not in one.decision
    assert hashlib.sha256(one.decision).hexdigest() == one.decision_hash


@pytest.mark.parametrize("name", ["whole", "plain", "up/m"])
def test_steady_replay_is_0_where_the_bytes_are_equal(steady: Served, up: Upstream, name: str) -> None:
    answer = steady.chat(model=name)
    store_of(steady)
    fresh(up).error(500)

    assert replay_receipt(answer.headers["x-steady-receipt"], config(steady), as_json=False) == 0
    assert up.requests == []


Change = Callable[[Receipt], Receipt]
CHANGES: list[tuple[int, Change]] = [
    (1, lambda r: structs.replace(r, decision=r.decision.replace(b"Paris", b"Rome!"))),
    (3, lambda r: structs.replace(r, decision_version=DECISION_VERSION + 1)),
    (3, lambda r: structs.replace(r, journal=None)),
    (3, lambda r: structs.replace(r, request=None)),
]


@pytest.mark.parametrize(("code", "change"), CHANGES)
def test_steady_replay_is_1_where_it_differs_and_3_where_it_can_not_be_done(
    steady: Served, code: int, change: Change
) -> None:
    receipt = asyncio.run(kept(steady, steady.chat(model="plain")))
    other = structs.replace(change(receipt), id=new_id())
    assert store_of(steady).put(other)
    store_of(steady)

    assert replay_receipt(other.id, config(steady), as_json=False) == code


def test_content_left_out_by_policy_is_nowhere_in_the_store_and_replay_says_what_it_cannot_show(
    steady: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = steady.chat("CANARY-in-the-prompt " * 60, model="private")
    store_of(steady)

    assert replay_receipt(answer.headers["x-steady-receipt"], config(steady), as_json=False) == 3
    assert "hashes" in capsys.readouterr().err
    for file in tmp_path.glob("steady-receipts.db*"):
        assert b"CANARY-in" not in file.read_bytes()
        assert b"Paris" not in file.read_bytes()
    assert steady.receipt(answer)["content"] == "hashes"


# what is kept, and for how long


async def test_messages_are_stored_once_by_content(steady: Served) -> None:
    answers = [steady.chat(LONG, model="plain", temperature=n / 10) for n in range(4)]

    assert rows(steady, "select count(*) from contents") == [(1,)]
    receipt = await kept(steady, answers[3])
    assert receipt.request is not None
    assert receipt.request.messages[0]["content"] == LONG


async def test_media_are_stored_by_hash_and_size(steady: Served, tmp_path: Path) -> None:
    data = b"\x89PNG" + bytes(range(256)) * 40
    encoded = base64.b64encode(data).decode()
    parts = [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{encoded}"}}]
    receipt = await kept(steady, steady.chat(parts, model="plain"))

    shown = json.dumps(structs.asdict(receipt.request)["messages"])  # type: ignore[arg-type]
    assert hashlib.sha256(data).hexdigest() in shown
    assert str(len(data)) in shown
    for file in tmp_path.glob("steady-receipts.db*"):
        assert encoded[:200].encode() not in file.read_bytes()


def test_age_and_size_are_capped_by_default() -> None:
    assert StoreSpec().age_seconds == 14 * 24 * 3600
    assert StoreSpec().bytes == 2 * 2**30


def test_a_receipt_over_its_age_is_pruned_and_its_policy_and_texts_with_it(tmp_path: Path, up: Upstream) -> None:
    made = {"providers": {"up": openai_like(up)}, "presets": "presets", "store": {"max_age": "1ms"}}
    with serving(ready(tmp_path), made) as steady:
        steady.chat(LONG, model="plain")
        store = store_of(steady)
        time.sleep(0.05)
        store.prune()

        for table in ("receipts", "policies", "contents"):
            assert rows(steady, f"select count(*) from {table}") == [(0,)], table


@pytest.mark.parametrize("name", ["plain", "up/m"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_receipt_that_was_not_stored_says_none_and_the_answer_is_not_lost(
    steady: Served, name: str, stream: bool
) -> None:
    store_of(steady).close()

    answer = steady.chat(model=name, stream=stream)

    assert answer.status == 200
    assert (answer.streamed if stream else answer.text) == '{"city": "Paris"}'
    said = answer.events[-1]["steady"] if stream else answer.json["steady"]
    assert said["receipt"] == "none"
    if not stream:
        assert answer.headers["x-steady-receipt"] == "none"


def test_with_the_store_off_every_receipt_says_none(tmp_path: Path, up: Upstream) -> None:
    made = {"providers": {"up": openai_like(up)}, "presets": "presets", "store": {"off": True}}
    with serving(ready(tmp_path), made) as steady:
        assert steady.chat(model="plain").headers["x-steady-receipt"] == "none"
    assert list(tmp_path.glob("*.db")) == []


# the file


def test_there_is_one_batched_writer_in_wal_mode(steady: Served) -> None:
    steady.chat(model="plain")

    assert rows(steady, "pragma journal_mode") == [("wal",)]
    assert rows(steady, "pragma auto_vacuum") == [(2,)]  # incremental: space can be given back in small steps


def test_the_schema_has_a_version_from_the_start_and_a_newer_one_is_refused_in_one_line(
    tmp_path: Path, up: Upstream
) -> None:
    made = {"providers": {"up": openai_like(up)}, "presets": "presets"}
    with serving(ready(tmp_path), made) as steady:
        steady.chat(model="plain")
        version = rows(steady, "pragma user_version")[0][0]
        path, file = store_of(steady).path, config(steady)
    assert version >= 1
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"pragma user_version={version + 1}")

    with pytest.raises(RecordError) as refused:
        Runtime.open(file)

    assert "\n" not in str(refused.value)
    assert str(version + 1) in str(refused.value)
