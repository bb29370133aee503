"""What clients send and receive of the second factor."""

from datetime import datetime

from pydantic import BaseModel, Field, SecretStr

from app.core.schema import Schema


class EnrolRequest(Schema):
    """The password again: a stolen token alone enrols nothing."""

    current_password: SecretStr = Field(min_length=1, max_length=1024)


class Enrolment(BaseModel):
    """Shown once. The URI is what an authenticator scans (Key URI format)."""

    secret: str
    provisioning_uri: str


class CodeRequest(Schema):
    code: SecretStr = Field(min_length=6, max_length=32)


class RecoveryCodes(BaseModel):
    """Shown once; each is good once."""

    recovery_codes: list[str]


class SecondFactorRead(BaseModel):
    enrolled: bool
    confirmed_at: datetime | None
    recovery_codes_left: int
