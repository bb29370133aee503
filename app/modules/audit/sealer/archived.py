"""Finds which months of a log are in an archive only."""

from collections.abc import Sequence

from sqlalchemy import func, select

from app.core.db.entity import table_of
from app.core.db.session import AnyRow, ReadSession, Session
from app.modules.audit.models import AuditArchive

archives = table_of(AuditArchive)


async def find_archives(session: ReadSession | Session, log: str) -> Sequence[AnyRow]:
    """The newest row of each archived month of a log, by its month."""
    newest = select(func.max(archives.c.id)).where(archives.c.log == log).group_by(archives.c.month)
    return await session.all(select(archives).where(archives.c.id.in_(newest)).order_by(archives.c.month))


async def find_month_of(session: ReadSession | Session, log: str, seq: int) -> str | None:
    """The month in whose archive alone the entry at a place is."""
    for row in await find_archives(session, log):
        if row.is_dropped and any(first <= seq <= last for first, last in row.manifest["ranges"]):
            return str(row.month)
    return None
