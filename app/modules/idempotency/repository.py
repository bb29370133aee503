"""Queries over stored responses."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, insert, select, update

from app.core.clock import now
from app.core.db.entity import table_of
from app.core.db.locks import try_lock_until_commit
from app.core.db.session import AnyRow, AnySelect, Session
from app.modules.idempotency.models import IdempotencyKey

table = table_of(IdempotencyKey)
BATCH = 200


class ResponseRepository:
    """Stored responses, by idempotency key."""

    def __init__(self, session: Session) -> None:
        self.session = session

    async def try_lock(self, id: bytes) -> bool:
        """Keep other transactions with `id` away; False if there is one."""
        return await try_lock_until_commit(self.session, id)

    async def find(self, id: bytes, since: datetime) -> AnyRow | None:
        statement: AnySelect = select(table).where(table.c.id == id, table.c.created_at >= since)
        return await self.session.first(statement)

    async def add(self, id: bytes, fingerprint: bytes, response: bytes) -> None:
        """Store a response, in place of one that is too old."""
        await self.session.execute(delete(table).where(table.c.id == id))
        row = {"id": id, "fingerprint": fingerprint, "answer": response, "created_at": now()}
        await self.session.execute(insert(table).values(row))

    async def batch(self, after: bytes) -> Sequence[AnyRow]:
        """The next responses by their ids, not too many to hold."""
        statement: AnySelect = select(table.c.id, table.c.answer).where(table.c.id > after)
        return await self.session.all(statement.order_by(table.c.id).limit(BATCH))

    async def replace(self, id: bytes, response: bytes) -> None:
        """Store another response in place of the first."""
        await self.session.execute(update(table).where(table.c.id == id).values(answer=response))
