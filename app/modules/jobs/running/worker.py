"""A worker: claims jobs, runs them, renews their leases, and undoes them when they are cancelled or it must stop."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from enum import Enum
from typing import NamedTuple
from uuid import UUID

import structlog

from app.core.config import JobSettings
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.session import AnyRow
from app.core.jobs import long_kinds
from app.core.outgoing import Outgoing
from app.modules.jobs.repository import QueueRepository
from app.modules.jobs.running.attempts import Attempt, begin_attempt

log = structlog.get_logger(__name__)

POSTPONED = timedelta(seconds=2)
"""How long a job waits that a process has claimed and has no room for."""
OBEY_SECONDS = 10.0
"""A job that is told to stop has so long; then its process ends."""


class Stop(Enum):
    """Why a job that runs is told to stop."""

    cancelled = "cancelled"
    lost = "lost"
    shutdown = "shutdown"


class Running(NamedTuple):
    """An attempt that runs."""

    attempt: Attempt
    task: asyncio.Task[None]


class Worker:
    """Runs jobs of the queues in `settings`. `end_process` is called where a job cannot be stopped."""

    def __init__(
        self, database: Database, outgoing: Outgoing, settings: JobSettings, end_process: Callable[[], None]
    ) -> None:
        self.database = database
        self.outgoing = outgoing
        self.settings = settings
        self.end_process = end_process
        self.lasts = timedelta(seconds=self.settings.lease_seconds)
        self.running: dict[UUID, Running] = {}
        """By lease."""
        self.told: dict[UUID, Stop] = {}
        """Why those are told to stop that are."""
        self.is_stopping = False
        """Whether no attempt may begin any more."""

    async def claim(self) -> AnyRow | None:
        """Take a job that is due; None where there is none."""
        async with self.database.unit_of_work(RequestContext.for_job("worker")) as session:
            without = long_kinds() if self.is_full else ()
            return await QueueRepository(session).claim(self.settings.queues, self.lasts, without)

    async def run(self, claim: AnyRow) -> None:
        """Make an attempt at the job of `claim`, and record how it ended."""
        attempt = await begin_attempt(self.database, self.outgoing, claim)
        if attempt is None:
            return
        if claim.is_cancelled:  # and the worker that was asked to stop is gone
            await attempt.cancel()
            return
        if self.is_stopping:  # and told every attempt that had begun
            await attempt.give_back()
            return
        if attempt.kind.is_long and self.is_full:  # since it was claimed
            await attempt.give_back(POSTPONED)
            return
        task = asyncio.create_task(attempt.run(), name=f"job {claim.id}")
        self.running[claim.lease] = Running(attempt, task)
        try:
            await self.wait(attempt, task)
        finally:
            del self.running[claim.lease]
            self.told.pop(claim.lease, None)

    @property
    def is_full(self) -> bool:
        """Whether as many jobs run as may hold a connection."""
        return sum(running.attempt.kind.is_long for running in self.running.values()) >= self.database.long_jobs

    async def wait(self, attempt: Attempt, task: asyncio.Task[None]) -> None:
        """Wait for the end of an attempt. One that takes too long, or is told to stop, is cancelled and undone."""
        await asyncio.wait([task], timeout=attempt.kind.seconds)
        if not task.done():
            task.cancel()
            await asyncio.wait([task], timeout=OBEY_SECONDS)
        if not task.done():
            log.error("job_does_not_stop", job=str(attempt.claim.id), kind=attempt.kind.name)
            self.end_process()
            return
        if not task.cancelled():
            task.result()
            return
        match self.told.get(attempt.claim.lease):
            case Stop.cancelled:
                await attempt.cancel()
            case Stop.shutdown:
                await attempt.give_back()
            case None:
                await attempt.fail(TimeoutError("the attempt took too long"))

    def stop(self, lease: UUID, why: Stop) -> None:
        """Tell a job to stop."""
        if lease not in self.told:
            self.told[lease] = why
            self.running[lease].task.cancel()

    def stop_all(self) -> None:
        """Tell every job to stop, also those that are claimed and have not begun, so that other workers take them."""
        self.is_stopping = True
        for lease in list(self.running):
            self.stop(lease, Stop.shutdown)

    async def renew(self) -> bool:
        """Renew the leases of jobs that run. Those that are lost or cancelled are told to stop."""
        leases = {lease: running.attempt.work.progress for lease, running in self.running.items()}
        if not leases:
            return False
        async with self.database.unit_of_work(RequestContext.for_job("worker"), is_spare=True) as session:
            valid = await QueueRepository(session).renew(leases, self.lasts)
        for lease in leases.keys() & self.running.keys():
            if lease not in valid:
                self.stop(lease, Stop.lost)
            elif valid[lease]:
                self.stop(lease, Stop.cancelled)
        return False

    async def run_next(self) -> bool:
        """Run one job that is due; False where there is none."""
        claim = await self.claim()
        if claim is None:
            return False
        await self.run(claim)
        return True

    async def give_back(self, claim: AnyRow) -> None:
        """Give a job back at which no attempt was begun."""
        with suppress(Exception):  # then it waits until the lease ends
            attempt = await begin_attempt(self.database, self.outgoing, claim)
            if attempt is not None:
                await attempt.give_back()
