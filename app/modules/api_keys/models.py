"""API keys. The secret is shown once; a keyed hash of it stays."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field

from app.core.model import Entity, column
from app.core.policy import OMIT, PLAIN, SECRET
from app.core.types import JSON_DOCUMENT, Instant


class ApiKey(Entity, table=True):
    __tablename__ = "api_key"

    decides = frozenset({"revoked_at"})
    invalidates = "id"
    acts_on = "user_id"

    user_id: UUID = Field(foreign_key="user.id", index=True)
    name: str = Field(max_length=200)
    prefix: str = Field(max_length=16, unique=True)
    secret_hash: str = column(SECRET, max_length=64)
    scopes: list[str] = column(PLAIN, sa_type=JSON_DOCUMENT)
    allowed_addresses: list[str] = column(PLAIN, sa_type=JSON_DOCUMENT)
    expires_at: datetime | None = Field(default=None, sa_type=Instant)
    last_used_at: datetime | None = column(OMIT, default=None, sa_type=Instant)
    last_used_ip: str | None = column(OMIT, default=None, max_length=64)
    revoked_at: datetime | None = Field(default=None, sa_type=Instant)
