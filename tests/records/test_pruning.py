"""Age and size are capped, in small steps, and the space comes back."""

import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from tests.records.making import SetClock, a_receipt

from steady.errors import ContentNotKept, ReceiptNotFound
from steady.records import pruning
from steady.records.schema import used_bytes
from steady.records.sqlite import SqliteStore

DAY = 86_400.0


def one(path: Path, sql: str) -> Any:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(sql).fetchone()[0]
    finally:
        connection.close()


def fill(store: SqliteStore, number: int, **fields: Any) -> list[str]:
    receipts = [a_receipt(os.urandom(1500).hex(), **fields) for _ in range(number)]
    assert all(map(store.put, receipts))
    assert store.flush()
    return [receipt.id for receipt in receipts]


async def test_what_is_older_than_the_age_goes_and_the_rest_stays(tmp_path: Path) -> None:
    clock = SetClock()
    store = SqliteStore(tmp_path / "r.db", max_age=14 * DAY, clock=clock)
    old = fill(store, 300)
    clock.advance(10 * DAY)
    young = fill(store, 100)
    clock.advance(4.5 * DAY)

    assert store.prune() == 300
    with pytest.raises(ReceiptNotFound):
        await store.get(old[-1], None)
    assert [(await store.get(name, None)).id for name in young] == young
    assert store.prune() == 0
    store.close()


def test_the_file_shrinks_when_receipts_go(tmp_path: Path) -> None:
    clock = SetClock()
    store = SqliteStore(tmp_path / "r.db", clock=clock)
    fill(store, 1500)
    clock.advance(15 * DAY)
    store.flush()
    before = sum(file.stat().st_size for file in tmp_path.iterdir())
    store.prune()
    after = sum(file.stat().st_size for file in tmp_path.iterdir())
    store.close()
    assert before > 4_000_000
    assert after < before / 10
    assert [one(store.path, f"select count(*) from {t}") for t in ("receipts", "contents", "uses", "policies")] == [
        0
    ] * 4


def test_beyond_the_size_the_oldest_go_and_no_more_than_needed(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "r.db", max_bytes=2_000_000)
    names = fill(store, 1000)
    gone = store.prune()
    store.close()
    connection = sqlite3.connect(store.path)
    kept = [row[0] for row in connection.execute("select id from receipts order by seq")]
    size = used_bytes(connection)
    connection.close()
    assert kept == names[gone:]
    assert 2_000_000 * 0.8 < size <= 2_000_000
    assert store.path.stat().st_size <= 2_000_000


def test_a_step_is_small(tmp_path: Path) -> None:
    """A long transaction would hold up the receipts behind it, and other workers."""
    clock = SetClock()
    store = SqliteStore(tmp_path / "r.db", clock=clock)
    fill(store, 500)
    store.close()
    connection = sqlite3.connect(store.path, isolation_level=None)
    steps = []
    while not steps or steps[-1]:
        steps.append(pruning.prune_step(connection, before=clock.wall + 1, max_bytes=10**12))
    connection.close()
    assert steps == [64] * 7 + [52, 0]


def test_each_step_gives_back_what_it_freed(tmp_path: Path) -> None:
    """Not only the last one: a store over its size by gigabytes must shrink while it is pruned."""
    clock = SetClock()
    store = SqliteStore(tmp_path / "r.db", clock=clock)
    fill(store, 500)
    store.close()
    connection = sqlite3.connect(store.path, isolation_level=None)
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    assert pruning.prune_step(connection, before=clock.wall + 1, max_bytes=10**12) == 64
    assert connection.execute("PRAGMA freelist_count").fetchone() == (0,)
    assert connection.execute("PRAGMA page_count").fetchone()[0] < pages - 20
    connection.close()


def test_receipts_keep_being_written_while_much_is_pruned(tmp_path: Path) -> None:
    clock = SetClock()
    store = SqliteStore(tmp_path / "r.db", clock=clock)
    fill(store, 2000)
    clock.advance(15 * DAY)
    names = fill(store, 300)
    store.prune()
    store.close()
    assert one(store.path, "select count(*) from receipts") == len(names)
    assert store.lost == 0


def test_pruning_comes_by_itself(tmp_path: Path) -> None:
    """Nobody calls prune() in a server: the thread does, here because it wrote enough."""
    clock = SetClock()
    store = SqliteStore(tmp_path / "r.db", clock=clock)
    fill(store, 300)
    clock.advance(15 * DAY)
    for _ in range(5):
        fill(store, 500)
    store.flush()
    store.close()
    assert one(store.path, "select count(*) from receipts") == 2500


def test_what_grew_old_while_nothing_ran_goes_at_the_start(tmp_path: Path) -> None:
    clock = SetClock()
    store = SqliteStore(tmp_path / "r.db", clock=clock)
    fill(store, 50)
    store.close()
    clock.advance(15 * DAY)
    store = SqliteStore(tmp_path / "r.db", clock=clock)
    store.flush()
    store.flush()
    store.close()
    assert one(store.path, "select count(*) from receipts") == 0


def test_a_text_and_a_policy_stay_as_long_as_one_receipt_needs_them(tmp_path: Path) -> None:
    clock = SetClock()
    store = SqliteStore(tmp_path / "r.db", clock=clock)
    shared, only_old = "shared " * 200, "old " * 200
    store.put(a_receipt(only_old, policy_hash="old", policy_bytes=b"old"))
    store.put(a_receipt(shared))
    store.flush()
    clock.advance(10 * DAY)
    store.put(a_receipt(shared))
    store.flush()
    clock.advance(5 * DAY)

    assert store.prune() == 2
    assert one(store.path, "select cast(body as text) from contents") == shared
    assert store.policy(a_receipt().policy_hash)
    with pytest.raises(ContentNotKept):
        store.policy("old")
    clock.advance(10 * DAY)
    assert store.prune() == 1
    assert one(store.path, "select count(*) from contents") == 0
    store.close()


def test_a_policy_that_was_pruned_is_stored_again_when_it_is_used_again(tmp_path: Path) -> None:
    clock = SetClock()
    store = SqliteStore(tmp_path / "r.db", clock=clock)
    fill(store, 1)
    clock.advance(15 * DAY)
    store.prune()
    fill(store, 1)
    assert store.policy(a_receipt().policy_hash)
    store.close()


def test_with_the_clock_set_back_a_year_receipts_still_expire_and_new_ones_are_not_born_old(tmp_path: Path) -> None:
    clock = SetClock()
    store = SqliteStore(tmp_path / "r.db", max_age=14 * DAY, clock=clock)
    fill(store, 10)
    clock.wall -= 365 * DAY
    clock.advance(10 * DAY)
    fill(store, 5)
    clock.advance(5 * DAY)
    assert store.prune() == 10
    assert one(store.path, "select count(*) from receipts") == 5
    store.close()


def test_with_the_clock_set_back_over_a_restart_receipts_still_expire(tmp_path: Path) -> None:
    clock = SetClock()
    store = SqliteStore(tmp_path / "r.db", clock=clock)
    fill(store, 10)
    store.close()
    clock.wall -= 365 * DAY
    store = SqliteStore(tmp_path / "r.db", clock=clock)
    clock.advance(10 * DAY)
    fill(store, 5)
    clock.advance(5 * DAY)
    assert store.prune() == 10
    store.close()
