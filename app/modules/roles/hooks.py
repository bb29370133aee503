"""Writes the modules that the code declares to the database when the application starts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.errors import DatabaseUnavailable
from app.core.http.module_hooks import ModuleHooks
from app.core.http.state import State
from app.core.runtime.module_info import ModuleInfo
from app.core.runtime.periodic_task import PeriodicTask
from app.modules.roles.modules.service import ModuleService

log = structlog.get_logger(__name__)

RETRY_SECONDS = 2.0


@asynccontextmanager
async def lifespan(state: State) -> AsyncIterator[None]:
    async def synchronize() -> bool:
        return await synchronize_modules(state.database, state.modules)

    retry = None if await synchronize() else PeriodicTask("synchronize modules", synchronize, RETRY_SECONDS)
    try:
        yield
    finally:
        if retry:
            await retry.stop()


async def synchronize_modules(database: Database, declared: list[ModuleInfo]) -> bool:
    """Write the declared modules. False while the database is unavailable or not migrated."""
    try:
        async with database.unit_of_work(RequestContext.for_job("sync-modules")) as session:
            await ModuleService(session).synchronize(declared)
    except (DatabaseUnavailable, SQLAlchemyError) as error:
        log.warning("modules_not_synced", cause=type(error).__name__)
        return False
    return True


HOOKS = ModuleHooks(after=("audit", "rbac"), lifespan=lifespan)
