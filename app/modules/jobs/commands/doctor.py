"""`python -m app doctor`: says what is wrong with jobs, schedules, and what other modules look after."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select

from app.core.clock import now
from app.core.config import Environment, JobSettings, Settings
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.db.session import ReadSession
from app.core.jobs import UnknownJobKind, find_kind
from app.core.jobs.schedules import schedules as declared
from app.core.runtime.command_result import CommandResult
from app.modules.jobs.brokers.channel import open_connection
from app.modules.jobs.models import Job, JobQueue, JobState
from app.modules.jobs.schedules.models import JobSchedule, JobScheduleTick

jobs, queue = table_of(Job), table_of(JobQueue)
schedules, ticks = table_of(JobSchedule), table_of(JobScheduleTick)
WELL, ILL = 0, 1
PATIENCE = timedelta(minutes=5)
"""A job that is due for so long waits for a worker that does not come."""


async def doctor(database: Database) -> CommandResult:
    """Look for jobs that no worker will run, schedules that do not tick, a broker that is away, and events that wait.

    Exit code: 1 where there is one.
    """
    session, at = database.read_session(RequestContext.for_job("doctor")), now()
    jobs_found = [*await find_lost(session), *await find_overdue(session, at), *await find_unknown(session)]
    stopped = await find_stopped(session, database.settings.jobs, at)
    others = [line for find in database.hooks.find_faults for line in await find(database)]
    found = [*jobs_found, *stopped, *await find_broker(database.settings.jobs), *others]
    notes = ["Mail is off: MAIL__URL is not set."] if is_silent(database.settings) else []
    return CommandResult([*(found or ["All is well."]), *notes], ILL if found else WELL)


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


async def find_stopped(session: ReadSession, settings: JobSettings, at: datetime) -> list[str]:
    """Schedules that are on, of which a tick is due and has been for long."""
    wanted = set(declared) - set(settings.schedules_off) if settings.scheduler else ()
    rows = select(schedules.c.name, ticks.c.next_at).join(ticks, ticks.c.id == schedules.c.id)
    late = rows.where(schedules.c.enabled, schedules.c.name.in_(wanted), ticks.c.next_at < at - PATIENCE)
    found = await session.all(late.order_by(schedules.c.name))
    return [f"schedule {row.name}: no scheduler has seen to it since {row.next_at}" for row in found]


async def find_broker(settings: JobSettings) -> list[str]:
    """A broker that does not answer, or refuses this process."""
    if not settings.has_broker:
        return []

    async def ignore(_received: object) -> None:
        """No hint arrives: this listens to no queue."""

    try:
        connection = await open_connection(settings, (), ignore)
    except Exception as error:  # noqa: BLE001  # whatever it was, the operator should know
        return [f"broker: it is away ({type(error).__name__}); workers look for jobs without it"]
    await connection.close()
    return []


def is_known(kind: str) -> bool:
    try:
        find_kind(kind)
    except UnknownJobKind:
        return False
    return True


def is_silent(settings: Settings) -> bool:
    """Whether this is a production that sends no mail."""
    return settings.environment is Environment.production and settings.mail.url is None
