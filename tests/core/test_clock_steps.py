"""Clocks that step: elapsed time is never negative, and no wait is longer than the longest."""

from datetime import timedelta

import pytest

from app.core.clock import now, span_between
from app.modules.auth.models import SignInCounter
from app.modules.auth.throttling.throttle import LONGEST_WAIT, decay, wait_of

HOUR = timedelta(hours=1)


def test_elapsed_time_is_never_negative() -> None:
    at = now()

    assert span_between(at, at + HOUR) == HOUR
    assert span_between(at + HOUR, at) == timedelta()


def test_a_counter_ahead_of_the_clock_grows_no_failures() -> None:
    """Regression: a negative time forgave a negative number, and everybody was locked out for 15 minutes."""
    at = now()
    row = SignInCounter(id="address:192.0.2.1", failures=3, updated_at=at + HOUR)

    decay(row.id, row, at)

    assert row.failures == 3
    assert row.updated_at == at


@pytest.mark.parametrize("step", [-HOUR, HOUR])
def test_after_a_step_of_the_clock_a_wait_is_no_longer_than_the_longest(step: timedelta) -> None:
    at = now()
    row = SignInCounter(id="address:192.0.2.1", failures=9, blocked_until=at + timedelta(seconds=30), updated_at=at)

    assert wait_of(row, at + step) <= timedelta(seconds=LONGEST_WAIT)
