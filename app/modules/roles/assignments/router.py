"""Endpoints of assignments: the roles of users, and the users of roles."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from app.core.db.pagination import Page, RowPage
from app.core.http.dependencies import Caller, read_only, transactional
from app.core.http.guards import authenticated, policy_change, requires
from app.core.http.route import IfMatch
from app.core.http.router import Router
from app.modules.roles.assignments.schemas import (
    Assignments,
    AssignmentsRead,
    HolderChange,
    HolderResults,
    RoleHolder,
)
from app.modules.roles.assignments.service import AssignmentService
from app.modules.roles.schemas import HolderQuery

router = Router(prefix="", tag="roles", about="Roles, their grants, and the users who have them.")
mine = Router(prefix="/auth/me", tag="me", about="Your own account.")

WriteAssignments = Annotated[AssignmentService, transactional(AssignmentService)]
ReadAssignments = Annotated[AssignmentService, read_only(AssignmentService)]


@router.get("/roles/{id}/users", response_model=Page[RoleHolder], dependencies=[requires("roles:read")])
async def list_role_users(assignments: ReadAssignments, id: UUID, query: Annotated[HolderQuery, Query()]) -> RowPage:
    """List the users who have a role, with the terms of each assignment."""
    return await assignments.holders(id, query)


@router.post(
    "/roles/{id}/users",
    response_model=HolderResults,
    dependencies=policy_change("users:update", also=["roles:read"]),
)
async def change_role_users(
    assignments: WriteAssignments, id: UUID, data: HolderChange, if_match: IfMatch = None
) -> Any:
    """Give a role to users, and take it from others: all or none. `If-Match` names the version of the role.

    Users who have the role on these terms, or do not have it, stay as they are.
    """
    return await assignments.change_holders(id, data, if_match)


@router.get("/users/{id}/roles", response_model=AssignmentsRead, dependencies=[requires("users:read")])
async def get_user_roles(assignments: ReadAssignments, id: UUID) -> Any:
    """Get the roles of a user, with the terms of each assignment."""
    return await assignments.roles(id)


@router.put("/users/{id}/roles", response_model=AssignmentsRead, dependencies=policy_change("users:update"))
async def replace_user_roles(
    assignments: WriteAssignments, id: UUID, data: Assignments, if_match: IfMatch = None
) -> Any:
    """Replace the roles of a user. `If-Match` names the version of the user."""
    return await assignments.replace(id, data, if_match)


@mine.get("/roles", response_model=AssignmentsRead, dependencies=[authenticated()])
async def get_my_roles(assignments: ReadAssignments, principal: Caller) -> Any:
    """Get your roles."""
    return await assignments.roles(principal.user_id)


ROUTERS = (router, mine)
