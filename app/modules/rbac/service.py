"""Role rules: a matrix or an assignment never hands out what its author does not hold."""

from uuid import UUID

from app.core.context import Principal
from app.core.db import ReadSession, Session
from app.core.errors import invalid
from app.core.page import PageQuery, Window
from app.core.schema import Patch
from app.core.service import Service
from app.core.types import AnyRow, now
from app.modules.rbac.models import Role, RoleModule, UserRole
from app.modules.rbac.repository import ACTIONS, AssignmentRepository, ModuleRepository, RoleRepository
from app.modules.rbac.schemas import Flags, MenuGroup, MenuModule, PermissionRead
from app.modules.users import CannotGrant, UserRepository, refuse_dominated


def refuse_gain(principal: Principal | None, permissions: frozenset[str]) -> None:
    """Raise CannotGrant for a permission that the caller does not hold. Commands (no caller) act as the system."""
    if principal is not None and not principal.is_superuser and (gained := permissions - principal.permissions):
        raise CannotGrant(f"You cannot grant what you do not hold: {', '.join(sorted(gained))}.")


def permission(principal: Principal, slug: str) -> PermissionRead:
    flags = {f"can_{action}": principal.may(f"{slug}:{action}") for action in (*ACTIONS, "read")}
    return PermissionRead(module_slug=slug, **flags)


class RoleService(Service[Role]):
    repository = RoleRepository
    rows: RoleRepository

    async def update(self, id: UUID, data: Patch, if_match: str | None = None) -> Role:
        """Activating a role hands out what it grants."""
        role = await self.rows.load(id, if_match)
        if not role.is_active and data.changes().get("is_active"):
            refuse_gain(self.rows.session.context.principal, await self.rows.permissions_of({id}))
        return await self.rows.change(role, data.changes())

    async def restore(self, id: UUID, if_match: str | None = None) -> Role:
        refuse_gain(self.rows.session.context.principal, await self.rows.permissions_of({id}))
        return await super().restore(id, if_match)

    async def matrix(self, id: UUID) -> list[Flags]:
        """The grants of a role. Raises NotFound."""
        await self.rows.get(id)
        return [flags(row) for row in await self.rows.matrix(id)]

    async def replace_matrix(self, id: UUID, wanted: list[Flags], if_match: str | None = None) -> list[Flags]:
        """Make the role grant exactly `wanted`, in one transaction. Raises NotFound, Invalid, CannotGrant."""
        role = await self.rows.load(id, if_match)
        present = permissions_of(await self.matrix(id))
        refuse_gain(self.rows.session.context.principal, permissions_of(wanted) - present)
        known = await self.rows.module_ids({item.module_slug for item in wanted})
        for index, item in enumerate(wanted):
            if item.module_slug not in known:
                raise invalid(f"/body/modules/{index}/module_slug", "There is no such module.", "unknown-module")
        await self.set_grants(role, {known[item.module_slug]: item for item in wanted})
        return wanted

    async def set_grants(self, role: Role, wanted: dict[UUID, Flags]) -> None:
        """Make `role` grant exactly `wanted`, by module id; a difference is a new version of the role."""
        present = await self.rows.grants(role.id)
        for module_id, item in wanted.items():
            values = {**item.model_dump(exclude={"module_slug"}), "is_active": True}
            grant = present.pop(module_id, None)
            if grant is None:
                self.rows.writer.add(RoleModule(role_id=role.id, module_id=module_id, **values))
            else:
                grant.sqlmodel_update(values)
        for grant in present.values():
            await self.rows.writer.delete(grant)
        if self.rows.writer.has_changes():
            role.updated_at = now()
        await self.rows.writer.flush()


class AssignmentService:
    """Which roles a user has."""

    def __init__(self, session: Session | ReadSession) -> None:
        self.rows = AssignmentRepository(session)

    async def roles(self, user_id: UUID) -> list[AnyRow]:
        """Raises NotFound."""
        await UserRepository(self.rows.session).get(user_id)
        return list(await self.rows.roles(user_id))

    async def replace(self, user_id: UUID, role_ids: list[UUID], if_match: str | None = None) -> list[AnyRow]:
        """Give the user exactly these roles. Raises NotFound, StaleVersion, Invalid, CannotGrant, Dominated."""
        roles = RoleRepository(self.rows.session)
        session = roles.writer
        principal = session.context.principal
        user = await UserRepository(session).load(user_id, if_match)
        refuse_dominated(principal, user, await session.permissions_of(user_id))
        wanted = set(role_ids)
        if unknown := wanted - await self.rows.existing(wanted):
            raise invalid("/body/role_ids", f"There is no role {min(unknown)}.", "unknown-role")
        links = await self.rows.links(user_id)
        gained = wanted - {role_id for role_id, link in links.items() if link.is_active}
        refuse_gain(principal, await roles.permissions_of(gained))
        for role_id in sorted(gained):
            link = links.get(role_id) or UserRole(user_id=user_id, role_id=role_id)
            link.is_active = True
            session.add(link)
        for role_id in links.keys() - wanted:
            await session.delete(links[role_id])
        if session.has_changes():
            user.updated_at = now()
        await session.flush()
        return list(await self.rows.roles(user_id))


class ModuleService:
    """What the code declares, as the caller sees it."""

    def __init__(self, session: Session | ReadSession) -> None:
        self.rows = ModuleRepository(session)

    async def page(self, query: PageQuery) -> Window:
        return await self.rows.page(query)

    async def permissions(self, principal: Principal) -> list[PermissionRead]:
        """What the caller may do, module by module; modules without any permission are left out."""
        found = [permission(principal, row.slug) for row in await self.rows.menu()]
        return [item for item in found if item.can_read]

    async def menu(self, principal: Principal) -> list[MenuGroup]:
        """The groups and modules that the caller may read."""
        groups: dict[str, MenuGroup] = {}
        for row in await self.rows.menu():
            if not principal.may(f"{row.slug}:read"):
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
                permissions=permission(principal, row.slug),
            )
            groups.setdefault(row.group_slug, group).modules.append(item)
        return list(groups.values())


def flags(row: AnyRow) -> Flags:
    return Flags(module_slug=row.slug, can_create=row.can_create, can_update=row.can_update, can_delete=row.can_delete)


def permissions_of(wanted: list[Flags]) -> frozenset[str]:
    granted = {f"{item.module_slug}:read" for item in wanted}
    return frozenset(granted).union(
        f"{item.module_slug}:{action}" for item in wanted for action in ACTIONS if getattr(item, f"can_{action}")
    )
