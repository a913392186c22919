"""Code of others, run beside the event loop: in threads that nothing waits for, and of which there are not too many."""

import asyncio
import contextvars
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from steady.errors import RuleError

MOST = 64  # calls that have not returned; a thread can't be stopped, so those that overrun stay until they do
_lock = threading.Lock()
_running = 0


async def aside(function: Callable[..., Any], *args: Any) -> Any:
    """
    Return what `function` returns, called in a thread of its own, in a copy of this context.

    Where the caller stops waiting, the thread goes on by itself, and keeps no program from ending.

    Raises:
        RuleError: If `MOST` earlier calls have not returned.
        Exception: What the function raises.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()
    context = contextvars.copy_context()
    _enter()

    def run() -> None:
        value, error = None, None
        try:
            value = context.run(function, *args)
        except BaseException as raised:  # noqa: BLE001 - whatever it is, it ends this call and not the program
            error = raised if isinstance(raised, Exception) else RuleError(f"it raised {type(raised).__name__}")
        _leave()
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_tell, future, value, error)

    try:
        threading.Thread(target=run, daemon=True, name="steady-rule").start()
    except RuntimeError:
        _leave()
        raise RuleError("no thread could be started") from None
    return await future


def _tell(future: "asyncio.Future[Any]", value: Any, error: Exception | None) -> None:
    if future.done():  # the caller stopped waiting
        return
    if error is None:
        future.set_result(value)
    else:  # a future carries no StopIteration
        future.set_exception(RuleError("it raised StopIteration") if isinstance(error, StopIteration) else error)


def _enter() -> None:
    global _running
    with _lock:
        if _running >= MOST:
            raise RuleError(f"{MOST} earlier calls have not returned yet")
        _running += 1


def _leave() -> None:
    global _running
    with _lock:
        _running -= 1
