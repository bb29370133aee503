"""The endpoint by which every resource shows what became of one of its items."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from app.core.db import reading
from app.core.guard import Caller, requires
from app.core.page import Page, Window
from app.core.routing import Router
from app.modules.audit.schemas import ChangeRead, HistoryQuery
from app.modules.audit.service import ChangeService

History = Annotated[ChangeService, reading(ChangeService)]


def add_history(router: Router, entity: str, path: str = "") -> None:
    """Add `GET {path}/{id}/history` to the router of `entity` (a table), for readers of the module or of the record."""
    slug = router.module.slug if router.module else ""

    async def endpoint(history: History, caller: Caller, id: UUID, query: Annotated[HistoryQuery, Query()]) -> Window:
        if caller.may("audit:read"):
            return await history.history(entity, id, query)
        return await history.visible_history(entity, id, query)

    endpoint.__name__ = f"{entity}_history"
    endpoint.__doc__ = f"Who changed this {entity}, when, from what to what."
    guard = requires(f"{slug}:read", "audit:read")
    router.get(f"{path}/{{id}}/history", response_model=Page[ChangeRead], dependencies=[guard])(endpoint)
