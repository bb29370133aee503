"""user —user_role— role —role_module— module —module_group; `is_active` on each: an inactive link grants nothing."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from app.core.model import Entity, SoftDelete, unique_index
from app.core.search import search_index
from app.core.types import JSON_DOCUMENT, Instant

WHOLE_ROW = frozenset({"*"})


class ModuleGroup(Entity, table=True):
    __tablename__ = "module_group"

    decides = governs = frozenset({"is_active"})

    slug: str = Field(max_length=64, unique=True)
    name: str = Field(max_length=200)
    icon: str = Field(default="", max_length=64)
    sort_order: int = 0
    is_active: bool = True


class Module(Entity, table=True):
    __tablename__ = "module"

    decides = governs = frozenset({"is_active", "group_id"})

    slug: str = Field(max_length=64, unique=True)
    group_id: UUID = Field(foreign_key="module_group.id", index=True)
    name: str = Field(max_length=200)
    route: str = Field(max_length=200)
    icon: str = Field(default="", max_length=64)
    sort_order: int = 0
    is_active: bool = True


class Role(SoftDelete, Entity, table=True):
    __tablename__ = "role"
    __table_args__ = (unique_index("role", "name"), search_index("role", "name"))

    decides = governs = frozenset({"is_active", "deleted_at"})

    name: str = Field(max_length=200)
    description: str | None = Field(default=None, max_length=2000)
    icon: str = Field(default="", max_length=64)
    sort_order: int = 0
    is_active: bool = True


class RoleModule(Entity, table=True):
    """The grant: read by being there, and a flag for each other action."""

    __tablename__ = "role_module"
    __table_args__ = (UniqueConstraint("role_id", "module_id"),)

    decides = governs = WHOLE_ROW

    role_id: UUID = Field(foreign_key="role.id")
    module_id: UUID = Field(foreign_key="module.id", index=True)
    can_create: bool = False
    can_update: bool = False
    can_delete: bool = False
    is_active: bool = True


class UserRole(Entity, table=True):
    """The assignment. It counts from `valid_from` on and before `valid_until`, where these are set."""

    __tablename__ = "user_role"
    __table_args__ = (UniqueConstraint("user_id", "role_id"),)

    decides = governs = WHOLE_ROW
    invalidates = "user_id"
    acts_on = "user_id"

    user_id: UUID = Field(foreign_key="user.id")
    role_id: UUID = Field(foreign_key="role.id", index=True)
    is_active: bool = True
    valid_from: datetime | None = Field(default=None, sa_type=Instant)
    valid_until: datetime | None = Field(default=None, sa_type=Instant)
    reason: str | None = Field(default=None, max_length=500)


class PolicyState(SQLModel, table=True):
    """One row. Its version rises with every change of the policy; whoever changes that holds the row to the end."""

    __tablename__ = "policy_state"

    id: int = Field(primary_key=True)
    version: int = Field(sa_type=BigInteger)


class SecurityState(SQLModel, table=True):
    """One row: the number of the last security event, in the order of commits.

    It is locked last, just before the commit, and apart from the policy: a sign-out waits for nobody who edits roles.
    """

    __tablename__ = "security_state"

    id: int = Field(primary_key=True)
    sequence: int = Field(sa_type=BigInteger)


class SecurityEvent(SQLModel, table=True):
    """What processes must forget: the user or credential `subject_id`, or (none) everybody. Kept for a short while."""

    __tablename__ = "security_event"
    __table_args__ = (Index("ix_security_event_at", "at"),)

    id: UUID = Field(primary_key=True)
    sequence: int = Field(sa_type=BigInteger, index=True)
    at: datetime = Field(sa_type=Instant)
    subject_id: UUID | None = None


class PolicyVersion(SQLModel, table=True):
    """One version of the policy: who made it, what it changed, and who gained and lost what by it."""

    __tablename__ = "policy_version"

    id: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    at: datetime = Field(sa_type=Instant, index=True)
    request_id: str = Field(max_length=64)
    actor_kind: str = Field(max_length=16)
    actor_id: UUID | None = None
    actor_name: str | None = Field(default=None, max_length=200)
    restores: int | None = Field(default=None, sa_type=BigInteger)
    changes: list[dict[str, Any]] = Field(sa_type=JSON_DOCUMENT)
    effects: list[dict[str, Any]] = Field(sa_type=JSON_DOCUMENT)
