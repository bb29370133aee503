"""Copies checkpoints to a folder or bucket, beside the ticks: one that is away delays nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from obstore import get_async, put_async
from obstore.exceptions import AlreadyExistsError, NotFoundError
from obstore.store import ObjectStore
from sqlalchemy import func, select

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.db.session import AnyRow
from app.core.runtime.object_store import open_store
from app.core.runtime.periodic_task import PeriodicTask
from app.modules.audit.seal.checkpoint import open_checkpoint
from app.modules.audit.seal.note import InvalidNote, Note
from app.modules.audit.sealer.logs import Log
from app.modules.audit.sealer.models import AuditCheckpoint
from app.modules.audit.sealer.proofs import SealedLog
from app.modules.audit.sealer.witnesses import is_witnessed_larger

logger = structlog.get_logger(__name__)

INTERVAL_SECONDS = 2.0
LONGEST_INTERVAL_SECONDS = 60.0
BATCH = 100
"""Checkpoints that are copied at a time, before the newest is named."""
checkpoints = table_of(AuditCheckpoint)
CONTEXT = RequestContext.for_job("copy checkpoints")


class CheckpointCopies:
    """Copies every checkpoint of each log, in their order, to files that are never replaced.

    `LOG/newest.txt` is a copy of the last one: the next process goes on behind it.
    """

    def __init__(self, database: Database, store: ObjectStore) -> None:
        self.database = database
        self.store = store
        self.copied: dict[Log, int] = {}
        """The number of the last checkpoint of each log that was copied."""

    async def run(self) -> bool:
        """Copy what is new."""
        for log in Log:
            while await self.copy(log) == BATCH:
                pass
        return False

    async def copy(self, log: Log) -> int:
        """Copy the next checkpoints of a log. Returns their number. Raises `obstore.exceptions.BaseError`."""
        if log not in self.copied:
            self.copied[log] = await self.find_copied(log)
        chosen = checkpoints.c.log == log.value, checkpoints.c.id > self.copied[log]
        session = self.database.read_session(CONTEXT)
        rows = await session.all(select(checkpoints).where(*chosen).order_by(checkpoints.c.id).limit(BATCH))
        for row in rows:
            try:
                await put_async(self.store, name_of(row), row.note.encode(), mode="create")
            except AlreadyExistsError:  # another process was first, or this one before it could say so
                continue
        if rows:
            await put_async(self.store, newest_of(log), rows[-1].note.encode())
            self.copied[log] = rows[-1].id
        return len(rows)

    async def find_copied(self, log: Log) -> int:
        """The number of the last checkpoint that was copied; 0 where there is none, or the log does not have it.

        One of a larger log than there is stops the sealer, as a witness does that knows one.
        """
        try:
            file = await get_async(self.store, newest_of(log))
        except (NotFoundError, FileNotFoundError):
            return 0
        note, session = bytes(await file.bytes_async()), self.database.read_session(CONTEXT)
        try:
            checkpoint = open_checkpoint(Note.parse(note), await SealedLog(session, log).keys())
        except InvalidNote as error:
            logger.error("kept_checkpoint_invalid", audit_log=log.value, cause=str(error))
            return 0
        same = (
            checkpoints.c.log == log.value,
            checkpoints.c.size == checkpoint.size,
            checkpoints.c.note == note.decode(),
        )
        found = int(await session.value(select(func.max(checkpoints.c.id)).where(*same)) or 0)
        if not found:
            await is_witnessed_larger(self.database, log, checkpoint.size)
        return found


def name_of(row: AnyRow) -> str:
    """The file of a checkpoint: a folder for each day, and names in their order."""
    return f"{row.log}/{row.at:%Y-%m-%d/%H%M%S.%f}-{row.size}.txt"


def newest_of(log: Log) -> str:
    return f"{log}/newest.txt"


@asynccontextmanager
async def copied_to_store(database: Database, target: str | None) -> AsyncIterator[None]:
    """Have checkpoints copied to `target`, if there is one, while the block runs."""
    if target is None:
        yield
        return
    copies = CheckpointCopies(database, open_store(target))
    task = PeriodicTask("copy checkpoints", copies.run, INTERVAL_SECONDS, LONGEST_INTERVAL_SECONDS)
    try:
        yield
    finally:
        await task.stop()
