"""Receipts to look at again: from a store, a folder, or lines of JSON. Reading never makes a store."""

from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import msgspec

from steady.errors import ContentNotKept, RecordError
from steady.pipeline.runtime import Runtime
from steady.policy.config import Found
from steady.records.codec import decode
from steady.types import Receipt

STORE = "receipts"  # the word for the configuration's own store
SQLITE = b"SQLite format 3\x00"
MOST = 10_000
NEVER = 1e12  # seconds


def store_path(found: Found) -> Path:
    """Return the configuration's store. Raises RecordError where there is none, rather than making an empty one."""
    if found.config.store.off:
        raise RecordError("No receipts are kept: the store is off (`store: {off: true}`).")
    path = (found.folder / found.config.store.path).expanduser()
    if not path.is_file():
        raise RecordError(
            f"No receipts are here: {str(path)!r} is not there; `steady run` and `steady serve` keep them."
        )
    return path


class Kept(NamedTuple):
    """Receipts that were read, newest first."""

    receipts: tuple[Receipt, ...]
    place: str
    unreadable: tuple[str, ...] = ()  # why a receipt of the store could not be read whole

    def policy(self, name: str, mark: str) -> bytes:
        """Return the bytes of NAME@MARK, where MARK begins a hash. Raises RecordError: none, or several."""
        found = {r.policy_hash: r.policy_bytes for r in self.receipts if r.policy == name and r.policy_bytes}
        fitting = sorted(digest for digest in found if digest.startswith(mark))
        if len(fitting) == 1:
            return found[fitting[0]]
        if fitting:
            raise RecordError(f"{name}@{mark} is not one policy: {', '.join(d[:16] for d in fitting)} begin so.")
        there = ", ".join(f"{name}@{d[:12]}" for d in sorted(found)) or f"none of policy {name!r}"
        raise RecordError(f"No receipt in {self.place} was made under {name}@{mark}. There are: {there}.")


async def kept(runtime: Runtime, where: str, last: int | None = None) -> Kept:
    """
    Read receipts.

    Args:
        runtime: Of the configuration; its own store need not be open.
        where: `receipts` for the configuration's store; a store's file; a folder of `.receipt` files; a file of JSON
            lines, each a receipt.
        last: The newest so many; all (at most 10,000) if None.

    Raises:
        RecordError: There is nothing at `where`, or it can't be read.
    """
    path = store_path(runtime.found) if where == STORE else Path(where)
    if path.is_dir():
        made = _folder(path)
    elif not path.is_file():
        raise RecordError(f"No receipts are here: {where!r} is no store, no folder and no file of JSON lines.")
    elif _begins(path, SQLITE):
        return await _store(path, last)
    else:
        made = _lines(path)
    made = sorted(made, key=lambda receipt: (-receipt.created, receipt.id))
    return Kept(tuple(made[: MOST if last is None else last]), str(path))


def _begins(path: Path, mark: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(mark)) == mark


async def _store(path: Path, last: int | None) -> Kept:
    from steady.records.sqlite import SqliteStore

    store = SqliteStore(path, max_age=NEVER, max_bytes=1 << 62)  # reading must not prune
    receipts: list[Receipt] = []
    lost: list[str] = []
    try:
        for one in _ids(path, MOST if last is None else last):
            try:
                receipts.append(await store.get(one, None))
            except ContentNotKept as error:
                lost.append(str(error))
    finally:
        store.close()
    return Kept(tuple(receipts), str(path), tuple(lost))


def _ids(path: Path, last: int) -> list[str]:
    """Return the ids of a store's receipts, newest first: one that can't be read must not hide the others."""
    import sqlite3

    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as reader:
            return [row[0] for row in reader.execute("SELECT id FROM receipts ORDER BY seq DESC LIMIT ?", (last,))]
    except sqlite3.Error as error:
        raise RecordError(f"The store {str(path)!r} can't be read: {error}.") from None


def _folder(path: Path) -> list[Receipt]:
    files = sorted(path.glob("*.receipt"))
    if not files:
        raise RecordError(f"No receipts are here: the folder {str(path)!r} holds no .receipt file.")
    return [decode(file.read_bytes()) for file in files]


def _lines(path: Path) -> list[Receipt]:
    out = []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        if line.strip():
            try:
                out.append(msgspec.json.decode(line, type=Receipt))
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise RecordError(f"{path}:{number}: this line is no receipt: {error}.") from None
    if not out:
        raise RecordError(f"No receipts are here: {str(path)!r} is empty.")
    return out
