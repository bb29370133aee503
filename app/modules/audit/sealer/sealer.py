"""Seals the logs: a tick gives new entries their order, extends the tree over them, and signs a checkpoint of it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import structlog
from sqlalchemy import ColumnElement, func, select

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.locks import try_lock_until_commit
from app.core.db.session import AnyRow, AnySelect, Session
from app.core.db.statements import values_of_row
from app.core.outgoing import Outgoing
from app.core.runtime.periodic_task import PeriodicTask
from app.core.runtime.slices import take_slices
from app.modules.audit.entries.canonical import encode
from app.modules.audit.rollups.counting import count_changes
from app.modules.audit.seal.checkpoint import Checkpoint
from app.modules.audit.seal.note import Note, Signer, sign_note
from app.modules.audit.seal.tiles import extend_tiles, open_tiles
from app.modules.audit.seal.tree import Tree, leaf_hash
from app.modules.audit.sealer.copies import copied_to_store
from app.modules.audit.sealer.logs import Log
from app.modules.audit.sealer.models import AuditSeal
from app.modules.audit.sealer.order import order_of
from app.modules.audit.sealer.signers import Signers
from app.modules.audit.sealer.store import (
    find_seal,
    find_tiles,
    is_set_back,
    store_checkpoint,
    store_key,
    store_runs,
    store_seal,
    store_tiles,
)
from app.modules.audit.sealer.witnesses import cosigned_by_witnesses

logger = structlog.get_logger(__name__)

BATCH = 5000
"""Entries that a tick seals at most; the rest comes first in the next one."""
HEARTBEAT = timedelta(minutes=1)
"""A log in which nothing happens gets a checkpoint so often, so that its silence can be proved."""

PLAN_FOR_VALUES = select(func.set_config("plan_cache_mode", "force_custom_plan", True))
"""Until the commit, PostgreSQL plans for the values of a statement: without them it would walk through a whole log."""


class Sealer:
    """Seals both logs. Of several processes one seals at a time; what a crash interrupts, the next one does again."""

    def __init__(self, database: Database, signers: Signers, batch: int = BATCH) -> None:
        self.database = database
        self.signers = signers
        self.batch = batch
        self.order = order_of(is_sqlite=database.is_sqlite)
        self.task: PeriodicTask | None = None
        self.examined: dict[Log, str] = {}
        """A position at which nothing was found in each log: the sealer's own writes lead beyond the one it stores."""
        self.signed: list[Note] = []
        """Checkpoints that go to the log of the process once they are committed."""

    @asynccontextmanager
    async def run_in_background(self, outgoing: Outgoing) -> AsyncIterator[None]:
        """Seal, and have checkpoints cosigned over `outgoing`, while the block runs. The current tick may finish."""
        options = self.database.settings.audit
        async with (
            cosigned_by_witnesses(self.database, options, outgoing),
            copied_to_store(self.database, options.checkpoint_store),
        ):
            self.task = PeriodicTask("seal", self.run, options.tick)
            try:
                yield
            finally:
                await self.task.stop()

    async def run(self) -> bool:
        """One tick of each log. If there is more, the next one begins at once."""
        if any([await self.tick(log) for log in Log]) and self.task is not None:
            self.task.wake()
        return False

    async def tick(self, log: Log) -> bool:
        """Seal what is new in a log; True if there is more."""
        context = RequestContext.for_job("seal")
        reads = self.database.read_session(context)
        position = await reads.first(self.order.select_position(log))
        if position is None or not is_due(await find_seal(reads, log), position, self.examined.get(log)):
            return False
        async with self.database.unit_of_work(context) as session:
            if not await try_lock_until_commit(session, f"seal {log}".encode()):
                return False
            is_more = await self.seal(session, log)
        while self.signed:
            logger.info("checkpoint", note=bytes(self.signed.pop(0)).decode())
        return is_more

    async def seal(self, session: Session, log: Log) -> bool:
        """Seal one batch in the transaction of `session`, which holds the lock; True if there is more."""
        position = await session.first(self.order.select_position(log))
        if position is None:
            raise RuntimeError("the database does not tell its position")
        seal, is_begun = begin_tick(await find_seal(session, log), log, position)
        if is_set_back(seal):
            return False  # it was set back; signing on would make two histories of it
        entries, is_more = await self.find_entries(session, log, seal)
        if entries:
            entries = unique(entries)
            seal.tree = await extend_log(session, log, seal.tree, entries)
        if log is Log.changes:  # access entries are counted when they are shipped
            await count_changes(session, entries)
        if not is_more:
            seal.sealed_snapshot, seal.target_snapshot, seal.after_id = seal.target_snapshot, None, 0
        if entries or is_begun or is_quiet(seal):
            await self.sign(session, log, seal)
            await store_seal(session, seal)
        else:  # that a snapshot has moved is not worth a write
            self.examined[log] = position.position
        return is_more

    async def find_entries(self, session: Session, log: Log, seal: AuditSeal) -> tuple[Sequence[AnyRow], bool]:
        """The entries that the tick seals, in their order, and whether more wait. Moves `seal` behind them."""
        number = log.table.c.id
        if seal.sealed_snapshot is None:
            rest = (number > seal.after_id, number <= seal.target_id)
            last = await session.value(select(number).where(*rest).order_by(number).offset(self.batch - 1).limit(1))
            seal.after_id, begin = last or 0, seal.after_id
            window = (number > begin, number <= (last or seal.target_id))
            return await session.all(self.select_entries(log, seal, *window)), last is not None
        if not session.is_sqlite:
            await session.value(PLAN_FOR_VALUES)
        chosen = self.select_entries(log, seal, number > seal.after_id)
        rows = await session.all(chosen.limit(self.batch))
        is_more = len(rows) == self.batch
        seal.after_id = rows[-1].id if is_more else 0
        return rows, is_more

    def select_entries(self, log: Log, seal: AuditSeal, *conditions: ColumnElement[bool]) -> AnySelect:
        """A select of the entries between the snapshots of `seal`, in the order of their numbers."""
        found = self.order.conditions(log, seal.sealed_snapshot, str(seal.target_snapshot))
        return select(log.table).where(*conditions, *found).order_by(log.table.c.id)

    async def sign(self, session: Session, log: Log, seal: AuditSeal) -> None:
        """Sign and store a checkpoint of the tree of `seal`."""
        tree, first = Tree.parse(seal.tree), self.signers[log][0]
        at = max(now(), seal.checkpoint_at or now())  # a clock that is set back does not lead time back
        text = Checkpoint(first.key.name, tree.size, tree.root, at=at, epoch=seal.epoch).text
        note = sign_note(text, *choose_signers(self.signers[log], seal.key_id))
        await store_checkpoint(session, log, tree.size, at, note)
        self.signed.append(note)
        if seal.key_id != first.key.id.hex():
            await store_key(session, log, first.key, at)
        seal.key_id, seal.checkpoint_at = first.key.id.hex(), at


def is_due(seal: AuditSeal | None, position: AnyRow, examined: str | None) -> bool:
    """Whether a tick may find something to do, and did not find nothing at this very position."""
    if seal is None or seal.target_snapshot is not None or is_quiet(seal):
        return True
    return position.cluster != seal.cluster or position.position not in (seal.sealed_snapshot, examined)


def is_quiet(seal: AuditSeal) -> bool:
    """Whether the log had no checkpoint for so long that a reader may wonder."""
    return seal.checkpoint_at is None or now() >= seal.checkpoint_at + HEARTBEAT


def begin_tick(seal: AuditSeal | None, log: Log, position: AnyRow) -> tuple[AuditSeal, bool]:
    """The seal with a target: that of the tick before, if it left something over, else the present position.

    And whether what was begun must be stored, even if there is nothing to seal.
    """
    if seal is None:
        seal = AuditSeal(log=log.value, tree=bytes(Tree()), cluster=position.cluster)
    elif seal.cluster != position.cluster:
        seal.epoch, seal.cluster = seal.epoch + 1, position.cluster
        seal.sealed_snapshot, seal.target_snapshot, seal.after_id = None, None, 0
        logger.warning("audit_log_begins_an_epoch", audit_log=log.value, epoch=seal.epoch)
    is_begun = seal.sealed_snapshot is None or seal.target_snapshot is not None
    if seal.target_snapshot is None:
        seal.target_snapshot, seal.target_id = position.position, position.highest
    return seal, is_begun


def unique(entries: Sequence[AnyRow]) -> Sequence[AnyRow]:
    """`entries` without those that have the number of another one, which only a forger stores: a log has it once."""
    return list({entry.id: entry for entry in reversed(entries)}.values())[::-1]


async def extend_log(session: Session, log: Log, stored: bytes, entries: Sequence[AnyRow]) -> bytes:
    """Store the order of entries, and the tree with them behind its leaves. Returns the new tree."""
    tree = Tree.parse(stored)
    size = tree.size
    begun = await find_tiles(session, log, open_tiles(size))
    leaves: list[bytes] = []
    async for some in take_slices(entries):
        leaves += [leaf_hash(encode(values_of_row(entry))) for entry in some]
    rows = tree.append(leaves)
    await store_tiles(session, log, extend_tiles(begun, size, rows))
    await store_runs(session, log, size + 1, [entry.id for entry in entries])
    return bytes(tree)


def choose_signers(signers: Sequence[Signer], last_key_id: str | None) -> Sequence[Signer]:
    """The first; and the one that signed last, where another takes over."""
    first, *older = signers
    is_new = last_key_id not in (None, first.key.id.hex())
    return [first, *(signer for signer in older if is_new and signer.key.id.hex() == last_key_id)]
