"""`python -m app jobs list|show|cancel|retry`: jobs, for who has a terminal and no account."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

import typer
from pydantic import TypeAdapter

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.errors import Problem
from app.core.runtime.command_result import CommandResult
from app.modules.jobs.models import JobState
from app.modules.jobs.repository import JobRepository
from app.modules.jobs.running.interventions import Load, cancel_job, retry_job
from app.modules.jobs.schemas import JobQuery, JobRead

REFUSED = 1
CONTEXT = RequestContext.for_job("jobs")
DOCUMENT = TypeAdapter(JobRead)

Id = Annotated[UUID, typer.Argument(help="The id of the job.")]
State = Annotated[JobState | None, typer.Option(help="Only jobs in this state.")]
Kind = Annotated[list[str] | None, typer.Option(help="Only jobs of this kind; for several, repeat.")]
Limit = Annotated[int, typer.Option(min=1, max=200, help="At most so many, the newest first.")]
Intervene = Callable[[JobRepository, UUID, Load], Awaitable[None]]


async def list_jobs(database: Database, *, state: State = None, kind: Kind = None, limit: Limit = 20) -> CommandResult:
    """List jobs, the newest first: id, state, kind, attempts, when they were asked for, and why they failed."""
    given = {"state": state, "kind": kind, "limit": limit}
    query = JobQuery.model_validate({name: value for name, value in given.items() if value})
    page = await JobRepository(database.read_session(CONTEXT)).page_of(None, query)
    return CommandResult([describe(job) for job in page.items] or ["There are no such jobs."])


def describe(job: Any) -> str:
    """A job in a line."""
    attempts = job.attempts if job.attempt is None else job.attempt
    asked = job.created_at.isoformat(timespec="seconds")
    return f"{job.id}  {job.state:9}  {job.kind:24}  {attempts}  {asked}  {job.error or ''}".rstrip()


async def show_job(database: Database, *, id: Id) -> CommandResult:
    """Print a job as a JSON document. Exit code: 1 where there is none."""
    try:
        job = await JobRepository(database.read_session(CONTEXT)).get(id)
    except Problem as problem:
        return refuse(problem)
    return CommandResult([DOCUMENT.dump_json(DOCUMENT.validate_python(job, from_attributes=True), indent=2).decode()])


async def cancel(database: Database, *, id: Id) -> CommandResult:
    """Cancel a job that is not done. One that runs is told to stop, and what it wrote is undone."""
    return await intervene(database, id, cancel_job)


async def retry(database: Database, *, id: Id) -> CommandResult:
    """Try a job again that has failed."""
    return await intervene(database, id, retry_job)


async def intervene(database: Database, id: UUID, change: Intervene) -> CommandResult:
    """Change a job, and say what it is then. Exit code: 1 where that is refused."""
    try:
        async with database.unit_of_work(CONTEXT) as session:
            rows = JobRepository(session)
            await change(rows, id, rows.load)
            job = await rows.get(id)
    except Problem as problem:
        return refuse(problem)
    return CommandResult([describe(job)])


def refuse(problem: Problem) -> CommandResult:
    return CommandResult([f"Refused: {problem.detail}"], REFUSED)
