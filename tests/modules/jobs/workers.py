"""Workers in the process of a test, and what it waits for."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.outgoing import Outgoing
from app.modules.brands.models import Brand
from app.modules.jobs.models import Job, JobQueue
from app.modules.jobs.running.receiving import run_jobs
from tests.brokers import Broker

SOON_SECONDS = 10.0
"""Far less than the minute after which a worker of a test looks for jobs of which it was not told."""
brands, jobs, queue = table_of(Brand), table_of(Job), table_of(JobQueue)
Working = Callable[..., AbstractAsyncContextManager[None]]


def workers_on(database: Database, broker: Broker | None) -> Working:
    """What makes workers that run while a block does. They must not want their process to end."""
    started: Counter[str] = Counter()

    @asynccontextmanager
    async def work(**changed: Any) -> AsyncIterator[None]:
        """A worker, with other settings where they are given."""
        ended: list[bool] = []
        settings = database.settings.jobs.model_copy(update=changed)
        started.update(settings.queues)

        async def listens() -> bool:
            return broker is None or await broker.count_listeners(settings.queues[0]) >= started[settings.queues[0]]

        async with run_jobs(
            database, Outgoing(database.settings.outgoing), settings, lambda: ended.append(True), lambda _stop: None
        ):
            await until(listens)  # before that it looks for jobs as if there were no broker
            yield
        started.subtract(settings.queues)
        assert ended == []

    return work


async def rows(database: Database, table: Any, *conditions: Any) -> Any:
    """The rows of a table that fulfil the conditions."""
    return await database.read_session(RequestContext.for_job("test")).all(select(table).where(*conditions))


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = SOON_SECONDS) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110  # there is no event for it
            await asyncio.sleep(0.05)


async def until_in(database: Database, id: UUID, state: str, seconds: float = SOON_SECONDS) -> Any:
    """Wait until a job is in a state. Returns its row."""

    async def is_in_state() -> bool:
        return bool(await rows(database, jobs, jobs.c.id == id, jobs.c.state == state))

    await until(is_in_state, seconds)
    (row,) = await rows(database, jobs, jobs.c.id == id)
    return row


async def until_running(database: Database, id: UUID) -> None:
    """Wait until a worker has a job."""

    async def is_running() -> bool:
        return bool(await rows(database, queue, queue.c.id == id, queue.c.leased_until.is_not(None)))

    await until(is_running)
