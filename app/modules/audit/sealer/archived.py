"""Finds which months of a log are in an archive only."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, func, literal, select

from app.core.db.entity import table_of
from app.core.db.session import AnyRow, ReadSession, Session
from app.core.errors import NotFound
from app.modules.audit.models import AuditArchive
from app.modules.audit.repository import place_of
from app.modules.audit.schemas import ARCHIVED_HEADER

archives = table_of(AuditArchive)
ARCHIVED_MONTHS: dict[str, Any] = {
    ARCHIVED_HEADER: {
        "description": "The months that the question reaches into and whose entries are in an archive only.",
        "schema": {"type": "string", "maxLength": 4096, "pattern": "^[0-9]{4}-[0-9]{2}(, [0-9]{4}-[0-9]{2})*$"},
    }
}
"""The header in the document."""


class Archived(NotFound):
    """The entry is in an archive only."""

    code = "archived"
    remedy = "Ask an operator to restore the month that `detail` names, or look in its archive."


async def find_archives(session: ReadSession | Session, log: str) -> Sequence[AnyRow]:
    """The newest row of each archived month of a log, by its month."""
    newest = select(func.max(archives.c.id)).where(archives.c.log == log).group_by(archives.c.month)
    return await session.all(select(archives).where(archives.c.id.in_(newest)).order_by(archives.c.month))


async def check_not_archived(session: ReadSession | Session, log: str, seq: int) -> None:
    """Raise Archived for the place of an entry that is in an archive only. A header says the month too."""
    for row in await find_archives(session, log):
        if row.is_dropped and any(first <= seq <= last for first, last in row.manifest["ranges"]):
            session.context.headers[ARCHIVED_HEADER] = row.month
            raise Archived(f"The entry {seq} of the log {log} was archived with {row.month}.")


async def check_nothing_archived(
    session: ReadSession | Session, log: str, question: str, since: datetime | None = None
) -> None:
    """Raise Archived for a question whose answer may be in archives only. A header says their months.

    `since`: what it is about was stored then, or later.
    """
    rows = [row for row in await find_archives(session, log) if row.is_dropped]
    if months := [row.month for row in rows if since is None or since < datetime.fromisoformat(row.manifest["end"])]:
        session.context.headers[ARCHIVED_HEADER] = ", ".join(months)
        raise Archived(f"{question} may be archived. These months are: {', '.join(months)}.")


async def check_number_not_archived(session: ReadSession | Session, log: str, number: int) -> None:
    """The same, for the number of an entry."""
    seq = await session.value(select(place_of(literal(number, BigInteger), log)))
    if seq is not None:
        await check_not_archived(session, log, seq)
