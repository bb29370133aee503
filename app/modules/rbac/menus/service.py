"""What callers may do, module by module, and the menu that follows from it."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from app.core.clock import now
from app.core.context import ALL_ROWS, Principal, scopes_in
from app.core.db.session import AnyRow, ReadSession, Session
from app.core.errors import NotFound
from app.modules.rbac.menus.schemas import MenuGroup, MenuModule, PermissionRead
from app.modules.roles import ACTIONS, HolderRepository, ModuleRepository, permissions_of_paths


class MenuService:
    """The permissions and the menu of the caller."""

    def __init__(self, session: Session | ReadSession) -> None:
        self.rows = ModuleRepository(session)

    async def permissions(self, principal: Principal) -> list[PermissionRead]:
        """What the caller may do, module by module. Modules without any permission are left out."""
        held = await self.held_by(principal)
        flags = [flags_of(row, held) for row in await self.rows.menu()]
        return [item for item in flags if item.can_read]

    async def held_by(self, principal: Principal) -> frozenset[str]:
        """What the caller holds, permission by permission: a superuser's `*` is every one there is."""
        return frozenset(filter(principal.may, await self.rows.permissions()))

    async def menu(self, principal: Principal) -> list[MenuGroup]:
        """The groups and modules that the caller may read."""
        return await self.build(await self.held_by(principal))

    async def menu_of_role(self, principal: Principal, role_id: UUID) -> list[MenuGroup]:
        """The menu that one of the caller's roles gives. Raises NotFound for a role that they do not have."""
        at = now()
        users = await HolderRepository(self.rows.session).with_grant_paths([principal.user_id])
        paths = [path for _, all_paths in users for path in all_paths if path.role_id == role_id]
        if not paths:
            raise NotFound(f"You have no role {role_id} that grants something.")
        return await self.build(frozenset(name for name in permissions_of_paths(paths, at) if principal.may(name)))

    async def build(self, permissions: frozenset[str]) -> list[MenuGroup]:
        """The menu of the modules that `permissions` permit to read."""
        groups: dict[str, MenuGroup] = {}
        for row in await self.rows.menu():
            if not scopes_in(permissions, f"{row.slug}:read"):
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
                permissions=flags_of(row, permissions),
            )
            groups.setdefault(row.group_slug, group).modules.append(item)
        return list(groups.values())


def titles_of(declared: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """What an administrator reads of the actions or scopes that the code declares."""
    return {each["name"]: each["title"] for each in declared if each["is_active"]}


def flags_of(module: AnyRow, permissions: frozenset[str]) -> PermissionRead:
    """What `permissions` permit in a module of the menu."""
    own = [each["name"] for each in module.module_actions]
    scopes = {action: scopes_in(permissions, f"{module.slug}:{action}") for action in ("read", *ACTIONS, *own)}
    return PermissionRead(
        module_slug=module.slug,
        **{f"can_{action}": bool(scopes[action]) for action in ("read", *ACTIONS)},
        actions=[action for action in own if scopes[action]],
        scopes={action: sorted(found) for action, found in scopes.items() if found and ALL_ROWS not in found},
        action_titles=titles_of(module.module_actions),
        scope_titles=titles_of(module.module_scopes),
    )
