"""Opening the file of the store: is it ours, is it whole, which schema has it."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from steady.errors import RecordError
from steady.records.tables import APPLICATION_ID, VERSION, create_statements

BUSY_SECONDS = 5.0
PAGE_SIZE = 8192
"""Bytes. A receipt takes about 2 KB: four fit a page of this size, and only one of SQLite's usual 4 KB."""

CHECKED_WHOLE = 64 * 2**20
"""Bytes up to which a file is checked page by page when it is opened; a bigger one would delay the start."""

_LASTING = frozenset((sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB))
PASSING_FULL = frozenset((sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED))
"""Errors after which the same connection can be used again."""


def code_of(error: sqlite3.Error) -> int:
    """Return SQLite's primary result code, 0 where the driver itself complains."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def create_v1(connection: sqlite3.Connection) -> None:
    """Make the tables of schema version 1 in an empty database."""
    for statement in create_statements():
        connection.execute(statement)


MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (create_v1,)
"""Step n leads from schema version n to n + 1."""


def connect(path: Path) -> sqlite3.Connection:
    """
    Open the store's file for writing, make or migrate it.

    Raises:
        RecordError: For what only a person can put right: no regular file, not a database, another program's,
            damaged, or of a newer schema. The file is left as it is.
        sqlite3.OperationalError: For what may pass: no space, no permission, locked.
        OSError: Likewise, from making the file.
    """
    _make(path)
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        _prepare(connection, path)
    except sqlite3.DatabaseError as error:
        connection.close()
        if code_of(error) in _LASTING:
            msg = f"{path}: not a database, or a damaged one ({error}). Move it away or name another file."
            raise RecordError(msg) from error
        raise
    except RecordError:
        connection.close()
        raise
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """Open the store's file for reading only. Raises sqlite3.Error."""
    uri = f"file:{quote(str(path.absolute()))}?mode=ro"
    return sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)


def _make(path: Path) -> None:
    if path.exists() and not path.is_file():
        msg = f"{path}: not a file. A store needs the path of a file; name one inside, such as {path / 'steady.db'}."
        raise RecordError(msg)
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))  # receipts hold what people wrote: the owner's only


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    if _pragma(connection, "page_count") == 0:
        connection.execute(f"PRAGMA page_size={PAGE_SIZE}")
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")  # only takes effect before the first page is written
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")  # a crash of the machine may lose the last moments, never more
    connection.execute("PRAGMA temp_store=MEMORY")
    connection.execute(f"PRAGMA journal_size_limit={64 * 2**20}")
    if path.stat().st_size <= CHECKED_WHOLE:
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            msg = f"{path}: the database is damaged ({verdict}). Move it away or name another file."
            raise RecordError(msg.replace("\n", " "))
    migrate(connection, path)


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the database to this schema version in one locked step. Raises RecordError for a newer or foreign one."""
    if _version(connection, path) == VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")  # two processes may start at once; the second finds the work done
    try:
        for step in MIGRATIONS[_version(connection, path) :]:
            step(connection)
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version={VERSION}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _version(connection: sqlite3.Connection, path: Path) -> int:
    version = _pragma(connection, "user_version")
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if tables and _pragma(connection, "application_id") != APPLICATION_ID:
        msg = f"{path}: a database of another program. Name another file for the store."
        raise RecordError(msg)
    if version > VERSION:
        msg = (
            f"{path}: schema version {version}, and this Steady knows versions up to {VERSION}. "
            "Upgrade Steady or name another file."
        )
        raise RecordError(msg)
    return version


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def used_bytes(connection: sqlite3.Connection) -> int:
    """Return the bytes of the pages in use."""
    pages = _pragma(connection, "page_count") - _pragma(connection, "freelist_count")
    return pages * _pragma(connection, "page_size")
