"""What sibling services send and receive."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field, SecretStr

from app.core.schema import Schema


class IntrospectionRequest(Schema):
    token: SecretStr = Field(min_length=1, max_length=4096)


class Introspection(BaseModel):
    """After RFC 7662: whether a token is good, and what its holder may do. `*` is everything."""

    active: bool
    user_id: UUID | None = None
    username: str | None = None
    api_key_id: UUID | None = None
    permissions: list[str] = []
    expires_at: datetime | None = None
    policy_version: int | None = None
