"""Request schemas of changes of one's own account."""

from pydantic import Field, SecretStr

from app.core.resources.schemas import Patch, Schema
from app.modules.users import ProfileFields


class ProfileUpdate(Patch, ProfileFields):
    """The fields that users may change of their own account. Another e-mail address needs the current password."""

    current_password: SecretStr | None = Field(None, max_length=1024)
    """The current password, to change the e-mail address."""


class PasswordChange(Schema):
    """A change of one's own password."""

    current_password: SecretStr = Field(min_length=1, max_length=1024)
    """The current password."""
    new_password: SecretStr = Field(max_length=1024)
    """The new password, of 12 to 128 characters."""
