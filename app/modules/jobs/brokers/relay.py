"""The relay: tells workers over the broker of jobs that are due, from their rows.

A row is marked before the hint is sent, so that it does not keep a worker from the job. A process that dies in between
has told of nothing: then workers find the job when they look for one all the same.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.session import Session
from app.core.jobs import NEW_JOBS
from app.core.runtime.periodic_task import PeriodicTask
from app.modules.jobs.brokers.channel import HintChannel, keep_channel
from app.modules.jobs.brokers.hints import Hint
from app.modules.jobs.repository import HintRepository

MOST = 100
"""Hints that are sent at once."""


class Relay:
    """Sends the hints of all jobs that are due, while the broker answers."""

    def __init__(self, database: Database, channel: HintChannel) -> None:
        self.database = database
        self.channel = channel

    async def run(self) -> bool:
        while self.channel.is_connected and (hints := await self.take()):
            if failed := await self.channel.publish(hints):
                await self.put_back(failed)
        return False

    async def take(self) -> list[Hint]:
        async with self.database.unit_of_work(RequestContext.for_job("relay")) as session:
            return [Hint(row.id, row.queue) for row in await HintRepository(session).take(MOST)]

    async def put_back(self, hints: list[Hint]) -> None:
        async with self.database.unit_of_work(RequestContext.for_job("relay")) as session:
            await HintRepository(session).put_back([hint.id for hint in hints])


@asynccontextmanager
async def run_relay(database: Database, channel: HintChannel, seconds: float) -> AsyncIterator[None]:
    """Tell workers of jobs as soon as this process has committed them; of all others, every so many seconds."""
    relay = PeriodicTask("job hints", Relay(database, channel).run, seconds)

    def wake(session: Session) -> None:
        if session.info.get(NEW_JOBS):
            relay.wake()

    database.hooks.after_commit.append(wake)
    try:
        yield
    finally:
        database.hooks.after_commit.remove(wake)
        await relay.stop()


@asynccontextmanager
async def tell_workers(database: Database) -> AsyncIterator[HintChannel | None]:
    """Tell workers of the jobs that this process asks for, if the settings name a broker."""
    settings = database.settings.jobs
    if not settings.has_broker:
        yield None
        return
    async with keep_channel(HintChannel(settings)) as channel, run_relay(database, channel, settings.sweep_seconds):
        yield channel
