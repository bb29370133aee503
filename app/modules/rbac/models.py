"""user —user_role— role —role_module— module —module_group; `is_active` on each: an inactive link grants nothing."""

from typing import ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, UniqueConstraint
from sqlmodel import Field, SQLModel

from app.core.model import Entity, SoftDelete, unique_index

EVERYTHING = frozenset({"*"})


class ModuleGroup(Entity, table=True):
    __tablename__ = "module_group"

    decides: ClassVar[frozenset[str]] = frozenset({"is_active"})

    slug: str = Field(max_length=64, unique=True)
    name: str = Field(max_length=200)
    icon: str = Field(default="", max_length=64)
    sort_order: int = 0
    is_active: bool = True


class Module(Entity, table=True):
    __tablename__ = "module"

    decides: ClassVar[frozenset[str]] = frozenset({"is_active", "group_id"})

    slug: str = Field(max_length=64, unique=True)
    group_id: UUID = Field(foreign_key="module_group.id", index=True)
    name: str = Field(max_length=200)
    route: str = Field(max_length=200)
    icon: str = Field(default="", max_length=64)
    sort_order: int = 0
    is_active: bool = True


class Role(SoftDelete, Entity, table=True):
    __tablename__ = "role"
    __table_args__ = (unique_index("role", "name"),)

    decides: ClassVar[frozenset[str]] = frozenset({"is_active", "deleted_at"})

    name: str = Field(max_length=200)
    description: str | None = Field(default=None, max_length=2000)
    icon: str = Field(default="", max_length=64)
    sort_order: int = 0
    is_active: bool = True


class RoleModule(Entity, table=True):
    """The grant: read by being there, and a flag for each other action."""

    __tablename__ = "role_module"
    __table_args__ = (UniqueConstraint("role_id", "module_id"),)

    decides: ClassVar[frozenset[str]] = EVERYTHING

    role_id: UUID = Field(foreign_key="role.id")
    module_id: UUID = Field(foreign_key="module.id", index=True)
    can_create: bool = False
    can_update: bool = False
    can_delete: bool = False
    is_active: bool = True


class UserRole(Entity, table=True):
    __tablename__ = "user_role"
    __table_args__ = (UniqueConstraint("user_id", "role_id"),)

    decides: ClassVar[frozenset[str]] = EVERYTHING

    user_id: UUID = Field(foreign_key="user.id")
    role_id: UUID = Field(foreign_key="role.id", index=True)
    is_active: bool = True


class PolicyState(SQLModel, table=True):
    """One row. Its version rises in the transaction of every change that alters who may do what."""

    __tablename__ = "policy_state"

    id: int = Field(primary_key=True)
    version: int = Field(sa_type=BigInteger)
