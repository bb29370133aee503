"""Request and response schemas of the verification of addresses."""

from datetime import datetime

from pydantic import Field, SecretStr

from app.core.resources.schemas import ResponseSchema, Schema


class EmailRead(ResponseSchema):
    """The address of the caller."""

    email: str
    """The address."""
    verified_at: datetime | None
    """When the caller showed by a mail that it is theirs; null while they did not, and once it is another."""


class VerifiedEmail(Schema):
    """A token that was mailed to an address."""

    token: SecretStr = Field(min_length=1, max_length=200)
    """The token of the mail."""
