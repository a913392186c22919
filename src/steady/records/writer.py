"""The one thread that writes receipts: in batches, off the request path, and never giving up on the store."""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from msgspec import structs

from steady.errors import RecordError
from steady.records import codec, tables
from steady.records.clock import StoreTime
from steady.records.contents import take_out
from steady.records.pruning import prune_step, settle
from steady.records.schema import PASSING_FULL, code_of, connect
from steady.types import Receipt

BATCH = 256
LINGER = 0.02  # seconds that a lone receipt waits for company: one transaction costs as much as ten rows
RETRY = 0.5  # seconds between attempts at a store that can't be written
PRUNE_EVERY = 30.0  # seconds
PRUNE_AFTER = 2000  # receipts

_POISON = (sqlite3.IntegrityError, sqlite3.InterfaceError, sqlite3.DataError, sqlite3.ProgrammingError, ValueError)
"""Errors that a row is to blame for, not the store."""


class Ask:
    """Something else asked of the writing thread; `done` is set when all before it was written and it was done."""

    def __init__(self, *, prune: bool = False) -> None:
        self.prune = prune
        self.done = threading.Event()
        self.pruned = 0


class Rows:
    """What a batch of receipts becomes: rows by table."""

    def __init__(self) -> None:
        self.receipts: list[tuple[Any, ...]] = []
        self.uses: list[tuple[Any, ...]] = []
        self.contents: dict[bytes, bytes] = {}
        self.policies: dict[str, bytes] = {}

    def add(self, receipt: Receipt, stamp: float) -> None:
        """Add one receipt. Raises what encoding raises; nothing was added then."""
        refs: tuple[codec.Ref, ...] = ()
        texts: dict[bytes, bytes] = {}
        bare = receipt
        if receipt.request is not None:
            request, refs, texts = take_out(receipt.request)
            bare = structs.replace(receipt, request=request, policy_bytes=b"")
        elif receipt.policy_bytes:
            bare = structs.replace(receipt, policy_bytes=b"")
        body = codec.encode(bare, refs)
        cells = (receipt.id, stamp, receipt.created, receipt.tenant, receipt.policy, receipt.policy_hash, body)
        for cell in cells[3:6]:
            str(cell).encode()  # the driver would refuse a lone surrogate, and the whole batch with it
        self.receipts.append(cells)
        self.contents.update(texts)
        self.uses += [(receipt.id, digest) for digest in texts]
        if receipt.policy_bytes:
            self.policies[receipt.policy_hash] = receipt.policy_bytes

    def insert(self, connection: sqlite3.Connection) -> None:
        """Insert all rows in one transaction. Raises sqlite3.Error; nothing was inserted then."""
        connection.execute("BEGIN IMMEDIATE")
        try:
            for table, rows in (
                ("policies", list(self.policies.items())),
                ("contents", list(self.contents.items())),
                ("uses", self.uses),
                ("receipts", self.receipts),
            ):
                for sql, cells in tables.insert_steps(table, rows):
                    connection.execute(sql, cells)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


class Writer:
    """
    Takes receipts and questions from `queue` and writes; tells `settled` of every receipt, kept or lost.

    Args:
        path: The store's file.
        clock: The store's time.
        max_age: Seconds that a receipt is kept.
        max_bytes: Bytes that the file may use.
        settled: Called with the receipts that are done with, and whether they were stored.
    """

    def __init__(
        self,
        path: Path,
        clock: StoreTime,
        *,
        max_age: float,
        max_bytes: int,
        settled: Callable[[Sequence[Receipt], bool], None],
    ) -> None:
        self.queue: SimpleQueue[Receipt | Ask] = SimpleQueue()
        self.problem: str | None = None
        self._path, self._clock = path, clock
        self._max_age, self._max_bytes = max_age, max_bytes
        self._settled = settled
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._batch: list[Receipt] = []
        self._asks: list[Ask] = []
        self._since_prune = 0
        self._next_prune = 0.0  # monotonic; at once after the start, for what grew old while nothing ran
        self._pruning = False
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="steady-records", daemon=True)

    def start(self) -> None:
        """
        Open the store and start the thread.

        Raises:
            RecordError: The file can't be a store (see `schema.connect`). What may pass is no error: the thread tries
                again, and `problem` says what it is.
        """
        try:
            self._open()
        except (sqlite3.Error, OSError) as error:
            self._trouble(error)
        self._thread.start()

    def stop(self, timeout: float) -> bool:
        """Write what is queued, if it can be written, and end. Returns whether that is done after `timeout` seconds."""
        self._stopping = True
        self.queue.put(Ask())
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopping or (self.problem is None and not self.queue.empty()):
            try:
                self._gather()
                self._work()
            except Exception as error:  # noqa: BLE001 - the thread must outlive any fault, or receipts pile up unseen
                self._trouble(error)
            if self.problem is None:
                self._answer()
            elif not self._stopping:
                time.sleep(RETRY)
        self._end()

    def _gather(self) -> None:
        """Fill the batch: wait for a first receipt unless there is work left, then a moment for company."""
        if not self._batch and not self._asks and not self._pruning and self.problem is None:
            try:
                self._take(self.queue.get(timeout=PRUNE_EVERY))
            except Empty:
                return
            if not self._asks and self.queue.qsize() < BATCH // 4:
                time.sleep(LINGER)
        while len(self._batch) < BATCH:
            try:
                self._take(self.queue.get_nowait())
            except Empty:
                return

    def _take(self, item: Receipt | Ask) -> None:
        if isinstance(item, Ask):
            self._asks.append(item)
        else:
            self._batch.append(item)

    def _work(self) -> None:
        try:
            connection = self._open()
            if self._batch:
                self._write(connection)
            self._prune(connection)
        except (sqlite3.Error, OSError, RecordError) as error:
            self._trouble(error)
        else:
            self.problem = None

    def _write(self, connection: sqlite3.Connection) -> None:
        rows, kept, stamp = Rows(), [], self._clock.now()
        for receipt in self._batch:
            try:
                rows.add(receipt, stamp)
            except Exception:  # noqa: BLE001 - one receipt that can't be encoded must not take the others with it
                self._settled([receipt], False)
            else:
                kept.append(receipt)
        self._batch = kept
        try:
            rows.insert(connection)
        except _POISON:
            self._write_singly(connection, stamp)
        else:
            self._batch = []
            self._since_prune += len(kept)
            self._settled(kept, True)

    def _write_singly(self, connection: sqlite3.Connection, stamp: float) -> None:
        """Find the receipt that the driver refuses, so that it alone is lost."""
        while self._batch:
            rows = Rows()
            rows.add(self._batch[0], stamp)
            try:
                rows.insert(connection)
            except _POISON:
                self._settled([self._batch.pop(0)], False)
            else:
                self._settled([self._batch.pop(0)], True)

    def _prune(self, connection: sqlite3.Connection) -> None:
        """One small step, if it is time; the rest follows between the next batches."""
        asked = [ask for ask in self._asks if ask.prune]
        due = self._since_prune >= PRUNE_AFTER or time.monotonic() >= self._next_prune
        if not (self._pruning or asked or due):
            return
        gone = prune_step(connection, before=self._clock.now() - self._max_age, max_bytes=self._max_bytes)
        for ask in asked:
            ask.pruned += gone
        if gone:
            self._pruning = True
            return
        if self._pruning:
            settle(connection)
        self._pruning = False
        self._since_prune, self._next_prune = 0, time.monotonic() + PRUNE_EVERY

    def _answer(self) -> None:
        """Tell those who wait that it is done; who asked for pruning waits until nothing is left to prune."""
        waiting = [ask for ask in self._asks if ask.prune and self._pruning]
        for ask in self._asks:
            if ask not in waiting:
                ask.done.set()
        self._asks = waiting

    def _open(self) -> sqlite3.Connection:
        """Return the connection, a new one if the file was taken away or exchanged under it."""
        if self._connection is not None:
            try:
                if os.stat(self._path).st_ino == self._inode:  # noqa: PTH116 - once a batch, and twice as fast
                    return self._connection
            except FileNotFoundError:
                pass
            self._close()
        self._connection = connect(self._path)
        self._inode = self._path.stat().st_ino
        row = self._connection.execute(tables.LAST_STAMP, (1, 0)).fetchone()
        if row is not None:
            self._clock.resume(row[0])
        return self._connection

    def _trouble(self, error: Exception) -> None:
        self._pruning = False
        self.problem = f"{self._path.name} can't be written: {error}"
        if not isinstance(error, sqlite3.Error) or code_of(error) not in PASSING_FULL:
            self._close()

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.close()
            except sqlite3.Error:
                return  # it is out of use either way

    def _end(self) -> None:
        """Count what could not be written, and let go of the file."""
        while not self.queue.empty():
            self._take(self.queue.get_nowait())
        self._settled(self._batch, False)
        for ask in self._asks:
            ask.done.set()
        self._close()
