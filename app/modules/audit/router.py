"""Audit endpoints. They only read, and every read is itself recorded, synced to disk."""

from typing import Annotated, Any

from fastapi import Depends, Path, Query, Request

from app.core.db import reading
from app.core.guard import requires
from app.core.page import Page, Window
from app.core.routing import Router
from app.modules.audit.schemas import AccessQuery, AccessRead, ChangeQuery, ChangeRead
from app.modules.audit.service import AccessService, ChangeService

router = Router(
    "audit",
    name="Audit",
    group="System",
    icon="shield",
    sort_order=90,
    about="The record: every request and every changed row.",
)

MAX_ID = 2**63 - 1

Accesses = Annotated[AccessService, reading(AccessService)]
Changes = Annotated[ChangeService, reading(ChangeService)]


async def flushed(request: Request) -> None:
    """An auditor reads everything that this process answered before the question."""
    await request.app.state.shipper.flush()


GUARDS = [requires("audit:read", synced=True)]


@router.get("/access", response_model=Page[AccessRead], dependencies=[*GUARDS, Depends(flushed)])
async def list_accesses(accesses: Accesses, query: Annotated[AccessQuery, Query()]) -> Window:
    """Requests, whatever their end."""
    return await accesses.page(query)


@router.get("/changes", response_model=Page[ChangeRead], dependencies=GUARDS)
async def list_changes(changes: Changes, query: Annotated[ChangeQuery, Query()]) -> Window:
    """Changed rows, with the values before and after."""
    return await changes.page(query)


@router.get("/changes/{id}", response_model=ChangeRead, dependencies=GUARDS)
async def get_change(changes: Changes, id: Annotated[int, Path(ge=1, le=MAX_ID)]) -> Any:
    """One changed row."""
    return await changes.get(id)
