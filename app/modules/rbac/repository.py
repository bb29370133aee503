"""Role queries, and the one query that answers what a credential may do."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select
from sqlmodel import col

from app.core.db import Session
from app.core.model import Entity
from app.core.repository import ReadRepository, Repository, table_of
from app.core.types import AnyRow, AnySelect
from app.modules.rbac.evaluation import Chain
from app.modules.rbac.models import Module, ModuleGroup, PolicyState, PolicyVersion, Role, RoleModule, UserRole
from app.modules.rbac.policy_schemas import VersionRead
from app.modules.rbac.schemas import AssignmentRead, GroupRead, ModuleRead, RoleRead
from app.modules.users import User

users, roles, user_roles, grants = table_of(User), table_of(Role), table_of(UserRole), table_of(RoleModule)
modules, groups, policy = table_of(Module), table_of(ModuleGroup), table_of(PolicyState)

CHAIN: tuple[ColumnElement[Any], ...] = (
    user_roles.c.user_id,
    user_roles.c.is_active.label("assignment_active"),
    user_roles.c.valid_from,
    user_roles.c.valid_until,
    roles.c.id.label("role_id"),
    roles.c.name.label("role_name"),
    roles.c.is_active.label("role_active"),
    roles.c.deleted_at.label("role_deleted_at"),
    grants.c.is_active.label("grant_active"),
    grants.c.can_create,
    grants.c.can_update,
    grants.c.can_delete,
    modules.c.slug,
    modules.c.is_active.label("module_active"),
    groups.c.is_active.label("group_active"),
)
"""The fields of a `Chain`, in their order."""

USER = (users.c.id, users.c.username, users.c.is_superuser, users.c.is_active, users.c.deleted_at)


def chains() -> AnySelect:
    """Every chain of links, whole or broken, as the columns of a `Chain`."""
    return (
        select(*CHAIN)
        .select_from(user_roles)
        .join(roles, roles.c.id == user_roles.c.role_id)
        .join(grants, grants.c.role_id == roles.c.id)
        .join(modules, modules.c.id == grants.c.module_id)
        .join(groups, groups.c.id == modules.c.group_id)
    )


def users_with_chains(*columns: ColumnElement[Any]) -> AnySelect:
    """`columns`, then a `Chain`: one row for each chain of a user, and one of nulls for a user without any."""
    chain = chains().subquery("chain")
    return select(*columns, *chain.c).select_from(users).join(chain, chain.c.user_id == users.c.id, isouter=True)


def chain_of(row: AnyRow) -> Chain | None:
    """The chain at the end of `row`."""
    values = row[-len(CHAIN) :]
    return Chain(*values) if values[0] is not None else None


def chains_in(rows: Iterable[AnyRow]) -> list[Chain]:
    return [chain for row in rows if (chain := chain_of(row)) is not None]


class RoleRepository(Repository[Role]):
    model = Role
    read = RoleRead

    async def matrix(self, role_ids: set[UUID] | None = None) -> Sequence[AnyRow]:
        """The grants of these roles (of all visible ones) with their module slugs."""
        statement = (
            select(grants.c.role_id, modules.c.slug, grants.c.can_create, grants.c.can_update, grants.c.can_delete)
            .select_from(grants)
            .join(modules, modules.c.id == grants.c.module_id)
            .join(roles, roles.c.id == grants.c.role_id)
            .where(grants.c.is_active, roles.c.deleted_at.is_(None))
            .order_by(grants.c.role_id, modules.c.sort_order, modules.c.slug)
        )
        return await self.session.all(statement.where(grants.c.role_id.in_(role_ids)) if role_ids else statement)

    async def grants(self, role_id: UUID) -> dict[UUID, RoleModule]:
        """The role's grants by module, to be changed."""
        found = await self.writer.execute(select(RoleModule).where(col(RoleModule.role_id) == role_id))
        return {grant.module_id: grant for grant in found.scalars()}

    async def module_ids(self, slugs: set[str]) -> dict[str, UUID]:
        rows = await self.session.all(select(modules.c.slug, modules.c.id).where(modules.c.slug.in_(slugs)))
        return {row.slug: row.id for row in rows}


class AssignmentRepository(Repository[UserRole]):
    """The roles of users, and the users of roles."""

    model = UserRole

    async def roles(self, user_id: UUID) -> Sequence[AnyRow]:
        """The visible roles of a user with the terms of each assignment, over or not."""
        shown = [roles.c[name] for name in AssignmentRead.model_fields if name in RoleRead.model_fields]
        terms = [user_roles.c[name] for name in AssignmentRead.model_fields if name not in RoleRead.model_fields]
        linked = select(*shown, *terms).join(user_roles, user_roles.c.role_id == roles.c.id)
        mine = linked.where(user_roles.c.user_id == user_id, user_roles.c.is_active, roles.c.deleted_at.is_(None))
        return await self.session.all(mine.order_by(roles.c.sort_order, roles.c.name))

    async def existing(self, role_ids: set[UUID]) -> set[UUID]:
        statement = select(roles.c.id).where(roles.c.id.in_(role_ids), roles.c.deleted_at.is_(None))
        return {row.id for row in await self.session.all(statement)}

    async def links(self, user_id: UUID) -> dict[UUID, UserRole]:
        """The user's links to visible roles by role, to be changed; a role that comes back brings its links along."""
        visible = select(roles.c.id).where(roles.c.deleted_at.is_(None))
        mine = select(UserRole).where(col(UserRole.user_id) == user_id, col(UserRole.role_id).in_(visible))
        found = await self.writer.execute(mine)
        return {link.role_id: link for link in found.scalars()}


class HolderRepository(ReadRepository):
    """Users, as holders of roles and permissions."""

    model = User

    def columns(self) -> list[ColumnElement[Any]]:
        return list(USER)

    def of_role(self, role_id: UUID) -> AnySelect:
        """The visible users with this role."""
        link = and_(user_roles.c.user_id == users.c.id, user_roles.c.role_id == role_id, user_roles.c.is_active)
        terms = (user_roles.c.valid_from, user_roles.c.valid_until, user_roles.c.reason)
        return self.select().add_columns(*terms).join(user_roles, link)

    def candidates(self, slug: str) -> AnySelect:
        """The visible users who have the module in some role, whatever its state, and superusers."""
        linked = chains().where(modules.c.slug == slug).with_only_columns(user_roles.c.user_id)
        return self.select().where(or_(users.c.is_superuser, users.c.id.in_(linked)))

    async def with_chains(self, user_ids: Sequence[UUID]) -> list[tuple[AnyRow, list[Chain]]]:
        """Each of these users, hidden ones too, with every chain."""
        found: dict[UUID, tuple[AnyRow, list[Chain]]] = {}
        statement = users_with_chains(*USER).where(users.c.id.in_(user_ids)).order_by(users.c.id)
        for row in await self.session.all(statement):
            chains = found.setdefault(row[0], (row, []))[1]
            chains += chains_in([row])
        return list(found.values())


class ModuleRepository(Repository[Module]):
    model = Module
    read = ModuleRead

    async def slugs(self) -> set[str]:
        return {row.slug for row in await self.session.all(select(modules.c.slug))}

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


class GroupRepository(Repository[ModuleGroup]):
    model = ModuleGroup
    read = GroupRead


class VersionRepository(ReadRepository):
    model = PolicyVersion
    read = VersionRead

    async def current(self) -> int:
        return int(await self.session.value(select(policy.c.version)))

    async def since(self, version: int) -> Sequence[AnyRow]:
        """What changed after `version`, the newest first."""
        statement = self.select().where(self.table.c.id > version)
        return await self.session.all(statement.order_by(self.table.c.id.desc()))


class GovernedRepository:
    """Rows that policy governs, of any of its tables."""

    def __init__(self, session: Session) -> None:
        self.session = session

    async def load(self, model: type[Entity], ids: set[UUID]) -> dict[UUID, Entity]:
        """Those of the rows that exist, hidden ones too, locked, to be changed."""
        statement = select(model).where(table_of(model).c.id.in_(ids)).with_for_update(key_share=True)
        found = await self.session.execute(statement, execution_options={"include_deleted": True})
        return {row.id: row for row in found.scalars()}
