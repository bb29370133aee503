"""Role queries, and the one query that answers what a session may do."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlmodel import col

from app.core.repository import Repository, table_of
from app.core.types import AnyRow, AnySelect
from app.modules.auth import AuthSession
from app.modules.rbac.models import Module, ModuleGroup, PolicyState, Role, RoleModule, UserRole
from app.modules.rbac.schemas import ModuleRead, RoleRead
from app.modules.users import User

ACTIONS = ("create", "update", "delete")

users, sessions = table_of(User), table_of(AuthSession)
roles, user_roles, grants = table_of(Role), table_of(UserRole), table_of(RoleModule)
modules, groups, policy = table_of(Module), table_of(ModuleGroup), table_of(PolicyState)


def active_grants() -> AnySelect:
    """(user_id, slug, flags) of every grant whose role, links, module and group are all active."""
    return (
        select(user_roles.c.user_id, modules.c.slug, grants.c.can_create, grants.c.can_update, grants.c.can_delete)
        .select_from(user_roles)
        .join(roles, and_(roles.c.id == user_roles.c.role_id, roles.c.is_active, roles.c.deleted_at.is_(None)))
        .join(grants, and_(grants.c.role_id == roles.c.id, grants.c.is_active))
        .join(modules, and_(modules.c.id == grants.c.module_id, modules.c.is_active))
        .join(groups, and_(groups.c.id == modules.c.group_id, groups.c.is_active))
        .where(user_roles.c.is_active)
    )


def access_of_session(session_id: UUID) -> AnySelect:
    """One row a granted module (at least one) for an open session of an active user; none otherwise."""
    granted = active_grants().subquery("granted")
    return (
        select(
            users.c.id,
            users.c.username,
            users.c.is_superuser,
            sessions.c.expires_at,
            policy.c.version,
            granted.c.slug,
            granted.c.can_create,
            granted.c.can_update,
            granted.c.can_delete,
        )
        .select_from(sessions)
        .join(users, and_(users.c.id == sessions.c.user_id, users.c.is_active, users.c.deleted_at.is_(None)))
        .join(policy, policy.c.id == 1)
        .join(granted, granted.c.user_id == users.c.id, isouter=True)
        .where(
            sessions.c.id == session_id,
            sessions.c.revoked_at.is_(None),
            or_(users.c.signed_out_at.is_(None), sessions.c.created_at > users.c.signed_out_at),
        )
    )


def permissions_in(rows: Sequence[AnyRow]) -> frozenset[str]:
    """The union of the rows' grants as `module:action`; a granted module is readable."""
    found: set[str] = set()
    for row in rows:
        if row.slug is not None:
            found.add(f"{row.slug}:read")
            found |= {f"{row.slug}:{action}" for action in ACTIONS if getattr(row, f"can_{action}")}
    return frozenset(found)


class RoleRepository(Repository[Role]):
    model = Role
    read = RoleRead
    searchable = ("name",)

    async def matrix(self, role_id: UUID) -> Sequence[AnyRow]:
        """The role's grants with their module slugs."""
        statement = (
            select(modules.c.slug, grants.c.can_create, grants.c.can_update, grants.c.can_delete)
            .select_from(grants)
            .join(modules, modules.c.id == grants.c.module_id)
            .where(grants.c.role_id == role_id, grants.c.is_active)
            .order_by(modules.c.sort_order, modules.c.slug)
        )
        return await self.session.all(statement)

    async def grants(self, role_id: UUID) -> dict[UUID, RoleModule]:
        """The role's grants by module, to be changed."""
        found = await self.writer.execute(select(RoleModule).where(col(RoleModule.role_id) == role_id))
        return {grant.module_id: grant for grant in found.scalars()}

    async def module_ids(self, slugs: set[str]) -> dict[str, UUID]:
        rows = await self.session.all(select(modules.c.slug, modules.c.id).where(modules.c.slug.in_(slugs)))
        return {row.slug: row.id for row in rows}

    async def permissions_of(self, role_ids: set[UUID]) -> frozenset[str]:
        """What these roles would grant, were every part of them active."""
        statement = select(modules.c.slug, grants.c.can_create, grants.c.can_update, grants.c.can_delete)
        joined = statement.select_from(grants).join(modules, modules.c.id == grants.c.module_id)
        return permissions_in(await self.session.all(joined.where(grants.c.role_id.in_(role_ids))))


class AssignmentRepository(Repository[UserRole]):
    """The roles of users."""

    model = UserRole

    async def roles(self, user_id: UUID) -> Sequence[AnyRow]:
        columns = [roles.c[name] for name in RoleRead.model_fields]
        linked = select(*columns).join(user_roles, user_roles.c.role_id == roles.c.id)
        mine = linked.where(user_roles.c.user_id == user_id, user_roles.c.is_active, roles.c.deleted_at.is_(None))
        return await self.session.all(mine.order_by(roles.c.sort_order, roles.c.name))

    async def existing(self, role_ids: set[UUID]) -> set[UUID]:
        statement = select(roles.c.id).where(roles.c.id.in_(role_ids), roles.c.deleted_at.is_(None))
        return {row.id for row in await self.session.all(statement)}

    async def links(self, user_id: UUID) -> dict[UUID, UserRole]:
        """The user's links by role, to be changed."""
        found = await self.writer.execute(select(UserRole).where(col(UserRole.user_id) == user_id))
        return {link.role_id: link for link in found.scalars()}


class ModuleRepository(Repository[Module]):
    model = Module
    read = ModuleRead

    async def menu(self) -> Sequence[AnyRow]:
        """Every active module with its active group, in menu order."""
        statement = (
            select(
                modules.c.slug, modules.c.name, modules.c.route, modules.c.icon, modules.c.sort_order,
                groups.c.slug.label("group_slug"), groups.c.name.label("group_name"),
                groups.c.icon.label("group_icon"), groups.c.sort_order.label("group_sort_order"),
            )
            .select_from(modules)
            .join(groups, and_(groups.c.id == modules.c.group_id, groups.c.is_active))
            .where(modules.c.is_active)
            .order_by(groups.c.sort_order, groups.c.slug, modules.c.sort_order, modules.c.slug)
        )  # fmt: skip
        return await self.session.all(statement)
