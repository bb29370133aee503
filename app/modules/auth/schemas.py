"""Request schemas of sign-in and refresh."""

from datetime import datetime
from typing import Literal

from pydantic import Field, SecretStr

from app.core.resources.schemas import ResponseSchema, Schema


class SignInForm(Schema):
    """The OAuth 2.0 password form. The optional fields of OAuth are accepted and not used."""

    username: str = Field(min_length=1, max_length=320, pattern=r"^[^\x00]*$")
    """The user name or the e-mail address, in any spelling: case, width, blanks around it, punycode."""
    password: SecretStr = Field(min_length=1, max_length=1024)
    """The password."""
    code: SecretStr | None = Field(None, max_length=64)
    """The code of the second factor, or a recovery code, for users who have enrolled one. Blanks and hyphens in it do
    not count."""
    grant_type: Literal["password"] | None = None
    """The OAuth grant type; not used."""
    scope: str | None = Field(None, max_length=400)
    """The OAuth scope; not used."""
    client_id: str | None = Field(None, max_length=400)
    """The OAuth client; not used."""
    client_secret: SecretStr | None = Field(None, max_length=400)
    """The OAuth client secret; not used."""


class RefreshRequest(Schema):
    """A refresh token."""

    refresh_token: SecretStr = Field(max_length=4096)
    """The refresh token of the last token pair. It works once."""


class FailedAttempts(ResponseSchema):
    """Failed attempts of one kind at an account, which count until a right one, and fade."""

    kind: Literal["sign-in", "sign-in-from-one-address", "password", "code", "email"]
    """What was attempted: to sign in, to enter the password or a code again, or to change the own e-mail."""
    failures: int
    """Attempts that failed, or are being checked."""
    blocked_until: datetime | None
    """When the next attempt is allowed; null while attempts are not blocked."""
