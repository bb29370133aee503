"""Jobs of the queue `process`: the process runs them that asked, as soon as they are committed. They end with it.

Their leases are renewed like those of workers. The lease of one whose process was killed ends, and whichever process
finds that first records that the job has failed.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

from app.core.config import JobSettings
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.session import Session
from app.core.errors import Unavailable
from app.core.jobs import PROCESS_QUEUE
from app.core.outgoing import Outgoing
from app.core.runtime.periodic_task import PeriodicTask
from app.modules.jobs.repository import QueueRepository, has_free
from app.modules.jobs.running.worker import OBEY_SECONDS, Worker

HELD = "held jobs"
"""Where the information of a session has the claims of jobs that its process holds."""
HEARTBEAT_SECONDS = 3.0


class ProcessJobs:
    """Runs the jobs that this process holds. More than `process_concurrency` are refused when they are asked for."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.lasts = timedelta(seconds=worker.settings.lease_seconds)
        self.tasks: set[asyncio.Task[None]] = set()

    async def hold(self, session: Session, id: UUID) -> None:
        """Hold a job that `session` stores. Raises Unavailable."""
        claims = session.info.setdefault(HELD, [])
        if len(self.tasks) + len(claims) >= self.worker.settings.process_concurrency:
            raise Unavailable("This process has enough to do; try again shortly.")
        claims.append(await QueueRepository(session).add_held(id, PROCESS_QUEUE, self.lasts))

    def start(self, session: Session) -> None:
        """Run the jobs that `session` has stored, once it is committed."""
        for claim in session.info.pop(HELD, ()):
            task = asyncio.create_task(self.worker.run(claim), name=f"process job {claim.id}")
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def keep(self) -> bool:
        """Renew the leases of jobs that run, stop those that were cancelled, and end those whose process is gone."""
        await self.worker.renew()
        reader = self.worker.database.read_session(RequestContext.for_job("process jobs"))
        while await has_free(reader, PROCESS_QUEUE) and await self.worker.run_next():
            pass
        return False

    async def stop(self, seconds: float) -> None:
        """Give jobs that run so long to end, and then end them: they have failed."""
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=seconds)
        self.worker.stop_all()
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=OBEY_SECONDS)


@asynccontextmanager
async def run_process_jobs(
    database: Database, outgoing: Outgoing, settings: JobSettings, end_process: Callable[[], None]
) -> AsyncIterator[ProcessJobs]:
    """Run the jobs of the queue `process` that this process asks for while the block runs."""
    worker = Worker(database, outgoing, settings.model_copy(update={"queues": (PROCESS_QUEUE,)}), end_process)
    jobs = ProcessJobs(worker)
    heartbeat = PeriodicTask("process jobs", jobs.keep, min(HEARTBEAT_SECONDS, settings.lease_seconds / 3))
    database.hooks.hold_job = jobs.hold
    database.hooks.after_commit.append(jobs.start)
    try:
        yield jobs
    finally:
        database.hooks.hold_job = None
        await jobs.stop(settings.drain_seconds)
        database.hooks.after_commit.remove(jobs.start)
        await heartbeat.stop()
