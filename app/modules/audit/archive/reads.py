"""Reads the entries of a period in the order of the log, a piece at a time."""

from collections.abc import AsyncIterator

from sqlalchemy import and_, or_, select

from app.core.db.session import AnyRow, ReadSession
from app.modules.audit.archive.entry_file import ArchivedEntry
from app.modules.audit.archive.periods import Facts, Period
from app.modules.audit.entries.canonical import encode
from app.modules.audit.sealer.reads import PIECE, LogReader, spans


async def read_in_order(session: ReadSession, period: Period, facts: Facts) -> AsyncIterator[list[ArchivedEntry]]:
    """The entries of a period. Those that others of its places have are left out."""
    reader, seq, last = LogReader(session, period.log), facts.first_seq or 1, facts.last_seq or 0
    while seq <= last:
        ids = await reader.ids_from(seq, min(PIECE, last - seq + 1))
        if not ids:
            return
        rows = await read_rows(session, period, ids)
        yield [to_entry(seq + at, rows[number]) for at, number in enumerate(ids) if number in rows]
        seq += len(ids)


async def read_rows(session: ReadSession, period: Period, ids: list[int]) -> dict[int, AnyRow]:
    """The rows of a period with these numbers."""
    number = period.log.table.c.id
    wanted = or_(*(and_(number >= first, number <= last) for first, last in spans(ids)))
    rows = await session.all(select(period.log.table).where(wanted, *period.conditions))
    return {row.id: row for row in rows}


def to_entry(seq: int, row: AnyRow) -> ArchivedEntry:
    return ArchivedEntry(seq, row.id, row.at, row.stored_at, encode(dict(row._mapping)))
