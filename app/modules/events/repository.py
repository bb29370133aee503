"""Queries over how far events are published."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import insert, or_, select, update

from app.core.clock import now
from app.core.db.entity import table_of
from app.core.db.locks import lock_until_commit
from app.core.db.session import ReadSession, Session
from app.modules.events.models import EventCursor

BEGIN_LOCK = b"events"

cursors = table_of(EventCursor)


async def find_place(session: ReadSession | Session, destination: str) -> int | None:
    """The place up to which all events are published; None where no process has begun."""
    place: int | None = await session.value(select(cursors.c.seq).where(cursors.c.destination == destination))
    return place


class CursorWriter:
    """The cursor of a destination."""

    def __init__(self, session: Session, destination: str) -> None:
        self.session = session
        self.destination = destination
        self.mine = cursors.c.destination == destination

    async def begin(self, seq: int) -> None:
        """Begin behind a place, unless another process has begun."""
        await lock_until_commit(self.session, BEGIN_LOCK)
        if await find_place(self.session, self.destination) is None:
            await self.session.execute(insert(cursors).values(destination=self.destination, seq=seq))

    async def claim(self, lease: UUID, lasts: timedelta) -> int | None:
        """Let no other process publish for so long. Returns the place; None where another process publishes."""
        at = now()
        is_free = or_(cursors.c.leased_until.is_(None), cursors.c.leased_until < at)
        claimed = update(cursors).where(self.mine, is_free).values(lease=lease, leased_until=at + lasts)
        row = (await self.session.execute(claimed.returning(cursors.c.seq))).first()
        return None if row is None else int(row.seq)

    async def release(self, lease: UUID, seq: int) -> None:
        """Note that all is published up to a place, and let others go on, unless the lease was lost to one."""
        held = update(cursors).where(self.mine, cursors.c.lease == lease)
        await self.session.execute(held.values(seq=seq, leased_until=None))
