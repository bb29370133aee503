"""How permissions are wired in: the version bump, the gate, and the modules that the code declares."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from fastapi import FastAPI
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError

from app.core.background import Repeating
from app.core.context import RequestContext
from app.core.db import Database
from app.core.errors import DatabaseUnavailable
from app.core.routing import ModuleInfo
from app.modules.rbac.gate import POLL_SECONDS, SessionGate, install
from app.modules.rbac.sync import sync_modules

__all__ = ["install", "lifespan"]

log = structlog.get_logger(__name__)

SYNC_RETRY_SECONDS = 2.0


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    database: Database = app.state.database
    app.state.gate = SessionGate(database, app.state.tokens)
    event.listen(database.session_class, "after_commit", app.state.gate.after_commit)

    async def sync() -> bool:
        return await synced(database, app.state.modules)

    work = [Repeating("poll policy version", app.state.gate.poll, POLL_SECONDS, max_delay=POLL_SECONDS)]
    if not await sync():
        work.append(Repeating("sync modules", sync, SYNC_RETRY_SECONDS))
    try:
        yield
    finally:
        for repeating in work:
            await repeating.stop()


async def synced(database: Database, declared: list[ModuleInfo]) -> bool:
    """Write the declared modules; False while the database is away or not migrated."""
    try:
        async with database.unit_of_work(RequestContext.of_job("sync-modules")) as session:
            await sync_modules(session, declared)
    except (DatabaseUnavailable, DBAPIError) as error:
        log.warning("modules_not_synced", cause=type(error).__name__)
        return False
    return True
