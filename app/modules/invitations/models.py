"""Invitations and resets, one for each user. A token is shown once; only a keyed hash of it is stored."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field

from app.core.db.column_types import Instant
from app.core.db.entity import Entity
from app.core.db.redaction import SECRET, redacted


class Invitation(Entity, table=True):
    """The last invitation of a user. A newer one takes its place."""

    __tablename__ = "invitation"

    target_user_column = "user_id"
    opens_account = frozenset({"*"})

    user_id: UUID = Field(foreign_key="user.id", unique=True)
    """The user who is invited."""
    token_hash: str = redacted(SECRET, max_length=64, unique=True)
    """The keyed hash of the token."""
    account_hash: str = redacted(SECRET, max_length=64)
    """The keyed hash of the password and the last sign-out of the account: a change of either ends the invitation."""
    invited_at: datetime = Field(sa_type=Instant)
    """When the user was invited."""
    expires_at: datetime = Field(sa_type=Instant, index=True)
    """When the invitation ends."""
    used_at: datetime | None = Field(default=None, sa_type=Instant)
    """When the password was set by it; null while it was not used."""


class PasswordReset(Entity, table=True):
    """The last reset for which a user asked. A newer one takes its place."""

    __tablename__ = "password_reset"

    target_user_column = "user_id"
    opens_account = frozenset({"*"})

    user_id: UUID = Field(foreign_key="user.id", unique=True)
    """The user whose password is to be set."""
    token_hash: str = redacted(SECRET, max_length=64, unique=True)
    """The keyed hash of the token."""
    account_hash: str = redacted(SECRET, max_length=64)
    """The keyed hash of the password and the last sign-out of the account: a change of either ends the reset."""
    asked_at: datetime = Field(sa_type=Instant)
    """When it was asked for."""
    expires_at: datetime = Field(sa_type=Instant, index=True)
    """When the reset ends."""
    used_at: datetime | None = Field(default=None, sa_type=Instant)
    """When the password was set by it; null while it was not used."""
