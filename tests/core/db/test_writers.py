"""Connections that write: cancelled, broken and replaced ones lose nothing and free their place in the pool."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from sqlalchemy import Integer, cast, column, func, select, table
from sqlalchemy.exc import DBAPIError, PendingRollbackError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlmodel import col

from app.core.clock import new_id
from app.core.context import RequestContext
from app.core.db.connecting import create_engine
from app.core.db.engine import Database
from app.core.db.integrity import to_problem
from app.modules.tasks.models import Task
from tests.core.db.rows import count
from tests.core.db.test_unit_of_work import found
from tests.modules.audit.entries import add_task, change_entries
from tests.roles import as_owner

only_postgresql = pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
ACTIVITY = table("pg_stat_activity", column("pid"), column("datname"), column("wait_event_type"))
WAITING = ACTIVITY.c.datname == func.current_database(), ACTIVITY.c.wait_event_type == "Lock"


@asynccontextmanager
async def locked(database: Database, task: Task) -> AsyncIterator[None]:
    """Another process holds the row."""
    async with create_engine(as_owner(database.settings)).begin() as other:
        await other.execute(select(col(Task.id)).where(col(Task.id) == task.id).with_for_update())
        yield


async def change_waiting(database: Database, job: RequestContext, task: Task) -> "asyncio.Task[None]":
    """A change that is one statement, and waits for a lock."""

    async def change() -> None:
        async with database.unit_of_work(job, is_repeatable=True) as session:
            (await found(session, Task, task.id)).title = "changed"

    running = asyncio.create_task(change())
    waits = select(func.count()).select_from(ACTIVITY).where(*WAITING)
    while not running.done():
        if await database.read_session(job).value(waits):
            return running
        await asyncio.sleep(0.02)
    raise AssertionError(f"the change never waited: {running}")


async def add_to_every_connection(database: Database, job: RequestContext) -> None:
    """Write more often at once than there are connections."""
    writes = (add_task(database, job, title="later") for _ in range(2 * database.settings.database.writers))
    await asyncio.gather(*writes)


@only_postgresql
async def test_a_write_that_is_cancelled_has_no_effect_and_frees_its_place(
    database: Database, job: RequestContext
) -> None:
    task = await add_task(database, job, title="kept")
    for _ in range(database.settings.database.writers + 1):
        async with locked(database, task):
            running = await change_waiting(database, job, task)
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
            await asyncio.gather(*database.writers.pool.closing)  # until then the server may still carry it out

    await add_to_every_connection(database, job)
    assert [
        entry.action for entry in await change_entries(database, job, "task") if entry.entity_id == str(task.id)
    ] == ["create"]


@only_postgresql
async def test_a_write_whose_connection_breaks_is_a_503_and_the_next_one_works(
    database: Database, job: RequestContext
) -> None:
    task = await add_task(database, job, title="kept")
    async with locked(database, task):
        running = await change_waiting(database, job, task)
        await database.read_session(job).all(select(func.pg_terminate_backend(ACTIVITY.c.pid)).where(*WAITING))
        with pytest.raises(SQLAlchemyError) as error:
            await running

    problem = to_problem(error.value)
    assert problem is not None
    assert (problem.status, problem.code) == (503, "database-unavailable")
    await add_to_every_connection(database, job)


@only_postgresql
async def test_a_connection_that_breaks_while_idle_is_replaced(database: Database, job: RequestContext) -> None:
    await add_task(database, job)
    before = list(database.writers.pool.idle)
    async with create_engine(as_owner(database.settings)).connect() as other:
        mine = ACTIVITY.c.pid != func.pg_backend_pid(), ACTIVITY.c.datname == func.current_database()
        await other.execute(select(func.pg_terminate_backend(ACTIVITY.c.pid)).where(*mine))
    while any(link.is_open() for link in before):  # noqa: ASYNC110  # asyncpg has no event for it
        await asyncio.sleep(0.01)

    await add_to_every_connection(database, job)


async def test_a_transaction_that_waits_for_a_connection_ends_in_time(database: Database, job: RequestContext) -> None:
    database.writers.pool.patience = 0.05
    lent = [await database.writers.pool.take() for _ in range(1 if database.is_sqlite else 4)]

    with pytest.raises(PoolTimeout):
        await add_task(database, job)
    for link in lent:
        database.writers.pool.give(link)

    await add_task(database, job)
    assert await count(database, job, Task) == 1


async def test_a_unit_that_fails_gives_its_connection_back(database: Database, job: RequestContext) -> None:
    for _ in range(database.settings.database.writers + 1):
        with pytest.raises(SQLAlchemyError):
            await add_task(database, job, assignee_id=new_id())

    await add_to_every_connection(database, job)


@only_postgresql
async def test_a_transaction_in_which_a_statement_failed_is_not_committed(
    database: Database, job: RequestContext
) -> None:
    """PostgreSQL answers COMMIT with ROLLBACK then, and raises nothing."""

    async def go_on() -> None:
        async with database.unit_of_work(job) as session:
            session.add(Task(title="lost"))
            with pytest.raises(DBAPIError):
                await session.value(select(cast(col(Task.title), Integer)))

    with pytest.raises(PendingRollbackError):
        await go_on()
    assert await count(database, job, Task) == 0
