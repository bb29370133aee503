"""Request schemas of sign-in and refresh, and the schemas of what is throttled."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import Field, SecretStr

from app.core.db.pagination import FieldsQuery, PageQuery
from app.core.resources.schemas import Named, ResponseSchema, Schema


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


class ThrottleKind(StrEnum):
    """What is blocked."""

    ACCOUNT = "account"
    ACCOUNT_AT_ADDRESS = "account-at-address"
    ADDRESS = "address"
    PASSWORD = "password"  # noqa: S105  # the name of a kind
    CODE = "code"
    EMAIL = "email"
    PASSWORD_RESET = "password-reset"  # noqa: S105  # see above


class FailedAttempts(ResponseSchema):
    """Failed attempts of one kind at an account, which count until a right one, and fade."""

    kind: ThrottleKind
    """What was attempted: to sign in to the `account`, or from one address; to enter the own `password` or a `code`
    again, to change the own `email`, or to ask for a `password-reset`."""
    failures: int
    """Attempts that failed, or are being checked."""
    blocked_until: datetime | None
    """When the next attempt is allowed; null while attempts are not blocked."""


class ThrottledQuery(FieldsQuery, PageQuery):
    """The parameters of a list of what is throttled."""

    sortable: ClassVar[tuple[str, ...]] = ("blocked_until",)
    default_sort: ClassVar[str] = "-blocked_until"

    user_id: UUID | None = None
    """Only the account of this user."""


class ThrottledRead(ResponseSchema):
    """An account, an address, or an account from an address, for which attempts are blocked."""

    kind: ThrottleKind
    """What is blocked: sign-ins to an `account`, from an `address`, or to an `account-at-address`; or that users enter
    their own `password` or `code` again, change their own `email`, or get mails for a `password-reset`."""
    user: Named | None
    """The user whose account it is; null for an address, and for a name that no user has."""
    address: str | None
    """The address, or the IPv6 network, of the attempts; null for any."""
    failures: int
    """Failed attempts that count at present."""
    blocked_until: datetime
    """When the next attempt is allowed."""
