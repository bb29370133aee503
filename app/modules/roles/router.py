"""Endpoints of roles, their grants, modules and groups."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from app.core.db.pagination import Page, RowPage
from app.core.http.dependencies import read_only, transactional
from app.core.http.guards import policy_change, requires
from app.core.http.route import IfMatch
from app.core.http.router import Router
from app.core.resources.router import Resource, add_resource
from app.modules.audit import add_history
from app.modules.roles.assignments.router import ROUTERS as ASSIGNMENT_ROUTERS
from app.modules.roles.modules.router import modules_router
from app.modules.roles.schemas import (
    Matrix,
    MatrixEdit,
    MatrixRow,
    RoleCreate,
    RoleQuery,
    RoleRead,
    RoleUpdate,
)
from app.modules.roles.service import RoleService

router = Router(
    "roles",
    prefix="",
    name="Roles",
    group="System",
    icon="key",
    sort_order=85,
    about="Roles, their grants, and the users who have them.",
)
Roles = Annotated[RoleService, transactional(RoleService)]
ReadRoles = Annotated[RoleService, read_only(RoleService)]

ROLES_READ = [requires("roles:read")]
ROLES_UPDATE = policy_change("roles:update")


def guard(action: str) -> list[Any]:
    """The guards of roles. Creating a role changes no policy, because a new role grants nothing."""
    if action == "create":
        return [requires("roles:create", durable_audit=True)]
    return ROLES_READ if action == "read" else policy_change(f"roles:{action}")


@router.get("/roles/matrix", response_model=Page[MatrixRow], dependencies=[requires("roles:read", "audit:read")])
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


@router.get("/roles/{id}/modules", dependencies=ROLES_READ)
async def get_role_modules(roles: ReadRoles, id: UUID) -> Matrix:
    """Get all grants of a role."""
    return await roles.matrix(id)


@router.put("/roles/{id}/modules", dependencies=ROLES_UPDATE)
async def replace_role_modules(roles: Roles, id: UUID, data: Matrix, if_match: IfMatch = None) -> Matrix:
    """Replace all grants of a role."""
    return await roles.replace_matrix(id, data.modules, if_match)


ROUTERS = (router, *ASSIGNMENT_ROUTERS, modules_router)
