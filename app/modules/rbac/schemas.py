"""What clients send and receive of roles, modules and permissions."""

from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel, Field, field_validator

from app.core.page import EntityQuery, PageQuery
from app.core.schema import Name, Patch, Read, Schema, Slug


class RoleCreate(Schema):
    name: Name
    description: str | None = Field(None, max_length=2000)
    icon: str = Field("", max_length=64)
    sort_order: int = Field(0, ge=-100_000, le=100_000)
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


class RoleIds(Schema):
    """All roles of one user."""

    role_ids: list[UUID] = Field(max_length=100)


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
