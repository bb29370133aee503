"""API keys. The secret is shown once; only a keyed hash of it is stored."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field

from app.core.db.column_types import JSON_DOCUMENT, Instant
from app.core.db.entity import Bookkeeping, Entity, sort_indexes
from app.core.db.redaction import PLAIN, SECRET, personal, redacted


class ApiKey(Entity, table=True):
    """An API key."""

    __tablename__ = "api_key"
    __table_args__ = (*sort_indexes("api_key", "created_at", "updated_at", "name", "expires_at", "revoked_at"),)

    affects_access = frozenset({"revoked_at"})
    access_subject = "id"
    target_user_column = "user_id"

    user_id: UUID = Field(foreign_key="user.id", index=True)
    """The owner: the key never holds a permission that the owner lacks."""
    name: str = redacted(personal("user_id"), max_length=200)
    """What the key is for."""
    prefix: str = Field(max_length=16, unique=True)
    """The part of the key that may be shown, and that identifies it."""
    secret_hash: str = redacted(SECRET, max_length=64)
    """The keyed hash of the secret part."""
    scopes: list[str] = redacted(PLAIN, sa_type=JSON_DOCUMENT)
    """The permissions of the key."""
    allowed_addresses: list[str] = redacted(personal("user_id"), sa_type=JSON_DOCUMENT)
    """Addresses and networks from which the key may be used; empty: from anywhere."""
    expires_at: datetime | None = Field(default=None, sa_type=Instant)
    """When the key expires; null: never."""
    revoked_at: datetime | None = Field(default=None, sa_type=Instant)
    """When the key was revoked; null while it is valid."""


class ApiKeyUse(Bookkeeping, table=True):
    """The last use of an API key. A key that was never used has none."""

    __tablename__ = "api_key_use"
    not_audited = "moves with every use, which the access log shows"
    is_replaced = True

    id: UUID = Field(primary_key=True, foreign_key="api_key.id", ondelete="CASCADE")
    """The key."""
    last_used_at: datetime = Field(sa_type=Instant)
    """When the key was last used, to the minute."""
    last_used_ip: str | None = Field(default=None, max_length=64)
    """The address from which the key was last used."""
