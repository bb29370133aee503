"""What clients send and receive of users."""

from typing import Annotated, ClassVar

from pydantic import EmailStr, SecretStr, StringConstraints

from app.core.page import EntityQuery
from app.core.schema import Name, Patch, Read, Schema

Username = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{2,63}$")]


class UserFields(Schema):
    username: Username
    email: EmailStr
    first_name: Name | None = None
    last_name: Name | None = None
    is_active: bool = True
    is_superuser: bool = False


class UserCreate(UserFields):
    password: SecretStr


class UserUpdate(Patch, UserFields):
    pass


class UserRead(Read):
    username: str
    email: str
    first_name: str | None
    last_name: str | None
    is_active: bool
    is_superuser: bool


class UserQuery(EntityQuery):
    sortable: ClassVar[tuple[str, ...]] = ("created_at", "updated_at", "username", "email")

    is_active: bool | None = None
    is_superuser: bool | None = None
