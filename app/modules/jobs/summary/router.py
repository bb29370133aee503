"""The endpoint of the summary."""

from typing import Annotated

from app.core.http.dependencies import read_only
from app.core.http.guards import requires
from app.core.http.router import Router
from app.modules.jobs.schedules.router import ABOUT
from app.modules.jobs.summary.schemas import JobSummary
from app.modules.jobs.summary.service import JobSummaryService

summary_router = Router(prefix="/jobs/summary", tag="jobs", about=ABOUT)

Summaries = Annotated[JobSummaryService, read_only(JobSummaryService)]


@summary_router.get("", response_model=JobSummary, dependencies=[requires("jobs:read")])
async def get_job_summary(summaries: Summaries) -> JobSummary:
    """Count jobs by kind and queue: those that are not done, and those that ended in the last 24 hours."""
    return await summaries.read()
