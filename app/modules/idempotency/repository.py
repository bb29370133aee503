"""Queries over stored answers."""

from datetime import datetime

from sqlalchemy import delete, func, insert, select

from app.core.db import Session
from app.core.repository import table_of
from app.core.types import AnyRow, AnySelect, now
from app.modules.idempotency.models import IdempotencyKey

table = table_of(IdempotencyKey)


class AnswerRepository:
    def __init__(self, session: Session) -> None:
        self.session = session

    async def lock(self, id: bytes) -> bool:
        """Whether this transaction is the only one with `id`. SQLite has one writer anyhow."""
        if self.session.is_sqlite:
            return True
        number = int.from_bytes(id[:8], signed=True)
        return bool(await self.session.value(select(func.pg_try_advisory_xact_lock(number))))

    async def find(self, id: bytes, since: datetime) -> AnyRow | None:
        statement: AnySelect = select(table).where(table.c.id == id, table.c.created_at >= since)
        return await self.session.first(statement)

    async def add(self, id: bytes, fingerprint: bytes, answer: bytes) -> None:
        """Store an answer in place of one that is too old."""
        await self.session.execute(delete(table).where(table.c.id == id))
        row = {"id": id, "fingerprint": fingerprint, "answer": answer, "created_at": now()}
        await self.session.execute(insert(table).values(row))

    async def remove_before(self, at: datetime) -> None:
        await self.session.execute(delete(table).where(table.c.created_at < at))
