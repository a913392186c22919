"""Runs that may be joined, by a clock that the test holds."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.server.observing import an_outcome

from steady.errors import RequestError
from steady.server.joining import KEPT_MOST, KEPT_SECONDS, Runs

RETRY = {"x-stainless-retry-count": "1"}


class Hands:
    """A clock that stands still until it is moved."""

    at = 0.0

    def now(self) -> float:
        """Not needed here."""
        return 0.0

    def monotonic(self) -> float:
        """Where the hands are."""
        return self.at


async def test_a_retry_joins_and_a_new_request_does_not() -> None:
    runs = Runs(Hands())
    first, joined = runs.enter("t", b"body", {})

    assert joined is False
    assert runs.enter("t", b"body", RETRY) == (first, True)
    assert runs.enter("t", b"other", RETRY)[1] is False
    assert runs.enter("t", b"body", {})[1] is False


async def test_a_retry_of_what_ended_long_ago_is_a_new_run() -> None:
    clock = Hands()
    runs = Runs(clock)
    first, _ = runs.enter("t", b"body", {})
    runs.leave(first, an_outcome())
    clock.at = KEPT_SECONDS
    assert runs.enter("t", b"body", RETRY) == (first, True)
    clock.at += 0.1

    assert runs.enter("t", b"body", RETRY)[1] is False


async def test_a_run_that_cost_nothing_is_not_kept() -> None:
    runs = Runs(Hands())
    first, _ = runs.enter("t", b"body", {})
    runs.leave(first, an_outcome(candidates=()))

    assert await first.outcome is None
    assert runs.enter("t", b"body", RETRY)[1] is False


async def test_ending_a_run_twice_keeps_the_first_end() -> None:
    runs = Runs(Hands())
    first, _ = runs.enter("t", b"body", {})
    outcome = an_outcome()
    runs.leave(first, outcome)
    runs.leave(first, None)

    assert await first.outcome is outcome


async def test_memory_is_bounded() -> None:
    runs = Runs(Hands())
    for number in range(KEPT_MOST + 50):
        runs.enter("t", str(number).encode(), {})

    assert len(runs._runs) == KEPT_MOST
    assert runs.enter("t", b"0", RETRY)[1] is False
    assert runs.enter("t", str(KEPT_MOST + 49).encode(), RETRY)[1] is True


async def test_a_key_with_another_body_is_refused_and_with_another_forwarded_key_is_another_run() -> None:
    runs = Runs(Hands())
    named = {"idempotency-key": "k"}
    runs.enter("t", b"body", {**named, "authorization": "Bearer a"})

    with pytest.raises(RequestError):
        runs.enter("t", b"other", {**named, "authorization": "Bearer a"})
    assert runs.enter("t", b"other", {**named, "authorization": "Bearer b"})[1] is False
    assert runs.enter("u", b"other", {**named, "authorization": "Bearer a"})[1] is False


_HEADERS = st.dictionaries(
    st.sampled_from(["x-steady-policy", "x-steady-locale", "accept-language", "authorization"]), st.sampled_from("ab")
)


@settings(deadline=None, max_examples=60)
@given(st.sampled_from("tu"), st.sampled_from("xy"), _HEADERS, st.sampled_from("tu"), st.sampled_from("xy"), _HEADERS)
async def test_only_the_same_request_of_the_same_tenant_is_joined(
    tenant: str, body: str, headers: dict[str, str], tenant2: str, body2: str, headers2: dict[str, str]
) -> None:
    runs = Runs(Hands())
    runs.enter(tenant, body.encode(), headers)
    joined = runs.enter(tenant2, body2.encode(), headers2 | RETRY)[1]

    assert joined == ((tenant, body, headers) == (tenant2, body2, headers2))
