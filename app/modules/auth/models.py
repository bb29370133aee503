"""Counters of sign-in attempts."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, text
from sqlmodel import Field

from app.core.clock import now
from app.core.db.column_types import Instant
from app.core.db.entity import Bookkeeping


class SignInCounter(Bookkeeping, table=True):
    """Attempts at one account, or from one address, that failed or are still being checked."""

    __tablename__ = "sign_in_counter"
    not_audited = "counts attempts, which the login log and the access log show"
    __table_args__ = (
        Index(
            "ix_sign_in_counter_blocked_until_id",
            "blocked_until",
            "id",
            postgresql_where=text("blocked_until IS NOT NULL"),
            sqlite_where=text("blocked_until IS NOT NULL"),
        ),
    )

    id: str = Field(primary_key=True, max_length=160)
    """The counted name: `kind:name`, and for a known address `kind:name:address`."""
    user_id: UUID | None = Field(default=None, foreign_key="user.id", ondelete="CASCADE", index=True)
    """The user whose account it is; null for an address, and for a name that no user has."""
    failures: int = 0
    """Failed attempts, and those that are still being checked."""
    blocked_until: datetime | None = Field(default=None, sa_type=Instant)
    """When the next attempt is allowed; null while attempts are not blocked."""
    updated_at: datetime = Field(default_factory=now, sa_type=Instant, index=True)
    """The instant up to which failures have decayed."""
