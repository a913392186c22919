"""The store's own time, by which receipts expire."""

import threading
import time

from steady.types import Clock


class SystemClock:
    """The machine's clocks."""

    def now(self) -> float:
        """Unix seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back."""
        return time.monotonic()


class StoreTime:
    """
    Unix seconds that never go back, whatever is done to the machine's clock.

    While the wall clock runs on, this is the wall clock. When it is set back, this goes on from where it was by the
    monotonic clock: receipts kept before neither outlive their age by the step nor vanish, and new ones are not born
    old. `resume` carries it over a restart.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._ticks = clock.monotonic()
        self._time = clock.now()

    def now(self) -> float:
        """Return the store's time, in Unix seconds."""
        with self._lock:
            wall, ticks = self._clock.now(), self._clock.monotonic()
            self._time = max(wall, self._time + ticks - self._ticks)
            self._ticks = ticks
            return self._time

    def resume(self, stamp: float) -> None:
        """Go on from `stamp`, the last time that the store wrote, if that lies ahead."""
        with self._lock:
            self._time = max(self._time, stamp)
