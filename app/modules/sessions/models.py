"""Sessions (one for each sign-in, which is one refresh token family), their use, and the login log."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import BigInteger, Index, LargeBinary
from sqlmodel import Field

from app.core.clock import new_id, now
from app.core.db.column_types import Instant
from app.core.db.entity import LEAST_RETENTION, Bookkeeping, Entity, sort_indexes
from app.core.db.redaction import SECRET, personal, redacted


class AuthSession(Entity, table=True):
    """A session of a user."""

    __tablename__ = "auth_session"
    __table_args__ = (*sort_indexes("auth_session", "created_at", "expires_at"),)

    affects_access = frozenset({"revoked_at", "verified_at"})
    access_subject = "id"
    target_user_column = "user_id"

    user_id: UUID = Field(foreign_key="user.id", index=True)
    """The user who signed in."""
    seed: bytes = redacted(SECRET, sa_type=LargeBinary)
    """Random bytes without which no refresh token of this session can be computed."""
    expires_at: datetime = Field(sa_type=Instant)
    """When the session ends in any case."""
    previous_sign_out_at: datetime | None = Field(default=None, sa_type=Instant)
    """The user's last sign-out from all sessions when this one began. A later one ends it."""
    revoked_at: datetime | None = Field(default=None, sa_type=Instant)
    """When the session was ended; null while it is open."""
    revoked_reason: str | None = Field(default=None, max_length=32)
    """Why the session was ended."""
    verified_at: datetime | None = Field(default=None, sa_type=Instant)
    """When the second factor was last verified in this session."""
    ip: str | None = redacted(personal("user_id"), default=None, max_length=64)
    """The address of the last sign-in or refresh."""
    user_agent: str | None = redacted(personal("user_id"), default=None, max_length=400)
    """The user agent of the last sign-in or refresh."""
    is_browser: bool = False
    """Whether a page of this server opened it, so that its refresh token is in a cookie; else a program did."""

    def is_open(self, signed_out_at: datetime | None) -> bool:
        """Whether it is neither revoked nor expired, and the user did not sign out since."""
        return self.revoked_at is None and self.previous_sign_out_at == signed_out_at and now() < self.expires_at

    def revoke(self, reason: str) -> None:
        """End the session, if it has not ended before."""
        if self.revoked_at is None:
            self.revoked_at, self.revoked_reason = now(), reason


class SessionUse(Bookkeeping, table=True):
    """How far a session has come: its generation of tokens, and its last use. Each session has one."""

    __tablename__ = "auth_session_use"
    not_audited = "moves with every refresh, which the access log shows"

    id: UUID = Field(primary_key=True, foreign_key="auth_session.id", ondelete="CASCADE")
    """The session."""
    counter: int = Field(default=0, sa_type=BigInteger)
    """The generation of the current token pair."""
    base: int = Field(default=0, sa_type=BigInteger)
    """The generation that was exchanged for the current one. Clients never received those between the two."""
    confirmed: int = Field(default=0, sa_type=BigInteger)
    """The newest generation whose access token was used: the client received that pair."""
    used_at: datetime = Field(default_factory=now, sa_type=Instant)
    """When the session was last continued, by sign-in or refresh."""

    def is_idle(self, idle_ttl: timedelta) -> bool:
        """Whether the session was not continued for too long."""
        return now() >= self.used_at + idle_ttl

    def is_lost(self, generation: int) -> bool:
        """Whether this generation was issued and replaced unused. A client that presents it has copied the token."""
        return self.base < generation < self.counter


class LoginAttempt(Bookkeeping, table=True):
    """An entry of the login log. An unknown identifier is stored as a keyed hash only: people type passwords there."""

    __tablename__ = "login_attempt"
    not_audited = "is a log itself"
    append_only = True
    removable_after = LEAST_RETENTION
    names_caller = True
    __table_args__ = (
        Index("ix_login_attempt_user_id_at_id", "user_id", "at", "id"),
        *sort_indexes("login_attempt", "at"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    """The identifier, a UUIDv7."""
    at: datetime = Field(default_factory=now, sa_type=Instant)
    """When the attempt was made."""
    user_id: UUID | None = Field(default=None, foreign_key="user.id")
    """The user who was named; null for an unknown name."""
    identifier_hash: str | None = Field(default=None, max_length=64)
    """The keyed hash of an unknown name."""
    is_successful: bool
    """Whether a session was opened."""
    reason: str | None = Field(default=None, max_length=32)
    """Why no session was opened."""
    caller_id: UUID | None = None
    """The row of `audit_caller` with the address and the user agent of the client."""
    session_id: UUID | None = None
    """The session that was opened."""
    request_id: str = Field(max_length=64)
    """The request of the attempt."""
