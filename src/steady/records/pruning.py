"""Letting go of the oldest receipts, a few at a time, and giving their space back."""

import sqlite3

from steady.records import tables
from steady.records.schema import used_bytes

BATCH = 64
"""Receipts that one step deletes: a few milliseconds in which nothing else is written."""

PAGES = 1024
"""Pages that one step gives back, at most."""


def prune_step(connection: sqlite3.Connection, *, before: float, max_bytes: int) -> int:
    """
    Delete up to `BATCH` of the oldest receipts that are too old or too many; return how many went.

    Args:
        connection: A writing connection outside a transaction.
        before: Receipts stamped earlier than this (store time) are too old.
        max_bytes: While more bytes than this are in use, the oldest go, whatever their age.

    Raises:
        sqlite3.Error: The store can't be written; nothing was deleted then.
    """
    oldest = connection.execute(tables.OLDEST, (BATCH, 0)).fetchall()
    doomed = [row for row in oldest if row[2] < before]
    if not doomed and used_bytes(connection) > max_bytes:
        doomed = oldest
    if not doomed:
        return 0
    connection.execute("BEGIN IMMEDIATE")
    try:
        _drop(connection, doomed)
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
    _give_back(connection)
    return len(doomed)


def _drop(connection: sqlite3.Connection, doomed: list[tuple[int, str, float, str]]) -> None:
    hashes: dict[bytes, None] = {}
    for _, receipt, _, _ in doomed:
        hashes.update((row[0], None) for row in connection.execute(tables.USED, (receipt,)).fetchall())
        connection.execute(tables.DROP_USES, (receipt,))
    connection.execute(tables.DROP_RECEIPTS, (doomed[-1][0],))
    for digest in hashes:
        connection.execute(tables.DROP_CONTENT, (digest,))
    for policy in dict.fromkeys(row[3] for row in doomed):
        connection.execute(tables.DROP_POLICY, (policy,))


def settle(connection: sqlite3.Connection) -> None:
    """Give back what is left to give back, and fold the write-ahead log into the file, so that it shrinks."""
    _give_back(connection)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _give_back(connection: sqlite3.Connection) -> None:
    # Each freed page is a row without columns, which a cursor takes for the end; only executescript goes through.
    connection.executescript(f"PRAGMA incremental_vacuum({PAGES})")
