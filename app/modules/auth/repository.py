"""Queries over sign-in counters."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, delete, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col

from app.core.clock import now
from app.core.db.entity import table_of
from app.core.db.pagination import PageQuery, RowPage
from app.core.db.repository import ReadRepository
from app.core.db.session import AnySelect, ReadSession, Session
from app.modules.auth.models import SignInCounter
from app.modules.users import User

counters, users = table_of(SignInCounter), table_of(User)
PRESENT = (
    select(SignInCounter)
    .where(col(SignInCounter.id).in_(bindparam("ids", expanding=True)))
    .order_by(col(SignInCounter.id))
    .with_for_update(key_share=True)
)
"""The counters with some ids, locked."""


class CounterRepository:
    """Sign-in counters, locked while they change."""

    def __init__(self, session: Session) -> None:
        self.session = session

    async def lock(self, ids: Iterable[str]) -> dict[str, SignInCounter]:
        """Lock the counters in the order of their ids; create those that are missing."""
        wanted = sorted(ids)
        dialect = sqlite if self.session.is_sqlite else postgresql
        rows = [{"id": name, "failures": 0, "updated_at": now()} for name in wanted]
        await self.session.execute(dialect.insert(counters).on_conflict_do_nothing(), rows)
        return await self.lock_present(wanted)

    async def lock_present(self, ids: Iterable[str]) -> dict[str, SignInCounter]:
        """Lock those of the counters that are there, in the order of their ids."""
        found = await self.session.execute(PRESENT, {"ids": sorted(ids)})
        return {row.id: row for row in found.scalars()}

    async def clock(self) -> datetime:
        """The clock by which waits are measured: the database's, which all processes share; on SQLite the machine's."""
        if self.session.is_sqlite:
            return now()
        at: datetime = await self.session.value(select(func.clock_timestamp()))
        return at

    async def remove_of_user(self, user_id: UUID) -> None:
        """Remove the counters of an account, also those under names that it had."""
        await self.session.execute(delete(counters).where(counters.c.user_id == user_id))

    async def remove(self, id: str) -> None:
        """Remove a counter and those below it (`id:…`)."""
        below = counters.c.id.startswith(f"{id}:", autoescape=True)
        await self.session.execute(delete(counters).where(or_(counters.c.id == id, below)))

    async def remove_address(self, address: str) -> None:
        """Remove the counter of an address, and those of names at that address."""
        at_address = counters.c.id.endswith(f":{address}", autoescape=True)
        await self.session.execute(delete(counters).where(at_address))


async def counters_of_user(session: ReadSession | Session, user_id: UUID) -> list[SignInCounter]:
    """The counters of an account, as they are stored, to be looked at."""
    mine = select(counters).where(counters.c.user_id == user_id).order_by(counters.c.id)
    return [SignInCounter(**row._mapping) for row in await session.all(mine)]


class ThrottledRepository(ReadRepository):
    """Counters that block attempts, with the users whose accounts they count for."""

    model = SignInCounter

    def columns(self) -> list[ColumnElement[Any]]:
        return [*counters.c, users.c.username]

    async def page_at(self, at: datetime, query: PageQuery) -> RowPage:
        """A page of the counters that block attempts at this instant."""
        statement = self.build_once("blocked", self.select_blocked)
        return await self.fetch_page(self.where(statement, query), query, "throttled", {"at": at})

    def select_blocked(self) -> AnySelect:
        """A select of the counters that block attempts at an instant."""
        is_blocked = counters.c.blocked_until > bindparam("at", type_=counters.c.blocked_until.type)
        owned = counters.outerjoin(users, users.c.id == counters.c.user_id)
        return select(*self.columns()).select_from(owned).where(is_blocked)
