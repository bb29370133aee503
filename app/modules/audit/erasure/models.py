"""The ledger of erasures, and legal holds."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from app.core.clock import new_id, now
from app.core.db.column_types import Instant
from app.core.db.entity import Bookkeeping, Entity
from app.core.db.redaction import personal, redacted


class AuditErasure(Bookkeeping, table=True):
    """The erasure of a person. It tells that, when and by whom data was erased, and nothing of the data."""

    __tablename__ = "audit_erasure"
    not_audited = "is a log itself"
    append_only = True
    names_caller = True
    __table_args__ = (
        UniqueConstraint("entity_id", "entity"),
        Index("ix_audit_erasure_at_id", "at", "id"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    """The identifier, a UUIDv7."""
    at: datetime = Field(default_factory=now, sa_type=Instant)
    """When the person was erased."""
    call_id: UUID
    """The request that erased the person. Both logs have its entries."""
    actor_kind: str = Field(max_length=16)
    """The kind of actor that erased the person."""
    actor_id: UUID | None = None
    """The user or API key that erased the person."""
    actor_name: str | None = Field(default=None, max_length=200)
    """The name of a job or service. The name of a person is with the caller."""
    caller_id: UUID | None = None
    """The row of `audit_caller` with the name of the actor."""
    reason: str = Field(max_length=500)
    """Why the person was erased, as in the entries of the request: it stays, and must not tell of the person."""
    entity: str = Field(max_length=64)
    """The table with the row that stands for the person."""
    entity_id: UUID
    """The id of that row, under which keys and callers of the person were found."""
    keys: int
    """How many keys were destroyed."""
    callers: int
    """How many callers were removed."""


class AuditHold(Entity, table=True):
    """A legal hold: while it lasts, the person cannot be erased."""

    __tablename__ = "audit_hold"
    __table_args__ = (UniqueConstraint("entity_id", "entity"),)

    entity: str = Field(max_length=64)
    """The table with the row that stands for the person."""
    entity_id: UUID
    """The id of that row."""
    reason: str = redacted(personal("entity_id"), max_length=500)
    """Why the data must be kept."""
    until: datetime | None = Field(default=None, sa_type=Instant)
    """Until when; null: until it is lifted."""

    @property
    def holds(self) -> bool:
        """Whether it has not expired."""
        return self.until is None or self.until > now()
