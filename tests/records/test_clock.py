"""Expiry survives what people and NTP do to clocks."""

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.records.making import SetClock

from steady.records.clock import StoreTime

steps = st.lists(st.tuples(st.floats(0, 1e5), st.floats(-1e9, 1e9)), max_size=30)


@settings(deadline=None)
@given(steps)
def test_store_time_never_goes_back_and_never_runs_slower_than_the_monotonic_clock(
    moves: list[tuple[float, float]],
) -> None:
    clock = SetClock()
    time = StoreTime(clock)
    for passed, jump in moves:
        before = time.now()
        clock.advance(passed)
        clock.wall += jump
        assert time.now() >= before + passed - 1e-3


def test_store_time_is_the_wall_clock_while_nobody_touches_it() -> None:
    clock = SetClock()
    time = StoreTime(clock)
    for _ in range(5):
        clock.advance(100)
        assert time.now() == clock.wall


def test_a_clock_set_back_and_forth_does_not_add_up() -> None:
    """Counting each forward step of the wall clock would age everything by an hour at each daylight-saving mishap."""
    clock = SetClock()
    time = StoreTime(clock)
    for _ in range(10):
        clock.wall -= 3600
        time.now()
        clock.wall += 3600
        time.now()
    assert time.now() == clock.wall


def test_after_a_restart_time_goes_on_from_the_last_stamp() -> None:
    clock = SetClock(1000.0)
    time = StoreTime(clock)
    time.resume(5000.0)
    clock.advance(10)
    assert time.now() == 5010.0
