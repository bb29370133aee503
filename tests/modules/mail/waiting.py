"""Jobs of mails in tests: how they stand, and making them due."""

from uuid import UUID

from sqlalchemy import select, update

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.modules.jobs.models import Job, JobQueue
from tests.modules.jobs.kinds import worker_of

jobs, queue = table_of(Job), table_of(JobQueue)
CONTEXT = RequestContext.for_job("test")


async def state_of_job(database: Database, id: UUID) -> str:
    """The state of a job."""
    return str(await database.read_session(CONTEXT).value(select(jobs.c.state).where(jobs.c.id == id)))


async def make_due(database: Database, id: UUID) -> None:
    """Let the next attempt at a job begin now."""
    async with database.unit_of_work(CONTEXT) as session:
        await session.execute(update(queue).where(queue.c.id == id).values(run_at=now(), rank=now()))


async def run_once(database: Database) -> None:
    """Make one attempt at the job that is due."""
    assert await worker_of(database).run_next()
