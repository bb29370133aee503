"""Modules and their groups, and the menus that permissions open."""

from collections.abc import Iterable
from uuid import UUID

from app.core.context import Principal
from app.core.db import ReadSession, Session
from app.core.errors import NotFound
from app.core.service import Service
from app.core.types import now
from app.modules.rbac.evaluation import ACTIONS, granted
from app.modules.rbac.models import Module, ModuleGroup
from app.modules.rbac.repository import GroupRepository, HolderRepository, ModuleRepository
from app.modules.rbac.schemas import MenuGroup, MenuModule, PermissionRead

Permissions = frozenset[str]


class ModuleService(Service[Module]):
    repository = ModuleRepository


class GroupService(Service[ModuleGroup]):
    repository = GroupRepository


class MenuService:
    """What the caller sees."""

    def __init__(self, session: Session | ReadSession) -> None:
        self.rows = ModuleRepository(session)

    async def permissions(self, principal: Principal) -> list[PermissionRead]:
        """What the caller may do, module by module; modules without any permission are left out."""
        slugs = [row.slug for row in await self.rows.menu()]
        found = [flags_of(slug, frozenset(filter(principal.may, every(slug)))) for slug in slugs]
        return [item for item in found if item.can_read]

    async def menu(self, principal: Principal) -> list[MenuGroup]:
        """The groups and modules that the caller may read."""
        slugs = [row.slug for row in await self.rows.menu()]
        return await self.build(frozenset(name for slug in slugs for name in every(slug) if principal.may(name)))

    async def menu_of_role(self, principal: Principal, role_id: UUID) -> list[MenuGroup]:
        """The menu that one of the caller's roles gives. Raises NotFound for a role that is not theirs now."""
        at = now()
        found = await HolderRepository(self.rows.session).with_chains([principal.user_id])
        chains = [chain for _, chains in found for chain in chains if chain.role_id == role_id]
        if not chains:
            raise NotFound(f"You have no role {role_id} that grants something.")
        return await self.build(frozenset(name for name in granted(chains, at) if principal.may(name)))

    async def build(self, permissions: Permissions) -> list[MenuGroup]:
        groups: dict[str, MenuGroup] = {}
        for row in await self.rows.menu():
            if f"{row.slug}:read" not in permissions:
                continue
            group = MenuGroup(
                group_name=row.group_name,
                slug=row.group_slug,
                icon=row.group_icon,
                sort_order=row.group_sort_order,
                modules=[],
            )
            item = MenuModule(
                name=row.name,
                slug=row.slug,
                route=row.route,
                icon=row.icon,
                sort_order=row.sort_order,
                permissions=flags_of(row.slug, permissions),
            )
            groups.setdefault(row.group_slug, group).modules.append(item)
        return list(groups.values())


def every(slug: str) -> Iterable[str]:
    return (f"{slug}:{action}" for action in (*ACTIONS, "read"))


def flags_of(slug: str, permissions: Permissions) -> PermissionRead:
    flags = {f"can_{action}": f"{slug}:{action}" in permissions for action in (*ACTIONS, "read")}
    return PermissionRead(module_slug=slug, **flags)
