"""What clients send and receive to sign in."""

from typing import Literal

from pydantic import BaseModel, Field, SecretStr

from app.core.schema import Schema


class SignInForm(Schema):
    """The OAuth 2.0 password form; `username` may be the e-mail. The optional fields are accepted and not used."""

    username: str = Field(min_length=1, max_length=320, pattern=r"^[^\x00]*$")
    password: SecretStr = Field(min_length=1, max_length=1024)
    grant_type: Literal["password"] | None = None
    scope: str | None = Field(None, max_length=400)
    client_id: str | None = Field(None, max_length=400)
    client_secret: SecretStr | None = Field(None, max_length=400)


class RefreshRequest(Schema):
    refresh_token: SecretStr = Field(max_length=4096)


class TokenPair(BaseModel):
    """RFC 6749, 5.1."""

    access_token: str
    refresh_token: str
    token_type: Literal["bearer"]
    expires_in: int
