"""Endpoints of roles, their grants, assignments, modules and groups."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from app.core.db.pagination import Page, RowPage
from app.core.http.dependencies import Caller, read_only, transactional
from app.core.http.guards import authenticated, policy_change, requires
from app.core.http.route import IfMatch
from app.core.http.router import Router
from app.core.resources.router import Resource, add_resource
from app.modules.audit import add_history
from app.modules.roles.modules.router import modules_router
from app.modules.roles.schemas import (
    AssignmentRead,
    Assignments,
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
from app.modules.roles.service import AssignmentService, RoleService

router = Router(
    "roles",
    prefix="",
    name="Roles",
    group="System",
    icon="key",
    sort_order=85,
    about="Roles, their grants, and the users who have them.",
)
mine = Router(prefix="/auth/me", tag="me", about="Your own account.")

Roles = Annotated[RoleService, transactional(RoleService)]
ReadRoles = Annotated[RoleService, read_only(RoleService)]
WriteAssignments = Annotated[AssignmentService, transactional(AssignmentService)]
ReadAssignments = Annotated[AssignmentService, read_only(AssignmentService)]
ROLES_READ = [requires("roles:read")]
ROLES_UPDATE = policy_change("roles:update")


def guard(action: str) -> list[Any]:
    """The guards of roles. Creating a role changes no policy, because a new role grants nothing."""
    if action == "create":
        return [requires("roles:create", durable_audit=True)]
    return ROLES_READ if action == "read" else policy_change(f"roles:{action}")


@router.get("/roles/matrix", response_model=Page[MatrixRow], dependencies=ROLES_READ)
async def list_role_matrices(roles: ReadRoles, query: Annotated[RoleQuery, Query()]) -> RowPage:
    """List roles with all of their grants."""
    return await roles.matrices(query)


@router.patch("/roles/matrix", dependencies=ROLES_UPDATE)
async def update_role_matrices(roles: Roles, data: MatrixEdit) -> list[MatrixRow]:
    """Replace the grants of several roles at once, all or nothing. Roles that are not named keep theirs."""
    return await roles.replace_matrices(data.roles)


resource = Resource(
    name="role",
    service=RoleService,
    create=RoleCreate,
    update=RoleUpdate,
    read=RoleRead,
    query=RoleQuery,
    guard=guard,
    summaries={
        "create": "Create a role. It grants nothing yet.",
        "delete": "Hide a role. It grants nothing from now on.",
        "restore": "Make a hidden role visible again. Its grants and its users come back with it.",
    },
    has_bulk=False,
)
add_resource(router, resource, path="/roles")
add_history(router, resource, path="/roles")


@router.get("/roles/{id}/users", response_model=Page[RoleHolder], dependencies=ROLES_READ)
async def list_role_users(assignments: ReadAssignments, id: UUID, query: Annotated[HolderQuery, Query()]) -> RowPage:
    """List the users who have a role, with the terms of each assignment."""
    return await assignments.holders(id, query)


@router.get("/roles/{id}/modules", dependencies=ROLES_READ)
async def get_role_modules(roles: ReadRoles, id: UUID) -> Matrix:
    """Get all grants of a role."""
    return await roles.matrix(id)


@router.put("/roles/{id}/modules", dependencies=ROLES_UPDATE)
async def replace_role_modules(roles: Roles, id: UUID, data: Matrix, if_match: IfMatch = None) -> Matrix:
    """Replace all grants of a role."""
    return await roles.replace_matrix(id, data.modules, if_match)


@router.get("/users/{id}/roles", response_model=list[AssignmentRead], dependencies=[requires("users:read")])
async def get_user_roles(assignments: ReadAssignments, id: UUID) -> Any:
    """Get the roles of a user, with the terms of each assignment."""
    return await assignments.roles(id)


@router.put("/users/{id}/roles", response_model=list[AssignmentRead], dependencies=policy_change("users:update"))
async def replace_user_roles(
    assignments: WriteAssignments, id: UUID, data: Assignments, if_match: IfMatch = None
) -> Any:
    """Replace the roles of a user. `If-Match` names the version of the user."""
    return await assignments.replace(id, data, if_match)


@mine.get("/roles", response_model=list[AssignmentRead], dependencies=[authenticated()])
async def get_my_roles(assignments: ReadAssignments, principal: Caller) -> Any:
    """Get your roles."""
    return await assignments.roles(principal.user_id)


ROUTERS = (router, modules_router, mine)
