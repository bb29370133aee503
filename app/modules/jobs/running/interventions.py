"""What people do to jobs: cancel one that is not done, and try one again that has failed."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from app.core.clock import now
from app.core.errors import Conflict
from app.core.jobs import NEW_JOBS, UnknownJobKind, find_kind
from app.modules.jobs.models import Job, JobState
from app.modules.jobs.repository import JobRepository, QueueRepository

Load = Callable[[UUID], Awaitable[Job]]
"""Loads and locks a job that the caller may change. Raises NotFound."""


class JobEnded(Conflict):
    """The job has ended, so that it cannot be cancelled."""

    code = "job-ended"
    remedy = "Read the job to see what became of it."


class JobNotFailed(Conflict):
    """The job has not failed, or what it was about is not kept any more, so that it cannot be tried again."""

    code = "job-not-failed"
    remedy = "Only a job that has failed can be tried again. Where that does not help, ask for it anew."


async def cancel_job(rows: JobRepository, id: UUID, load: Load) -> None:
    """End a job that is not done. One that runs is told to stop, and undone. Raises NotFound, JobEnded.

    The row of the queue is locked first, as a worker does that ends the job.
    """
    queue = QueueRepository(rows.writer)
    waiting, job = await queue.load(id), await load(id)
    if waiting is None:
        raise JobEnded(f"The job is {job.state}.")
    if waiting.leased_until is not None and waiting.leased_until > now():
        await queue.cancel(id)
    else:
        await queue.remove(id)
        job.state, job.content, job.ended_at, job.attempts = JobState.cancelled, None, now(), waiting.attempt


async def retry_job(rows: JobRepository, id: UUID, load: Load) -> None:
    """Let a job that has failed be tried again. Raises NotFound, JobNotFailed."""
    job = await load(id)
    if job.state is not JobState.failed or job.content is None:
        raise JobNotFailed(f"The job is {job.state}.")
    try:
        kind = find_kind(job.kind)
    except UnknownJobKind as error:
        raise JobNotFailed("This version of the application has no such kind of job.") from error
    job.state, job.error, job.ended_at, job.attempts, job.run_at = JobState.queued, None, None, 0, now()
    await QueueRepository(rows.writer).add(id, kind.queue, job.run_at, kind.priority)
    rows.writer.info[NEW_JOBS] = True
