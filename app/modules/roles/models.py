"""The policy: user —user_role— role —role_module— module —module_group. An inactive link grants nothing."""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from sqlalchemy import UniqueConstraint
from sqlmodel import Field

from app.core.db.column_types import Instant
from app.core.db.entity import Entity, SoftDelete, sort_indexes, unique_index
from app.core.db.full_text import search_index
from app.core.db.redaction import personal, redacted

WHOLE_ROW = frozenset({"*"})
ACTIONS = ("create", "update", "delete", "audit")
"""The actions that a flag of a grant permits. Read needs no flag."""


class ModuleGroup(Entity, table=True):
    """A group of modules in the menu."""

    __tablename__ = "module_group"

    affects_access = policy_columns = frozenset({"is_active"})

    slug: str = Field(max_length=64, unique=True)
    """The stable name, from the code."""
    name: str = Field(max_length=200)
    """The name in the menu."""
    icon: str = Field(default="", max_length=64)
    """The icon in the menu."""
    sort_order: int = 0
    """The position in the menu."""
    is_active: bool = True
    """Whether its modules grant anything."""


class Module(Entity, table=True):
    """A module that the code declares."""

    __tablename__ = "module"

    affects_access = policy_columns = frozenset({"is_active", "group_id"})
    recognized_by = frozenset({"name", "icon"})

    slug: str = Field(max_length=64, unique=True)
    """The stable name, from the code: the first part of its permissions."""
    group_id: UUID = Field(foreign_key="module_group.id", index=True)
    """The group in the menu."""
    name: str = Field(max_length=200)
    """The name in the menu."""
    route: str = Field(max_length=200)
    """The path of its screen."""
    icon: str = Field(default="", max_length=64)
    """The icon in the menu."""
    sort_order: int = 0
    """The position in its group."""
    is_active: bool = True
    """Whether its permissions can be held."""


class Role(SoftDelete, Entity, table=True):
    """A set of grants that users can have."""

    __tablename__ = "role"
    __table_args__ = (
        unique_index("role", "name"),
        *sort_indexes("role", "created_at", "updated_at", "name", "sort_order"),
        search_index("role", "name"),
    )

    affects_access = policy_columns = frozenset({"is_active", "deleted_at"})
    recognized_by = frozenset({"name", "description", "icon"})

    name: str = Field(max_length=200)
    """The name, unique ignoring case."""
    description: str | None = Field(default=None, max_length=2000)
    """What the role is for."""
    icon: str = Field(default="", max_length=64)
    """The icon in lists."""
    sort_order: int = 0
    """The position in lists."""
    is_active: bool = True
    """Whether the role grants anything."""


class RoleModule(Entity, table=True):
    """A grant: the existence of the row permits to read the module, and each flag one more action."""

    __tablename__ = "role_module"
    __table_args__ = (UniqueConstraint("role_id", "module_id"),)

    affects_access = policy_columns = WHOLE_ROW

    role_id: UUID = Field(foreign_key="role.id")
    """The role."""
    module_id: UUID = Field(foreign_key="module.id", index=True)
    """The module."""
    can_create: bool = False
    """Whether it permits to create."""
    can_update: bool = False
    """Whether it permits to update."""
    can_delete: bool = False
    """Whether it permits to delete, restore and list deleted items."""
    can_audit: bool = False
    """Whether it permits to read what the audit log says about the module."""
    is_active: bool = True
    """Whether the grant is active."""


class UserRole(Entity, table=True):
    """The assignment of a role to a user."""

    __tablename__ = "user_role"
    __table_args__ = (UniqueConstraint("user_id", "role_id"),)

    affects_access = policy_columns = WHOLE_ROW
    access_subject = "user_id"
    target_user_column = "user_id"

    user_id: UUID = Field(foreign_key="user.id")
    """The user."""
    role_id: UUID = Field(foreign_key="role.id", index=True)
    """The role."""
    is_active: bool = True
    """Whether the assignment is active."""
    valid_from: datetime | None = Field(default=None, sa_type=Instant)
    """When the assignment begins; null: at once."""
    valid_until: datetime | None = Field(default=None, sa_type=Instant)
    """When the assignment ends; null: never."""
    reason: str | None = redacted(personal("user_id"), default=None, max_length=500)
    """Why the user has the role."""


class Grant(Protocol):
    """A module and the flags of a role in it."""

    @property
    def slug(self) -> str: ...
    @property
    def can_create(self) -> bool: ...
    @property
    def can_update(self) -> bool: ...
    @property
    def can_delete(self) -> bool: ...
    @property
    def can_audit(self) -> bool: ...


def permissions_of_module(slug: str) -> frozenset[str]:
    """Every permission of a module."""
    return frozenset(f"{slug}:{action}" for action in ("read", *ACTIONS))


def granted_permissions(grant: Grant) -> frozenset[str]:
    """The permissions of a grant: read, and one for each flag."""
    flags = zip(ACTIONS, (grant.can_create, grant.can_update, grant.can_delete, grant.can_audit), strict=True)
    return frozenset({f"{grant.slug}:read", *(f"{grant.slug}:{action}" for action, flag in flags if flag)})
