"""The current time, and the identifiers that are made from it."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from uuid_utils.compat import uuid7


def now() -> datetime:
    """The current instant: aware, UTC, in microseconds."""
    return datetime.now(UTC)


def span_between(since: datetime, at: datetime) -> timedelta:
    """The time from `since` to `at`, never negative: a clock that stepped back has not given time away."""
    return max(at - since, timedelta())


def new_id() -> UUID:
    """A new UUIDv7 (RFC 9562): sortable by time, generated without a database query."""
    return uuid7()
