"""People and services that may sign in."""

from datetime import datetime

from sqlmodel import Field

from app.core.model import Entity, SoftDelete, column, unique_index
from app.core.policy import PLAIN, SECRET, personal
from app.core.search import search_index
from app.core.types import Instant


class User(SoftDelete, Entity, table=True):
    __tablename__ = "user"
    __table_args__ = (
        unique_index("user", "username"),
        unique_index("user", "email"),
        search_index("user", "username", "email", "first_name", "last_name"),
    )

    governs = frozenset({"is_active", "is_superuser", "deleted_at"})
    decides = governs | {"username", "signed_out_at", "must_change_password"}
    invalidates = "id"
    acts_on = "id"

    username: str = Field(max_length=64)
    email: str = column(personal(), max_length=320)
    first_name: str | None = column(personal(), default=None, max_length=200)
    last_name: str | None = column(personal(), default=None, max_length=200)
    is_active: bool = True
    is_superuser: bool = False
    is_service: bool = False
    """A machine: it has API keys and cannot sign in."""
    password_hash: str = column(SECRET, default="", max_length=200)
    must_change_password: bool = column(PLAIN, default=False)
    password_expires_at: datetime | None = column(PLAIN, default=None, sa_type=Instant)
    """A password that an administrator set is good for one change of it, before this instant."""
    unlocked_at: datetime | None = Field(default=None, sa_type=Instant)
    """When an administrator last forgave wrong guesses at this account: for the record, nothing reads it."""
    signed_out_at: datetime | None = Field(default=None, sa_type=Instant)
    """Sessions from before this instant are over."""
