"""Bookkeeping of the policy: its version, its history, and the events that make processes forget cached permissions."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index
from sqlmodel import Field

from app.core.db.column_types import JSON_DOCUMENT, Instant
from app.core.db.entity import LEAST_RETENTION, Bookkeeping


class PolicyState(Bookkeeping, table=True):
    """One row, the policy lock. Its version rises with every change of the policy."""

    __tablename__ = "policy_state"
    not_audited = "holds the number of the last policy version"

    id: int = Field(primary_key=True)
    """Always 1."""
    version: int = Field(sa_type=BigInteger)
    """The current version of the policy."""


class SecurityState(Bookkeeping, table=True):
    """One row: the number of the last security event, in the order of commits.

    It is locked last, just before the commit, and apart from the policy: a sign-out does not wait for an edit of roles.
    """

    __tablename__ = "security_state"
    not_audited = "holds the number of the last security event"

    id: int = Field(primary_key=True)
    """Always 1."""
    sequence: int = Field(sa_type=BigInteger)
    """The number of the last event."""


class SecurityEvent(Bookkeeping, table=True):
    """An event that makes every process forget cached permissions. Kept for a short time."""

    __tablename__ = "security_event"
    not_audited = "makes processes forget their caches"
    __table_args__ = (Index("ix_security_event_at", "at"),)

    id: UUID = Field(primary_key=True)
    """The identifier, a UUIDv7."""
    sequence: int = Field(sa_type=BigInteger, index=True)
    """The number of the event, in the order of commits, without gaps."""
    at: datetime = Field(sa_type=Instant)
    """When the event was written."""
    subject_id: UUID | None = None
    """The user or credential whose permissions may have changed; null: all users."""


class PolicyVersion(Bookkeeping, table=True):
    """A version of the policy: who made it, what it changed, and who gained and lost which permissions."""

    __tablename__ = "policy_version"
    not_audited = "is a log itself"
    append_only = True
    removable_after = LEAST_RETENTION

    id: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    """The number of the version."""
    at: datetime = Field(sa_type=Instant, index=True)
    """When the version was made."""
    request_id: str = Field(max_length=64)
    """The request that made it."""
    actor_kind: str = Field(max_length=16)
    """The kind of actor that made it."""
    actor_id: UUID | None = None
    """The user or API key that made it."""
    actor_name: str | None = Field(default=None, max_length=200)
    """The name of a job or service. The name of a person is with the caller."""
    caller_id: UUID | None = None
    """The row of `audit_caller` with the name of the actor."""
    restores: int | None = Field(default=None, sa_type=BigInteger)
    """The version that this one rolled back to."""
    changes: list[dict[str, Any]] = Field(sa_type=JSON_DOCUMENT)
    """The changed rows, before and after, without personal data."""
    effects: list[dict[str, Any]] = Field(sa_type=JSON_DOCUMENT)
    """Who gained and lost which permissions, by the ids of users."""
