"""How permissions are wired in: the policy check, security events, the gate, and the modules that the code declares."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from fastapi import FastAPI
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError

from app.core.background import Repeating
from app.core.context import RequestContext
from app.core.db import Database
from app.core.errors import DatabaseUnavailable
from app.core.routing import ModuleInfo
from app.modules.rbac import commit, events
from app.modules.rbac.access import lock_policy, permissions_of_user
from app.modules.rbac.gate import CredentialGate
from app.modules.rbac.listener import Listener
from app.modules.rbac.sync import sync_modules

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.5
SYNC_RETRY_SECONDS = 2.0
LISTEN_RETRY_SECONDS = 1.0
PRUNE_SECONDS = 300.0


def install(database: Database) -> None:
    """The policy is judged first; security events come last, so that their lock is held for the shortest time."""
    commit.install(database)
    events.install(database)
    database.permissions_of, database.lock_policy = permissions_of_user, lock_policy


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    database: Database = app.state.database
    gate = app.state.gate = CredentialGate(database, app.state.tokens)
    event.listen(database.session_class, "after_commit", gate.feed.after_commit)

    async def sync() -> bool:
        return await synced(database, app.state.modules)

    poll = Repeating("poll security events", gate.feed.poll, POLL_SECONDS, max_delay=POLL_SECONDS)
    work = [poll, Repeating("prune security events", gate.feed.prune, PRUNE_SECONDS, max_delay=PRUNE_SECONDS)]
    listener = None if database.is_sqlite else Listener(database, poll.wake)
    if listener:
        work.append(Repeating("listen", listener.ensure, LISTEN_RETRY_SECONDS))
    try:
        if not await sync():
            work.append(Repeating("sync modules", sync, SYNC_RETRY_SECONDS))
        yield
    finally:
        for repeating in work:
            await repeating.stop()
        if listener:
            await listener.close()


async def synced(database: Database, declared: list[ModuleInfo]) -> bool:
    """Write the declared modules; False while the database is away or not migrated."""
    try:
        async with database.unit_of_work(RequestContext.of_job("sync-modules")) as session:
            await sync_modules(session, declared)
    except (DatabaseUnavailable, SQLAlchemyError) as error:
        log.warning("modules_not_synced", cause=type(error).__name__)
        return False
    return True
