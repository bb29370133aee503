"""Request and response schemas of modules and groups."""

from typing import ClassVar
from uuid import UUID

from app.core.db.pagination import FieldsQuery, PageQuery
from app.core.fields.icon import Icon
from app.core.fields.text import Name
from app.core.resources.schemas import Patch, Read, ResponseSchema, Schema
from app.modules.roles.models import Module, ModuleGroup
from app.modules.roles.schemas import Order


class DeclaredRead(ResponseSchema):
    """An action or a scope of a module."""

    name: str
    """The name: in a permission, the part after the colon, or after the @."""
    title: str
    """What it permits, or which rows it is for."""
    is_active: bool
    """Whether the code declares it now. One that vanished is kept, and grants nothing."""


class ModuleRead(Read):
    """A module that the code declares."""

    slug: str
    """The stable name: the first part of its permissions."""
    name: str
    """The name in the menu."""
    route: str
    """The path of its screen."""
    icon: str
    """The icon in the menu, by its name in Lucide."""
    sort_order: int
    """The position in its group."""
    is_active: bool
    """Whether its permissions can be held."""
    group_id: UUID
    """The group in the menu."""
    actions: list[DeclaredRead]
    """Its own actions, besides create, read, update, delete and audit."""
    scopes: list[DeclaredRead]
    """The parts of its rows that a grant can be limited to."""


class GroupRead(Read):
    """A group of modules."""

    slug: str
    """The stable name."""
    name: str
    """The name in the menu."""
    icon: str
    """The icon in the menu, by its name in Lucide."""
    sort_order: int
    """The position in the menu."""
    is_active: bool
    """Whether its modules grant anything."""


class GroupEdit(Schema):
    """The fields of a group that an administrator may change. The slug comes from the code."""

    name: Name = ""
    """The name in the menu."""
    icon: Icon = ""
    """The icon in the menu, by its name in Lucide."""
    sort_order: Order = 0
    """The position in the menu."""
    is_active: bool = True
    """Whether it grants anything."""


class GroupUpdate(Patch, GroupEdit):
    """A change of a group."""


class ModuleEdit(GroupEdit):
    """The fields of a module that an administrator may change."""

    group_id: UUID
    """The group in the menu."""


class ModuleUpdate(Patch, ModuleEdit):
    """A change of a module."""


class ModuleQuery(FieldsQuery, PageQuery):
    """The parameters of a list of modules."""

    lists: ClassVar = Module
    filterable: ClassVar[tuple[str, ...]] = ("slug", "name", "group_id", "is_active")
    sortable: ClassVar[tuple[str, ...]] = ("sort_order", "slug", "name", "created_at")
    default_sort: ClassVar[str] = "sort_order,slug"


class GroupQuery(FieldsQuery, PageQuery):
    """The parameters of a list of groups of modules."""

    lists: ClassVar = ModuleGroup
    filterable: ClassVar[tuple[str, ...]] = ("slug", "name", "is_active")
    sortable: ClassVar[tuple[str, ...]] = ModuleQuery.sortable
    default_sort: ClassVar[str] = ModuleQuery.default_sort
