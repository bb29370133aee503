"""An attempt at a job: its effects, its result and its end are committed together, or nothing is."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import structlog
from pydantic import BaseModel
from sqlalchemy import select

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.session import AnyRow, ReadSession, Session
from app.core.jobs import PROCESS_QUEUE, GiveUp, JobKind, LeaseLost, NoData, UnknownJobKind, Work, find_kind
from app.core.outgoing import Outgoing
from app.modules.jobs.models import JobState
from app.modules.jobs.repository import QueueRepository, jobs
from app.modules.jobs.running.acting import act, context_of_job
from app.modules.jobs.running.content import decrypt_content
from app.modules.jobs.running.endings import describe, end_failed, end_job, is_final

log = structlog.get_logger(__name__)


class Attempt:
    """An attempt at a job, which a worker has claimed. `row` is the job, `claim` its row of the queue."""

    def __init__(self, database: Database, outgoing: Outgoing, row: AnyRow, claim: AnyRow, kind: JobKind[Any]) -> None:
        self.database = database
        self.row = row
        self.claim = claim
        self.kind = kind
        self.work = Work(claim.id, claim.attempt, database.settings, outgoing, self.open_step, self.make_reader)

    async def run(self) -> None:
        """Do what the job is about, and record how the attempt ended."""
        try:
            if self.claim.attempt > self.kind.attempts:
                raise GiveUp("worker-lost")
            await self.perform()
        except LeaseLost:
            await self.cancel()  # which records nothing where another worker has the job
        except Exception as error:  # noqa: BLE001  # whatever it was, the job says so
            await self.fail(error)

    async def perform(self) -> None:
        """Do what the job is about. Raises what it raises, LeaseLost, and GiveUp."""
        data = self.read_content()
        if self.kind.in_steps:
            result = await self.kind.handler(self.work, data)
        async with self.open() as session:
            if not self.kind.in_steps:
                self.work.own_session = session
                result = await self.kind.handler(self.work, data)
            shown = result.model_dump(mode="json") if result is not None else None
            await end_job(session, self.claim, JobState.succeeded, result=shown)

    def read_content(self) -> BaseModel:
        """What the job is about. Raises GiveUp where it cannot be read any more."""
        if self.row.content is None:
            raise GiveUp("content-erased")
        try:
            found: BaseModel = self.kind.data.model_validate_json(
                decrypt_content(self.database.keys, self.row, self.row.content)
            )
        except ValueError as error:  # DecryptionFailed, ValidationError
            raise GiveUp("content-unreadable") from error
        return found

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Session]:
        """A transaction that acts as the caller who asked. Raises GiveUp for one who may not any more."""
        context = context_of_job(self.row, self.kind.seconds)
        async with self.database.unit_of_work(context) as session:
            await act(session, self.row, self.kind, self.database.settings.auth)
            yield session

    @asynccontextmanager
    async def open_step(self) -> AsyncIterator[Session]:
        """The same for one step. Raises LeaseLost where the job is another worker's, or was cancelled."""
        lasts = timedelta(seconds=self.database.settings.jobs.lease_seconds)
        async with self.open() as session:
            yield session
            leases = await QueueRepository(session).renew({self.claim.lease: self.work.progress}, lasts)
            if leases.get(self.claim.lease, True):
                raise LeaseLost

    async def make_reader(self) -> ReadSession:
        """A session that reads as the caller who asked, with what that caller may do now. Raises GiveUp."""
        async with self.open() as session:
            return self.database.read_session(session.context)

    async def fail(self, error: Exception) -> None:
        """Record that the attempt failed: the job waits for the next one, or has failed."""
        cause = None if is_final(error) else error
        log.warning("job_attempt_failed", job=str(self.claim.id), reason=describe(error), exc_info=cause)
        async with self.record() as session:
            await end_failed(session, self.claim, error, self.kind.attempts, self.kind.priority)

    async def cancel(self) -> None:
        """Record that the job was cancelled while it ran."""
        async with self.record() as session:
            await end_job(session, self.claim, JobState.cancelled)

    async def give_back(self, after: timedelta | None = None) -> None:
        """Let the job wait for another worker, as if this attempt had not begun. One of this process ends with it.

        `after` is how long no worker takes it.
        """
        if self.kind.queue == PROCESS_QUEUE:
            await self.fail(GiveUp("process-stopped"))
            return
        async with self.record() as session:
            queue, run_at = QueueRepository(session), self.claim.run_at if after is None else now() + after
            await queue.give_back(self.claim.lease, run_at, self.kind.priority, counts=False)

    @asynccontextmanager
    async def record(self) -> AsyncIterator[Session]:
        """A transaction of the system, for what became of the attempt. A lease that is lost records nothing."""
        try:
            async with self.database.unit_of_work(context_of_job(self.row, self.kind.seconds)) as session:
                yield session
        except LeaseLost:
            log.warning("job_lease_lost", job=str(self.claim.id))


async def refuse_unknown(_work: Work, _data: NoData) -> None:
    """Refuse a job of a kind that this version of the application does not know."""
    raise GiveUp("unknown-kind")


async def begin_attempt(database: Database, outgoing: Outgoing, claim: AnyRow) -> Attempt | None:
    """The attempt at the job of a claim; None where the job is gone."""
    context = RequestContext.for_job("worker")
    row = await database.read_session(context).first(select(jobs).where(jobs.c.id == claim.id))
    if row is None:
        return None
    try:
        kind: JobKind[Any] = find_kind(row.kind)
    except UnknownJobKind:
        kind = JobKind(row.kind, NoData, refuse_unknown, as_system=True)
    return Attempt(database, outgoing, row, claim, kind)
