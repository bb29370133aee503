"""Request and response schemas of access reviews."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from pydantic import Field

from app.core.clock import now
from app.core.db.pagination import FieldsQuery, PageQuery
from app.core.fields.time import Moment
from app.core.resources.schemas import ResponseSchema


class AccessReviewQuery(FieldsQuery, PageQuery):
    """The parameters of an access review. A page has all rows of as many users as `limit` says."""

    sortable: ClassVar[tuple[str, ...]] = ("username",)
    default_sort: ClassVar[str] = "username"

    at: Moment = Field(default_factory=now)
    """The instant that is reviewed; without it, that of the request."""


class AccessReviewRead(ResponseSchema):
    """What a user holds in one module through one role, or as a superuser, at the instant of the review."""

    at: datetime
    """The instant that is reviewed."""
    policy_version: int
    """The version of the policy at that instant."""
    user_id: UUID
    """The user."""
    username: str
    """The present user name."""
    is_service: bool
    """Whether this is a service account."""
    role_id: UUID | None
    """The role; null for a superuser."""
    role: str | None
    """The present name of the role; null for a superuser."""
    module_slug: str | None
    """The module; null for a superuser."""
    permissions: list[str]
    """What the role gives in the module; `*` for a superuser."""
    valid_from: datetime | None
    """When the assignment began; null: at once."""
    valid_until: datetime | None
    """When the assignment ends; null: never."""
    assigned_at: datetime | None
    """When the assignment was made; null for a superuser, and where it has been taken back since."""
    reason: str | None
    """The present reason of the assignment; null where it has none, or has been taken back since."""
    last_used_at: datetime | None
    """When the user last continued a session or used an API key, as is known at present; null if never."""
