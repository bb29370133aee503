"""Reads a sealed log piece by piece, so that a log of any length takes the same memory."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from sqlalchemy import Column, ColumnElement, and_, func, or_, select

from app.core.db.entity import table_of
from app.core.db.session import AnyRow, ReadSession
from app.modules.audit.entries.canonical import MIN_INTEGER
from app.modules.audit.models import AuditRun
from app.modules.audit.repository import place_of
from app.modules.audit.seal.tiles import STEP, WIDTH, Tile
from app.modules.audit.sealer.logs import Log
from app.modules.audit.sealer.models import AuditCheckpoint, AuditCosignature, AuditTile

PIECE = 800
"""Entries that are read at a time. SQLite refuses a condition with more than a thousand parts."""
NEAR = 64
"""Numbers that are so close are read together, with what stands between them."""
runs, tiles = table_of(AuditRun), table_of(AuditTile)
checkpoints, cosignatures = table_of(AuditCheckpoint), table_of(AuditCosignature)


class Piece(NamedTuple):
    """Places in a row, and what is stored of them."""

    first_seq: int
    ids: list[int]
    """The numbers of the entries, by the order of the log."""
    rows: dict[int, Sequence[AnyRow]]
    """The entries, by their numbers; those that are missing are not there. A forger can store several of one number."""


class LogReader:
    """Reads one log."""

    def __init__(self, session: ReadSession, log: Log) -> None:
        self.session = session
        self.log = log

    async def pieces(self, first_seq: int, size: int) -> AsyncIterator[Piece]:
        """The order from a place on, with the entries, up to `size` places. Ends early where the order has a gap.

        The next piece is read while one is worked on.
        """
        coming = asyncio.ensure_future(read_piece(self, first_seq, size))
        try:
            while (piece := await coming) is not None:
                coming = asyncio.ensure_future(read_piece(self, piece.first_seq + len(piece.ids), size))
                yield piece
        finally:
            coming.cancel()

    async def ids_from(self, seq: int, count: int) -> list[int]:
        """The numbers of the entries at `count` places, as far as the order says without a gap."""
        mine = runs.c.log == self.log.value
        before = select(runs).where(mine, runs.c.first_seq <= seq).order_by(runs.c.first_seq.desc()).limit(1)
        behind = mine, runs.c.first_seq > seq, runs.c.first_seq < seq + count
        found = [*await self.session.all(before)]
        found += await self.session.all(select(runs).where(*behind).order_by(runs.c.first_seq))
        ids: list[int] = []
        for run in found:
            skipped = seq + len(ids) - run.first_seq
            if skipped < 0 or (skipped and ids):
                break
            ids += range(run.first_id + skipped, run.first_id + run.length)
        return ids[:count]

    async def entries(self, ids: Sequence[int]) -> dict[int, Sequence[AnyRow]]:
        """The stored entries with these numbers."""
        rows = await self.session.all(select(self.log.table).where(within(self.log.table.c.id, ids)))
        found: defaultdict[int, list[AnyRow]] = defaultdict(list)
        for row in rows:
            found[row.id].append(row)
        return dict(found)

    async def copies(self, ids: Sequence[int]) -> dict[int, int]:
        """Which of the entries with these numbers have the code of an older one, and the number of that one.

        A copy has the time of its original, by which the index finds that.
        """
        entry, older = self.log.table, self.log.table.alias()
        is_copy = and_(older.c.at == entry.c.at, older.c.mac == entry.c.mac, older.c.id < entry.c.id)
        found = select(entry.c.id, func.min(older.c.id).label("older")).join(older, is_copy).group_by(entry.c.id)
        return {row.id: row.older for row in await self.session.all(found.where(within(entry.c.id, ids)))}

    async def tiles(self, first_leaf: int, end_leaf: int) -> dict[Tile, bytes]:
        """The stored tiles, of all levels, that leaves of a range are below. Leaves are counted from 0."""
        found: dict[Tile, bytes] = {}
        for level in range(0, end_leaf.bit_length() + 1, STEP):
            first, last = (first_leaf >> level) // WIDTH, (end_leaf >> level) // WIDTH
            chosen = tiles.c.log == self.log.value, tiles.c.level == level, tiles.c.number.between(first, last)
            rows = await self.session.all(select(tiles).where(*chosen))
            found |= {Tile(row.level, row.number): row.nodes for row in rows}
        return found

    async def checkpoints(self, size: int, end: int) -> Sequence[AnyRow]:
        """The checkpoints of more than `size` and up to `end` entries, by size and age."""
        chosen = checkpoints.c.log == self.log.value, checkpoints.c.size > size, checkpoints.c.size <= end
        return await self.session.all(select(checkpoints).where(*chosen).order_by(checkpoints.c.size, checkpoints.c.id))

    async def newest_size(self) -> int:
        """How many entries the newest checkpoint covers."""
        mine = checkpoints.c.log == self.log.value
        return int(await self.session.value(select(func.max(checkpoints.c.size)).where(mine)) or 0)

    async def end_of_order(self) -> int:
        """The last place that the order gives."""
        mine = select(runs).where(runs.c.log == self.log.value).order_by(runs.c.first_seq.desc()).limit(1)
        last = await self.session.first(mine)
        return 0 if last is None else int(last.first_seq + last.length - 1)

    async def cosignatures(self, size: int, end: int) -> Sequence[AnyRow]:
        """The cosignatures of the checkpoints of more than `size` and up to `end` entries, with their notes."""
        chosen = checkpoints.c.log == self.log.value, checkpoints.c.size > size, checkpoints.c.size <= end
        joined = cosignatures.join(checkpoints, checkpoints.c.id == cosignatures.c.checkpoint_id)
        columns = cosignatures, checkpoints.c.size, checkpoints.c.note
        return await self.session.all(select(*columns).select_from(joined).where(*chosen))

    async def find_unsealed(self) -> AsyncIterator[Sequence[AnyRow]]:
        """Every entry without a place, by their numbers, some at a time."""
        number, after = self.log.table.c.id, MIN_INTEGER
        while True:
            window = select(number).where(number > after).order_by(number).limit(PIECE).subquery()
            last = await self.session.value(select(window.c.id).order_by(window.c.id.desc()).limit(1))
            if last is None:
                return
            entries = select(self.log.table).where(number > after, number <= last)
            yield await self.session.all(entries.where(place_of(number, self.log).is_(None)).order_by(number))
            after = last


async def read_piece(reader: LogReader, seq: int, size: int) -> Piece | None:
    """The places from `seq` on; None behind the end, or where the order has a gap."""
    ids = await reader.ids_from(seq, min(PIECE, size - seq + 1)) if seq <= size else []
    return Piece(seq, ids, await reader.entries(ids)) if ids else None


def within(number: "Column[int]", ids: Sequence[int]) -> ColumnElement[bool]:
    """The condition for entries with these numbers, and with those between numbers that are close."""
    return or_(*(and_(number >= first, number <= last) for first, last in spans(ids)))


def spans(ids: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The first and the last of each group of numbers that are close to each other."""
    ordered = sorted(ids)
    first = ordered[0]
    for number, following in pairwise(ordered):
        if following - number > NEAR:
            yield first, number
            first = following
    yield first, ordered[-1]
