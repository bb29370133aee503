"""Partitions of the logs by month, which PostgreSQL makes ahead. SQLite has none."""

import structlog
from sqlalchemy import func, select

from app.core.config import Settings
from app.core.context import RequestContext
from app.core.db.connecting import create_engine
from app.core.db.engine import Database

log = structlog.get_logger(__name__)

MONTHS_AHEAD = 3
INTERVAL_SECONDS, RETRY_SECONDS, FIRST_RUN_SECONDS = 3600.0, 300.0, 60.0
MAKE = select(func.attest_make_partitions(MONTHS_AHEAD))
"""Makes those of this month and the next ones that are missing, with the rights of the owner of the function."""


async def make_partitions_after_migration(settings: Settings) -> None:
    """Make the partitions that are missing, in a database that was just migrated."""
    engine = create_engine(settings.without_pooler)
    async with engine.begin() as connection:
        await connection.execute(MAKE)
    await engine.dispose()


async def make_partitions(database: Database) -> bool:
    """Make the partitions that are missing. Returns False: a periodic task goes on."""
    async with database.unit_of_work(RequestContext.for_job("make partitions")) as session:
        if made := await session.value(MAKE):
            log.info("partitions_made", count=made)
    return False
