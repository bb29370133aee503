"""What clients send and receive to sign in, and of their sessions."""

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from app.core.page import PageQuery
from app.core.schema import Moment, Patch, Schema
from app.modules.users import ProfileFields


class SignInForm(Schema):
    """The OAuth 2.0 password form; `username` may be the e-mail. `code` is the second factor of whoever has one.

    The optional fields of OAuth are accepted and not used.
    """

    username: str = Field(min_length=1, max_length=320, pattern=r"^[^\x00]*$")
    password: SecretStr = Field(min_length=1, max_length=1024)
    code: SecretStr | None = Field(None, max_length=32)
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


class ProfileUpdate(Patch, ProfileFields):
    """What everybody may change of themselves; another e-mail, by which one signs in, takes the current password."""

    current_password: SecretStr | None = Field(None, max_length=1024)


class PasswordChange(Schema):
    current_password: SecretStr = Field(min_length=1, max_length=1024)
    new_password: SecretStr = Field(max_length=1024)


class SessionRow(BaseModel):
    """The columns that a session shows."""

    id: UUID
    created_at: datetime
    used_at: datetime
    expires_at: datetime
    ip: str | None
    user_agent: str | None
    verified_at: datetime | None


class SessionRead(BaseModel):
    """An open session. `last_used_at` is its last sign-in or refresh, so at most one access token's lifetime old."""

    id: UUID
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    ip: str | None
    user_agent: str | None
    device: str
    second_factor_at: datetime | None
    is_current: bool


class SessionQuery(PageQuery):
    sortable: ClassVar[tuple[str, ...]] = ("used_at", "created_at")
    default_sort: ClassVar[str] = "-used_at"


class LoginRead(BaseModel):
    """One attempt to sign in. Whoever tried an unknown name leaves no name."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    at: datetime
    user_id: UUID | None
    is_successful: bool
    reason: str | None
    ip: str | None
    user_agent: str | None
    session_id: UUID | None
    request_id: str


class MyLoginQuery(PageQuery):
    sortable: ClassVar[tuple[str, ...]] = ("at",)
    default_sort: ClassVar[str] = "-at"

    is_successful: bool | None = None
    ip: str | None = Field(None, max_length=64)
    at_gte: Moment | None = None
    at_lt: Moment | None = None


class LoginQuery(MyLoginQuery):
    user_id: UUID | None = None
    reason: str | None = Field(None, max_length=32)
    session_id: UUID | None = None
    request_id: str | None = Field(None, max_length=64)
