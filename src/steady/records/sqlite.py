"""
Receipts in one SQLite file.

`put` only queues; one thread writes (`writer.py`). A receipt can be read from the moment it was queued. A store that
can't be written never reaches the request path: `put` answers False, `lost` counts, `problem` says why, and the thread
goes on trying.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec import structs

from steady.errors import ContentNotKept, ReceiptNotFound, RecordError
from steady.records import codec, tables
from steady.records.clock import StoreTime, SystemClock
from steady.records.contents import put_back, take_out
from steady.records.schema import connect_reader
from steady.records.writer import Ask, Writer
from steady.types import Clock, Receipt

DAYS = 86_400.0
QUEUE_RECEIPTS = 20_000
QUEUE_BYTES = 64 * 2**20


class SqliteStore:
    """
    The `Store` of one process.

    Args:
        path: The file; it and its folder are made where they are missing, readable by the owner only.
        max_age: Seconds after which a receipt is deleted.
        max_bytes: Bytes the file may use before the oldest receipts are deleted.
        clock: The machine's clocks unless given.
        queue_bytes: Rough bytes of receipts that may wait to be written; beyond, `put` answers False.

    Raises:
        RecordError: The path is no file, or the file is damaged, another program's or of a newer schema. A file that
            can't be written for now (no space, no permission) is no error but a `problem`.
    """

    def __init__(
        self,
        path: Path,
        *,
        max_age: float = 14 * DAYS,
        max_bytes: int = 2 * 2**30,
        clock: Clock | None = None,
        queue_bytes: int = QUEUE_BYTES,
    ) -> None:
        self.path = path
        self.lost = 0
        """Receipts that were not stored."""
        self.stored = 0
        """Receipts that were stored."""
        self._lock = threading.Lock()
        self._waiting: dict[str, Receipt] = {}
        self._weight, self._queue_bytes = 0, queue_bytes
        self._closed = False
        self._reader: sqlite3.Connection | None = None
        self._reading = threading.Lock()
        time = StoreTime(clock or SystemClock())
        self._writer = Writer(path, time, max_age=max_age, max_bytes=max_bytes, settled=self._settle)
        self._writer.start()
        self._enqueue = self._writer.queue.put

    @property
    def problem(self) -> str | None:
        """One sentence on why nothing can be stored now, for /readyz; None if all is well."""
        return self._writer.problem

    @property
    def queued(self) -> int:
        """Receipts that wait to be written."""
        return len(self._waiting)

    def put(self, receipt: Receipt) -> bool:
        """Queue a receipt; never blocks, never raises. False: it is not kept, and was counted in `lost`."""
        weight = weigh(receipt)
        with self._lock:
            if receipt.id in self._waiting:
                return True
            full = len(self._waiting) >= QUEUE_RECEIPTS or self._weight + weight > self._queue_bytes
            if full or self._closed or self._writer.problem is not None:
                self.lost += 1
                return False
            self._waiting[receipt.id] = receipt
            self._weight += weight
            self._enqueue(receipt)  # within the lock, so that nothing is queued after `close` asked the thread to end
            return True

    async def get(self, receipt_id: str, tenant: str | None) -> Receipt:
        """
        Return a receipt with its policy and its long texts in place; media are given by hash and size.

        Args:
            receipt_id: As `put` was given it.
            tenant: Whose receipt it must be; None, the admin, may read all.

        Raises:
            ReceiptNotFound: There is none of this id, or it is another tenant's; the two look alike.
            ContentNotKept: A text of the request is gone from the store.
            RecordError: The store can't be read.
        """
        waiting = self._waiting.get(receipt_id)
        if waiting is None:
            receipt = await asyncio.to_thread(self._load, receipt_id, tenant)
        elif tenant in (None, waiting.tenant):
            receipt = as_kept(waiting)
        else:
            receipt = None
        if receipt is None:
            msg = f"No receipt {receipt_id!r}."
            raise ReceiptNotFound(msg)
        return receipt

    async def recent(self, limit: int, tenant: str | None = None) -> list[Receipt]:
        """Return up to `limit` receipts, newest first, of one tenant or of all. Raises RecordError."""
        return await asyncio.to_thread(self._recent, limit, tenant)

    def policy(self, policy_hash: str) -> bytes:
        """Return the canonical JSON of a resolved policy. Raises ContentNotKept, RecordError."""
        for receipt in list(self._waiting.values()):
            if receipt.policy_hash == policy_hash and receipt.policy_bytes:
                return receipt.policy_bytes
        rows = self._read(tables.POLICY, (policy_hash,))
        if not rows:
            msg = f"The policy {policy_hash} is not kept: no receipt needs it."
            raise ContentNotKept(msg)
        return bytes(rows[0][0])

    def flush(self, timeout: float = 10.0) -> bool:
        """Wait until everything queued so far is on disk. False if it isn't after `timeout` seconds."""
        return self._ask(Ask(), timeout) is not None

    def prune(self, timeout: float = 60.0) -> int:
        """Have everything deleted that is too old or too much, and return how many receipts went (0 if it can't)."""
        ask = self._ask(Ask(prune=True), timeout)
        return ask.pruned if ask else 0

    def close(self, timeout: float = 10.0) -> None:
        """Write what is queued, count what can't be written as lost, and let go of the file. May be called twice."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._writer.stop(timeout)
        with self._reading:
            self._close_reader()

    def _ask(self, ask: Ask, timeout: float) -> Ask | None:
        with self._lock:
            if self._closed:
                return None
            self._enqueue(ask)
        return ask if ask.done.wait(timeout) else None

    def _settle(self, receipts: Sequence[Receipt], stored: bool) -> None:
        with self._lock:
            for receipt in receipts:
                if self._waiting.pop(receipt.id, None) is not None:
                    self._weight -= weigh(receipt)
            if stored:
                self.stored += len(receipts)
            else:
                self.lost += len(receipts)

    def _load(self, receipt_id: str, tenant: str | None) -> Receipt | None:
        rows = self._read(tables.RECEIPT, (receipt_id,))
        if not rows or tenant not in (None, rows[0][0]):
            return None
        return self._whole(rows[0][2])

    def _recent(self, limit: int, tenant: str | None) -> list[Receipt]:
        self.flush(1.0)
        count = max(0, limit)
        if tenant is None:
            rows = self._read(tables.RECENT, (count, 0))
        else:
            rows = self._read(tables.RECENT_OF, (tenant, count, 0))
        return [self._whole(row[0]) for row in rows]

    def _whole(self, body: bytes) -> Receipt:
        receipt, refs = codec.decode_with_refs(body)
        if receipt.request is not None:
            receipt = structs.replace(receipt, request=put_back(receipt.request, refs, self._content))
        rows = self._read(tables.POLICY, (receipt.policy_hash,))
        return structs.replace(receipt, policy_bytes=bytes(rows[0][0])) if rows else receipt

    def _content(self, digest: bytes) -> bytes:
        rows = self._read(tables.CONTENT, (digest,))
        if not rows:
            msg = f"The text {digest.hex()} of a request is not kept."
            raise ContentNotKept(msg)
        return bytes(rows[0][0])

    def _read(self, sql: str, cells: tuple[Any, ...]) -> list[Any]:
        with self._reading:
            try:
                if self._reader is None:
                    self._reader = connect_reader(self.path)
                return self._reader.execute(sql, cells).fetchall()
            except sqlite3.Error as error:
                self._close_reader()  # the file may have been exchanged; the next reading opens it anew
                msg = f"The store {self.path.name} can't be read: {error}"
                raise RecordError(msg) from error

    def _close_reader(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()


def as_kept(receipt: Receipt) -> Receipt:
    """Return a receipt as it will be read from the store: without media and the Authorization header."""
    if receipt.request is None:
        return receipt
    request, refs, texts = take_out(structs.replace(receipt.request, authorization=None))
    return structs.replace(receipt, request=put_back(request, refs, texts.__getitem__))


def weigh(receipt: Receipt) -> int:
    """Return about how many bytes a receipt holds in memory: what the queue's bound counts."""
    weight = 1000 + 3 * len(receipt.decision)  # the journal holds about what the decision does, and more
    if receipt.request is not None:
        for message in receipt.request.messages:
            content = message.get("content")
            if type(content) is str:
                weight += len(content)
            elif type(content) is list:
                weight += sum(map(_weigh_part, content))
    return weight


def _weigh_part(part: Any) -> int:
    if not isinstance(part, dict):
        return 0
    inner = [item for value in part.values() if isinstance(value, dict) for item in value.values()]
    return sum(len(value) for value in (*part.values(), *inner) if isinstance(value, str))
