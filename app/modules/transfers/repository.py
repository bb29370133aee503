"""Queries over the files of imports and exports."""

from typing import Any
from uuid import UUID

from sqlalchemy import delete, exists, func, insert, select, update

from app.core.db.entity import table_of
from app.core.db.session import AnyRow, AnySelect, ReadSession, Session
from app.modules.transfers.models import Transfer, TransferPart

transfers, parts = table_of(Transfer), table_of(TransferPart)


class TransferRepository:
    """Files of jobs, whose parts are encrypted."""

    def __init__(self, session: Session) -> None:
        self.session = session

    async def add(self, id: UUID, **values: Any) -> None:
        empty = {"size": 0, "position": None, "report": None, "is_ready": False}
        await self.session.execute(insert(transfers).values(id=id, **{**empty, **values}))

    async def change(self, id: UUID, **values: Any) -> None:
        await self.session.execute(update(transfers).where(transfers.c.id == id).values(**values))

    async def add_part(self, id: UUID, number: int, content: bytes) -> None:
        await self.session.execute(insert(parts).values(transfer_id=id, number=number, content=content))

    async def remove_parts(self, id: UUID) -> None:
        await self.session.execute(delete(parts).where(parts.c.transfer_id == id))

    async def count_parts(self, id: UUID) -> int:
        found: int = await self.session.value(select(func.count()).select_from(parts).where(parts.c.transfer_id == id))
        return found

    async def remove_all(self) -> None:
        await self.session.execute(delete(parts))
        await self.session.execute(update(transfers).values(report=None, is_ready=False))


async def count_kept(session: Session, owner_id: UUID) -> int:
    """How many files are kept of a user: those that wait to be imported, or to be fetched."""
    is_kept = exists().where(parts.c.transfer_id == transfers.c.id)
    mine = select(func.count()).select_from(transfers).where(transfers.c.owner_id == owner_id, is_kept)
    found: int = await session.value(mine)
    return found


async def find_transfer(session: Session | ReadSession, id: UUID) -> AnyRow | None:
    """The file of a job, without its parts."""
    return await session.first(select(transfers).where(transfers.c.id == id))


async def find_part(session: Session | ReadSession, id: UUID, number: int) -> bytes | None:
    """A part of a file, encrypted; None behind the last."""
    one: AnySelect = select(parts.c.content).where(parts.c.transfer_id == id, parts.c.number == number)
    row = await session.first(one)
    return None if row is None else row.content
