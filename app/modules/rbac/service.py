"""Roles, their matrices, and who has them. Whether a change is allowed is for the policy check at the commit to say."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from app.core.db import ReadSession, Session
from app.core.errors import StaleVersion, invalid
from app.core.page import PageQuery, Window
from app.core.service import Service
from app.core.types import AnyRow, now
from app.modules.rbac.models import Role, RoleModule, UserRole
from app.modules.rbac.repository import AssignmentRepository, HolderRepository, RoleRepository
from app.modules.rbac.schemas import Assignment, Flags, MatrixRow, RoleMatrix
from app.modules.users import UserRepository


class RoleService(Service[Role]):
    repository = RoleRepository
    rows: RoleRepository

    async def matrix(self, id: UUID) -> list[Flags]:
        """The grants of a role. Raises NotFound."""
        await self.rows.get(id)
        return [flags(row) for row in await self.rows.matrix({id})]

    async def matrices(self, query: PageQuery) -> Window:
        """Roles, each with everything that it grants."""
        window = await self.rows.page(query)
        found: dict[UUID, list[Flags]] = defaultdict(list)
        for row in await self.rows.matrix({role.id for role in window.items}):
            found[row.role_id].append(flags(row))
        items = [
            MatrixRow(role_id=r.id, role_name=r.name, is_active=r.is_active, version=r.version, modules=found[r.id])
            for r in window.items
        ]
        return Window(items, window.next_cursor, window.total)

    async def replace_matrix(self, id: UUID, wanted: list[Flags], if_match: str | None = None) -> list[Flags]:
        """Make the role grant exactly `wanted`, in one transaction. Raises NotFound, Invalid, StaleVersion."""
        role = await self.rows.load(id, if_match)
        await self.set_grants(role, wanted, "/body/modules")
        return wanted

    async def replace_matrices(self, wanted: list[RoleMatrix]) -> list[MatrixRow]:
        """Make each of these roles grant exactly what is listed; all or nothing. Roles are locked in one order."""
        for index, item in sorted(enumerate(wanted), key=lambda pair: pair[1].role_id):
            role = await self.rows.load(item.role_id)
            if item.version is not None and item.version != role.version:
                raise StaleVersion(f"The role {role.name} is at version {role.version} now.")
            await self.set_grants(role, item.modules, f"/body/roles/{index}/modules")
        return [matrix_row(await self.rows.load(item.role_id), item.modules) for item in wanted]

    async def set_grants(self, role: Role, wanted: list[Flags], pointer: str) -> None:
        """Make `role` grant exactly `wanted`; a difference is a new version of the role."""
        known = await self.rows.module_ids({item.module_slug for item in wanted})
        for index, item in enumerate(wanted):
            if item.module_slug not in known:
                raise invalid(f"{pointer}/{index}/module_slug", "There is no such module.", "unknown-module")
        present = await self.rows.grants(role.id)
        for item in wanted:
            module_id = known[item.module_slug]
            values = {**item.model_dump(exclude={"module_slug"}), "is_active": True}
            grant = present.pop(module_id, None)
            if grant is None:
                self.rows.writer.add(RoleModule(role_id=role.id, module_id=module_id, **values))
            else:
                grant.sqlmodel_update(values)
        for grant in present.values():
            await self.rows.writer.delete(grant)
        await save(self.rows.writer, role)


class AssignmentService:
    """Which roles a user has, and which users a role."""

    def __init__(self, session: Session | ReadSession) -> None:
        self.rows = AssignmentRepository(session)

    async def roles(self, user_id: UUID) -> list[AnyRow]:
        """Raises NotFound."""
        await UserRepository(self.rows.session).get(user_id)
        return list(await self.rows.roles(user_id))

    async def holders(self, role_id: UUID, query: PageQuery) -> Window:
        """Raises NotFound."""
        await RoleRepository(self.rows.session).get(role_id)
        rows = HolderRepository(self.rows.session)
        return await rows.window(rows.of_role(role_id), query, f"role/{role_id}/users")

    async def replace(self, user_id: UUID, wanted: list[Assignment], if_match: str | None = None) -> list[AnyRow]:
        """Give the user exactly these roles, on these terms. Raises NotFound, StaleVersion, Invalid."""
        session = self.rows.writer
        user = await UserRepository(session).load(user_id, if_match)
        await self.refuse_unknown(wanted)
        links = await self.rows.links(user_id)
        for item in wanted:
            link = links.pop(item.role_id, None) or UserRole(user_id=user_id, role_id=item.role_id)
            terms = item.model_dump(exclude={"role_id"})
            if item.reason is None and same_terms(link, terms):
                terms.pop("reason")
            for name, value in {**terms, "is_active": True}.items():
                if getattr(link, name) != value:
                    setattr(link, name, value)
            session.add(link)
        for link in links.values():
            await session.delete(link)
        await save(session, user)
        return list(await self.rows.roles(user_id))

    async def refuse_unknown(self, wanted: Iterable[Assignment]) -> None:
        ids = {item.role_id for item in wanted}
        if unknown := ids - await self.rows.existing(ids):
            raise invalid("/body", f"There is no role {min(unknown)}.", "unknown-role")


async def save(session: Session, owner: Any) -> None:
    """Write what changed in a set; any difference is a new version of its owner."""
    if session.has_changes():
        owner.updated_at = now()
    await session.flush()


def same_terms(link: UserRole, terms: dict[str, Any]) -> bool:
    """Whether an assignment goes on as it is: then its reason stays too."""
    return (link.valid_from, link.valid_until) == (terms["valid_from"], terms["valid_until"])


def flags(row: AnyRow) -> Flags:
    return Flags(module_slug=row.slug, can_create=row.can_create, can_update=row.can_update, can_delete=row.can_delete)


def matrix_row(role: Role, modules: list[Flags]) -> MatrixRow:
    return MatrixRow(
        role_id=role.id, role_name=role.name, is_active=role.is_active, version=role.version, modules=modules
    )
