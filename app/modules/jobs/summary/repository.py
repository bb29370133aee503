"""Counts over jobs. Each reads by an index the jobs that it counts, and no others."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, bindparam, func, not_, or_, select

from app.core.db.column_types import Instant
from app.core.db.entity import table_of
from app.core.db.session import AnyRow, ReadSession
from app.modules.jobs.models import Job, JobQueue
from app.modules.jobs.repository import is_listed

jobs, queue = table_of(Job), table_of(JobQueue)
AT = bindparam("at", type_=Instant())
IS_FREE = or_(queue.c.leased_until.is_(None), queue.c.leased_until <= AT)
IS_DUE = and_(queue.c.run_at <= AT, IS_FREE)
DUE_SINCE = func.coalesce(queue.c.leased_until, queue.c.run_at, type_=Instant())
"""Since when a job that is due waits: a worker that died had it until the end of its lease."""


def count_where(condition: ColumnElement[bool], name: str) -> ColumnElement[int]:
    return func.count().filter(condition).label(name)


WAITING = (
    select(
        queue.c.queue,
        jobs.c.kind,
        count_where(IS_DUE, "due"),
        count_where(and_(IS_FREE, not_(IS_DUE)), "later"),
        count_where(not_(IS_FREE), "running"),
        func.min(DUE_SINCE).filter(IS_DUE).label("due_since"),
    )
    .join(jobs, jobs.c.id == queue.c.id)
    .group_by(queue.c.queue, jobs.c.kind)
)
ENDED = (
    select(jobs.c.kind, jobs.c.state, func.count().label("jobs"))
    .where(jobs.c.ended_at >= bindparam("since", type_=Instant()))
    .group_by(jobs.c.kind, jobs.c.state)
)


async def count_waiting(session: ReadSession, at: datetime) -> Sequence[AnyRow]:
    """The jobs that are not done, by queue and kind."""
    return await session.all(WAITING.where(is_listed()), {"at": at})


async def count_ended(session: ReadSession, since: datetime) -> Sequence[AnyRow]:
    """The jobs that ended since an instant, by kind and state."""
    return await session.all(ENDED.where(is_listed()), {"since": since})
