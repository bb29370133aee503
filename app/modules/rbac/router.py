"""Role endpoints, matrices and assignments."""

from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from app.core.db import provided, reading
from app.core.guard import policy_write, requires
from app.core.page import Page, Window
from app.core.routing import IfMatch, Router
from app.modules.audit import add_history
from app.modules.rbac import menu_router, policy_router
from app.modules.rbac.models import Role
from app.modules.rbac.schemas import (
    AssignmentRead,
    Assignments,
    Flags,
    HolderQuery,
    Matrix,
    MatrixEdit,
    MatrixRow,
    RoleCreate,
    RoleHolder,
    RoleQuery,
    RoleRead,
    RoleUpdate,
)
from app.modules.rbac.service import AssignmentService, RoleService

router = Router(
    "roles",
    prefix="",
    name="Roles",
    group="System",
    icon="key",
    sort_order=85,
    about="Roles, their matrices, and who has them.",
)

Roles = Annotated[RoleService, provided(RoleService)]
ReadRoles = Annotated[RoleService, reading(RoleService)]
WriteAssignments = Annotated[AssignmentService, provided(AssignmentService)]
ReadAssignments = Annotated[AssignmentService, reading(AssignmentService)]


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


@router.get("/roles/matrix", response_model=Page[MatrixRow], dependencies=[requires("roles:read")])
async def list_role_matrices(roles: ReadRoles, query: Annotated[RoleQuery, Query()]) -> Window:
    """Every role with every module that it grants."""
    return await roles.matrices(query)


@router.patch("/roles/matrix", dependencies=policy_write("roles:update"))
async def update_role_matrices(roles: Roles, data: MatrixEdit) -> list[MatrixRow]:
    """Replace the matrices of several roles at once, all or nothing; roles that are not named stay as they are."""
    return await roles.replace_matrices(data.roles)


@router.get("/roles/{id}", response_model=RoleRead, dependencies=[requires("roles:read")])
async def get_role(roles: ReadRoles, id: UUID) -> Any:
    """Get a role."""
    return await roles.get(id)


@router.patch("/roles/{id}", response_model=RoleRead, dependencies=policy_write("roles:update"))
async def update_role(roles: Roles, id: UUID, data: RoleUpdate, if_match: IfMatch = None) -> Role:
    """Change some fields of a role."""
    return await roles.update(id, data, if_match)


@router.delete("/roles/{id}", status_code=HTTPStatus.NO_CONTENT, dependencies=policy_write("roles:delete"))
async def delete_role(roles: Roles, id: UUID, if_match: IfMatch = None) -> None:
    """Hide a role; it grants nothing from now on."""
    await roles.delete(id, if_match)


@router.post("/roles/{id}/restore", response_model=RoleRead, dependencies=policy_write("roles:delete"))
async def restore_role(roles: Roles, id: UUID, if_match: IfMatch = None) -> Role:
    """Bring a hidden role back, with its grants and its users."""
    return await roles.restore(id, if_match)


add_history(router, "role", "/roles")


@router.get("/roles/{id}/users", response_model=Page[RoleHolder], dependencies=[requires("roles:read")])
async def list_role_users(assignments: ReadAssignments, id: UUID, query: Annotated[HolderQuery, Query()]) -> Window:
    """Who has this role, and on what terms."""
    return await assignments.holders(id, query)


@router.get("/roles/{id}/modules", dependencies=[requires("roles:read")])
async def get_role_modules(roles: ReadRoles, id: UUID) -> list[Flags]:
    """The whole matrix of one role."""
    return await roles.matrix(id)


@router.put("/roles/{id}/modules", dependencies=policy_write("roles:update"))
async def replace_role_modules(roles: Roles, id: UUID, data: Matrix, if_match: IfMatch = None) -> list[Flags]:
    """Replace the whole matrix of one role."""
    return await roles.replace_matrix(id, data.modules, if_match)


@router.get("/users/{id}/roles", response_model=list[AssignmentRead], dependencies=[requires("users:read")])
async def get_user_roles(assignments: ReadAssignments, id: UUID) -> Any:
    """The roles of a user, and on what terms."""
    return await assignments.roles(id)


@router.put("/users/{id}/roles", response_model=list[AssignmentRead], dependencies=policy_write("users:update"))
async def replace_user_roles(
    assignments: WriteAssignments, id: UUID, data: Assignments, if_match: IfMatch = None
) -> Any:
    """Replace the roles of a user; `If-Match` names the version of the user."""
    return await assignments.replace(id, data.wanted(), if_match)


router.include_router(policy_router.router)
router.include_router(menu_router.router)
