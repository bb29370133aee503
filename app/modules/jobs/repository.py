"""Queries over jobs and their queue."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, FromClause, bindparam, delete, exists, insert, or_, select, update

from app.core.clock import new_id, now
from app.core.db.column_types import Instant
from app.core.db.entity import table_of
from app.core.db.locks import lock_until_commit
from app.core.db.pagination import RowPage
from app.core.db.repository import Repository
from app.core.db.session import AnyRow, AnySelect, ReadSession, Session
from app.core.jobs import unlisted_kinds
from app.modules.jobs.models import Job, JobQueue, JobState
from app.modules.jobs.schemas import JobQuery, JobRead

jobs, queue = table_of(Job), table_of(JobQueue)
STEP = timedelta(minutes=1)
"""What a step of priority is worth."""


def rank_of(run_at: datetime, priority: int) -> datetime:
    """The place in the queue of a job with this priority, of which 0 is first."""
    return run_at + priority * STEP


def is_listed() -> ColumnElement[bool]:
    """Whether users see a job."""
    return jobs.c.kind.not_in(unlisted_kinds())


class JobRepository(Repository[Job]):
    """Jobs, with how far those are that run."""

    model = Job
    read = JobRead
    beside = (queue,)

    def select(self, *, deleted: bool = False) -> AnySelect:
        return super().select(deleted=deleted).where(is_listed())

    def source(self) -> FromClause:
        return super().source().outerjoin(queue, queue.c.id == self.table.c.id)

    def to_reads(self, rows: Sequence[AnyRow]) -> Sequence[Any]:
        return [show_running(job) for job in super().to_reads(rows)]

    async def get_of(self, owner_id: UUID, id: UUID) -> Any:
        """A job for which this user asked. Raises NotFound, also for that of another user."""
        mine = (jobs.c.id == bindparam("id"), jobs.c.created_by_id == bindparam("owner"))
        statement = self.build_once("one of", lambda: self.select().where(*mine))
        row = await self.session.first(statement, {"id": id, "owner": owner_id})
        if row is None:
            raise self.not_found(id)
        return self.to_reads([row])[0]

    async def page_of(self, owner_id: UUID | None, query: JobQuery) -> RowPage:
        """The jobs for which this user asked, or all."""
        statement, rest = self.build_once("all", self.select), query.model_copy(update={"state": None})
        values: dict[str, Any] = {} if query.state is None else {"now": now()}
        if owner_id is not None:
            mine = jobs.c.created_by_id == bindparam("owner")
            statement = self.build_once("mine", partial(statement.where, mine))
            values["owner"] = owner_id
        if query.state is not None:
            in_state = partial(statement.where, *conditions_of(query.state))
            statement = self.build_once((statement, query.state), in_state)
        return await self.fetch_page(self.where(statement, rest), rest, f"jobs/{owner_id}/{query.state}", values)

    async def load_kept(self) -> Sequence[Job]:
        """Load and lock the jobs of which it is kept what they are about."""
        kept = select(Job).where(jobs.c.content.is_not(None)).order_by(jobs.c.id)
        return list((await self.writer.execute(kept.with_for_update(key_share=True))).scalars())

    async def find_once(self, once: str) -> UUID | None:
        """The job that was asked for once by this name. Another who asks for it waits for this transaction."""
        await lock_until_commit(self.writer, sha256(f"job/{once}".encode()).digest())  # names begin alike
        found: UUID | None = await self.writer.value(select(jobs.c.id).where(jobs.c.once == once))
        return found


def hint_of(session: Session, run_at: datetime) -> dict[str, datetime | None]:
    """When workers are to be told of a job that waits until `run_at`."""
    return {"hint_at": run_at if session.hooks.are_workers_told else None}


class QueueRepository:
    """The queue: jobs that wait, and the leases of those that run."""

    def __init__(self, session: Session) -> None:
        self.session = session

    async def add(self, id: UUID, name: str, run_at: datetime, priority: int) -> None:
        """Let a job wait until `run_at`."""
        row = {"id": id, "queue": name, "run_at": run_at, "rank": rank_of(run_at, priority), "attempt": 0}
        hint = hint_of(self.session, run_at)
        await self.session.execute(insert(queue).values(**row, **hint, is_cancelled=False, progress=0))

    async def add_held(self, id: UUID, name: str, lasts: timedelta) -> AnyRow:
        """Take a job for so long that no other may take, and return its claim."""
        at = now()
        row = {"id": id, "queue": name, "run_at": at, "rank": at, "attempt": 1, "is_cancelled": False, "progress": 0}
        held = insert(queue).values(**row, lease=new_id(), leased_until=at + lasts, hint_at=None)
        return (await self.session.execute(held.returning(*queue.c))).one()

    async def claim(self, queues: Collection[str], lasts: timedelta, without: Collection[str] = ()) -> AnyRow | None:
        """Take the first job that is due, for so long; None where there is none. Jobs that others take are passed.

        So are those of the kinds `without`.
        """
        at, is_free = now(), or_(queue.c.leased_until.is_(None), queue.c.leased_until < bindparam("at"))
        is_due = (queue.c.queue.in_(bindparam("queues", expanding=True)), queue.c.run_at <= bindparam("at"), is_free)
        due = select(queue.c.id).where(*is_due)
        if without:
            due = due.where(~exists().where(jobs.c.id == queue.c.id, jobs.c.kind.in_(without)))
        first = due.order_by(queue.c.rank).limit(1).with_for_update(skip_locked=True)
        taken = {"lease": new_id(), "leased_until": at + lasts, "attempt": queue.c.attempt + 1, "progress": 0}
        taken["hint_at"] = None
        chosen = update(queue).where(queue.c.id == first.scalar_subquery()).values(taken).returning(*queue.c)
        return await self.session.first(chosen, {"at": at, "queues": list(queues)})  # type: ignore[arg-type]  # has rows

    async def renew(self, leases: Mapping[UUID, int], lasts: timedelta) -> dict[UUID, bool]:
        """Renew leases, each with how far its job is. Returns those that are valid, with whether the job is to stop."""
        valid: dict[UUID, bool] = {}
        for lease, progress in leases.items():
            renewed = update(queue).where(queue.c.lease == lease)
            values = renewed.values(leased_until=now() + lasts, progress=progress)
            row = (await self.session.execute(values.returning(queue.c.is_cancelled))).first()
            if row is not None:
                valid[lease] = row.is_cancelled
        return valid

    async def give_back(self, lease: UUID, run_at: datetime, priority: int, *, counts: bool) -> bool:
        """Let a job wait for its next attempt; whether the lease was valid. One that does not count is made anew."""
        mine = update(queue).where(queue.c.lease == lease)
        changed = {"run_at": run_at, "rank": rank_of(run_at, priority), "lease": None, "leased_until": None}
        attempt = queue.c.attempt if counts else queue.c.attempt - 1
        changed |= hint_of(self.session, run_at)
        return bool((await self.session.execute(mine.values(**changed, attempt=attempt))).rowcount)  # type: ignore[attr-defined]

    async def end(self, lease: UUID) -> bool:
        """Take a job out of the queue; whether the lease was valid, and the job not cancelled."""
        mine = delete(queue).where(queue.c.lease == lease)
        return bool((await self.session.execute(mine)).rowcount)  # type: ignore[attr-defined]

    async def load(self, id: UUID) -> AnyRow | None:
        """Lock the row of a job that is not done."""
        return await self.session.first(select(queue).where(queue.c.id == id).with_for_update())

    async def remove(self, id: UUID) -> None:
        """Take a job out of the queue that no worker has."""
        await self.session.execute(delete(queue).where(queue.c.id == id))

    async def cancel(self, id: UUID) -> None:
        """Ask the worker that has a job to stop."""
        await self.session.execute(update(queue).where(queue.c.id == id).values(is_cancelled=True))


async def has_free(session: ReadSession, name: str) -> bool:
    """Whether a queue has a job that no process has."""
    is_free = or_(queue.c.leased_until.is_(None), queue.c.leased_until < now())
    return await session.first(select(queue.c.id).where(queue.c.queue == name, is_free).limit(1)) is not None


class HintRepository:
    """The jobs of which a broker is to tell the workers."""

    def __init__(self, session: Session) -> None:
        self.session = session

    async def take(self, most: int) -> Sequence[AnyRow]:
        """Jobs of which the workers are to be told by now, and their queues. No other process tells of them, too."""
        is_due = queue.c.hint_at <= bindparam("at", type_=Instant())
        first = select(queue.c.id).where(is_due).order_by(queue.c.hint_at).limit(most).with_for_update(skip_locked=True)
        taken = update(queue).where(queue.c.id.in_(first.scalar_subquery())).values(hint_at=None)
        return await self.session.all(taken.returning(queue.c.id, queue.c.queue), {"at": now()})  # type: ignore[arg-type]  # has rows

    async def put_back(self, ids: Collection[UUID]) -> None:
        """Let workers be told of jobs again that none of them has."""
        waiting = update(queue).where(queue.c.id.in_(ids), queue.c.leased_until.is_(None))
        await self.session.execute(waiting.values(hint_at=now()))


def conditions_of(state: JobState) -> list[ColumnElement[bool]]:
    """What a job in this state fulfils. One that a worker has is running."""
    is_leased = queue.c.leased_until > bindparam("now", type_=Instant())
    match state:
        case JobState.running:
            return [jobs.c.state == JobState.queued, is_leased]
        case JobState.queued:
            return [jobs.c.state == state, or_(queue.c.leased_until.is_(None), ~is_leased)]
        case _:
            return [jobs.c.state == state]


def show_running(item: Any) -> Any:
    """`item`, a job as a read shows it, whose state tells whether a worker has it."""
    if item.state == JobState.queued and item.leased_until is not None and item.leased_until > now():
        item.state = JobState.running
    return item
