"""When a call is repeated, and after which time."""

import random
from email.utils import parsedate_to_datetime

from app.core.clock import now

REPEATED = frozenset({429, 502, 503, 504})
"""Statuses after which another attempt may succeed."""
FIRST_DELAY, LONGEST_DELAY = 0.2, 5.0
"""Seconds of the longest waiting time before the second attempt, and before any. It doubles from one to the next."""


def delay_after(attempt: int) -> float:
    """Seconds until the attempt after this one: any time up to one that doubles (full jitter)."""
    return random.uniform(0, min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** (attempt - 1)))  # noqa: S311  # spreads the load


def seconds_of(retry_after: str | None) -> float:
    """The seconds that a `Retry-After` header asks to wait (RFC 9110, section 10.2.3); 0 where it says nothing."""
    if retry_after is None:
        return 0.0
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after)
    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - now()).total_seconds())
    except (ValueError, TypeError):  # TypeError: a date without a zone
        return 0.0
