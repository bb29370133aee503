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
    return make_uuid(uuid7().int)


def read_id(text: str) -> UUID:
    """The identifier that `text` spells, which is known to be one, as a pattern of a path or our own log has found."""
    return make_uuid(int(text.replace("-", ""), 16))


def make_uuid(number: int) -> UUID:
    """The UUID of a number. The constructor takes three times as long: it looks for other forms of its argument."""
    made = object.__new__(UUID)
    object.__setattr__(made, "int", number)
    object.__setattr__(made, "is_safe", UNKNOWN_SAFETY)
    return made


def time_of_id(id: UUID) -> datetime:
    """When an identifier of `new_id` was made, in milliseconds."""
    return datetime.fromtimestamp((id.int >> 80) / 1000, UTC)


def hour_of(at: datetime) -> datetime:
    """The beginning of the hour (UTC) of an instant."""
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
