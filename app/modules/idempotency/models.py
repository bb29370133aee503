"""Stored responses of idempotency keys."""

from datetime import datetime

from sqlalchemy import LargeBinary
from sqlmodel import Field

from app.core.db.column_types import Instant
from app.core.db.entity import Bookkeeping


class IdempotencyKey(Bookkeeping, table=True):
    """The first response to one key."""

    __tablename__ = "idempotency_key"
    not_audited = "holds responses for retries"

    id: bytes = Field(primary_key=True, sa_type=LargeBinary(32))
    """The keyed hash of caller, route and key."""
    fingerprint: bytes = Field(sa_type=LargeBinary)
    """The keyed hash of address and body, by which another request with the same key is recognized."""
    answer: bytes = Field(sa_type=LargeBinary)
    """The response, encrypted because it may show a secret."""
    created_at: datetime = Field(sa_type=Instant, index=True)
    """When the response was stored."""
