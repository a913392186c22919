"""
Where sync calls run: one private loop thread per process, and a bounded pool of daemon threads for sync functions.

Started on first use, rebuilt after a fork, and never a patch of asyncio: a sync call works with no loop, inside a
running loop (Jupyter, uvloop, FastAPI) and from many threads, because it never touches the loop of its caller.
"""

import asyncio
import contextvars
import os
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from steady.errors import ProviderError

T = TypeVar("T")
MOST_THREADS = 64  # sync candidates at once; those that overran and were abandoned hold theirs until they return


class _State:
    """The loop of one process."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.loop = asyncio.new_event_loop()
        self.slots = threading.BoundedSemaphore(MOST_THREADS)
        self.abandoned = 0
        self.thread = threading.Thread(target=self._serve, name="steady-loop", daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()


class Loop:
    """The private loop; made when first needed, made again in a forked child."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._state: _State | None = None

    def state(self) -> _State:
        """Return this process's loop, starting it if there is none yet."""
        state = self._state
        if state is not None and state.pid == os.getpid():
            return state
        if state is not None:
            self._lock = threading.Lock()  # a fork may have copied it while another thread held it
        with self._lock:
            if self._state is None or self._state.pid != os.getpid():
                self._state = _State()
            return self._state

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the private loop and wait for it. An interrupt of the waiting thread cancels it."""
        state = self.state()
        future = asyncio.run_coroutine_threadsafe(work, state.loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    @property
    def abandoned(self) -> int:
        """How many sync functions overran and were left behind in this process."""
        return self._state.abandoned if self._state else 0

    async def in_thread(self, function: Callable[[], T], context: contextvars.Context) -> T:
        """
        Run a sync function in a daemon thread, in the given context. If it is cancelled, the thread is left behind.

        Raises:
            ProviderError: Every thread of the pool is held by a function that has not returned.
        """
        state = self.state()
        if not state.slots.acquire(blocking=False):
            message = f"{MOST_THREADS} functions are still running; {state.abandoned} of them overran their deadline"
            raise ProviderError(message, provider="function")
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        result: list[Any] = []

        def work() -> None:
            try:
                result.append((context.run(function), None))
            except BaseException as error:  # noqa: BLE001 - carried to the waiting coroutine, where it is raised
                result.append((None, error))
            finally:
                state.slots.release()
                _tell(loop, done)

        threading.Thread(target=work, name="steady-candidate", daemon=True).start()
        try:
            await done.wait()
        except asyncio.CancelledError:
            state.abandoned += 1
            raise
        value, error = result[0]
        if error is not None:
            raise error
        return value  # type: ignore[no-any-return]


def _tell(loop: asyncio.AbstractEventLoop, done: asyncio.Event) -> None:
    try:
        loop.call_soon_threadsafe(done.set)
    except RuntimeError:  # the loop is closed: nobody waits any more
        return


LOOP = Loop()
