"""Request and response schemas of internal services."""

from datetime import datetime
from uuid import UUID

from pydantic import Field, SecretStr

from app.core.resources.schemas import ResponseSchema, Schema


class IntrospectionRequest(Schema):
    """A token to check."""

    token: SecretStr = Field(min_length=1, max_length=4096)
    """The access token or API key."""
    ip: str | None = Field(None, max_length=64)
    """The address that presented the token. An API key that is limited to addresses is valid from those only."""


class Introspection(ResponseSchema):
    """Whether a token is valid, and what its holder may do (after RFC 7662)."""

    active: bool
    """Whether the token is valid."""
    user_id: UUID | None = None
    """The user."""
    username: str | None = None
    """The user name."""
    api_key_id: UUID | None = None
    """The API key; null for an access token."""
    permissions: list[str] = Field([])
    """The permissions of the holder; `*` is every permission."""
    expires_at: datetime | None = None
    """When the token expires."""
    policy_version: int | None = None
    """The version of the policy that was read."""
