"""
One generation for one question: a retry joins the running or just finished run instead of paying again.

A request joins when it carries the Idempotency-Key of an earlier one, or the same body with an SDK's retry count above
0. Never across tenants, nor, where keys are forwarded, across keys.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Mapping

from steady.errors import RequestError
from steady.types import Clock, Outcome

KEPT_SECONDS = 60.0
KEPT_MOST = 1024


class Run:
    """One generation that others may join."""

    __slots__ = ("body", "ended", "outcome")

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.outcome: asyncio.Future[Outcome | None] = asyncio.get_running_loop().create_future()
        self.ended = 0.0


def _digest(body: bytes, headers: Mapping[str, str]) -> bytes:
    """Return what a request asks, as a hash: its body, and the headers that can change its answer."""
    made = hashlib.blake2b(body, digest_size=16)
    for name in sorted(headers):
        if name == "accept-language" or (name.startswith("x-steady-") and name != "x-steady-key"):
            made.update(f"\0{name}\0{headers[name]}".encode("utf-8", "replace"))
    return made.digest()


class Runs:
    """The running and just finished generations of one server."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._runs: OrderedDict[tuple[str, bytes], Run] = OrderedDict()

    def enter(self, tenant: str, body: bytes, headers: Mapping[str, str]) -> tuple[Run, bool]:
        """
        Return the run of this request, and whether it is somebody else's to be waited for.

        Raises:
            RequestError: The Idempotency-Key was used with another body.
        """
        digest = _digest(body, headers)
        named = headers.get("idempotency-key")
        spelled = f"{headers.get('authorization', '')}\0{named or digest.hex()}".encode("utf-8", "replace")
        key = (tenant, hashlib.blake2b(spelled, digest_size=16).digest())
        known = self._runs.get(key)
        retry = headers.get("x-stainless-retry-count", "0") not in {"", "0"}
        if known is not None and (named or retry) and not self._stale(known):
            if known.body != digest:
                raise RequestError("This Idempotency-Key was used with another request.", param="Idempotency-Key")
            return known, True
        run = Run(digest)
        self._runs[key] = run
        self._runs.move_to_end(key)
        while len(self._runs) > KEPT_MOST:
            self._runs.popitem(last=False)
        return run, False

    def _stale(self, run: Run) -> bool:
        return run.outcome.done() and self._clock.monotonic() - run.ended > KEPT_SECONDS

    def leave(self, run: Run, outcome: Outcome | None) -> None:
        """End a run. What cost nothing is not kept: a retry of it is a new try."""
        if run.outcome.done():
            return
        run.ended = self._clock.monotonic()
        if outcome is not None and outcome.candidates:
            run.outcome.set_result(outcome)
            return
        run.outcome.set_result(None)  # who waits makes the try itself
        for key in [key for key, value in self._runs.items() if value is run]:
            del self._runs[key]
