"""What clients send and receive of explanations and policy versions."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.core.page import PageQuery
from app.core.schema import Moment, PermissionName
from app.modules.rbac.schemas import HolderQuery


class ExplainQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    user_id: UUID
    permission: PermissionName


class Ground(BaseModel):
    """One way to the permission, open or not: `effect` is `grants`, or the first thing in the way."""

    role_id: UUID | None
    role: str | None
    grant: list[str]
    active: bool
    effect: str
    obstacles: list[str]
    detail: str


class Explanation(BaseModel):
    """Whether a user may do something, and why: `reasons` say yes, `near_misses` almost do."""

    user_id: UUID
    username: str
    permission: str
    allowed: bool
    detail: str
    reasons: list[Ground]
    near_misses: list[Ground]
    policy_version: int


class WhoCanQuery(HolderQuery):
    permission: PermissionName

    near_misses: bool = Field(False, description="List also who almost may.")


class VersionRead(BaseModel):
    """One version of the policy: what it changed, and who gained and lost what by it."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    at: datetime
    request_id: str
    actor_kind: str
    actor_id: UUID | None
    actor_name: str | None
    restores: int | None
    changes: list[dict[str, Any]]
    effects: list[dict[str, Any]]


class VersionQuery(PageQuery):
    sortable: ClassVar[tuple[str, ...]] = ("id",)
    default_sort: ClassVar[str] = "-id"

    actor_id: UUID | None = None
    request_id: str | None = Field(None, max_length=64)
    at_gte: Moment | None = None
    at_lt: Moment | None = None
