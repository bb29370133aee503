"""The scheduler: asks for the job of each tick once, however many processes have one.

A schedule's row says for which tick it waits. Who moves it on asks for the job in the same transaction.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog

from app.core.clock import now
from app.core.context import Actor, RequestContext
from app.core.db.engine import Database
from app.core.db.session import AnyRow
from app.core.jobs import Schedule, enqueue
from app.core.runtime.periodic_task import PeriodicTask
from app.modules.jobs.schedules.repository import TickRepository, read_ticks
from app.modules.jobs.schedules.service import write_declared

log = structlog.get_logger(__name__)

LOOK_SECONDS = 1.0
LONGEST_STEP = timedelta(days=1)
"""A clock that steps back by more has been wrong before, and so is the tick for which a schedule waits."""


class Move(NamedTuple):
    """What a schedule does when it has been looked at."""

    next_at: datetime
    """The tick for which it waits from now on."""
    asks: bool
    """Whether the tick for which it has waited asks for its job."""


class Scheduler:
    """Moves schedules on. Where `asks` is not set it only writes those that are declared."""

    def __init__(self, database: Database, declared: Mapping[str, Schedule], *, asks: bool) -> None:
        self.database = database
        self.declared = declared
        self.asks = asks
        self.off = frozenset(database.settings.jobs.schedules_off)
        self.is_written = False

    async def run(self) -> bool:
        """Ask for the jobs of all ticks that are due. True where there is nothing more to do."""
        if not self.is_written:
            await self.write()
        if not self.asks:
            return True
        for row in await read_ticks(self.database.read_session(RequestContext.for_job("scheduler")), self.declared):
            try:
                await self.advance(self.declared[row.name], row)
            except Exception as error:  # noqa: BLE001  # whatever it was, the others go on, and it is tried again
                log.warning("schedule_not_moved", schedule=row.name, cause=type(error).__name__)
        return False

    async def write(self) -> None:
        """Write the schedules that are declared."""
        if unknown := sorted(self.off - self.declared.keys()):
            log.warning("unknown_schedules_are_off", names=unknown)
        async with self.database.unit_of_work(RequestContext.for_job("scheduler")) as session:
            await write_declared(session, self.declared)
        self.is_written = True

    async def advance(self, schedule: Schedule, row: AnyRow) -> None:
        """Move a schedule on until it waits for a tick to come, or another process moves it."""
        due, is_on = row.next_at, row.enabled and schedule.name not in self.off
        while (move := next_move(schedule, due, now(), is_on=is_on)) is not None:
            if not await self.make(schedule, row, due, move):
                return
            if is_on and not move.asks:
                log.warning("schedule_ticks_skipped", schedule=schedule.name, since=due, until=move.next_at)
            due = move.next_at

    async def make(self, schedule: Schedule, row: AnyRow, due: datetime, move: Move) -> bool:
        """Make a move, and ask for the job in the same transaction; whether no other process did."""
        async with self.database.unit_of_work(context_of_schedule(schedule)) as session:
            ticks = TickRepository(session)
            if not await ticks.move(row, due, move.next_at):
                return False
            if move.asks:
                job_id = await enqueue(session, schedule.kind, schedule.data, once=schedule.once(due))
                await ticks.note(row.id, due, job_id)
        return True


def next_move(schedule: Schedule, due: datetime, at: datetime, *, is_on: bool) -> Move | None:
    """What a schedule that waits for the tick `due` does at `at`; None: it waits.

    After a clock that stepped back it waits, too, so that no tick comes twice.
    """
    if due > at:
        first = schedule.next_after(at)
        return Move(first, asks=False) if due - first > LONGEST_STEP else None
    if not is_on:
        return Move(schedule.next_after(at), asks=False)
    if at - due > schedule.grace:
        return Move(schedule.next_after(at - schedule.grace), asks=False)
    return Move(schedule.next_after(due), asks=True)


def context_of_schedule(schedule: Schedule) -> RequestContext:
    """The context in which a schedule asks for a job."""
    return RequestContext(actor=Actor("system", name=f"schedule:{schedule.name}"))


@asynccontextmanager
async def run_schedules(database: Database, declared: Mapping[str, Schedule], *, asks: bool) -> AsyncIterator[None]:
    """Ask for the jobs of schedules while the block runs; or only write the schedules that are declared."""
    if not declared:
        yield
        return
    task = PeriodicTask("schedules", Scheduler(database, declared, asks=asks).run, LOOK_SECONDS)
    try:
        yield
    finally:
        await task.stop()
