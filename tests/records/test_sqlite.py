"""Receipts go in without waiting, come back whole, and only to whom they belong."""

import asyncio
import sqlite3
import threading
from pathlib import Path

import pytest
from tests.records.making import POLICY, a_receipt

from steady.errors import ContentNotKept, ReceiptNotFound
from steady.records.sqlite import SqliteStore
from steady.types import Request, Store


@pytest.fixture
def store(tmp_path: Path):
    store = SqliteStore(tmp_path / "receipts.db")
    yield store
    store.close()


async def test_a_receipt_can_be_read_at_once_and_after_it_was_written(store: SqliteStore) -> None:
    protocol: Store = store
    receipt = a_receipt("x" * 2000)
    assert protocol.put(receipt)
    assert await protocol.get(receipt.id, "acme") == receipt
    assert store.flush()
    assert store.queued == 0
    assert await protocol.get(receipt.id, "acme") == receipt


async def test_a_receipt_is_there_after_a_restart(tmp_path: Path) -> None:
    first = SqliteStore(tmp_path / "deep" / "er" / "receipts.db")
    receipt = a_receipt()
    first.put(receipt)
    first.close()

    second = SqliteStore(tmp_path / "deep" / "er" / "receipts.db")
    assert await second.get(receipt.id, None) == receipt
    assert second.policy(receipt.policy_hash) == POLICY
    second.close()


@pytest.mark.parametrize("written", [False, True])
async def test_another_tenants_receipt_looks_like_none(store: SqliteStore, written: bool) -> None:
    receipt = a_receipt()
    store.put(receipt)
    if written:
        store.flush()

    with pytest.raises(ReceiptNotFound) as foreign:
        await store.get(receipt.id, "globex")
    with pytest.raises(ReceiptNotFound) as absent:
        await store.get("rcpt_" + "A" * 22, "globex")
    with pytest.raises(ReceiptNotFound):
        await store.get(receipt.id, "")

    assert str(foreign.value).replace(receipt.id, "X") == str(absent.value).replace("rcpt_" + "A" * 22, "X")
    assert (await store.get(receipt.id, None)).tenant == "acme"


@pytest.mark.parametrize("written", [False, True])
async def test_what_is_read_is_the_same_before_and_after_writing(store: SqliteStore, written: bool) -> None:
    """Media and the Authorization header are left out of both."""
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    request = Request(messages=({"role": "user", "content": [part]},), authorization="Bearer canary")
    receipt = a_receipt(request=request)
    store.put(receipt)
    if written:
        store.flush()
    kept = (await store.get(receipt.id, "acme")).request
    assert kept is not None
    assert kept.authorization is None
    assert kept.messages[0]["content"][0]["image_url"]["media"]["bytes"] == 3


async def test_recent_gives_the_newest_first_and_only_ones_own(store: SqliteStore) -> None:
    receipts = [a_receipt(tenant="acme" if n % 2 else "globex") for n in range(10)]
    for receipt in receipts:
        store.put(receipt)
    assert [r.id for r in await store.recent(3, None)] == [r.id for r in receipts[:-4:-1]]
    assert [r.id for r in await store.recent(99, "globex")] == [r.id for r in receipts[::-1] if r.tenant == "globex"]
    assert await store.recent(0, None) == []


def test_a_policy_that_nobody_used_is_not_kept(store: SqliteStore) -> None:
    with pytest.raises(ContentNotKept, match="f00"):
        store.policy("f00")


def test_a_policy_can_be_read_while_its_receipt_waits(store: SqliteStore) -> None:
    store.put(a_receipt(policy_hash="fresh", policy_bytes=b"{}"))
    assert store.policy("fresh") == b"{}"


def rows(path: Path, sql: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def test_a_long_message_and_a_policy_are_stored_once(store: SqliteStore) -> None:
    for _ in range(200):
        store.put(a_receipt("The same long question. " * 100))
    store.flush()
    assert rows(store.path, "select count(*), max(length(body)) from contents") == [(1, 2400)]
    assert rows(store.path, "select count(*) from policies") == [(1,)]
    assert rows(store.path, "select max(length(body)) < 2000 from receipts") == [(1,)]


def test_the_file_is_for_its_owner_only(store: SqliteStore) -> None:
    """Receipts hold what people wrote."""
    store.put(a_receipt())
    store.flush()
    assert all(file.stat().st_mode & 0o077 == 0 for file in store.path.parent.iterdir())


def test_a_full_queue_refuses_and_counts(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "r.db", queue_bytes=20_000)
    answers = [store.put(a_receipt("x" * 9000)) for _ in range(3)]
    store.close()
    assert answers == [True, False, False]
    assert (store.stored, store.lost) == (1, 2)


def test_after_closing_nothing_is_taken_and_closing_again_is_harmless(store: SqliteStore) -> None:
    store.put(a_receipt())
    store.close()
    store.close()
    assert store.put(a_receipt()) is False
    assert (store.stored, store.lost, store.flush(), store.prune()) == (1, 1, False, 0)


def test_closing_writes_everything_that_was_queued(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "r.db")
    queued = sum(store.put(a_receipt()) for _ in range(3000))
    store.close()
    assert queued == store.stored == 3000
    assert rows(store.path, "select count(*) from receipts") == [(3000,)]


def test_one_receipt_that_cannot_be_written_does_not_take_the_others_with_it(store: SqliteStore) -> None:
    """One can't be encoded, one the driver refuses."""
    store.put(a_receipt(journal=(object(),)))
    store.put(a_receipt(created="yesterday", tenant=None))
    good = [a_receipt() for _ in range(20)]
    assert all(store.put(receipt) for receipt in good)
    assert store.flush()
    assert (store.stored, store.lost, store.problem, store.queued) == (20, 2, None, 0)


def test_the_same_receipt_put_twice_is_one(store: SqliteStore) -> None:
    receipt = a_receipt()
    assert store.put(receipt)
    assert store.put(receipt)
    store.flush()
    assert store.put(receipt)
    store.flush()
    assert rows(store.path, "select count(*) from receipts") == [(1,)]


async def test_many_read_while_many_write(store: SqliteStore) -> None:
    """Readers never see a receipt without its text, and none fails for a lock."""
    receipts = [a_receipt(f"{n} " * 400, tenant=f"t{n % 3}") for n in range(600)]

    def write(part: int) -> None:
        for receipt in receipts[part::2]:
            store.put(receipt)

    writers = [threading.Thread(target=write, args=(part,)) for part in (0, 1)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    found = await asyncio.gather(*(store.get(receipt.id, receipt.tenant) for receipt in receipts * 2))
    assert found == receipts * 2
    assert (store.stored + store.queued, store.lost) == (600, 0)


def test_two_processes_worth_of_stores_share_a_file(tmp_path: Path) -> None:
    """Also when both find no file and make it at the same moment."""
    path, stores = tmp_path / "r.db", []
    gate = threading.Barrier(4)

    def work() -> None:
        gate.wait()
        store = SqliteStore(path)
        stores.append(store)
        for _ in range(100):
            store.put(a_receipt())
        store.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [(s.stored, s.lost, s.problem) for s in stores] == [(100, 0, None)] * 4
    assert rows(path, "select count(*) from receipts") == [(400,)]
