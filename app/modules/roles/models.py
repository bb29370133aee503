"""The policy: user —user_role— role —role_module— module —module_group. An inactive link grants nothing."""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol
from uuid import UUID

from sqlalchemy import UniqueConstraint
from sqlmodel import Field
from typing_extensions import TypedDict

from app.core.context import ALL_ROWS
from app.core.db.column_types import JSON_DOCUMENT, Instant
from app.core.db.entity import Entity, SoftDelete, sort_indexes, unique_index
from app.core.db.full_text import search_index
from app.core.db.redaction import PLAIN, personal, redacted

WHOLE_ROW = frozenset({"*"})
CONDITIONS = frozenset({"requires_second_factor", "allowed_networks"})
"""The columns of a role with what it asks of its users."""
ACTIONS = ("create", "update", "delete", "audit")
"""The actions that a flag of a grant permits. Read needs no flag."""


class Declared(TypedDict):
    """An action or a scope of a module, from the code. One that vanished from the code is kept, inactive."""

    name: str
    title: str
    is_active: bool


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

    affects_access = frozenset({"is_active", "group_id", "actions", "scopes"})
    policy_columns = frozenset({"is_active", "group_id"})
    relied_on = frozenset({"name", "icon"})

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
    actions: list[Declared] = redacted(PLAIN, default_factory=list, sa_type=JSON_DOCUMENT)
    """Its own actions, besides the standard ones."""
    scopes: list[Declared] = redacted(PLAIN, default_factory=list, sa_type=JSON_DOCUMENT)
    """The parts of its rows that a grant can be limited to."""


class Role(SoftDelete, Entity, table=True):
    """A set of grants that users can have."""

    __tablename__ = "role"
    __table_args__ = (
        unique_index("role", "name"),
        *sort_indexes("role", "created_at", "updated_at", "name", "sort_order"),
        search_index("role", "name"),
    )

    affects_access = policy_columns = frozenset({"is_active", "deleted_at"}) | CONDITIONS
    relied_on = frozenset({"name", "description", "icon"}) | CONDITIONS

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
    requires_second_factor: bool = False
    """Whether its users can do nothing until they have a second factor."""
    allowed_networks: list[str] = Field(default_factory=list, sa_type=JSON_DOCUMENT)
    """Addresses and networks from which its users may call; empty: from anywhere."""


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
    actions: list[str] = redacted(PLAIN, default_factory=list, sa_type=JSON_DOCUMENT)
    """The module's own actions that it permits."""
    scope: str = Field(default=ALL_ROWS, max_length=40)
    """The rows that it is for: all, or a scope of the module."""
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
    """What a role grants in a module, and what the module declares."""

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
    @property
    def actions(self) -> list[str]: ...
    @property
    def scope(self) -> str: ...
    @property
    def module_scopes(self) -> list[Declared]: ...


def names_of(declared: Iterable[Declared], *, active: bool = True) -> frozenset[str]:
    """The names of those that the code declares, or of those that it declared once."""
    return frozenset(each["name"] for each in declared if each["is_active"] is active)


def permissions_of_module(slug: str, actions: Iterable[Declared], scopes: Iterable[Declared]) -> frozenset[str]:
    """Every permission of a module, in each scope."""
    own = [each["name"] for each in actions]
    return in_scopes({f"{slug}:{action}" for action in ("read", *ACTIONS, *own)}, scopes)


def granted_permissions(grant: Grant) -> frozenset[str]:
    """The permissions of a grant, if all that it names is active: read, one for each flag, and its own actions.

    A grant for all rows includes the permission in each scope, so that its holder can grant less.
    """
    flags = zip(ACTIONS, (grant.can_create, grant.can_update, grant.can_delete, grant.can_audit), strict=True)
    actions = ["read", *(action for action, flag in flags if flag), *grant.actions]
    permissions = {f"{grant.slug}:{action}" for action in actions}
    if grant.scope == ALL_ROWS:
        return in_scopes(permissions, grant.module_scopes)
    return frozenset(f"{permission}@{grant.scope}" for permission in permissions)


def in_scopes(permissions: set[str], scopes: Iterable[Declared]) -> frozenset[str]:
    """`permissions` for all rows, and those for the rows of each scope."""
    return frozenset(permissions.union(f"{name}@{scope['name']}" for name in permissions for scope in scopes))
