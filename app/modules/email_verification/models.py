"""Verifications of addresses, one for each user. Only keyed hashes of token and address are stored."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field

from app.core.db.column_types import Instant
from app.core.db.entity import Entity
from app.core.db.redaction import SECRET, redacted


class EmailVerification(Entity, table=True):
    """The last verification of an address of a user. It says nothing of any other address."""

    __tablename__ = "email_verification"

    target_user_column = "user_id"

    user_id: UUID = Field(foreign_key="user.id", unique=True)
    """The user whose address it is."""
    token_hash: str = redacted(SECRET, max_length=64, unique=True)
    """The keyed hash of the token."""
    address_hash: str = redacted(SECRET, max_length=64)
    """The keyed hash of the address to which the token was sent."""
    asked_at: datetime = Field(sa_type=Instant)
    """When the mail was asked for."""
    expires_at: datetime = Field(sa_type=Instant)
    """When the token ends."""
    verified_at: datetime | None = Field(default=None, sa_type=Instant)
    """When the user showed that the address is theirs; null while they did not."""
