"""When an event is sent again that was not accepted."""

import random

MINUTE, HOUR = 60.0, 3600.0
LONGEST = (
    5.0,
    30.0,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    6 * HOUR,
    12 * HOUR,
    24 * HOUR,
    24 * HOUR,
    24 * HOUR,
    24 * HOUR,
    24 * HOUR,
)
"""The longest time until the next attempt, after each that failed. On average they are half of it: three days."""


def delay_after(number: int) -> float | None:
    """Seconds until the attempt after this one, any up to the longest (full jitter); None where it was the last."""
    return random.uniform(0, LONGEST[number - 1]) if number <= len(LONGEST) else None  # noqa: S311  # spreads the load
