"""The record: one row a request, one row a changed row. Rows are only ever added."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, LargeBinary
from sqlmodel import Field, SQLModel

from app.core.types import BIG_ID, JSON_DOCUMENT, CurrentTransaction, Instant, new_id


class Recorded(SQLModel):
    """Who, when, from where, in which request and which database transaction."""

    id: int | None = Field(default=None, primary_key=True, sa_type=BIG_ID)
    at: datetime = Field(sa_type=Instant)
    xid: int | None = Field(default=None, sa_type=BigInteger, sa_column_kwargs={"server_default": CurrentTransaction()})
    request_id: str = Field(max_length=64)
    actor_kind: str = Field(max_length=16)
    actor_id: UUID | None = None
    actor_name: str | None = Field(default=None, max_length=200)
    owner_id: UUID | None = None
    """The user for whom a machine acted: the owner of its API key."""
    impersonator_id: UUID | None = None
    ip: str | None = Field(default=None, max_length=64)
    user_agent: str | None = Field(default=None, max_length=400)


class AuditAccess(Recorded, table=True):
    __tablename__ = "audit_access"
    __table_args__ = (
        Index("ix_audit_access_at_id", "at", "id"),
        Index("ix_audit_access_actor_id_id", "actor_id", "id"),
        Index("ix_audit_access_owner_id_id", "owner_id", "id"),
        Index("ix_audit_access_request_id", "request_id"),
        Index("ix_audit_access_xid", "xid"),
        {"sqlite_autoincrement": True},
    )

    auth_method: str | None = Field(default=None, max_length=16)
    session_id: UUID | None = None
    method: str = Field(max_length=16)
    path: str = Field(max_length=2048)
    route: str | None = Field(default=None, max_length=400)
    query: str | None = Field(default=None, max_length=2048)
    decision: str | None = Field(default=None, max_length=200)
    status: int
    duration_us: int = Field(sa_type=BigInteger)
    bytes_out: int = Field(sa_type=BigInteger)
    error_code: str | None = Field(default=None, max_length=64)


class AuditChange(Recorded, table=True):
    __tablename__ = "audit_change"
    __table_args__ = (
        Index("ix_audit_change_at_id", "at", "id"),
        Index("ix_audit_change_actor_id_id", "actor_id", "id"),
        Index("ix_audit_change_entity_entity_id_id", "entity", "entity_id", "id"),
        Index("ix_audit_change_owner_id_id", "owner_id", "id"),
        Index("ix_audit_change_request_id", "request_id"),
        Index("ix_audit_change_xid", "xid"),
        {"sqlite_autoincrement": True},
    )

    source: str = Field(max_length=16)
    action: str = Field(max_length=16)
    entity: str = Field(max_length=64)
    entity_id: str = Field(max_length=64)
    changes: dict[str, Any] = Field(sa_type=JSON_DOCUMENT)
    policy_version: str = Field(max_length=16)


class AuditSpool(SQLModel, table=True):
    """How much of a spool file is in `audit_access`; moves in the transaction that adds the rows."""

    __tablename__ = "audit_spool"

    id: str = Field(primary_key=True, max_length=64)
    position: int = Field(sa_type=BigInteger)
    updated_at: datetime = Field(sa_type=Instant)


class AuditSubjectKey(SQLModel, table=True):
    """A key of one person's data in the record, wrapped by the master key. Destroying all of theirs erases that data.

    Sealed values name their key, so data written after an erasure does not touch what was erased.
    """

    __tablename__ = "audit_subject_key"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    subject_id: UUID = Field(index=True)
    wrapped_key: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = Field(sa_type=Instant)
