"""What clients send and receive of users."""

from datetime import datetime
from typing import Annotated, ClassVar, Self

from pydantic import BaseModel, EmailStr, SecretStr, StringConstraints, model_validator

from app.core.page import EntityQuery
from app.core.schema import Name, Patch, Read, Schema

Username = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{2,63}$")]


class ProfileFields(Schema):
    email: EmailStr
    first_name: Name | None = None
    last_name: Name | None = None


class UserFields(ProfileFields):
    username: Username
    is_active: bool = True
    is_superuser: bool = False


class UserCreate(UserFields):
    """A person has a password; a service account has none, and only API keys."""

    password: SecretStr | None = None
    is_service: bool = False

    @model_validator(mode="after")
    def a_password_for_a_person(self) -> Self:
        if self.is_service == (self.password is not None):
            raise ValueError("a person needs a password, a service account has none")
        if self.is_service and self.is_superuser:
            raise ValueError("a service account is never a superuser")
        return self


class UserUpdate(Patch, UserFields):
    pass


class UserRead(Read):
    username: str
    email: str
    first_name: str | None
    last_name: str | None
    is_active: bool
    is_superuser: bool
    is_service: bool
    must_change_password: bool


class OneTimePassword(BaseModel):
    """Shown once. It is good for signing in and choosing another password, and for nothing after `expires_at`."""

    password: str
    expires_at: datetime


class UserQuery(EntityQuery):
    sortable: ClassVar[tuple[str, ...]] = ("created_at", "updated_at", "username", "email")

    is_active: bool | None = None
    is_superuser: bool | None = None
    is_service: bool | None = None
