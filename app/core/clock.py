"""The current time, and the identifiers that are made from it."""

from datetime import UTC, datetime
from uuid import UUID

from uuid_utils.compat import uuid7


def now() -> datetime:
    """The current instant: aware, UTC, in microseconds."""
    return datetime.now(UTC)


def new_id() -> UUID:
    """A new UUIDv7 (RFC 9562): sortable by time, generated without a database query."""
    return uuid7()
