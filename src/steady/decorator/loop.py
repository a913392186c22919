"""
Where sync calls run: one private loop thread per process, and a daemon thread for each sync function at work.

Started on first use, made anew after a fork, and never a patch of asyncio: a sync call works with no loop, inside a
running loop (Jupyter, uvloop, FastAPI) and from many threads, because it never touches the loop of its caller.
"""

import asyncio
import contextvars
import os
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from steady.errors import ProviderError, ProviderTimeout

T = TypeVar("T")
MOST_ABANDONED = 64  # sync functions left behind that have not returned; while there are as many, none is started


class Carried(BaseException):
    """
    What a sync function raised that a task can't raise: SystemExit and KeyboardInterrupt end a loop that sees them,
    StopIteration becomes a RuntimeError. It is unwrapped where the caller waits.
    """

    def __init__(self, error: BaseException) -> None:
        super().__init__(error)
        self.error = error


class _State:
    """The loop of one process."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.lock = threading.Lock()
        self.abandoned = 0  # ever
        self.stuck = 0  # of those, the ones that have not returned
        self.thread = threading.Thread(target=self._serve, name="steady-loop", daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def count(self, *, stuck: int, abandoned: int = 0) -> None:
        """Add to the counts. Threads leave and are left at any moment, hence the lock."""
        with self.lock:
            self.stuck += stuck
            self.abandoned += abandoned


class Loop:
    """The private loop; made when first needed, made again in a forked child."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        """For what is made once per process; a fresh one after a fork, which may have copied it held."""
        self.generation = 0
        """Raised by each fork, so that others can tell what a parent made."""
        self._state: _State | None = None
        self._parents: list[_State | None] = []  # kept, since collecting a loop would close what the parent still uses
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forked)

    def _forked(self) -> None:
        self._parents.append(self._state)
        self._state, self.lock = None, threading.RLock()
        self.generation += 1

    def state(self) -> _State:
        """Return this process's loop, starting it if there is none yet."""
        if self._state is None:
            with self.lock:
                if self._state is None:
                    self._state = _State()
        return self._state

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the private loop and wait for it. An interrupt of the waiting thread cancels it."""
        state = self.state()
        if threading.current_thread() is state.thread:
            return _aside(work)
        future = asyncio.run_coroutine_threadsafe(work, state.loop)
        try:
            return future.result()
        except Carried as carried:
            raise carried.error from carried.error.__cause__
        except BaseException:
            future.cancel()
            raise

    @property
    def abandoned(self) -> int:
        """How many sync functions were left behind in this process, because they overran or nobody waits any more."""
        return self._state.abandoned if self._state else 0

    async def in_thread(self, function: Callable[[], T], context: contextvars.Context, timeout: float) -> T:
        """
        Run a sync function in a daemon thread of its own, in the given context.

        Args:
            function: What to run; it can't be stopped, so if it overruns or is cancelled it is left behind and counted.
            context: Entered by that thread alone.
            timeout: Seconds to wait for it.

        Raises:
            ProviderTimeout: It took longer.
            ProviderError: As many functions as may be left behind are still running.
        """
        state = self.state()
        if state.stuck >= MOST_ABANDONED:
            message = f"{state.stuck} functions overran their deadline and are still running; no more are started"
            raise ProviderError(message, provider="function")
        result: T = await _Job(function, context, state).run(timeout)
        return result


class _Job:
    """One sync function at work."""

    def __init__(self, function: Callable[[], Any], context: contextvars.Context, state: _State) -> None:
        self._function, self._context, self._state = function, context, state
        self._lock = threading.Lock()
        self._left = self._ended = False
        self._value: Any = None
        self._error: BaseException | None = None

    async def run(self, timeout: float) -> Any:
        self._loop, self._done = asyncio.get_running_loop(), asyncio.Event()
        threading.Thread(target=self._work, name="steady-candidate", daemon=True).start()
        try:
            async with asyncio.timeout(timeout):
                await self._done.wait()
        except TimeoutError:
            self._leave()
            raise ProviderTimeout(f"the function took longer than {timeout:.3g} s", provider="function") from None
        except BaseException:
            self._leave()
            raise
        if self._error is None:
            return self._value
        if isinstance(self._error, Exception) and not isinstance(self._error, StopIteration):
            raise self._error
        raise Carried(self._error)

    def _work(self) -> None:
        try:
            self._value = self._context.run(self._function)
        except BaseException as error:  # noqa: BLE001 - carried to the waiting coroutine, where it is raised
            self._error = error
        with self._lock:
            self._ended = True
            if self._left:
                self._state.count(stuck=-1)
        try:
            self._loop.call_soon_threadsafe(self._done.set)
        except RuntimeError:  # the loop is closed: nobody waits any more
            return

    def _leave(self) -> None:
        with self._lock:
            if not self._ended:
                self._left = True
                self._state.count(stuck=1, abandoned=1)


def _aside(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a loop of its own, for a caller on the private loop, which can't wait for itself."""
    result: list[Any] = []

    def serve() -> None:
        try:
            result.append((asyncio.run(work), None))
        except BaseException as error:  # noqa: BLE001 - carried to the caller, where it is raised
            result.append((None, error))

    thread = threading.Thread(target=contextvars.copy_context().run, args=(serve,), name="steady-aside", daemon=True)
    thread.start()
    thread.join()
    value, error = result[0]
    if error is not None:
        raise error.error if isinstance(error, Carried) else error
    return value  # type: ignore[no-any-return]


LOOP = Loop()
