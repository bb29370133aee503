"""Request and response schemas of users."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, ClassVar, Self
from uuid import UUID

from pydantic import SecretStr, StringConstraints, model_validator

from app.core.config import MailLanguage
from app.core.db.pagination import EntityQuery
from app.core.db.related_filters import RelatedRows, RelatedValues
from app.core.fields.email import EmailAddress
from app.core.fields.text import Name
from app.core.fields.time import Moment
from app.core.resources.schemas import ItemRead, Patch, ResponseSchema, Schema
from app.core.sentences import refusal
from app.modules.users.models import User

Username = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{2,63}$")]


class ProfileFields(Schema):
    """The fields that users may change of their own account."""

    email: EmailAddress
    """The e-mail address, unique ignoring case."""
    first_name: Name | None = None
    """The first name."""
    last_name: Name | None = None
    """The last name."""
    language: MailLanguage | None = None
    """The language of mails to the user, as a tag of BCP 47; null: that of this installation."""


class UserFields(ProfileFields):
    """The fields that an administrator may change."""

    username: Username
    """The name to sign in with, unique ignoring case."""
    is_active: bool = True
    """Whether the user may sign in and act."""
    is_superuser: bool = False
    """Whether the user holds every permission."""


class UserCreate(UserFields):
    """A new user. A person without a password is invited to choose one; a service account has API keys only."""

    password: SecretStr | None = None
    """The first password of a person, of 12 to 128 characters. It is one-time: the person must change it."""
    is_service: bool = False
    """Whether this is a service account."""

    @model_validator(mode="after")
    def fits_service_account(self) -> Self:
        if self.is_service and self.password is not None:
            raise refusal("service-account", "A service account has no password.")
        if self.is_service and self.is_superuser:
            raise refusal("service-account", "A service account is never a superuser.")
        return self


class UserUpdate(Patch, UserFields):
    """A change of a user."""


class UserRead(ItemRead):
    """A user."""

    username: str
    """The name to sign in with."""
    email: str
    """The e-mail address."""
    first_name: str | None
    """The first name."""
    last_name: str | None
    """The last name."""
    language: str | None
    """The language of mails to the user, as a tag of BCP 47; null: that of this installation."""
    is_active: bool
    """Whether the user may sign in and act."""
    is_superuser: bool
    """Whether the user holds every permission."""
    is_service: bool
    """Whether this is a service account, which has API keys and cannot sign in."""
    must_change_password: bool
    """Whether the user must change the password before anything else."""


class OneTimePassword(ResponseSchema):
    """A random password, shown once. The user must change it at the next sign-in."""

    password: str
    """The password."""
    expires_at: datetime
    """Until when it can be used."""


class UserQuery(EntityQuery):
    """The parameters of a list of users."""

    lists: ClassVar = User
    sortable: ClassVar[tuple[str, ...]] = ("created_at", "updated_at", "username", "email")
    filterable: ClassVar[tuple[str, ...]] = (
        "username",
        "email",
        "is_active",
        "is_superuser",
        "is_service",
        "must_change_password",
    )
    related: ClassVar[Mapping[str, RelatedRows]] = {
        "role_id": RelatedValues(
            about="role", table="user_role", owner="user_id", column="role_id", kind=UUID, present="is_active"
        ),
        "last_sign_in_at": RelatedValues(
            about="last sign-in", table="last_sign_in", owner="id", column="at", kind=Moment
        ),
        "has_second_factor": RelatedRows(
            about="Only users with a confirmed second factor (true), or only those without (false).",
            table="second_factor",
            owner="user_id",
            present="confirmed_at",
        ),
        "is_locked": RelatedRows(
            about="Only users at whose accounts attempts are blocked now (true), or only others (false).",
            table="sign_in_counter",
            owner="user_id",
            ahead="blocked_until",
        ),
    }
