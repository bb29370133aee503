"""The current time, the arithmetic with it that survives a clock that steps (ADR 21), and identifiers made from it."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, SafeUUID

from uuid_utils import uuid7

CLOCK_SKEW = timedelta(seconds=30)
"""By how much the clocks of two processes may differ."""
UNKNOWN_SAFETY = SafeUUID.unknown


def now() -> datetime:
    """The current instant: aware, UTC, in microseconds."""
    return datetime.now(UTC)


def span_between(since: datetime, at: datetime) -> timedelta:
    """The time from `since` to `at`, never negative: a clock that stepped back has not given time away."""
    return max(at - since, timedelta())


def is_recent(since: datetime, span: timedelta, at: datetime) -> bool:
    """Whether `since` is at most `span` ago.

    An instant in the future is not recent, except for the skew of clocks: a clock that stepped back makes no permission
    last longer.
    """
    return -min(span, CLOCK_SKEW) <= at - since <= span


def new_id() -> UUID:
    """A new UUIDv7 (RFC 9562): sortable by time, generated without a database query."""
    made = object.__new__(UUID)  # as the constructor does, which first looks at all forms of its argument
    object.__setattr__(made, "int", uuid7().int)
    object.__setattr__(made, "is_safe", UNKNOWN_SAFETY)
    return made


def time_of_id(id: UUID) -> datetime:
    """When an identifier of `new_id` was made, in milliseconds."""
    return datetime.fromtimestamp((id.int >> 80) / 1000, UTC)
