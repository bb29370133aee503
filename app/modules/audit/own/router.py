"""The endpoint of the caller's own changes."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Query

from app.core.db.pagination import Page, RowPage
from app.core.http.dependencies import Caller, read_only
from app.core.http.guards import authenticated
from app.core.http.router import Router
from app.modules.audit.own.schemas import OwnChangeQuery, OwnChangeRead
from app.modules.audit.own.service import OwnChangeService
from app.modules.audit.sealer.archived import ARCHIVED_MONTHS

router = Router(prefix="/auth/me", tag="me", about="Your own account.")

OwnChanges = Annotated[OwnChangeService, read_only(OwnChangeService)]


@router.get(
    "/changes",
    response_model=Page[OwnChangeRead],
    responses={HTTPStatus.OK: {"headers": ARCHIVED_MONTHS}},
    dependencies=[authenticated(session_only=True)],
)
async def list_my_changes(changes: OwnChanges, caller: Caller, query: Annotated[OwnChangeQuery, Query()]) -> RowPage:
    """List the items that you changed, newest first: what you did with each, and when."""
    return await changes.page(caller.user_id, query)
