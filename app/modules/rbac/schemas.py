"""What clients send and receive of roles, modules and permissions."""

from datetime import datetime
from typing import Annotated, ClassVar, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from app.core.page import EntityQuery, PageQuery
from app.core.schema import Moment, Name, Patch, Read, Schema, Slug, example

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=r"^[^\x00]*$")]
Icon = Annotated[str, Field(max_length=64, pattern=r"^[^\x00]*$")]
Order = Annotated[int, Field(ge=-100_000, le=100_000)]


class RoleCreate(Schema):
    model_config = example(name="Warehouse", description="Counts and moves stock.")

    name: Name
    description: str | None = Field(None, max_length=2000)
    icon: Icon = ""
    sort_order: Order = 0
    is_active: bool = True


class RoleUpdate(Patch, RoleCreate):
    pass


class RoleRead(Read):
    name: str
    description: str | None
    icon: str
    sort_order: int
    is_active: bool


class RoleQuery(EntityQuery):
    sortable: ClassVar[tuple[str, ...]] = ("created_at", "updated_at", "name", "sort_order")

    is_active: bool | None = None


class Flags(Schema):
    """What a role may do in one module. Being listed grants read."""

    module_slug: Slug
    can_create: bool = False
    can_update: bool = False
    can_delete: bool = False


class Matrix(Schema):
    """The whole matrix of one role; what is not listed is not granted."""

    modules: list[Flags] = Field(max_length=200)

    @field_validator("modules")
    @classmethod
    def each_module_once(cls, modules: list[Flags]) -> list[Flags]:
        if len({flags.module_slug for flags in modules}) != len(modules):
            raise ValueError("list each module once")
        return modules


class RoleMatrix(Matrix):
    role_id: UUID
    version: int | None = Field(None, description="Only if this is still the version of the role.")


class MatrixEdit(Schema):
    """New matrices for some roles; the others stay as they are. All or nothing."""

    roles: list[RoleMatrix] = Field(min_length=1, max_length=100)

    @field_validator("roles")
    @classmethod
    def each_role_once(cls, roles: list[RoleMatrix]) -> list[RoleMatrix]:
        if len({role.role_id for role in roles}) != len(roles):
            raise ValueError("list each role once")
        return roles


class MatrixRow(BaseModel):
    """One role and what it grants."""

    role_id: UUID
    role_name: str
    is_active: bool
    version: int
    modules: list[Flags]


class Assignment(Schema):
    """A role for a user: from now, or `valid_from`, on; for good, or until just before `valid_until`."""

    role_id: UUID
    valid_from: Moment | None = None
    valid_until: Moment | None = None
    reason: Reason | None = None

    @model_validator(mode="after")
    def begins_before_it_ends(self) -> Self:
        if self.valid_from and self.valid_until and self.valid_from >= self.valid_until:
            raise ValueError("valid_until must be after valid_from")
        return self


class Assignments(Schema):
    """All roles of one user: as plain ids, or with the terms of each."""

    role_ids: list[UUID] | None = Field(None, max_length=100)
    assignments: list[Assignment] | None = Field(None, max_length=100)
    reason: Reason | None = Field(None, description="Why, for every new or changed assignment without a reason.")

    @model_validator(mode="after")
    def one_way_to_say_it(self) -> Self:
        if (self.role_ids is None) == (self.assignments is None):
            raise ValueError("send either role_ids or assignments")
        ids = [item.role_id for item in self.assignments or []]
        if len(set(ids)) != len(ids):
            raise ValueError("list each role once")
        return self

    def wanted(self) -> list[Assignment]:
        """Every assignment with its terms."""
        if self.assignments is None:
            return [Assignment(role_id=role, reason=self.reason) for role in dict.fromkeys(self.role_ids or [])]
        return [item.model_copy(update={"reason": item.reason or self.reason}) for item in self.assignments]


class AssignmentRead(RoleRead):
    """A role of a user, with the terms of its assignment."""

    valid_from: datetime | None
    valid_until: datetime | None
    reason: str | None


class HolderQuery(PageQuery):
    sortable: ClassVar[tuple[str, ...]] = ("username",)
    default_sort: ClassVar[str] = "username"


class RoleHolder(BaseModel):
    """A user who has the role."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    username: str
    is_active: bool
    valid_from: datetime | None
    valid_until: datetime | None
    reason: str | None


class PermissionRead(BaseModel):
    module_slug: str
    can_create: bool
    can_read: bool
    can_update: bool
    can_delete: bool


class ModuleRead(Read):
    slug: str
    name: str
    route: str
    icon: str
    sort_order: int
    is_active: bool
    group_id: UUID


class GroupRead(Read):
    slug: str
    name: str
    icon: str
    sort_order: int
    is_active: bool


class GroupEdit(Schema):
    """What an administrator may change; slugs come from the code."""

    name: Name = ""
    icon: Icon = ""
    sort_order: Order = 0
    is_active: bool = True


class GroupUpdate(Patch, GroupEdit):
    pass


class ModuleEdit(GroupEdit):
    group_id: UUID


class ModuleUpdate(Patch, ModuleEdit):
    pass


class ModuleQuery(PageQuery):
    sortable: ClassVar[tuple[str, ...]] = ("sort_order", "slug", "name", "created_at")
    default_sort: ClassVar[str] = "sort_order,slug"

    is_active: bool | None = None


class MenuModule(BaseModel):
    name: str
    slug: str
    route: str
    icon: str
    sort_order: int
    permissions: PermissionRead


class MenuGroup(BaseModel):
    group_name: str
    slug: str
    icon: str
    sort_order: int
    modules: list[MenuModule]
