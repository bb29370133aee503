"""Queries over one-time addresses."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, insert, select

from app.core.db.entity import table_of
from app.core.db.session import AnyRow, AnySelect, Session
from app.modules.downloads.models import Download

table = table_of(Download)


class DownloadRepository:
    """One-time addresses, by the hash of their token."""

    def __init__(self, session: Session) -> None:
        self.session = session

    async def add(self, id: bytes, session_id: UUID, address: bytes, expires_at: datetime) -> None:
        row = {"id": id, "session_id": session_id, "address": address, "expires_at": expires_at}
        await self.session.execute(insert(table).values(row))

    async def take(self, id: bytes, *, removes: bool) -> AnyRow | None:
        """The address; None where there is none. Of several requests that remove it one gets it."""
        statement: AnySelect = select(table).where(table.c.id == id).with_for_update()
        row = await self.session.first(statement)
        if row is not None and removes:
            await self.session.execute(delete(table).where(table.c.id == id))
        return row
