"""Audit endpoints. They only read, and each read is itself logged, synced to disk."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Path, Query, Request

from app.core.db.pagination import Page, RowPage
from app.core.http.dependencies import Caller, read_only
from app.core.http.guards import requires
from app.core.http.router import Router
from app.core.http.state import state_of
from app.modules.audit.schemas import AccessQuery, AccessRead, ChangeQuery, ChangeRead, HistoryQuery
from app.modules.audit.service import AccessService, ChangeService

router = Router(
    "audit",
    name="Audit",
    group="System",
    icon="shield",
    sort_order=90,
    about="The audit log: the access log (every request) and the change log (every changed row).",
)

MAX_ID = 2**63 - 1

Accesses = Annotated[AccessService, read_only(AccessService)]
Changes = Annotated[ChangeService, read_only(ChangeService)]
AUDIT_READ = [requires("audit:read", durable_audit=True)]


async def flush_access_log(request: Request) -> None:
    """Ship every entry of this process first, so that the response includes it."""
    await state_of(request).access_log.flush()


@router.get("/access", response_model=Page[AccessRead], dependencies=[*AUDIT_READ, Depends(flush_access_log)])
async def list_accesses(accesses: Accesses, query: Annotated[AccessQuery, Query()]) -> RowPage:
    """List the access log: every request, whatever its end."""
    return await accesses.page(query)


@router.get("/changes", response_model=Page[ChangeRead], dependencies=AUDIT_READ)
async def list_changes(changes: Changes, query: Annotated[ChangeQuery, Query()]) -> RowPage:
    """List the change log: every changed row, with the values before and after."""
    return await changes.page(query)


@router.get("/changes/{id}", response_model=ChangeRead, dependencies=AUDIT_READ)
async def get_change(
    changes: Changes, id: Annotated[int, Path(ge=1, le=MAX_ID, description="The number of the entry.")]
) -> Any:
    """Get an entry of the change log."""
    return await changes.get(id)


def add_history(router: Router, entity: str, path: str = "") -> None:
    """Add `GET {path}/{id}/history` to the router of `entity` (a table).

    It requires the module's read permission or `audit:read`.
    """
    slug = router.module.slug if router.module else ""

    async def list_history(
        changes: Changes, caller: Caller, id: UUID, query: Annotated[HistoryQuery, Query()]
    ) -> RowPage:
        if caller.may("audit:read"):
            return await changes.history(entity, id, query)
        return await changes.visible_history(entity, id, query)

    router.add_api_route(
        f"{path}/{{id}}/history",
        list_history,
        name=f"{entity}_history",
        summary=f"List the changes of one {entity.replace('_', ' ')}",
        description=f"List the changes of one {entity.replace('_', ' ')}: who, when, from which value to which.",
        response_model=Page[ChangeRead],
        dependencies=[requires(f"{slug}:read", "audit:read")],
    )
