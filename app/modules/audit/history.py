"""The endpoint by which every resource shows what became of one of its items."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from app.core.db import reading
from app.core.guard import requires
from app.core.page import Page, Window
from app.core.routing import Router
from app.modules.audit.schemas import ChangeRead, HistoryQuery
from app.modules.audit.service import ChangeService

History = Annotated[ChangeService, reading(ChangeService)]


def add_history(router: Router, entity: str) -> None:
    """Add `GET /{id}/history` to the router of `entity` (a table), for readers of the module and of the record."""
    slug = router.module.slug if router.module else ""

    async def endpoint(history: History, id: UUID, query: Annotated[HistoryQuery, Query()]) -> Window:
        return await history.history(entity, id, query)

    endpoint.__name__ = f"{entity}_history"
    endpoint.__doc__ = f"Who changed this {entity}, when, from what to what."
    guard = requires(f"{slug}:read", "audit:read")
    router.get("/{id}/history", response_model=Page[ChangeRead], dependencies=[guard])(endpoint)
