"""Who is asked again, when, and for how long."""

import time
from collections.abc import Sequence
from email.utils import formatdate

import pytest

from steady.errors import ProviderError
from steady.providers.retries import Retries, retry_after, retryable, with_retries

QUICK = Retries(attempts=2, first_wait=0.01, longest_wait=0.02)


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504, 529])
def test_failures_that_may_pass_are_retryable(status: int) -> None:
    assert retryable(status, {})


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 413, 422, 501])
def test_failures_that_will_not_pass_are_not(status: int) -> None:
    assert not retryable(status, {})


def test_the_upstreams_own_word_decides() -> None:
    assert not retryable(500, {"x-should-retry": "false"})
    assert retryable(400, {"x-should-retry": "true"})


def test_an_empty_account_is_not_asked_again() -> None:
    """OpenAI answers 429 both for too many requests and for no money; only the first goes away."""
    assert not retryable(429, {}, "insufficient_quota")


def test_retry_after_is_read_in_all_its_forms() -> None:
    now = 1_700_000_000.0

    assert retry_after({"retry-after": "7"}, now) == 7
    assert retry_after({"retry-after": "1.5"}, now) == 1.5
    assert retry_after({"retry-after-ms": "250", "retry-after": "1"}, now) == 0.25
    assert retry_after({"retry-after": formatdate(now + 30, usegmt=True)}, now) == 30
    assert retry_after({"retry-after": formatdate(now - 30, usegmt=True)}, now) == 0


@pytest.mark.parametrize("value", ["", "soon", "-3", "inf", "nan", "Thu, 99 Foo"])
def test_a_senseless_retry_after_is_none(value: str) -> None:
    assert retry_after({"retry-after": value}, 0.0) is None


class Script:
    """An attempt that fails as told, then succeeds; notes when it was made and what time it was given."""

    def __init__(self, errors: Sequence[ProviderError]) -> None:
        self.errors, self.given, self.at = list(errors), list[float](), list[float]()

    async def __call__(self, seconds: float) -> str:
        self.given.append(seconds)
        self.at.append(time.monotonic())
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


def failing(status: int, *, asked: float | None = None, again: bool = True) -> ProviderError:
    return ProviderError(f"status {status}", status=status, retryable=again, retry_after=asked)


async def test_success_counts_no_retry() -> None:
    assert await with_retries(Script([]), timeout=5, retries=QUICK) == ("answer", 0)


async def test_failures_that_pass_are_counted() -> None:
    script = Script([failing(503), failing(500)])

    assert await with_retries(script, timeout=5, retries=QUICK) == ("answer", 2)


async def test_after_the_last_attempt_the_last_error_is_raised() -> None:
    script = Script([failing(500), failing(502), failing(503), failing(504)])

    with pytest.raises(ProviderError, match="503"):
        await with_retries(script, timeout=5, retries=QUICK)
    assert len(script.at) == 3


async def test_what_will_not_pass_is_raised_at_once() -> None:
    script = Script([failing(500), failing(400, again=False)])

    with pytest.raises(ProviderError, match="400"):
        await with_retries(script, timeout=5, retries=QUICK)
    assert len(script.at) == 2


async def test_an_impatient_call_gets_its_429_at_once_and_retries_the_rest() -> None:
    """A wave of several shrinks instead of retrying each slot."""
    script = Script([failing(503), failing(429)])

    with pytest.raises(ProviderError) as caught:
        await with_retries(script, timeout=5, retries=QUICK, patient=False)
    assert caught.value.upstream_status == 429
    assert len(script.at) == 2


async def test_the_upstreams_wait_is_kept() -> None:
    script = Script([failing(429, asked=0.15)])

    await with_retries(script, timeout=5, retries=QUICK)

    assert 0.15 <= script.at[1] - script.at[0] < 0.3


async def test_a_wait_that_outlasts_the_call_is_not_begun() -> None:
    script = Script([failing(429, asked=30)])
    began = time.monotonic()

    with pytest.raises(ProviderError, match="429"):
        await with_retries(script, timeout=1, retries=QUICK)
    assert time.monotonic() - began < 10


async def test_each_attempt_gets_only_the_time_that_is_left() -> None:
    script = Script([failing(429, asked=0.1), failing(429, asked=0.1)])

    await with_retries(script, timeout=5, retries=QUICK)

    assert script.given[0] == 5
    assert 4.5 < script.given[2] <= 4.8


async def test_no_retries_means_one_attempt() -> None:
    script = Script([failing(503)])

    with pytest.raises(ProviderError):
        await with_retries(script, timeout=5, retries=Retries(attempts=0))
    assert len(script.at) == 1


async def test_what_is_no_provider_error_passes_through() -> None:
    async def broken(_: float) -> str:
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        await with_retries(broken, timeout=1, retries=QUICK)
