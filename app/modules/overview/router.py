"""The endpoint of overviews."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request

from app.core.http.dependencies import Caller, name_subject, read_only
from app.core.http.guards import requires
from app.core.http.router import Router
from app.core.http.state import context_of, state_of
from app.modules.overview.schemas import UserOverview
from app.modules.overview.service import OverviewService

router = Router(prefix="/users", tag="users", about="People and services that may sign in.")

Overviews = Annotated[OverviewService, read_only(OverviewService)]


@router.get(
    "/{id}/overview",
    response_model=UserOverview,
    dependencies=[requires("users:read"), Depends(name_subject)],
)
async def get_user_overview(request: Request, overviews: Overviews, principal: Caller, id: UUID) -> Any:
    """Get all about a user in one call: profile, roles, permissions with their reasons, sessions, keys, sign-ins.

    A part that the caller may not read is null, and `left_out` names the permission that it needs. Each list has its
    first ten items, and its `next_cursor` is for the list of its own: `/users/{id}/sessions`, `/users/{id}/api-keys`,
    and `/auth/logins?user_id=`.
    """
    overview = await overviews.read(id, principal, state_of(request).settings.auth)
    context_of(request).next_cursor = None  # those of the lists in it are not of this address
    return overview
