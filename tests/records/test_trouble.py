"""A store that is broken, full, locked or taken away costs receipts, never an answer, and never what is in it."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.records.making import a_receipt

from steady.errors import RecordError
from steady.records import schema
from steady.records.sqlite import SqliteStore

ROOT = Path(__file__).parents[2]


def eventually(true: Callable[[], object], seconds: float = 10.0) -> bool:
    """Return whether `true` becomes true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.02)
    return False


def count(path: Path) -> int:
    connection = sqlite3.connect(path)
    try:
        return int(connection.execute("select count(*) from receipts").fetchone()[0])
    finally:
        connection.close()


WRITER = """
import sys
from pathlib import Path
from steady.records.sqlite import SqliteStore
from tests.records.making import a_receipt

store = SqliteStore(Path(sys.argv[1]))
told = 0
while True:
    store.put(a_receipt("x" * 700))
    if store.stored > told:
        told = store.stored
        print(told, flush=True)
"""


def test_after_kill_9_the_store_opens_and_has_what_it_said_was_stored(tmp_path: Path) -> None:
    path = tmp_path / "r.db"
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        told = 0
        while told < 1000:
            told = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        told = max([told, *map(int, process.stdout.read().split())])

    store = SqliteStore(path)
    assert store.problem is None
    assert store.put(a_receipt())
    store.close()
    assert count(path) >= told + 1
    connection = sqlite3.connect(path)
    assert connection.execute("pragma integrity_check").fetchall() == [("ok",)]
    assert connection.execute("select count(*) from uses where hash not in (select hash from contents)").fetchone() == (
        0,
    )
    connection.close()


def limit_pages(store: SqliteStore, pages: int) -> None:
    """Make SQLite itself say that the disk is full (SQLITE_FULL) beyond `pages`."""
    connection = store._writer._connection
    assert connection is not None
    connection.execute(f"PRAGMA max_page_count={pages}")


def test_on_a_full_disk_put_answers_false_and_what_was_queued_is_written_when_there_is_room(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "r.db")
    store.flush()
    limit_pages(store, 20)
    accepted = 0
    while store.problem is None:
        accepted += store.put(a_receipt(os.urandom(3000).hex()))
        time.sleep(0.0005)

    assert "full" in store.problem
    assert "r.db" in store.problem
    assert store.put(a_receipt()) is False
    assert store.lost >= 1
    limit_pages(store, 1_000_000)
    assert eventually(lambda: store.problem is None)
    assert store.put(a_receipt())
    store.close()
    assert count(tmp_path / "r.db") == store.stored == accepted + 1


def test_on_a_full_disk_closing_does_not_hang_and_counts_the_lost(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "r.db")
    store.flush()
    limit_pages(store, 20)
    accepted = 0
    while store.problem is None:
        accepted += store.put(a_receipt(os.urandom(3000).hex()))
    start = time.monotonic()
    assert store.flush(0.1) is False
    store.close()
    assert time.monotonic() - start < 30
    assert count(tmp_path / "r.db") == store.stored
    assert store.stored + store.lost >= accepted
    assert store.queued == 0


UNPRIVILEGED = """
import os, sys, time
from pathlib import Path
from steady.records.sqlite import SqliteStore
from tests.records.making import a_receipt

folder = Path(sys.argv[1])
if os.getuid() == 0:
    os.chmod(folder, 0o555)
    os.setuid(65534)
else:
    folder.chmod(0o555)
store = SqliteStore(folder / "r.db")
print(store.put(a_receipt()), store.lost, store.problem)
store.close()
"""


def test_in_a_folder_that_cannot_be_written_the_store_starts_and_says_so(tmp_path: Path) -> None:
    """A real user without rights: root may write anywhere."""
    folder = tmp_path / "closed"
    folder.mkdir()
    for parent in (tmp_path, *tmp_path.parents):
        if parent.stat().st_uid == os.getuid() and str(parent).startswith("/tmp/"):
            parent.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", UNPRIVILEGED, str(folder)], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.startswith("False 1 r.db can't be written:")
    assert "ermission denied" in done.stdout


def test_a_store_becomes_usable_when_its_folder_does(tmp_path: Path) -> None:
    """The parent is a file at first, as when a volume is not mounted yet."""
    blocked = tmp_path / "volume"
    blocked.write_text("not mounted")
    store = SqliteStore(blocked / "r.db")
    assert store.put(a_receipt()) is False
    assert store.problem is not None

    blocked.unlink()
    assert eventually(lambda: store.problem is None)
    assert store.put(a_receipt())
    store.close()
    assert count(blocked / "r.db") == 1


def test_a_lock_held_by_another_program_delays_and_loses_nothing(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "r.db")
    store.flush()
    other = sqlite3.connect(tmp_path / "r.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert store.put(a_receipt())
    assert store.flush(0.2) is False
    other.execute("ROLLBACK")
    other.close()
    assert store.flush()
    store.close()
    assert (count(tmp_path / "r.db"), store.lost) == (1, 0)


def test_when_the_file_is_deleted_under_it_the_store_makes_a_new_one(tmp_path: Path) -> None:
    """SQLite would go on writing into the deleted file for ever."""
    store = SqliteStore(tmp_path / "r.db")
    store.put(a_receipt())
    store.flush()
    for file in tmp_path.iterdir():
        file.unlink()
    assert store.put(a_receipt())
    assert store.flush()
    assert count(tmp_path / "r.db") == 1
    store.close()


async def test_a_store_that_cannot_be_read_is_a_record_error(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "r.db")
    store.flush()
    for file in tmp_path.iterdir():
        file.unlink()
    (tmp_path / "r.db").write_bytes(b"garbage " * 1000)
    with pytest.raises(RecordError, match=r"r\.db can't be read"):
        await store.get("rcpt_x", None)
    store.close()


def refused(path: Path) -> str:
    """Return the one line with which a store at `path` is refused."""
    with pytest.raises(RecordError) as error:
        SqliteStore(path)
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)
    return str(error.value)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert "not a file" in refused(tmp_path)


@pytest.mark.parametrize("junk", [b"not a database, " * 500, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path, junk: bytes) -> None:
    path = tmp_path / "r.db"
    path.write_bytes(junk)
    assert "not a database" in refused(path)
    assert path.read_bytes() == junk


@pytest.mark.parametrize("damage", ["cut", "scribble"])
def test_a_damaged_store_is_refused_and_left_alone(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "r.db"
    store = SqliteStore(path)
    for _ in range(300):
        store.put(a_receipt(os.urandom(500).hex()))
    store.close()
    whole = path.read_bytes()
    middle = len(whole) // 2
    broken = whole[:middle] if damage == "cut" else whole[:8192] + b"\xaa" * middle + whole[8192 + middle :]
    path.write_bytes(broken)
    assert "damaged" in refused(path)
    assert path.read_bytes() == broken


def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "r.db"
    connection = sqlite3.connect(path)
    connection.execute("create table contacts (name)")
    connection.close()
    assert "another program" in refused(path)
    connection = sqlite3.connect(path)
    assert connection.execute("select name from sqlite_master").fetchall() == [("contacts",)]
    connection.close()


def test_a_newer_schema_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "r.db"
    SqliteStore(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version=7")
    connection.close()
    message = refused(path)
    assert "schema version 7" in message
    assert "Upgrade Steady" in message


def test_a_new_store_has_this_schema_version_and_gives_space_back(tmp_path: Path) -> None:
    path = tmp_path / "r.db"
    SqliteStore(path).close()
    connection = sqlite3.connect(path)
    pragmas = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("user_version", "auto_vacuum")]
    assert pragmas == [schema.VERSION, 2]
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_a_migration_that_fails_halfway_leaves_the_store_as_it_was(tmp_path: Path) -> None:
    """One locked step: nobody ever sees half a schema."""
    path = tmp_path / "r.db"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.set_authorizer(
        lambda action, name, *_: (
            sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_CREATE_INDEX and name == "uses_hash" else sqlite3.SQLITE_OK
        )
    )
    with pytest.raises(sqlite3.DatabaseError, match="not authorized"):
        schema.migrate(connection, path)
    assert connection.execute("select count(*) from sqlite_master").fetchone() == (0,)
    assert connection.execute("PRAGMA user_version").fetchone() == (0,)
    connection.close()
