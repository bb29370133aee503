"""Stores jobs that are asked for, shows them, ends them before their time, and tries failed ones again."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

from app.core.context import Principal
from app.core.db.pagination import RowPage
from app.core.db.person import Person
from app.core.db.session import ReadSession, Session
from app.core.jobs import PROCESS_QUEUE, NewJob, unlisted_kinds
from app.core.security.encryption import DecryptionFailed
from app.core.security.keys import Keys
from app.modules.jobs.models import Job
from app.modules.jobs.repository import JobRepository, QueueRepository
from app.modules.jobs.running.content import decrypt_content, encrypt_content
from app.modules.jobs.running.interventions import cancel_job, retry_job
from app.modules.jobs.schemas import JobQuery

FOLLOW_SECONDS = 1.0
"""How often a job that is followed is looked at."""


class JobService:
    """Jobs. Callers without `jobs:read` see their own, and those without `jobs:update` change their own."""

    def __init__(self, session: Session | ReadSession) -> None:
        self.rows = JobRepository(session)

    @property
    def caller(self) -> Principal:
        """Who calls. Raises RuntimeError in a job, which has no jobs of its own."""
        principal = self.rows.session.context.principal
        if principal is None:
            raise RuntimeError("a job has no jobs of its own")
        return principal

    async def page(self, query: JobQuery) -> RowPage:
        return await self.rows.page_of(None if self.caller.may("jobs:read") else self.caller.user_id, query)

    async def get(self, id: UUID) -> Any:
        """One job. Raises NotFound, also for what the caller may not see."""
        return await (self.rows.get(id) if self.caller.may("jobs:read") else self.rows.get_of(self.caller.user_id, id))

    async def follow(self, job: Any, stopping: asyncio.Event) -> AsyncIterator[Sequence[Any]]:
        """The job at once and whenever it has changed, until it has ended or the process stops.

        A page is empty if nothing has changed. Raises Unauthenticated, NotFound once the caller may not read it.
        """
        yield [job]
        while job.ended_at is None and not stopping.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), FOLLOW_SECONDS)
            await self.rows.session.context.reauthorize()
            before, job = job, await self.get(job.id)
            yield [job] if how_far(job) != how_far(before) else []

    async def cancel(self, id: UUID) -> Any:
        """End a job that is not done. One that runs is told to stop, and undone. Raises NotFound, JobEnded."""
        await cancel_job(self.rows, id, self.load)
        return await self.rows.get(id)

    async def retry(self, id: UUID) -> Any:
        """Let a job that has failed be tried again. Raises NotFound, JobNotFailed."""
        await retry_job(self.rows, id, self.load)
        return await self.rows.get(id)

    async def load(self, id: UUID) -> Job:
        """Load and lock a job that the caller may change. Raises NotFound."""
        job = await self.rows.load(id)
        if job.kind in unlisted_kinds():
            raise self.rows.not_found(id)
        if job.created_by_id != self.caller.user_id and not self.caller.may("jobs:update"):
            raise self.rows.not_found(id)
        return job


def how_far(job: Any) -> tuple[Any, ...]:
    """What changes in a job while it is followed."""
    return job.version, job.state, job.attempt, job.progress


async def forget(session: Session, person: Person) -> None:
    """Drop what jobs are about that tell of a person who is erased. Those that are not done will fail."""
    for job in await JobRepository(session).load_kept():
        if tells_of(session.keys, job, person):
            job.content = None


def tells_of(keys: Keys, job: Job, person: Person) -> bool:
    """Whether what a job is about tells of a person, or cannot be read."""
    try:
        return person.is_in(decrypt_content(keys, job, job.content or b""))
    except DecryptionFailed:
        return True


async def store_job(session: Session, new: NewJob) -> UUID:
    """Store a job in the transaction of `session`, unless it was asked for once before. Returns its id."""
    rows, context = JobRepository(session), session.context
    known = await rows.find_once(new.once) if new.once is not None else None
    if known is not None:
        return known
    job = Job(
        kind=new.kind,
        once=new.once,
        api_key_id=context.principal.api_key_id if context.principal else None,
        request_id=context.request_id,
        call_id=context.call_id,
        run_at=new.run_at,
    )
    job.content = encrypt_content(session.keys, job, new.content)
    session.add(job)
    if new.queue != PROCESS_QUEUE:
        await QueueRepository(session).add(job.id, new.queue, new.run_at, new.priority)
        return job.id
    if session.hooks.hold_job is None:
        raise RuntimeError(f"this process runs no jobs of its own, such as {new.kind}")
    await session.hooks.hold_job(session, job.id)
    return job.id
