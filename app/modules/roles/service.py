"""Roles, grants and modules. The policy guard decides at the commit whether a change is allowed."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from app.core.context import ALL_ROWS
from app.core.db.links import flush_set
from app.core.db.pagination import PageQuery, RowPage
from app.core.db.session import AnyRow
from app.core.db.versions import add_etag
from app.core.errors import StaleVersion, invalid
from app.core.resources.service import Service
from app.modules.roles.models import ACTIONS, Role, RoleModule, names_of
from app.modules.roles.repository import RoleRepository
from app.modules.roles.schemas import Flags, Matrix, MatrixRow, RoleMatrix


class RoleService(Service[Role]):
    """Roles and their grants."""

    repository = RoleRepository
    rows: RoleRepository

    async def matrix(self, id: UUID) -> Matrix:
        """The grants of a role. Raises NotFound."""
        await self.rows.get(id)
        return Matrix(modules=[flags_of(row) for row in await self.rows.matrix({id})])

    async def matrices(self, query: PageQuery) -> RowPage:
        """Roles, each with all of its grants."""
        page = await self.rows.page(query)
        grants: dict[UUID, list[Flags]] = defaultdict(list)
        for row in await self.rows.matrix({role.id for role in page.items}):
            grants[row.role_id].append(flags_of(row))
        items = [
            MatrixRow(role_id=r.id, role_name=r.name, is_active=r.is_active, version=r.version, modules=grants[r.id])
            for r in page.items
        ]
        return replace(page, items=items)

    async def replace_matrix(self, id: UUID, wanted: list[Flags], if_match: str | None = None) -> Matrix:
        """Make the role grant exactly `wanted`, in one transaction. Raises NotFound, Invalid, StaleVersion."""
        role = await self.rows.load(id, if_match)
        await self.set_grants(role, wanted, "/body/modules")
        return Matrix(modules=wanted)

    async def replace_matrices(self, wanted: list[RoleMatrix]) -> list[MatrixRow]:
        """Make each of these roles grant exactly what is listed. Roles are locked in the order of their ids."""
        for index, item in sorted(enumerate(wanted), key=lambda pair: pair[1].role_id):
            role = await self.rows.load(item.role_id)
            if item.version is not None and item.version != role.version:
                detail = f"The role {role.name} is at version {role.version} now."
                problem = StaleVersion(detail, params={"version": role.version})
                raise add_etag(problem, role).relocate(f"/body/roles/{index}")
            await self.set_grants(role, item.modules, f"/body/roles/{index}/modules")
        return [matrix_row(await self.rows.load(item.role_id), item.modules) for item in wanted]

    async def set_grants(self, role: Role, wanted: list[Flags], pointer: str) -> None:
        """Make `role` grant exactly `wanted`. A difference is a new version of the role."""
        known = await self.rows.modules({item.module_slug for item in wanted})
        present = await self.rows.grants(role.id)
        for index, item in enumerate(wanted):
            check_grant(item, known.get(item.module_slug), present, f"{pointer}/{index}")
        for item in wanted:
            module_id = known[item.module_slug].id
            values = {**item.model_dump(exclude={"module_slug"}), "is_active": True}
            grant = present.pop(module_id, None)
            if grant is None:
                self.rows.writer.add(RoleModule(role_id=role.id, module_id=module_id, **values))
            else:
                grant.sqlmodel_update(values)
        for grant in present.values():
            self.rows.writer.remove(grant)
        await flush_set(self.rows.writer, role)


def check_grant(wanted: Flags, module: AnyRow | None, present: Mapping[UUID, RoleModule], pointer: str) -> None:
    """Raise Invalid for an unknown module, action or scope. A grant keeps those that the code declares no more."""
    if module is None:
        raise invalid(f"{pointer}/module_slug", "There is no such module.", "unknown-module")
    kept = present.get(module.id)
    actions = names_of(module.module_actions).union(kept.actions if kept else ())
    if unknown := [index for index, action in enumerate(wanted.actions) if action not in actions]:
        detail = f"The module {module.slug} has no such action."
        raise invalid(f"{pointer}/actions/{unknown[0]}", detail, "unknown-action", module=module.slug)
    scopes = names_of(module.module_scopes).union({ALL_ROWS}, [kept.scope] if kept else ())
    if wanted.scope not in scopes:
        detail = f"The module {module.slug} has no such scope."
        raise invalid(f"{pointer}/scope", detail, "unknown-scope", module=module.slug)


def flags_of(row: AnyRow) -> Flags:
    flags = {f"can_{action}": getattr(row, f"can_{action}") for action in ACTIONS}
    return Flags(module_slug=row.slug, **flags, actions=row.actions, scope=row.scope)


def matrix_row(role: Role, modules: list[Flags]) -> MatrixRow:
    return MatrixRow(
        role_id=role.id, role_name=role.name, is_active=role.is_active, version=role.version, modules=modules
    )
