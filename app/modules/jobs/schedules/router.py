"""Endpoints of schedules."""

from typing import Annotated, Any

from fastapi import Path, Query, Request

from app.core.db.pagination import Page, RowPage
from app.core.http.dependencies import read_only, transactional
from app.core.http.guards import requires
from app.core.http.route import IfMatch
from app.core.http.router import Router
from app.core.http.state import state_of
from app.modules.jobs.schedules.schemas import ScheduleQuery, ScheduleRead, ScheduleUpdate
from app.modules.jobs.schedules.service import ScheduleService

ABOUT = "Work that outlives its request: what was asked for and when, how far it is, and what came of it."
schedules_router = Router(prefix="/jobs/schedules", tag="jobs", about=ABOUT)

Schedules = Annotated[ScheduleService, transactional(ScheduleService)]
ReadSchedules = Annotated[ScheduleService, read_only(ScheduleService)]
ScheduleName = Annotated[str, Path(max_length=80, description="The name of a schedule.")]


@schedules_router.get("", response_model=Page[ScheduleRead], dependencies=[requires("jobs:read")])
async def list_schedules(
    request: Request, schedules: ReadSchedules, query: Annotated[ScheduleQuery, Query()]
) -> RowPage:
    """List schedules: when each asks for its next job, and for which it asked last."""
    return await schedules.page(query, state_of(request).settings.jobs)


@schedules_router.patch("/{name}", response_model=ScheduleRead, dependencies=[requires("jobs:update")])
async def update_schedule(
    request: Request, schedules: Schedules, name: ScheduleName, data: ScheduleUpdate, if_match: IfMatch = None
) -> Any:
    """Turn a schedule on or off. What it would have asked for while it was off is not made up for."""
    return await schedules.update(name, data, if_match, state_of(request).settings.jobs)
