"""Ships access entries from the spool to the database in groups: exactly once, even after a crash."""

import asyncio
from contextlib import suppress
from pathlib import Path
from time import monotonic

import structlog
from sqlalchemy import insert, select, update

from app.core.context import RequestContext
from app.core.db.column_types import DatabaseClock
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.db.session import Session
from app.core.runtime.periodic_task import PeriodicTask
from app.modules.audit.entries.callers import Callers
from app.modules.audit.requests.models import AuditSpool
from app.modules.audit.requests.place import SpoolPlace, is_begun, unfinished_entries
from app.modules.audit.requests.shipment import Shipment
from app.modules.audit.requests.spool import AuditLogUnavailable, Spool, orphans

log = structlog.get_logger(__name__)

BATCH = 500
ROTATE_BYTES = 16 * 1024 * 1024
ROTATE_SECONDS = 3600.0
"""For how long a file keeps entries that are shipped: they hold names and addresses, which may be erased."""
ADOPT_SECONDS = 10.0

spool_table = table_of(AuditSpool)


class Shipper:
    """Owns the spool that the requests of this process append to, and ships the spools of processes that died."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.folder: Path = database.settings.state_dir / "spool"
        self.options = database.settings.audit
        self.spool = Spool.create(self.folder)
        self.retired: list[Spool] = []
        """Replaced spools, which requests in flight still append to or which are not shipped yet."""
        self.lock = asyncio.Lock()
        self.work: PeriodicTask | None = None
        self.adopt_at = 0.0
        self.callers = Callers()

    def reserve(self) -> SpoolPlace:
        """Room for the entry of one request, where it survives this process. Raises AuditLogUnavailable."""
        waiting = self.spool.unshipped_bytes + sum(spool.unshipped_bytes for spool in self.retired)
        if waiting >= self.options.spool_max_bytes:
            raise AuditLogUnavailable(
                "The audit log is full until the database takes its entries; try again later.", Retry_After="5"
            )
        return SpoolPlace(self.spool)

    def start(self) -> None:
        self.work = PeriodicTask("ship access entries", self.run, self.options.ship_interval)

    async def stop(self) -> None:
        """Ship what is left. What cannot be shipped stays on disk for the next process."""
        if self.work:
            await self.work.stop()
        try:
            await self.flush()
        except Exception:  # whatever it was, the entries are on disk
            log.warning("access_entries_stay_spooled", spool=self.spool.id, exc_info=True)
        for spool in (*self.retired, self.spool):
            if spool.unshipped_bytes or spool.unfinished:
                spool.leave()
            else:
                spool.close()

    async def run(self) -> bool:
        """Ship the entries of this process, and from time to time those of dead processes."""
        if self.spool.is_full:
            with suppress(AuditLogUnavailable):
                self.spool.grow()
        await self.flush()
        if monotonic() >= self.adopt_at:
            await self.adopt()
            self.adopt_at = monotonic() + ADOPT_SECONDS
        return False

    async def flush(self, *, renew: bool = False) -> None:
        """Ship every entry that was appended before the call. A caller that is cancelled does not stop it.

        `renew`: append to a new spool from now on, so that the present one can go with all that is in it.
        """
        await asyncio.shield(asyncio.ensure_future(self.flush_own()))
        if renew:
            async with self.lock:
                await self.replace_spool()

    async def flush_own(self) -> None:
        """Ship the spools of this process, replace the current one when it is spent, and remove what is done."""
        async with self.lock:
            if self.spool.is_broken:  # whether or not the database takes entries
                await self.replace_spool()
            for spool in (*self.retired, self.spool):
                await self.ship_until(spool, spool.size)
            if is_spent(self.spool):
                await self.replace_spool()
            for spool in filter(is_done, self.retired.copy()):
                if spool.unfinished:  # the disk failed when the entry was to be completed
                    await ship_unfinished(self.database, self.callers, spool)
                self.retired.remove(spool)
                spool.close()

    async def ship_until(self, spool: Spool, end: int) -> None:
        """Ship the entries before offset `end`. A spool that cannot be read is marked for replacement."""
        while spool.shipped < end or not spool.is_known:
            if not await self.ship(spool):
                break
        if spool.shipped < end and not spool.is_unreadable:
            log.error("spool_unreadable", spool=spool.id, bytes=spool.unshipped_bytes)
            spool.is_unreadable = spool.is_broken = True

    async def replace_spool(self) -> None:
        """Append to a new spool from now on. After a failure of the disk, only to one that the disk takes."""
        try:
            fresh = Spool.create(self.folder)
        except OSError as error:
            log.error("spool_not_replaced", spool=self.spool.id, cause=type(error).__name__)
            return
        if self.spool.is_broken:
            try:
                await fresh.sync()
            except AuditLogUnavailable:
                log.error("spool_not_replaced", spool=self.spool.id, cause="sync")
                fresh.close()
                return
        self.retired.append(self.spool)
        self.spool = fresh

    async def adopt(self) -> None:
        """Ship the spools of dead processes. One that cannot be shipped does not delay the others."""
        for orphan in orphans(self.folder):
            try:
                async with self.lock:
                    while await self.ship(orphan):
                        pass
                    await ship_unfinished(self.database, self.callers, orphan)
            except Exception as error:  # noqa: BLE001  # it stays for the next attempt
                log.error("orphan_not_shipped", spool=orphan.id, cause=type(error).__name__)
                orphan.leave()
                continue
            if orphan.unshipped_bytes:
                log.error("spool_unreadable", spool=orphan.id, bytes=orphan.unshipped_bytes)
            orphan.close()

    async def ship(self, spool: Spool) -> int:
        """Ship one group: entries and position in one transaction. Returns the number of entries.

        After a failure it is unknown whether the database committed, so the position is read again.
        """
        if not spool.is_known:
            spool.shipped = await read_position(self.database, spool.id)
            spool.is_known = True
        entries, end = spool.read(spool.shipped, BATCH)
        if not entries:
            return 0
        shipment = Shipment(self.callers, self.database.keys.writer_keys)
        await shipment.load([entry for entry in entries if not is_begun(entry)])
        spool.is_known = False
        async with self.database.unit_of_work(RequestContext.for_job("ship")) as session:
            await advance(session, spool, end)
            await shipment.store(session)
        self.callers.remember(shipment.added)
        spool.shipped, spool.is_known = end, True
        return len(entries)


async def ship_unfinished(database: Database, callers: Callers, spool: Spool) -> None:
    """Ship the entries of responses that were cut off: once, because a second position says that they are shipped."""
    entries = await asyncio.to_thread(unfinished_entries, spool)
    position = f"{spool.id}.aborted"
    if not entries or await read_position(database, position):
        return
    shipment = Shipment(callers, database.keys.writer_keys)
    await shipment.load(entries)
    async with database.unit_of_work(RequestContext.for_job("ship")) as session:
        await set_position(session, position, spool.shipped)
        await shipment.store(session)
    callers.remember(shipment.added)


async def read_position(database: Database, name: str) -> int:
    context = RequestContext.for_job("ship")
    statement = select(spool_table.c.position).where(spool_table.c.id == name)
    return int(await database.read_session(context).value(statement) or 0)


def is_done(spool: Spool) -> bool:
    """Whether a replaced file can go: no request holds a place in it, and all is shipped that can be read."""
    return not spool.reserved and (not spool.unshipped_bytes or spool.is_unreadable)


def is_spent(spool: Spool) -> bool:
    """Whether a new file must take over: after a failure, or to free the room of entries that are shipped."""
    is_stuck = spool.is_full and spool.size > 0 and not spool.unshipped_bytes
    is_old = spool.size > 0 and monotonic() - spool.opened_at >= ROTATE_SECONDS
    return spool.is_broken or is_stuck or is_old or spool.size >= ROTATE_BYTES


async def set_position(session: Session, name: str, position: int) -> None:
    """Add a position. Raises IntegrityError where it is there already."""
    await session.execute(insert(spool_table).values(id=name, position=position, at=DatabaseClock()))


async def advance(session: Session, spool: Spool, end: int) -> None:
    """Compare and set the position, so that no group is shipped twice."""
    if spool.shipped == 0:
        await set_position(session, spool.id, end)
        return
    moved = await session.execute(
        update(spool_table)
        .where(spool_table.c.id == spool.id, spool_table.c.position == spool.shipped)
        .values(position=end, at=DatabaseClock())
    )
    if moved.rowcount != 1:  # type: ignore[attr-defined]  # a CursorResult here
        raise RuntimeError(f"spool {spool.id} moved under its owner")
