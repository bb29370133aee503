"""Changes that wait for approval."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Index, LargeBinary
from sqlmodel import Field

from app.core.clock import now
from app.core.db.column_types import JSON_DOCUMENT, Instant, enum_type
from app.core.db.entity import Entity, sort_indexes
from app.core.db.redaction import PLAIN, SECRET, redacted


class ApprovalState(StrEnum):
    """What became of a change. One that waits is expired once its time is over."""

    pending = "pending"
    approved = "approved"
    rejected = "rejected"
    withdrawn = "withdrawn"
    failed = "failed"
    expired = "expired"


class Approval(Entity, table=True):
    """A change that waits, or waited, until a second person approves it."""

    __tablename__ = "approval"
    __table_args__ = (
        *sort_indexes("approval", "created_at"),
        Index("ix_approval_requester_id_created_at_id", "requester_id", "created_at", "id"),
    )

    requester_id: UUID = Field(foreign_key="user.id")
    """The user who asked for the change, or whose key did."""
    method: str = Field(max_length=16)
    """The method of the request that makes the change."""
    path: str = Field(max_length=500)
    """Its path."""
    content: bytes | None = redacted(SECRET, default=None, sa_type=LargeBinary)
    """Its query, headers and body, encrypted; null once it was decided, or a person was erased of whom it tells."""
    reason: str | None = Field(default=None, max_length=500)
    """Why the requester asked, as in the entries of that request."""
    needs: list[str] = redacted(PLAIN, sa_type=JSON_DOCUMENT)
    """What of the change needs approval, as the setting names it."""
    effects: list[dict[str, Any]] = redacted(PLAIN, sa_type=JSON_DOCUMENT)
    """What users gain and lose by it, when it was asked for."""
    policy_version: int | None = None
    """The version of the policy that the requester saw."""
    state: ApprovalState = Field(default=ApprovalState.pending, sa_type=enum_type(ApprovalState))
    """Whether it waits, or how it ended."""
    expires_at: datetime = Field(sa_type=Instant, index=True)
    """When it can be approved no more."""
    decided_by_id: UUID | None = Field(default=None, foreign_key="user.id")
    """Who approved, rejected or withdrew it; of a failed one, who approved it."""
    decided_at: datetime | None = Field(default=None, sa_type=Instant)
    """When that was."""
    problem: str | None = Field(default=None, max_length=64)
    """The code of the error because of which an approved change was not made."""

    @property
    def waits(self) -> bool:
        """Whether it can be decided."""
        return self.state is ApprovalState.pending and now() < self.expires_at
