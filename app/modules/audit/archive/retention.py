"""Archives old access entries from time to time, beside the ticks of the process that seals."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog

from app.core.db.engine import Database
from app.modules.audit.archive.archiver import Archiver
from app.modules.audit.archive.command import ARCHIVE_ERRORS, archive_before, choose, default_place
from app.modules.audit.archive.folder import Folder
from app.modules.audit.sealer.signers import Signers

logger = structlog.get_logger(__name__)

INTERVAL_SECONDS, FIRST_RUN_SECONDS = 6 * 3600.0, 300.0
STOP_SECONDS = 5.0


@asynccontextmanager
async def archive_periodically(database: Database, signers: Signers) -> AsyncIterator[None]:
    """Archive what RETENTION__ACCESS_DAYS says while the block runs. On SQLite, which drops nothing, do nothing.

    A month takes longer than a periodic task may. One that the end of the process interrupts is begun again.
    """
    if database.is_sqlite or database.settings.retention.access_days is None:
        yield
        return
    stopping = asyncio.Event()
    task = asyncio.create_task(repeat(database, signers, stopping), name="archive old entries")
    try:
        yield
    finally:
        stopping.set()
        await asyncio.wait([task], timeout=STOP_SECONDS)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def repeat(database: Database, signers: Signers, stopping: asyncio.Event) -> None:
    """Archive until `stopping`. What fails is tried again the next time."""
    delay = FIRST_RUN_SECONDS
    while not await is_set_within(stopping, delay):
        delay = INTERVAL_SECONDS
        try:
            await archive_old_entries(database, signers)
        except ARCHIVE_ERRORS as error:
            logger.warning("old_entries_not_archived", cause=type(error).__name__, reason=str(error).partition("\n")[0])


async def archive_old_entries(database: Database, signers: Signers) -> None:
    """Archive the months that are old enough into the default folder. Raises `ARCHIVE_ERRORS`."""
    logs, end = choose(database, None, [])
    archiver = Archiver(database, Folder(default_place(database)), signers)
    for log in logs:
        await archive_before(archiver, log, end, restored=False)


async def is_set_within(event: asyncio.Event, seconds: float) -> bool:
    """Wait for an event, and whether it came."""
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
    return event.is_set()
