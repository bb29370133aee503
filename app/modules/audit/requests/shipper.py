"""Ships access entries from the spool to the database in groups: exactly once, even after a crash."""

import asyncio
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import UUID

import orjson
import structlog
from sqlalchemy import insert, select, update

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.db.session import Session
from app.core.runtime.periodic_task import PeriodicTask
from app.modules.audit.models import AuditAccess, AuditSpool
from app.modules.audit.requests.spool import AuditLogUnavailable, Spool

log = structlog.get_logger(__name__)

BATCH = 500
ROTATE_BYTES = 16 * 1024 * 1024
ADOPT_SECONDS = 10.0

access_table = table_of(AuditAccess)
spool_table = table_of(AuditSpool)
COLUMNS = [column.name for column in access_table.columns if column.name not in ("id", "xid")]


class Shipper:
    """Owns the spool that the requests of this process append to, and ships the spools of processes that died."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.folder: Path = database.settings.state_dir / "spool"
        self.options = database.settings.audit
        self.spool = Spool.create(self.folder)
        self.lock = asyncio.Lock()
        self.work: PeriodicTask | None = None
        self.adopt_at = 0.0

    def append(self, entry: dict[str, Any]) -> Spool:
        """Append `entry` to the spool, where it survives this process. Raises AuditLogUnavailable."""
        self.spool.append(orjson.dumps(entry, default=str))
        return self.spool

    def check_capacity(self) -> None:
        """Raise AuditLogUnavailable while too many entries of this process wait."""
        if self.spool.unshipped_bytes >= self.options.spool_max_bytes:
            raise AuditLogUnavailable(
                "The audit log is full until the database takes its entries; try again later.", Retry_After="5"
            )

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
            self.spool.leave()
        else:
            self.spool.close()

    async def run(self) -> bool:
        """Ship the entries of this process, and from time to time those of dead processes."""
        await self.flush()
        if monotonic() >= self.adopt_at:
            await self.adopt()
            self.adopt_at = monotonic() + ADOPT_SECONDS
        return False

    async def flush(self) -> None:
        """Ship every entry that was appended before the call. A caller that is cancelled does not stop it."""
        await asyncio.shield(asyncio.ensure_future(self.flush_own()))

    async def flush_own(self) -> None:
        """Ship the spool of this process, and replace it when it is too large or cannot be read."""
        target = self.spool
        end = target.size
        async with self.lock:
            while target is self.spool and (target.shipped < end or not target.is_known):
                if not await self.ship(target):
                    break
            if self.spool.unshipped_bytes and target.shipped < end:
                log.error("spool_unreadable", spool=target.id, bytes=target.unshipped_bytes)
            elif self.spool.size < ROTATE_BYTES or self.spool.unshipped_bytes:
                return
            full, self.spool = self.spool, Spool.create(self.folder)
            full.close()

    async def adopt(self) -> None:
        """Ship the spools of dead processes. One that cannot be shipped does not delay the others."""
        for orphan in Spool.orphans(self.folder):
            try:
                async with self.lock:
                    while await self.ship(orphan):
                        pass
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
            spool.shipped = await self.read_position(spool)
            spool.is_known = True
        entries, end = spool.read(spool.shipped, BATCH)
        if not entries:
            return 0
        rows = [to_row(orjson.loads(entry)) for entry in entries]
        spool.is_known = False
        async with self.database.unit_of_work(RequestContext.for_job("ship")) as session:
            await advance(session, spool, end)
            await insert_rows(session, rows)
        spool.shipped, spool.is_known = end, True
        return len(rows)

    async def read_position(self, spool: Spool) -> int:
        context = RequestContext.for_job("ship")
        statement = select(spool_table.c.position).where(spool_table.c.id == spool.id)
        return int(await self.database.read_session(context).value(statement) or 0)


async def advance(session: Session, spool: Spool, end: int) -> None:
    """Compare and set the position, so that no group is shipped twice."""
    if spool.shipped == 0:
        await session.execute(insert(spool_table), {"id": spool.id, "position": end, "updated_at": now()})
        return
    moved = await session.execute(
        update(spool_table)
        .where(spool_table.c.id == spool.id, spool_table.c.position == spool.shipped)
        .values(position=end, updated_at=now())
    )
    if moved.rowcount != 1:  # type: ignore[attr-defined]  # a CursorResult here
        raise RuntimeError(f"spool {spool.id} moved under its owner")


async def insert_rows(session: Session, rows: list[dict[str, Any]]) -> None:
    """Insert access entries: by COPY on PostgreSQL, by one INSERT of many rows elsewhere."""
    connection = await session.connection()
    if session.is_sqlite:
        await connection.execute(insert(access_table), rows)
        return
    driver: Any = (await connection.get_raw_connection()).driver_connection
    records = [tuple(row[name] for name in COLUMNS) for row in rows]
    await driver.copy_records_to_table(access_table.name, records=records, columns=COLUMNS)


def to_row(row: dict[str, Any]) -> dict[str, Any]:
    """A spooled entry with the types of its columns."""
    for name in ("call_id", "actor_id", "session_id", "owner_id"):
        value = row.get(name)  # an entry of an older version lacks columns that came later
        row[name] = UUID(value) if value else None
    row["at"] = datetime.fromisoformat(row["at"])
    return {name: row.get(name) for name in COLUMNS}
