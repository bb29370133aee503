"""Publishes events in the processes of the API, where the settings name a broker."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from app.core.db.engine import Database
from app.core.http.module_hooks import ModuleHooks
from app.core.http.state import State
from app.core.runtime.periodic_task import PeriodicTask
from app.modules.events.publishing.publisher import Publisher
from app.modules.events.publishing.status import find_faults, warn_of_lag


def install(database: Database) -> None:
    database.hooks.find_faults.append(find_faults)


@asynccontextmanager
async def lifespan(state: State) -> AsyncIterator[None]:
    """Publish events, unless the settings leave that to other processes."""
    settings = state.settings.events
    if settings.broker is None:
        yield
        return
    state.readiness_warnings.append(partial(warn_of_lag, state.database))
    if not settings.follow_seconds:
        yield
        return
    async with publish(state, settings.follow_seconds):
        yield


@asynccontextmanager
async def publish(state: State, seconds: float) -> AsyncIterator[None]:
    """Publish events while the block runs, until the process is told to stop."""
    publisher = Publisher(state.database)
    state.before_stop.append(publisher.broker.stop)
    task = PeriodicTask("events", publisher.run, seconds)
    try:
        yield
    finally:
        publisher.broker.stop()
        await task.stop()
        await publisher.broker.close()


HOOKS = ModuleHooks(after=("audit",), install=install, lifespan=lifespan)
