"""What sibling services send and receive."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field, SecretStr

from app.core.schema import Schema


class IntrospectionRequest(Schema):
    """`ip` is where the token was presented: an API key that is bound to addresses is good from these only."""

    token: SecretStr = Field(min_length=1, max_length=4096)
    ip: str | None = Field(None, max_length=64)


class Introspection(BaseModel):
    """After RFC 7662: whether a token is good, and what its holder may do. `*` is everything."""

    active: bool
    user_id: UUID | None = None
    username: str | None = None
    api_key_id: UUID | None = None
    permissions: list[str] = []
    expires_at: datetime | None = None
    policy_version: int | None = None
