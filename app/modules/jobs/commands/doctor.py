"""`python -m app doctor`: says what is wrong with the jobs."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.db.session import ReadSession
from app.core.jobs import UnknownJobKind, find_kind
from app.core.runtime.command_result import CommandResult
from app.modules.jobs.models import Job, JobQueue, JobState

jobs, queue = table_of(Job), table_of(JobQueue)
WELL, ILL = 0, 1
PATIENCE = timedelta(minutes=5)
"""A job that is due for so long waits for a worker that does not come."""


async def doctor(database: Database) -> CommandResult:
    """Look for jobs that no worker will run. Exit code: 0 all is well, 1 something is wrong."""
    session, at = database.read_session(RequestContext.for_job("doctor")), now()
    found = [*await find_lost(session), *await find_overdue(session, at), *await find_unknown(session)]
    return CommandResult(found or ["The jobs are well."], ILL if found else WELL)


async def find_lost(session: ReadSession) -> list[str]:
    """Jobs that are queued, and not in the queue."""
    rows = select(jobs.c.id).outerjoin(queue, queue.c.id == jobs.c.id)
    lost = rows.where(jobs.c.state == JobState.queued, queue.c.id.is_(None)).order_by(jobs.c.id)
    return [f"{row.id}: it is queued and not in the queue; ask for it anew" for row in await session.all(lost)]


async def find_overdue(session: ReadSession, at: datetime) -> list[str]:
    """Queues with jobs that are due, and have been for long: no worker serves them, or too few do."""
    limit = at - PATIENCE
    is_waiting = (queue.c.run_at < limit, func.coalesce(queue.c.leased_until, queue.c.run_at) < limit)
    counted = select(queue.c.queue, func.count().label("jobs"), func.min(queue.c.run_at).label("since"))
    rows = await session.all(counted.where(*is_waiting).group_by(queue.c.queue).order_by(queue.c.queue))
    return [f"queue {row.queue}: {row.jobs} jobs wait for a worker, the first since {row.since}" for row in rows]


async def find_unknown(session: ReadSession) -> Sequence[str]:
    """Kinds of jobs that this version of the application does not have."""
    rows = select(jobs.c.kind, func.count().label("jobs")).join(queue, queue.c.id == jobs.c.id)
    counted = await session.all(rows.group_by(jobs.c.kind).order_by(jobs.c.kind))
    return [
        f"kind {row.kind}: {row.jobs} jobs wait, and no module declares it" for row in counted if not is_known(row.kind)
    ]


def is_known(kind: str) -> bool:
    try:
        find_kind(kind)
    except UnknownJobKind:
        return False
    return True
