"""Sessions (one a sign-in, which is one refresh token family) and the login log."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import BigInteger, Index, LargeBinary
from sqlmodel import Field, SQLModel

from app.core.model import Entity, column
from app.core.policy import OMIT, SECRET
from app.core.types import Instant, new_id, now


class AuthSession(Entity, table=True):
    __tablename__ = "auth_session"

    decides = frozenset({"revoked_at", "verified_at"})
    invalidates = "id"
    acts_on = "user_id"

    user_id: UUID = Field(foreign_key="user.id", index=True)
    counter: int = column(OMIT, default=0, sa_type=BigInteger)
    """The generation of the current token pair."""
    base: int = column(OMIT, default=0, sa_type=BigInteger)
    """The generation exchanged for the current one. What is between the two was answered, and never arrived."""
    confirmed: int = column(OMIT, default=0, sa_type=BigInteger)
    """The newest generation whose access token was seen in use: that pair did arrive."""
    seed: bytes = column(SECRET, sa_type=LargeBinary)
    used_at: datetime = column(OMIT, default_factory=now, sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)
    revoked_at: datetime | None = Field(default=None, sa_type=Instant)
    revoked_reason: str | None = Field(default=None, max_length=32)
    verified_at: datetime | None = Field(default=None, sa_type=Instant)
    """When the second factor was last shown in this session."""
    ip: str | None = Field(default=None, max_length=64)
    user_agent: str | None = Field(default=None, max_length=400)

    def is_open(self, idle_ttl: timedelta, signed_out_at: datetime | None) -> bool:
        """Neither revoked nor too old nor unused for too long, and begun after the user was last signed out."""
        if self.revoked_at is not None or (signed_out_at is not None and self.created_at <= signed_out_at):
            return False
        return now() < min(self.expires_at, self.used_at + idle_ttl)

    def is_lost(self, generation: int) -> bool:
        """Whether this generation was answered and asked for again: whoever shows it is not the client that asked."""
        return self.base < generation < self.counter

    def revoke(self, reason: str) -> None:
        if self.revoked_at is None:
            self.revoked_at, self.revoked_reason = now(), reason


class LoginAttempt(SQLModel, table=True):
    """One attempt to sign in. An unknown identifier is kept as a keyed hash only: people type passwords there."""

    __tablename__ = "login_attempt"
    __table_args__ = (Index("ix_login_attempt_user_id_at", "user_id", "at"), Index("ix_login_attempt_at", "at"))

    id: UUID = Field(default_factory=new_id, primary_key=True)
    at: datetime = Field(default_factory=now, sa_type=Instant)
    user_id: UUID | None = Field(default=None, foreign_key="user.id")
    identifier_hash: str | None = Field(default=None, max_length=64)
    is_successful: bool
    reason: str | None = Field(default=None, max_length=32)
    ip: str | None = Field(default=None, max_length=64)
    user_agent: str | None = Field(default=None, max_length=400)
    session_id: UUID | None = None
    request_id: str = Field(max_length=64)


class SignInCounter(SQLModel, table=True):
    """Attempts at one account or from one address that failed or are not over; waiting ends at `blocked_until`."""

    __tablename__ = "sign_in_counter"

    id: str = Field(primary_key=True, max_length=160)
    failures: int = 0
    blocked_until: datetime | None = Field(default=None, sa_type=Instant)
    updated_at: datetime = Field(default_factory=now, sa_type=Instant)
