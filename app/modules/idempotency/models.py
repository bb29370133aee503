"""Stored answers."""

from datetime import datetime

from sqlalchemy import LargeBinary
from sqlmodel import Field, SQLModel

from app.core.types import Instant


class IdempotencyKey(SQLModel, table=True):
    """One answered request. `id` and `fingerprint` are keyed digests, `answer` is encrypted: it may show a secret."""

    __tablename__ = "idempotency_key"

    id: bytes = Field(primary_key=True, sa_type=LargeBinary(32))
    fingerprint: bytes = Field(sa_type=LargeBinary)
    answer: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = Field(sa_type=Instant, index=True)
