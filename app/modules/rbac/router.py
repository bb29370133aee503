"""Role endpoints, assignments, and what the caller may do."""

from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from app.core.db import provided, reading
from app.core.guard import Caller, requires, signed_in
from app.core.page import Page, Window
from app.core.routing import IfMatch, Router
from app.modules.audit import ChangeRead, History, HistoryQuery
from app.modules.rbac.models import Role
from app.modules.rbac.schemas import (
    Flags,
    Matrix,
    MenuGroup,
    ModuleQuery,
    ModuleRead,
    PermissionRead,
    RoleCreate,
    RoleIds,
    RoleQuery,
    RoleRead,
    RoleUpdate,
)
from app.modules.rbac.service import AssignmentService, ModuleService, RoleService

router = Router("roles", prefix="", name="Roles", group="System", icon="key", sort_order=85)

Roles = Annotated[RoleService, provided(RoleService)]
ReadRoles = Annotated[RoleService, reading(RoleService)]
Assignments = Annotated[AssignmentService, provided(AssignmentService)]
ReadAssignments = Annotated[AssignmentService, reading(AssignmentService)]
ReadModules = Annotated[ModuleService, reading(ModuleService)]


@router.get("/roles", response_model=Page[RoleRead], dependencies=[requires("roles:read")])
async def list_roles(roles: ReadRoles, query: Annotated[RoleQuery, Query()]) -> Window:
    """List roles."""
    return await roles.page(query)


@router.post(
    "/roles",
    response_model=RoleRead,
    status_code=HTTPStatus.CREATED,
    dependencies=[requires("roles:create", synced=True)],
)
async def create_role(roles: Roles, data: RoleCreate) -> Role:
    """Create a role, which grants nothing yet."""
    return await roles.create(data)


@router.get("/roles/{id}", response_model=RoleRead, dependencies=[requires("roles:read")])
async def get_role(roles: ReadRoles, id: UUID) -> Any:
    """Get a role."""
    return await roles.get(id)


@router.patch("/roles/{id}", response_model=RoleRead, dependencies=[requires("roles:update", synced=True)])
async def update_role(roles: Roles, id: UUID, data: RoleUpdate, if_match: IfMatch = None) -> Role:
    """Change some fields of a role."""
    return await roles.update(id, data, if_match)


@router.delete("/roles/{id}", status_code=HTTPStatus.NO_CONTENT, dependencies=[requires("roles:delete", synced=True)])
async def delete_role(roles: Roles, id: UUID, if_match: IfMatch = None) -> None:
    """Hide a role; it grants nothing from now on."""
    await roles.delete(id, if_match)


@router.post("/roles/{id}/restore", response_model=RoleRead, dependencies=[requires("roles:delete", synced=True)])
async def restore_role(roles: Roles, id: UUID, if_match: IfMatch = None) -> Role:
    """Bring a hidden role back, with its grants and its users."""
    return await roles.restore(id, if_match)


@router.get("/roles/{id}/history", response_model=Page[ChangeRead], dependencies=[requires("roles:read", "audit:read")])
async def role_history(history: History, id: UUID, query: Annotated[HistoryQuery, Query()]) -> Window:
    """Who changed this role, when, from what to what."""
    return await history.history("role", id, query)


@router.get("/roles/{id}/modules", dependencies=[requires("roles:read")])
async def get_role_modules(roles: ReadRoles, id: UUID) -> list[Flags]:
    """The whole matrix of one role."""
    return await roles.matrix(id)


@router.put("/roles/{id}/modules", dependencies=[requires("roles:update", synced=True)])
async def replace_role_modules(roles: Roles, id: UUID, data: Matrix, if_match: IfMatch = None) -> list[Flags]:
    """Replace the whole matrix of one role."""
    return await roles.replace_matrix(id, data.modules, if_match)


@router.get("/users/{id}/roles", dependencies=[requires("users:read")])
async def get_user_roles(assignments: ReadAssignments, id: UUID) -> list[RoleRead]:
    """The roles of a user."""
    return [RoleRead.model_validate(role) for role in await assignments.roles(id)]


@router.put("/users/{id}/roles", dependencies=[requires("users:update", synced=True)])
async def replace_user_roles(
    assignments: Assignments, id: UUID, data: RoleIds, if_match: IfMatch = None
) -> list[RoleRead]:
    """Replace the roles of a user; `If-Match` names the version of the user."""
    found = await assignments.replace(id, data.role_ids, if_match)
    return [RoleRead.model_validate(role) for role in found]


@router.get("/modules", response_model=Page[ModuleRead], dependencies=[requires("roles:read")])
async def list_modules(modules: ReadModules, query: Annotated[ModuleQuery, Query()]) -> Window:
    """The modules that the code declares."""
    return await modules.page(query)


@router.get("/auth/me/roles", dependencies=[signed_in])
async def get_my_roles(assignments: ReadAssignments, principal: Caller) -> list[RoleRead]:
    """Your roles."""
    return [RoleRead.model_validate(role) for role in await assignments.roles(principal.user_id)]


@router.get("/auth/me/permissions", dependencies=[signed_in])
async def get_my_permissions(modules: ReadModules, principal: Caller) -> list[PermissionRead]:
    """What you may do, module by module."""
    return await modules.permissions(principal)


@router.get("/auth/me/menu", dependencies=[signed_in])
async def get_my_menu(modules: ReadModules, principal: Caller) -> list[MenuGroup]:
    """The menu that your roles give you."""
    return await modules.menu(principal)
