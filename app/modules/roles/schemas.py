"""Request and response schemas of roles, grants, assignments and modules."""

from datetime import datetime
from typing import Annotated, ClassVar, Self
from uuid import UUID

from pydantic import BeforeValidator, Field, StringConstraints, field_validator, model_validator

from app.core.context import ALL_ROWS
from app.core.db.pagination import EntityQuery, FieldsQuery, PageQuery
from app.core.fields.icon import Icon
from app.core.fields.ip_address import Network
from app.core.fields.text import ActionName, Name, Slug, compose_text
from app.core.fields.time import Moment
from app.core.resources.schemas import ItemRead, Patch, ResponseSchema, Schema, example
from app.core.sentences import refusal
from app.modules.roles.models import Role

REASON = StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=r"^[^\x00]*$")
Reason = Annotated[str, REASON, BeforeValidator(compose_text)]
Description = Annotated[str, StringConstraints(max_length=2000), BeforeValidator(compose_text)]
Order = Annotated[int, Field(ge=-100_000, le=100_000)]


class RoleCreate(Schema):
    """A new role, which grants nothing yet."""

    model_config = example(name="Warehouse", description="Counts and moves stock.")

    name: Name
    """The name, unique ignoring case."""
    description: Description | None = None
    """What the role is for."""
    icon: Icon = ""
    """The icon in lists, by its name in Lucide."""
    sort_order: Order = 0
    """The position in lists."""
    is_active: bool = True
    """Whether the role grants anything."""
    requires_second_factor: bool = False
    """Whether its users can do nothing until they have a second factor."""
    allowed_networks: list[Network] = Field([], max_length=50)
    """Addresses and networks from which its users may call; empty: from anywhere."""


class RoleUpdate(Patch, RoleCreate):
    """A change of a role."""


class RoleRead(ItemRead):
    """A role."""

    name: str
    """The name."""
    description: str | None
    """What the role is for."""
    icon: str
    """The icon in lists, by its name in Lucide."""
    sort_order: int
    """The position in lists."""
    is_active: bool
    """Whether the role grants anything."""
    requires_second_factor: bool
    """Whether its users can do nothing until they have a second factor."""
    allowed_networks: list[str]
    """Addresses and networks from which its users may call; empty: from anywhere."""


class RoleQuery(EntityQuery):
    """The parameters of a list of roles."""

    lists: ClassVar = Role
    sortable: ClassVar[tuple[str, ...]] = ("created_at", "updated_at", "name", "sort_order")
    filterable: ClassVar[tuple[str, ...]] = ("name", "sort_order", "is_active")


class Flags(Schema):
    """The actions that a role grants in one module. A listed module may be read."""

    module_slug: Slug
    """The module."""
    can_create: bool = False
    """Whether the role may create."""
    can_update: bool = False
    """Whether the role may update."""
    can_delete: bool = False
    """Whether the role may delete, restore and list deleted items."""
    can_audit: bool = False
    """Whether the role may read what the audit log says about the module."""
    actions: list[ActionName] = Field(default_factory=list, max_length=50)
    """The module's own actions that the role may take, each once."""
    scope: ActionName = ALL_ROWS
    """The rows that all of this is for: `all`, or a scope of the module."""

    @field_validator("actions")
    @classmethod
    def has_each_action_once(cls, actions: list[str]) -> list[str]:
        if len(set(actions)) != len(actions):
            raise refusal("listed-twice", "List each action once.")
        return sorted(actions)


class Matrix(Schema):
    """All grants of one role. A module that is not listed is not granted."""

    modules: list[Flags] = Field(max_length=200)
    """The granted modules, each once."""

    @field_validator("modules")
    @classmethod
    def has_each_module_once(cls, modules: list[Flags]) -> list[Flags]:
        if len({flags.module_slug for flags in modules}) != len(modules):
            raise refusal("listed-twice", "List each module once.")
        return modules


class RoleMatrix(Matrix):
    """All grants of one of several roles."""

    role_id: UUID
    """The role."""
    version: int | None = None
    """Only if this is still the version of the role."""


class MatrixEdit(Schema):
    """New grants for some roles, all or nothing. Other roles keep theirs."""

    roles: list[RoleMatrix] = Field(min_length=1, max_length=100)
    """The roles, each once."""

    @field_validator("roles")
    @classmethod
    def has_each_role_once(cls, roles: list[RoleMatrix]) -> list[RoleMatrix]:
        if len({role.role_id for role in roles}) != len(roles):
            raise refusal("listed-twice", "List each role once.")
        return roles


class MatrixRow(ResponseSchema):
    """A role and its grants."""

    role_id: UUID
    """The role."""
    role_name: str
    """The name of the role."""
    is_active: bool
    """Whether the role grants anything."""
    version: int
    """The version of the role."""
    modules: list[Flags]
    """The granted modules."""


class Assignment(Schema):
    """A role for a user, with its terms."""

    role_id: UUID
    """The role."""
    valid_from: Moment | None = None
    """When the assignment begins; null: at once."""
    valid_until: Moment | None = None
    """When the assignment ends; null: never."""
    reason: Reason | None = None
    """Why the user has the role."""

    @model_validator(mode="after")
    def begins_before_it_ends(self) -> Self:
        if self.valid_from and self.valid_until and self.valid_from >= self.valid_until:
            raise refusal("ends-before-it-begins", "valid_until must be after valid_from.")
        return self


class Assignments(Schema):
    """All roles of one user: as plain ids, or with the terms of each."""

    role_ids: list[UUID] | None = Field(None, max_length=100)
    """The roles, without terms."""
    assignments: list[Assignment] | None = Field(None, max_length=100)
    """The roles with their terms, each once."""
    reason: Reason | None = None
    """The reason of every new or changed assignment that has none of its own."""

    @model_validator(mode="after")
    def has_one_list(self) -> Self:
        if (self.role_ids is None) == (self.assignments is None):
            raise refusal("one-list", "Send either role_ids or assignments.")
        ids = [item.role_id for item in self.assignments or []]
        if len(set(ids)) != len(ids):
            raise refusal("listed-twice", "List each role once.")
        return self

    def place_of(self, role_id: UUID) -> str:
        """The pointer to a role that is listed."""
        if self.role_ids is not None:
            return f"/role_ids/{self.role_ids.index(role_id)}"
        return f"/assignments/{[item.role_id for item in self.assignments or ()].index(role_id)}/role_id"

    def with_terms(self) -> list[Assignment]:
        """Every assignment with its terms."""
        if self.assignments is None:
            return [Assignment(role_id=role, reason=self.reason) for role in dict.fromkeys(self.role_ids or [])]
        return [item.model_copy(update={"reason": item.reason or self.reason}) for item in self.assignments]


class AssignmentRead(RoleRead):
    """A role of a user, with the terms of its assignment."""

    valid_from: datetime | None
    """When the assignment begins; null: it has begun."""
    valid_until: datetime | None
    """When the assignment ends; null: never."""
    reason: str | None
    """Why the user has the role."""


class HolderQuery(FieldsQuery, PageQuery):
    """The parameters of a list of users who hold something."""

    sortable: ClassVar[tuple[str, ...]] = ("username",)
    default_sort: ClassVar[str] = "username"


class RoleHolder(ResponseSchema):
    """A user who has the role."""

    id: UUID
    """The user."""
    username: str
    """The user name."""
    is_active: bool
    """Whether the user is active."""
    valid_from: datetime | None
    """When the assignment begins; null: it has begun."""
    valid_until: datetime | None
    """When the assignment ends; null: never."""
    reason: str | None
    """Why the user has the role."""
