"""
When a failed call is made again: tenacity's loop, entered only once something failed, so that success costs nothing.

Waits are exponential with jitter (0.5 s, doubling, at most 8 s), never shorter than what the upstream asked for in
Retry-After, and no wait begins that would outlast the call's time.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from steady.errors import ProviderError

if TYPE_CHECKING:
    from tenacity import RetryCallState

T = TypeVar("T")

RETRIES = 2
_STATUSES = frozenset({408, 409, 425, 429})


class Retries(NamedTuple):
    """How often and how patiently a call is made again."""

    attempts: int = RETRIES  # further attempts after the first
    first_wait: float = 0.5  # seconds; doubles each time
    longest_wait: float = 8.0


def retryable(status: int, headers: Mapping[str, str], code: str | None = None) -> bool:
    """
    Say whether an HTTP error may go away by itself.

    408, 409, 425, 429 and 5xx but 501; the upstream's own `x-should-retry` decides where it is sent (OpenAI does). A
    429 for an empty account (`insufficient_quota`) does not go away.
    """
    told = headers.get("x-should-retry", "")
    if told in ("true", "false"):
        return told == "true"
    return (status in _STATUSES or (status >= 500 and status != 501)) and code != "insufficient_quota"


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """
    Return the seconds that the upstream asked us to wait, or None: `retry-after-ms`, else seconds or an HTTP date.

    Args:
        headers: The answer's headers.
        now: Unix seconds, for a date.
    """
    for name, unit in (("retry-after-ms", 1000), ("retry-after", 1)):
        value = headers.get(name, "").strip()
        try:
            if value:
                seconds = float(value) / unit
                return seconds if 0 <= seconds < float("inf") else None
        except ValueError:
            pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now) if value else None
    except (ValueError, OverflowError):
        return None


async def with_retries(
    attempt: Callable[[float], Awaitable[T]], *, timeout: float, retries: Retries, patient: bool = True
) -> tuple[T, int]:
    """
    Return what `attempt` gives and how many further attempts that took.

    Args:
        attempt: Makes one call; gets the seconds that are left for it.
        timeout: Seconds for all attempts and waits together.
        retries: How often, and how long to wait.
        patient: False: a 429 is raised at once, since the caller shrinks its wave instead.

    Raises:
        ProviderError: The last one, when it is not retryable, or attempts or time are used up.
    """
    began = time.monotonic()
    try:
        return await attempt(timeout), 0
    except ProviderError as error:
        if retries.attempts < 1 or not _again(error, patient):
            raise
        first = error
    return await _go_on(first, attempt, began + timeout, retries, patient)


def _again(error: BaseException, patient: bool) -> bool:
    return isinstance(error, ProviderError) and error.retryable and (patient or error.upstream_status != 429)


async def _go_on(
    first: ProviderError, attempt: Callable[[float], Awaitable[T]], until: float, retries: Retries, patient: bool
) -> tuple[T, int]:
    import tenacity

    backoff = tenacity.wait_random_exponential(multiplier=retries.first_wait, max=retries.longest_wait)

    def wait(state: "RetryCallState") -> float:
        error: Any = state.outcome.exception() if state.outcome else None
        asked = error.retry_after if isinstance(error, ProviderError) else None
        return backoff(state) if asked is None else asked + backoff(state) / 10  # so that all don't come back at once

    made = -1  # the first "attempt" only hands over the failure that brought us here

    async def step() -> T:
        nonlocal made
        made += 1
        if not made:
            raise first
        return await attempt(until - time.monotonic())

    loop = tenacity.AsyncRetrying(
        wait=wait,
        stop=tenacity.stop_after_attempt(retries.attempts + 1) | tenacity.stop_before_delay(until - time.monotonic()),
        retry=tenacity.retry_if_exception(lambda error: _again(error, patient)),
        reraise=True,
    )
    return await loop(step), made
