"""The endpoint of the summary."""

from typing import Annotated

from fastapi import Query, Request

from app.core.http.dependencies import read_only
from app.core.http.guards import requires_in_some_module
from app.core.http.route_rules import calls_by_rule
from app.core.http.router import Router
from app.core.http.state import state_of
from app.modules.audit.schemas import AUDIT
from app.modules.audit.sealer.logs import Log
from app.modules.audit.summary.schemas import SummaryQuery, SummaryRead
from app.modules.audit.summary.service import SummaryService

router = Router(prefix="/audit", tag="summary", about="How many entries the audit log has of each kind.")

Summaries = Annotated[SummaryService, read_only(SummaryService)]


@router.get(
    "/summary",
    response_model=SummaryRead,
    dependencies=[requires_in_some_module("audit:read", AUDIT, durable_audit=True)],
)
async def get_summary(request: Request, summaries: Summaries, query: Annotated[SummaryQuery, Query()]) -> SummaryRead:
    """Count the entries of a log by actor, route, table, day and more. The last 31 days, unless a period is given."""
    state = state_of(request)
    if query.log is Log.access:
        await state.access_log.flush()
    return await summaries.read(query, calls_by_rule(state.route_index.routes))
