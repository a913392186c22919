"""
L0 over the whole test run: every receipt that a door recorded in any test is kept and replayed when the run ends.

Nothing is replaced: `Runtime.record` does what it does, and what it hands to its store is noted. At the end each of
these receipts goes through a SqliteStore of its own and back, and has to replay to the same bytes.
"""

import asyncio
import functools
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from steady.errors import ContentNotKept
from steady.pipeline.replay import replay
from steady.pipeline.runtime import Runtime
from steady.records.sqlite import SqliteStore
from steady.types import Receipt

_recording = threading.local()
_noted: dict[str, Receipt] = {}
_reports: list[dict[str, Any]] = []


@contextmanager
def _while_recording() -> Iterator[None]:
    _recording.now = True
    try:
        yield
    finally:
        _recording.now = False


def pytest_configure(config: pytest.Config) -> None:
    record, put = Runtime.record, SqliteStore.put

    @functools.wraps(record)
    def recorded(self: Runtime, *args: Any, **more: Any) -> Any:
        with _while_recording():
            return record(self, *args, **more)

    @functools.wraps(put)
    def noted(self: SqliteStore, receipt: Receipt) -> bool:
        if getattr(_recording, "now", False):
            _noted[receipt.id] = receipt
        return put(self, receipt)

    Runtime.record = recorded  # type: ignore[method-assign]
    SqliteStore.put = noted  # type: ignore[method-assign]


async def _replayed(receipts: list[Receipt], folder: Path) -> list[str]:
    """Return what is wrong with the replays of these receipts."""
    store, wrong = SqliteStore(folder / "receipts.db", max_age=10**10), []
    try:
        for start in range(0, len(receipts), 500):
            for receipt in (batch := receipts[start : start + 500]):
                assert store.put(receipt)
            store.flush(60)
            for receipt in batch:
                wrong += await _problem(await store.get(receipt.id, receipt.tenant))
    finally:
        store.close()
    return wrong


async def _problem(receipt: Receipt) -> list[str]:
    try:
        found = await replay(receipt)
    except ContentNotKept as error:
        return [] if receipt.request is None else [f"receipt {receipt.id} of {receipt.policy}: {error}"]
    return [] if found.equal else [f"receipt {receipt.id} of {receipt.policy} differs:\n{found.diff}"]


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if _noted:
        with tempfile.TemporaryDirectory() as folder:
            wrong = asyncio.run(_replayed(list(_noted.values()), Path(folder)))
        _reports.append({"receipts": len(_noted), "wrong": wrong})
    output = getattr(session.config, "workeroutput", None)
    if output is not None:  # a worker of pytest-xdist; the controller reports
        output["replays"] = list(_reports)
    elif any(report["wrong"] for report in _reports) and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    _reports.extend(getattr(node, "workeroutput", {}).get("replays", ()))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    total = sum(report["receipts"] for report in _reports)
    wrong = [line for report in _reports for line in report["wrong"]]
    if wrong:
        terminalreporter.section(f"L0: {len(wrong)} of {total} receipts do not replay", red=True)
        for line in wrong[:20]:
            terminalreporter.line(line)
    elif total:
        terminalreporter.line(f"L0: all {total} receipts of this run replay equal")
