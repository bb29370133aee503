"""Request and response schemas of explanations and policy versions."""

from datetime import datetime
from typing import Any, ClassVar, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.core.db.pagination import FieldsQuery, PageQuery
from app.core.fields.text import PermissionName
from app.core.fields.time import Moment
from app.core.resources.schemas import ResponseSchema
from app.core.sentences import refusal
from app.modules.roles import HolderQuery


class UserQuestion(BaseModel):
    """The parameters of a question about one user, at an instant."""

    model_config = ConfigDict(extra="forbid")

    user_id: UUID | None = None
    """The user."""
    username: str | None = Field(None, min_length=1, max_length=64, pattern=r"^[^\x00]*$")
    """The name of the user, instead of the id, in any spelling in which it signs in."""
    at: Moment | None = None
    """The instant that is asked about, past or future; without it, now."""

    @model_validator(mode="after")
    def names_one_user(self) -> Self:
        if (self.user_id is None) == (self.username is None):
            raise refusal("one-user", "Send either user_id or username.")
        return self


class ExplainQuery(UserQuestion):
    """The parameters of an explanation."""

    permission: PermissionName
    """The permission, `module:action`."""


class OwnExplainQuery(BaseModel):
    """The parameters of an explanation of one's own permission."""

    model_config = ConfigDict(extra="forbid")

    permission: PermissionName
    """The permission, `module:action`."""


class ExplainAllQuery(UserQuestion):
    """The parameters of an explanation of all permissions of a user."""

    near_misses: bool = False
    """Explain also the permissions that the user almost holds."""


class Ground(ResponseSchema):
    """A grant, or being a superuser, that can give the permission; active or not."""

    role_id: UUID | None
    """The role; null for a superuser."""
    role: str | None
    """The name of the role; null for a superuser."""
    grant: list[str]
    """The permissions that this ground gives."""
    scope: str
    """The rows that it gives them for."""
    active: bool
    """Whether it gives the permission."""
    effect: str
    """`grants`, or the first obstacle."""
    obstacles: list[str]
    """The reasons why it does not give the permission."""
    valid_from: datetime | None
    """When the assignment of the role begins; null: at once."""
    valid_until: datetime | None
    """When it ends; null: never."""
    detail: str
    """The effect, in a sentence. It says what `effect` and the fields beside it say, for clients that translate."""


class AskedCondition(ResponseSchema):
    """What a role asks of a user before any permission can be used."""

    role: str
    """The name of the role."""
    code: str
    """The code of the refusal: `second-factor-required`, or `network-not-allowed` from other networks."""
    networks: list[str]
    """The networks that the role admits; empty where it asks for a second factor."""
    detail: str
    """The condition, in a sentence. It says what the other fields say, for clients that translate."""


class Explanation(ResponseSchema):
    """Whether a user holds a permission at an instant, and why."""

    user_id: UUID
    """The user."""
    username: str
    """The present user name."""
    permission: str
    """The permission."""
    allowed: bool
    """Whether the user holds it."""
    scopes: list[str]
    """The scopes in whose rows the user holds it: `all` alone where it is for all rows."""
    detail: str
    """The result, in a sentence."""
    reasons: list[Ground]
    """The grounds that give the permission."""
    near_misses: list[Ground]
    """The grounds that would give it without an obstacle."""
    conditions: list[AskedCondition]
    """What roles ask of the user besides: a second factor that is missing, and networks from which to call."""
    at: datetime
    """The instant that is asked about."""
    policy_version: int
    """The version of the policy at that instant."""


class OwnExplanation(Explanation):
    """Whether the caller holds a permission, why not, and who can give it."""

    obstacles: list[str]
    """Why the caller does not hold it: `no-grant`, `module-inactive`, `key-scope`, or obstacles of the near misses."""
    granted_by: list[str] | None
    """The active roles that grant it; null for callers who may not read roles."""
    given_with: list[str]
    """What one must hold to give such a role to a user, besides what the role grants."""
    needs_approval: bool
    """Whether a second person must approve that, by the settings."""


class UserExplanation(ResponseSchema):
    """The permissions that a user holds at an instant, and why."""

    user_id: UUID
    """The user."""
    username: str
    """The present user name."""
    at: datetime
    """The instant that is asked about."""
    policy_version: int
    """The version of the policy at that instant."""
    permissions: list[Explanation]
    """The permissions that the user holds, and with `near_misses` those that are almost held, module by module."""


class WhoCanQuery(HolderQuery):
    """The parameters of a list of users who hold a permission."""

    permission: PermissionName
    """The permission, `module:action`."""
    near_misses: bool = False
    """List users with near misses too."""


class VersionChange(ResponseSchema):
    """A row that a version changed."""

    entity: str
    """The table of the row."""
    id: UUID
    """The id of the row."""
    item_name: str | None
    """The present name of the row; null where it has none, is gone, or the person was erased."""
    old: dict[str, Any] | None
    """The row before, without personal data; null for a new row."""
    new: dict[str, Any] | None
    """The row after; null for a row that was removed."""
    names: dict[str, str]
    """The present names of what the row refers to, by their ids."""


class VersionEffect(ResponseSchema):
    """The permissions that a user gained and lost by a version."""

    user_id: UUID
    """The user."""
    username: str | None
    """The present name of the user; null once the person was erased."""
    gained: list[str]
    """Permissions that the user gained."""
    lost: list[str]
    """Permissions that the user lost."""
    until: dict[str, datetime]
    """Until when the user holds a permission that was gained, where that ended by the terms of that time."""


class EffectTotals(ResponseSchema):
    """How many users a version has effects on."""

    users: int
    """The number of users who gained or lost permissions."""
    gained: int
    """The number of users who gained some."""
    lost: int
    """The number of users who lost some."""
    shown: int
    """The number of users whom `effects` shows: in a list the first 100 of each version."""


class VersionRead(ResponseSchema):
    """A version of the policy: what it changed, and who gained and lost which permissions."""

    id: int
    """The number of the version."""
    at: datetime
    """When the version was made."""
    request_id: str
    """The request that made it."""
    actor_kind: str
    """The kind of actor that made it."""
    actor_id: UUID | None
    """The user or API key that made it."""
    actor_name: str | None
    """The name of the actor at that time; null once the person was erased."""
    restores: int | None
    """The version that this one rolled back to."""
    changes: list[VersionChange]
    """The changed rows, before and after."""
    effects: list[VersionEffect]
    """Who gained and lost which permissions."""
    effect_totals: EffectTotals
    """How many users gained and lost permissions."""


class VersionQuery(FieldsQuery, PageQuery):
    """The parameters of a list of policy versions."""

    sortable: ClassVar[tuple[str, ...]] = ("id",)
    default_sort: ClassVar[str] = "-id"

    actor_id: UUID | None = None
    """Only versions made by this user or API key."""
    request_id: str | None = Field(None, max_length=64)
    """Only the version made by this request."""
    at_gte: Moment | None = None
    """Only versions made at or after this instant."""
    at_lt: Moment | None = None
    """Only versions made before this instant."""
