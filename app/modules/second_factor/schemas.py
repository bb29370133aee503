"""Request and response schemas of the second factor."""

from datetime import datetime

from pydantic import Field, SecretStr

from app.core.resources.schemas import ResponseSchema, Schema


class EnrolRequest(Schema):
    """A request to enrol. It needs the password, because a stolen token alone must not enrol anything."""

    current_password: SecretStr = Field(min_length=1, max_length=1024)
    """The current password."""


class Enrolment(ResponseSchema):
    """A new second factor. Shown once."""

    secret: str
    """The secret, in Base32, to type into an authenticator."""
    provisioning_uri: str
    """The URI to show as a QR code to an authenticator (Key URI format)."""


class CodeRequest(Schema):
    """A code of the second factor."""

    code: SecretStr = Field(min_length=6, max_length=64)
    """The current code of the authenticator, or a recovery code. Blanks and hyphens in it do not count."""


class RecoveryCodes(ResponseSchema):
    """New recovery codes. Shown once."""

    recovery_codes: list[str]
    """The codes; each is valid once."""


class SecondFactorRead(ResponseSchema):
    """The state of a second factor."""

    enrolled: bool
    """Whether a second factor is active."""
    confirmed_at: datetime | None
    """Since when it is active."""
    recovery_codes_left: int
    """The number of unused recovery codes."""
