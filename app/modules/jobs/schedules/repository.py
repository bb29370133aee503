"""Queries over schedules, and over how far each is."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import FromClause, exists, insert, select, update

from app.core.db.entity import table_of
from app.core.db.locks import lock_until_commit
from app.core.db.pagination import RowPage
from app.core.db.repository import Repository
from app.core.db.session import AnyRow, AnySelect, ReadSession, Session
from app.modules.jobs.schedules.models import JobSchedule, JobScheduleTick
from app.modules.jobs.schedules.schemas import ScheduleQuery, StoredSchedule

SYNC_LOCK = b"schedule"

schedules, ticks = table_of(JobSchedule), table_of(JobScheduleTick)


class ScheduleRepository(Repository[JobSchedule]):
    """Schedules, with how far each is."""

    model = JobSchedule
    read = StoredSchedule
    beside = (ticks,)

    def source(self) -> FromClause:
        return super().source().join(ticks, ticks.c.id == self.table.c.id)

    def select_declared(self, names: Collection[str]) -> AnySelect:
        """The schedules with these names, built once."""
        known = tuple(sorted(names))
        return self.build_once(("declared", known), lambda: self.select().where(schedules.c.name.in_(known)))

    async def page_of(self, names: Collection[str], query: ScheduleQuery) -> RowPage:
        """Those of the schedules that have one of `names`."""
        return await self.fetch_page(self.where(self.select_declared(names), query), query)

    async def load_named(self, name: str, if_match: str | None) -> JobSchedule:
        """Load and lock a schedule. Raises NotFound, StaleVersion."""
        known: UUID | None = await self.writer.value(select(schedules.c.id).where(schedules.c.name == name))
        if known is None:
            raise self.not_found(name)
        return await self.load(known, if_match)

    async def load_all(self) -> dict[str, JobSchedule]:
        """Load every schedule by name, after waiting for other processes that write what they declare."""
        await lock_until_commit(self.writer, SYNC_LOCK)
        return {row.name: row for row in (await self.writer.execute(select(JobSchedule))).scalars()}


class TickRepository:
    """How far schedules are."""

    def __init__(self, session: Session) -> None:
        self.session = session

    async def add(self, id: UUID, next_at: datetime) -> None:
        """Let a new schedule wait for its first tick."""
        await self.session.execute(insert(ticks).values(id=id, next_at=next_at))

    async def restart(self, id: UUID, next_at: datetime) -> None:
        """Let a schedule wait for this tick, whatever it has waited for."""
        await self.session.execute(update(ticks).where(ticks.c.id == id).values(next_at=next_at))

    async def move(self, row: AnyRow, due: datetime, next_at: datetime) -> bool:
        """Let a schedule wait for the tick behind `due`; whether no other process did, and it was not turned on or off.

        Another process waits here for the end of this transaction.
        """
        is_same = exists(select(1).where(schedules.c.id == row.id, schedules.c.enabled == row.enabled))
        mine = update(ticks).where(ticks.c.id == row.id, ticks.c.next_at == due, is_same)
        return bool((await self.session.execute(mine.values(next_at=next_at))).rowcount)  # type: ignore[attr-defined]

    async def note(self, id: UUID, tick: datetime, job_id: UUID) -> None:
        """Keep the last tick at which a job was asked for."""
        mine = update(ticks).where(ticks.c.id == id)
        await self.session.execute(mine.values(last_at=tick, last_job_id=job_id))


async def read_ticks(session: ReadSession, names: Collection[str]) -> Sequence[AnyRow]:
    """The schedules with these names: whether each asks for jobs, and what it waits for."""
    columns = (schedules.c.id, schedules.c.name, schedules.c.enabled, ticks.c.next_at)
    joined = select(*columns).join(ticks, ticks.c.id == schedules.c.id)
    return await session.all(joined.where(schedules.c.name.in_(sorted(names))).order_by(schedules.c.name))
