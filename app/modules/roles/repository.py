"""Queries over roles, grants and modules, and over the grant paths from users to modules."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, bindparam, or_, select
from sqlmodel import col

from app.core.db.entity import table_of
from app.core.db.pagination import PageQuery, RowPage
from app.core.db.repository import ReadRepository, Repository
from app.core.db.session import AnyRow, AnySelect
from app.modules.roles.models import (
    ACTIONS,
    Declared,
    Module,
    ModuleGroup,
    Role,
    RoleModule,
    UserRole,
    granted_permissions,
    names_of,
)
from app.modules.roles.schemas import RoleRead
from app.modules.users import User

users, roles, user_roles, grants = table_of(User), table_of(Role), table_of(UserRole), table_of(RoleModule)
modules, groups = table_of(Module), table_of(ModuleGroup)


@dataclass(frozen=True, slots=True)
class GrantPath:
    """user —assignment— role —grant— module —group: every link on the way to the permissions of one module."""

    user_id: UUID
    assignment_active: bool
    valid_from: datetime | None
    valid_until: datetime | None
    role_id: UUID
    role_name: str
    role_active: bool
    role_deleted_at: datetime | None
    grant_active: bool
    can_create: bool
    can_update: bool
    can_delete: bool
    can_audit: bool
    actions: list[str]
    scope: str
    slug: str
    module_actions: list[Declared]
    module_scopes: list[Declared]
    module_active: bool
    group_active: bool

    @property
    def permissions(self) -> frozenset[str]:
        """What the path gives, if all of it is active."""
        return granted_permissions(self)

    @property
    def inactive_actions(self) -> frozenset[str]:
        """Its own actions that the code declares no more."""
        return frozenset(self.actions) - names_of(self.module_actions)

    @property
    def effective_permissions(self) -> frozenset[str]:
        """What the path gives while its links are active: not the actions that the code declares no more."""
        gone = {f"{self.slug}:{action}" for action in self.inactive_actions}
        return frozenset(name for name in self.permissions if name.partition("@")[0] not in gone)


GRANT_COLUMNS = (*(grants.c[f"can_{action}"] for action in ACTIONS), grants.c.actions, grants.c.scope)
MODULE_COLUMNS = (modules.c.slug, modules.c.actions.label("module_actions"), modules.c.scopes.label("module_scopes"))
GRANT_PATH_COLUMNS: tuple[ColumnElement[Any], ...] = (
    user_roles.c.user_id,
    user_roles.c.is_active.label("assignment_active"),
    user_roles.c.valid_from,
    user_roles.c.valid_until,
    roles.c.id.label("role_id"),
    roles.c.name.label("role_name"),
    roles.c.is_active.label("role_active"),
    roles.c.deleted_at.label("role_deleted_at"),
    grants.c.is_active.label("grant_active"),
    *GRANT_COLUMNS,
    *MODULE_COLUMNS,
    modules.c.is_active.label("module_active"),
    groups.c.is_active.label("group_active"),
)
"""The fields of a `GrantPath`, in their order."""

USER_COLUMNS = (users.c.id, users.c.username, users.c.is_superuser, users.c.is_active, users.c.deleted_at)


def grant_paths() -> AnySelect:
    """Every grant path, active or not, as the columns of a `GrantPath`."""
    return (
        select(*GRANT_PATH_COLUMNS)
        .select_from(user_roles)
        .join(roles, roles.c.id == user_roles.c.role_id)
        .join(grants, grants.c.role_id == roles.c.id)
        .join(modules, modules.c.id == grants.c.module_id)
        .join(groups, groups.c.id == modules.c.group_id)
    )


def users_with_grant_paths(*columns: ColumnElement[Any]) -> AnySelect:
    """`columns`, then a `GrantPath`: one row for each path of a user, and one of nulls for a user without any."""
    path = grant_paths().subquery("path")
    return select(*columns, *path.c).select_from(users).join(path, path.c.user_id == users.c.id, isouter=True)


def grant_path_of(row: AnyRow) -> GrantPath | None:
    """The grant path at the end of `row`."""
    values = row[-len(GRANT_PATH_COLUMNS) :]
    return GrantPath(*values) if values[0] is not None else None


def grant_paths_in(rows: Iterable[AnyRow]) -> list[GrantPath]:
    """The grant paths at the ends of `rows`."""
    return [path for row in rows if (path := grant_path_of(row)) is not None]


class RoleRepository(Repository[Role]):
    """Roles and their grants."""

    model = Role
    read = RoleRead

    async def matrix(self, role_ids: set[UUID] | None = None) -> Sequence[AnyRow]:
        """The grants of these roles (or of all visible roles) with their module slugs."""
        statement = (
            select(grants.c.role_id, *MODULE_COLUMNS, *GRANT_COLUMNS)
            .select_from(grants)
            .join(modules, modules.c.id == grants.c.module_id)
            .join(roles, roles.c.id == grants.c.role_id)
            .where(grants.c.is_active, roles.c.deleted_at.is_(None))
            .order_by(grants.c.role_id, modules.c.sort_order, modules.c.slug)
        )
        return await self.session.all(statement.where(grants.c.role_id.in_(role_ids)) if role_ids else statement)

    async def grants(self, role_id: UUID) -> dict[UUID, RoleModule]:
        """Load the role's grants, by module."""
        result = await self.writer.execute(select(RoleModule).where(col(RoleModule.role_id) == role_id))
        return {grant.module_id: grant for grant in result.scalars()}

    async def modules(self, slugs: set[str]) -> dict[str, AnyRow]:
        """The id, actions and scopes of these modules, by slug."""
        wanted = select(modules.c.id, *MODULE_COLUMNS).where(modules.c.slug.in_(slugs))
        return {row.slug: row for row in await self.session.all(wanted)}


class HolderRepository(ReadRepository):
    """Users, as holders of roles and permissions."""

    model = User

    def columns(self) -> list[ColumnElement[Any]]:
        return list(USER_COLUMNS)

    async def page_of_role(self, role_id: UUID, query: PageQuery) -> RowPage:
        """The visible users with this role."""
        statement = self.build_once("of a role", self.select_of_role)
        return await self.fetch_page(statement, query, f"role/{role_id}/users", {"role_id": role_id})

    def select_of_role(self) -> AnySelect:
        """A select of the visible users with a role."""
        is_held = user_roles.c.role_id == bindparam("role_id")
        link = and_(user_roles.c.user_id == users.c.id, is_held, user_roles.c.is_active)
        terms = (user_roles.c.valid_from, user_roles.c.valid_until, user_roles.c.reason)
        return self.select().add_columns(*terms).join(user_roles, link)

    async def page_of_candidates(self, slug: str, query: PageQuery) -> RowPage:
        """The visible users who have the module in some role, whatever its state, and superusers."""
        statement = self.build_once("candidates", self.select_candidates)
        return await self.fetch_page(statement, query, "who-can", {"slug": slug})

    def select_candidates(self) -> AnySelect:
        """A select of the users who could hold a permission of a module."""
        linked = grant_paths().where(modules.c.slug == bindparam("slug")).with_only_columns(user_roles.c.user_id)
        return self.select().where(or_(users.c.is_superuser, users.c.id.in_(linked)))

    async def find_grants(self, slug: str) -> Sequence[AnyRow]:
        """The active grants of a module with the names of their roles, which are active too."""
        statement = (
            select(roles.c.name, *MODULE_COLUMNS, *GRANT_COLUMNS)
            .select_from(grants)
            .join(modules, modules.c.id == grants.c.module_id)
            .join(roles, roles.c.id == grants.c.role_id)
            .where(modules.c.slug == slug, grants.c.is_active, roles.c.is_active, roles.c.deleted_at.is_(None))
            .order_by(roles.c.name)
        )
        return await self.session.all(statement)

    async def with_grant_paths(self, user_ids: Sequence[UUID]) -> list[tuple[AnyRow, list[GrantPath]]]:
        """Each of these users, hidden ones too, with every grant path."""
        result: dict[UUID, tuple[AnyRow, list[GrantPath]]] = {}
        statement = users_with_grant_paths(*USER_COLUMNS).where(users.c.id.in_(user_ids)).order_by(users.c.id)
        for row in await self.session.all(statement):
            paths = result.setdefault(row[0], (row, []))[1]
            paths += grant_paths_in([row])
        return list(result.values())
