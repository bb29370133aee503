"""Access entries that wait on the disk of this host: those of its processes, and those of processes that died."""

import asyncio
import os
from collections.abc import Container, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import orjson
from sqlalchemy import select

from app.core.clock import now
from app.core.db.entity import table_of
from app.core.db.session import ReadSession
from app.modules.audit.requests.models import AuditSpool
from app.modules.audit.requests.place import SCAN
from app.modules.audit.requests.positions import spool_ids
from app.modules.audit.requests.spool import SUFFIX, Spool

spool_table = table_of(AuditSpool)


class Backlog(NamedTuple):
    """The size of what waits, and the age of the oldest of it."""

    bytes: int
    seconds: float


async def read_backlog(session: ReadSession, folder: Path) -> Backlog:
    """What the spools in `folder` hold that the database does not."""
    ids = await asyncio.to_thread(spool_ids, folder)
    rows = await session.all(select(spool_table.c.id, spool_table.c.position).where(spool_table.c.id.in_(ids)))
    positions = {row.id: row.position for row in rows}
    return await asyncio.to_thread(measure, folder, {name: positions.get(name, 0) for name in ids})


def measure(folder: Path, positions: Mapping[str, int]) -> Backlog:
    """The sizes and ages of what is behind these positions. A file that is gone was shipped."""
    waiting = [found for name, position in positions.items() for found in read_waiting(folder / name, position)]
    oldest = [(now() - at).total_seconds() for _, at in waiting if at is not None]
    return Backlog(sum(size for size, _ in waiting), max(0.0, *oldest) if oldest else 0.0)


def read_waiting(path: Path, position: int) -> Iterator[tuple[int, datetime | None]]:
    """How many bytes of a spool are behind `position`, and the time of the first entry among them."""
    try:
        descriptor = os.open(path.with_suffix(SUFFIX), os.O_RDONLY)
    except FileNotFoundError:
        return
    spool = Spool(path, descriptor)
    spool.shipped = position
    try:
        if spool.unshipped_bytes > 0:
            entries, _ = spool.read(position, 1)
            at = datetime.fromisoformat(orjson.loads(entries[0])["at"]) if entries else None
            yield spool.unshipped_bytes, at
    finally:
        spool.leave()


def find_spooled(folder: Path, wanted: Container[str]) -> set[str]:
    """Those of `wanted` calls and request ids that are in the spools in `folder`, whether or not they were shipped."""
    found: set[str] = set()
    for path in folder.glob(f"*{SUFFIX}"):
        try:
            spool = Spool(path, os.open(path, os.O_RDONLY))
        except OSError:  # it was shipped, or is that of another user of this host
            continue
        try:
            found |= {name for name in read_names(spool) if name in wanted}
        finally:
            spool.leave()
    return found


def read_names(spool: Spool) -> Iterator[str]:
    """The calls and request ids of the entries in a spool, some of which are only begun."""
    offset = 0
    while True:
        entries, offset = spool.read(offset, SCAN)
        if not entries:
            return
        for entry in map(orjson.loads, entries):
            yield from (entry[name] for name in ("call_id", "request_id") if entry.get(name))
