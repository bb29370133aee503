"""What clients send and receive of API keys."""

from datetime import datetime
from ipaddress import ip_network
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import AfterValidator, Field, field_validator

from app.core.page import PageQuery
from app.core.schema import Moment, Name, PermissionName, Read, Schema
from app.core.types import now


def network(text: str) -> str:
    """An address or network in its usual spelling."""
    try:
        return str(ip_network(text))
    except ValueError:
        raise ValueError("use an address, or a network without host bits such as 192.0.2.0/24") from None


Network = Annotated[str, Field(max_length=64), AfterValidator(network)]


class ApiKeyCreate(Schema):
    name: Name
    scopes: list[PermissionName] = Field(
        min_length=1, max_length=200, description="Permissions; never more than its owner's."
    )
    expires_at: Moment | None = None
    allowed_addresses: list[Network] = Field(
        [], max_length=50, description="Addresses or networks it may be used from; empty: from anywhere."
    )

    @field_validator("expires_at")
    @classmethod
    def in_the_future(cls, expires_at: datetime | None) -> datetime | None:
        if expires_at is not None and expires_at <= now():
            raise ValueError("a key must end in the future")
        return expires_at


class ApiKeyRead(Read):
    user_id: UUID
    name: str
    prefix: str
    scopes: list[str]
    allowed_addresses: list[str]
    expires_at: datetime | None
    last_used_at: datetime | None
    last_used_ip: str | None
    revoked_at: datetime | None


class NewApiKey(ApiKeyRead):
    """The only answer that ever shows the key."""

    key: str


class ApiKeyQuery(PageQuery):
    sortable: ClassVar[tuple[str, ...]] = ("created_at", "name")
