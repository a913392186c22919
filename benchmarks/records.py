"""
What a receipt costs: `python benchmarks/records.py [COUNT]`.

Prints CPU microseconds a receipt for each part, and receipts a second through a whole store. The receipt is that of a
pass-through request: 300 bytes asked, 400 bytes answered.
"""

# ruff: noqa: T201 - a benchmark prints

import sys
import tempfile
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from steady.records.codec import decision_bytes
from steady.records.ids import new_id
from steady.records.sqlite import SqliteStore
from steady.types import Agreement, Decision, Entry, Receipt, Request

POLICY = b"{}" * 1000
ANSWER = {"message": {"role": "assistant", "content": "x" * 400}, "finish_reason": "stop"}
REPLY: dict[str, Any] = {
    "id": "chatcmpl-123",
    "object": "chat.completion",
    "created": 1_800_000_000,
    "model": "m",
    "choices": [{"index": 0, **ANSWER}],
    "usage": {"prompt_tokens": 80, "completion_tokens": 100, "total_tokens": 180},
}
REQUEST = Request(messages=({"role": "user", "content": "y" * 300},), model="gpt-4o")
DECISION = Decision(
    action="passed_through", kind="text", chosen=(0,), choices=(ANSWER,), agreement=Agreement(why="one candidate")
)


def build() -> Receipt:
    """Make a receipt as a door does."""
    decision = decision_bytes(DECISION)
    return Receipt(
        id=new_id(),
        created=time.time(),
        tenant="acme",
        policy="pass-through",
        policy_hash="a" * 64,
        policy_bytes=POLICY,
        request=REQUEST,
        request_hash=sha256(b"request").hexdigest(),
        journal=(Entry(what="seed", value=1), Entry(what="reply", value=REPLY)),
        decision=decision,
        decision_hash=sha256(decision).hexdigest(),
    )


def cpu(work: Callable[[], object]) -> float:
    """Return the seconds of CPU, of all threads, that `work` takes."""
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    receipts: list[Receipt] = []
    building = cpu(lambda: receipts.extend(build() for _ in range(count)))
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder) / "receipts.db", queue_bytes=2**40)
        start, used = time.perf_counter(), time.process_time()
        asking = 0.0
        for receipt in receipts:
            while store.queued >= 15_000:
                time.sleep(0.001)
            before = time.thread_time()
            store.put(receipt)
            asking += time.thread_time() - before
        store.flush(600)
        wall, whole = time.perf_counter() - start, time.process_time() - used
        size = sum(file.stat().st_size for file in Path(folder).iterdir())
        store.close()
    each = 1e6 / count
    print(f"build (decision bytes, id, hashes)   {building * each:6.1f} us CPU a receipt")
    print(f"put (the request path)               {asking * each:6.1f} us CPU a receipt")
    print(f"put, encode and insert, all threads  {whole * each:6.1f} us CPU a receipt")
    print(f"stored {store.stored}, lost {store.lost}: {count / wall:,.0f} receipts/s, {size / count:,.0f} bytes each")


if __name__ == "__main__":
    main()
