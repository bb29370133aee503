"""Request and response schemas of roles, grants and modules."""

from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import BeforeValidator, Field, StringConstraints, field_validator

from app.core.context import ALL_ROWS
from app.core.db.pagination import EntityQuery, FieldsQuery, PageQuery
from app.core.fields.icon import Icon
from app.core.fields.ip_address import Network
from app.core.fields.text import ActionName, Name, Slug, compose_text
from app.core.resources.schemas import ItemRead, Patch, ResponseSchema, Schema, example
from app.core.sentences import refusal
from app.modules.roles.models import Role

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


class HolderQuery(FieldsQuery, PageQuery):
    """The parameters of a list of users who hold something."""

    sortable: ClassVar[tuple[str, ...]] = ("username",)
    default_sort: ClassVar[str] = "username"
