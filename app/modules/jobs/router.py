"""Endpoints of jobs."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request
from fastapi.sse import EventSourceResponse

from app.core.db.pagination import Page, RowPage
from app.core.http.dependencies import read_only, transactional
from app.core.http.event_stream import EventStream
from app.core.http.guards import authenticated
from app.core.http.router import Router
from app.core.http.state import state_of
from app.modules.jobs.schedules.router import ABOUT, schedules_router
from app.modules.jobs.schemas import JobQuery, JobRead
from app.modules.jobs.service import JobService
from app.modules.jobs.summary.router import summary_router

router = Router(
    "jobs",
    name="Jobs",
    group="System",
    icon="list-checks",
    sort_order=89,
    about=ABOUT,
)

Jobs = Annotated[JobService, transactional(JobService)]
ReadJobs = Annotated[JobService, read_only(JobService)]
EVERY_CALLER = [authenticated()]


@router.get("", response_model=Page[JobRead], dependencies=EVERY_CALLER)
async def list_jobs(jobs: ReadJobs, query: Annotated[JobQuery, Query()]) -> RowPage:
    """List jobs: all with `jobs:read`, else those that you asked for."""
    return await jobs.page(query)


@router.get("/{id}", response_model=JobRead, dependencies=EVERY_CALLER)
async def get_job(jobs: ReadJobs, id: UUID) -> Any:
    """Get a job: whether it waits, runs or has ended, and what came of it."""
    return await jobs.get(id)


@router.get("/{id}/events", response_class=EventSourceResponse, response_model=None, dependencies=EVERY_CALLER)
async def follow_job(request: Request, jobs: ReadJobs, id: UUID) -> EventStream:
    """Follow a job as server-sent events: the job at once and whenever it has changed, until it has ended."""
    state = state_of(request)
    return EventStream(jobs.follow(await jobs.get(id), state.stopping), JobRead, None, state.streams)


@router.post("/{id}/cancel", response_model=JobRead, dependencies=EVERY_CALLER)
async def cancel_job(jobs: Jobs, id: UUID) -> Any:
    """Cancel a job that is not done: your own, or any with `jobs:update`.

    One that runs is told to stop within seconds, and what it wrote is undone; it is cancelled once its state says so.
    """
    return await jobs.cancel(id)


@router.post("/{id}/retry", response_model=JobRead, dependencies=EVERY_CALLER)
async def retry_job(jobs: Jobs, id: UUID) -> Any:
    """Try a job again that has failed: your own, or any with `jobs:update`. It has as many attempts as before."""
    return await jobs.retry(id)


ROUTERS = [router, schedules_router, summary_router]
