"""Asks witnesses to cosign the newest checkpoints, beside the ticks: one that is away delays nothing."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import structlog
from sqlalchemy import func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.core.clock import now
from app.core.config import AuditSettings
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.db.session import AnyRow
from app.core.errors import NotFound
from app.core.outgoing import Outgoing
from app.core.runtime.periodic_task import PeriodicTask
from app.modules.audit.seal.checkpoint import CosignerKey
from app.modules.audit.seal.note import Note
from app.modules.audit.seal.witness import WitnessClient, WitnessConflict, WitnessError
from app.modules.audit.sealer.logs import Log
from app.modules.audit.sealer.models import AuditCheckpoint, AuditCosignature, AuditSeal
from app.modules.audit.sealer.proofs import SealedLog, find_cosigned

logger = structlog.get_logger(__name__)

INTERVAL_SECONDS = 2.0
LONGEST_INTERVAL_SECONDS = 60.0
ANSWER_SECONDS = 5.0
cosignatures, checkpoints = table_of(AuditCosignature), table_of(AuditCheckpoint)
seals = table_of(AuditSeal)


class Cosigning:
    """Has the newest checkpoint of each log cosigned by one witness."""

    def __init__(self, database: Database, client: WitnessClient) -> None:
        self.database = database
        self.client = client
        self.witness = str(client.key)

    async def run(self) -> bool:
        """Ask for what is not cosigned yet. A witness that does not cosign is asked again, less and less often.

        What it thinks of one log does not keep it from the other.
        """
        failures = []
        for log in Log:
            try:
                await self.cosign(log)
            except WitnessError as error:
                failures.append(error)
        if failures:
            raise failures[0]
        return False

    async def cosign(self, log: Log) -> None:
        """Have the newest checkpoint of a log cosigned, unless it is. Raises WitnessError."""
        session = self.database.read_session(RequestContext.for_job("cosign"))
        sealed = SealedLog(session, log)
        try:
            newest = await sealed.find_newest()
        except NotFound:
            return
        last = await find_cosigned(session, log, self.witness)
        if last is not None and last.id == newest.id:
            return
        try:
            note = Note.parse(newest.note.encode())
            signature = await self.client.cosign(note, last.size if last else 0, sealed.prove_consistency)
        except WitnessConflict as error:
            if error.size <= newest.size:
                logger.error("checkpoint_conflicts", audit_log=log.value, size=newest.size, witnessed_size=error.size)
            elif not await is_witnessed_larger(self.database, log, error.size):
                return  # another process has had a newer checkpoint cosigned
            raise
        except WitnessError as error:
            name = self.client.key.name
            logger.warning("checkpoint_not_cosigned", audit_log=log.value, witness=name, cause=str(error))
            raise
        await self.store(newest, str(signature))

    async def store(self, newest: AnyRow, signature: str) -> None:
        """Keep a cosignature. Another process may have got one for the same checkpoint."""
        async with self.database.unit_of_work(RequestContext.for_job("cosign")) as session:
            added = (sqlite if session.is_sqlite else postgresql).insert(cosignatures).on_conflict_do_nothing()
            values = {"checkpoint_id": newest.id, "witness": self.witness, "signature": signature, "at": now()}
            await session.execute(added.values(values))


async def is_witnessed_larger(database: Database, log: Log, size: int) -> bool:
    """Whether a larger log was witnessed than there is. Then the sealer stops until it is told to go on."""
    async with database.unit_of_work(RequestContext.for_job("cosign")) as session:
        mine = checkpoints.c.log == log.value
        stored = int(await session.value(select(func.max(checkpoints.c.size)).where(mine)) or 0)
        if size > stored:
            await session.execute(update(seals).where(seals.c.log == log.value).values(witnessed_size=size))
            logger.error("audit_log_was_set_back", audit_log=log.value, size=stored, witnessed_size=size)
        return size > stored


@asynccontextmanager
async def cosigned_by_witnesses(database: Database, options: AuditSettings, outgoing: Outgoing) -> AsyncIterator[None]:
    """Have checkpoints cosigned while the block runs. Raises UnusableKey."""
    keys = [CosignerKey.parse(witness.key) for witness in options.witnesses]
    async with AsyncExitStack() as stack:
        for witness, key in zip(options.witnesses, keys, strict=True):
            cosigning = Cosigning(database, WitnessClient(outgoing, witness.url, key, ANSWER_SECONDS))
            task = PeriodicTask(f"cosign: {key.name}", cosigning.run, INTERVAL_SECONDS, LONGEST_INTERVAL_SECONDS)
            stack.push_async_callback(task.stop)
        yield
