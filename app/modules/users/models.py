"""People and services that may sign in."""

from datetime import datetime
from typing import ClassVar

from sqlmodel import Field

from app.core.model import Entity, SoftDelete, column, unique_index
from app.core.policy import SECRET, personal
from app.core.types import Instant


class User(SoftDelete, Entity, table=True):
    __tablename__ = "user"
    __table_args__ = (unique_index("user", "username"), unique_index("user", "email"))

    decides: ClassVar[frozenset[str]] = frozenset(
        {"is_active", "is_superuser", "deleted_at", "username", "signed_out_at"}
    )

    username: str = Field(max_length=64)
    email: str = column(personal(), max_length=320)
    first_name: str | None = column(personal(), default=None, max_length=200)
    last_name: str | None = column(personal(), default=None, max_length=200)
    is_active: bool = True
    is_superuser: bool = False
    password_hash: str = column(SECRET, max_length=200)
    signed_out_at: datetime | None = Field(default=None, sa_type=Instant)
    """Sessions from before this instant are over."""
