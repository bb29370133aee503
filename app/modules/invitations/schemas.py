"""Request and response schemas of invitations and resets."""

from datetime import datetime
from uuid import UUID

from pydantic import Field, SecretStr

from app.core.resources.schemas import ResponseSchema, Schema


class InvitationRead(ResponseSchema):
    """The last invitation of a user, without its token."""

    user_id: UUID
    """The user who is invited."""
    invited_at: datetime
    """When the user was invited."""
    expires_at: datetime
    """When the invitation ends."""
    used_at: datetime | None
    """When the user set a password by it; null while it was not used."""
    is_open: bool
    """Whether it can be used. A deactivation and another password end it, too."""


class NewInvitation(InvitationRead):
    """A new invitation. No other response shows the token."""

    token: str
    """The token, for the person who is invited."""
    is_mailed: bool
    """Whether it is sent to the address of the user; false where mail is off."""
    link: str | None
    """The page of `AUTH__INVITATION_PAGE`, or else of the console, with the token behind `#`; null where neither
    that nor `MAIL__PUBLIC_URL` is set."""


class InvitedPassword(Schema):
    """The password that an invited person chooses."""

    token: SecretStr = Field(min_length=1, max_length=200)
    """The token of the invitation. It works once."""
    new_password: SecretStr = Field(max_length=1024)
    """The new password, of 12 to 128 characters."""


class ResetRequest(Schema):
    """Who wants to set another password."""

    username: str = Field(min_length=1, max_length=320, pattern=r"^[^\x00]*$")
    """The user name or the e-mail address, in any spelling."""


class ResetPassword(Schema):
    """The password that a person sets by the token of a mail."""

    token: SecretStr = Field(min_length=1, max_length=200)
    """The token of the mail. It works once."""
    new_password: SecretStr = Field(max_length=1024)
    """The new password, of 12 to 128 characters."""
