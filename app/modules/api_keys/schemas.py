"""Request and response schemas of API keys."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from pydantic import Field, field_validator

from app.core.clock import now
from app.core.db.pagination import FieldsQuery, PageQuery
from app.core.fields.ip_address import Network
from app.core.fields.text import Name, PermissionName
from app.core.fields.time import Moment
from app.core.resources.schemas import Named, Read, Schema
from app.core.sentences import refusal
from app.modules.api_keys.models import ApiKey


class ApiKeyCreate(Schema):
    """A new API key."""

    name: Name
    """What the key is for."""
    scopes: list[PermissionName] = Field(min_length=1, max_length=200)
    """The permissions of the key; each must be held by its owner. To change items takes the permission to read too."""
    expires_at: Moment | None = None
    """When the key expires; null: never."""
    allowed_addresses: list[Network] = Field([], max_length=50)
    """Addresses and networks from which the key may be used; empty: from anywhere."""

    @field_validator("expires_at")
    @classmethod
    def is_in_the_future(cls, expires_at: datetime | None) -> datetime | None:
        if expires_at is not None and expires_at <= now():
            raise refusal("not-in-future", "A key must end in the future.")
        return expires_at


class ApiKeyRead(Read):
    """An API key, without its secret."""

    user_id: UUID
    """The owner."""
    name: str
    """What the key is for."""
    prefix: str
    """The part of the key after `ak_`, by which it is recognized."""
    scopes: list[str]
    """The permissions of the key."""
    allowed_addresses: list[str]
    """Addresses and networks from which the key may be used; empty: from anywhere."""
    expires_at: datetime | None
    """When the key expires; null: never."""
    last_used_at: datetime | None
    """When the key was last used, to the minute."""
    last_used_ip: str | None
    """The address from which the key was last used."""
    revoked_at: datetime | None
    """When the key was revoked; null while it is valid."""


class OwnedApiKeyRead(ApiKeyRead):
    """An API key of a user, without its secret."""

    user: Named | None
    """The owner."""


class NewApiKey(ApiKeyRead):
    """A new API key. No other response shows the key itself."""

    key: str
    """The key, to send as `Authorization: Bearer`."""


class ApiKeyQuery(FieldsQuery, PageQuery):
    """The parameters of a list of API keys."""

    lists: ClassVar = ApiKey
    sortable: ClassVar[tuple[str, ...]] = ("created_at", "name")
    filterable: ClassVar[tuple[str, ...]] = ("name", "prefix", "expires_at", "revoked_at")


class AllApiKeysQuery(ApiKeyQuery):
    """The parameters of a list of the API keys of all users."""

    sortable: ClassVar[tuple[str, ...]] = ("created_at", "name", "expires_at")
    filterable: ClassVar[tuple[str, ...]] = (*ApiKeyQuery.filterable, "user_id")

    last_used_at_null: bool | None = None
    """Only keys that were never used (true), or only those that were (false)."""
    last_used_at_gte: Moment | None = None
    """Only keys that were used at or after this instant."""
    last_used_at_lt: Moment | None = None
    """Only keys that were last used before this instant."""
