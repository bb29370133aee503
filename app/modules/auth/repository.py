"""Queries over sign-in counters."""

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Executable, bindparam, case, delete, func, null, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.core.clock import now
from app.core.db.entity import table_of
from app.core.db.pagination import PageQuery, RowPage
from app.core.db.repository import ReadRepository
from app.core.db.session import AnySelect, ReadSession, Session
from app.core.db.statements import values_of_row
from app.modules.auth.models import SignInCounter
from app.modules.users import User

counters, users = table_of(SignInCounter), table_of(User)
PRESENT = (
    select(counters)
    .where(counters.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(counters.c.id)
    .with_for_update(key_share=True)
    .subquery("present")
)
"""The counters with some ids, locked in the order of their ids."""
IS_PRESENT = counters.c.id.in_(select(PRESENT.c.id))
TAKE_BACK = (
    update(counters)
    .where(IS_PRESENT)
    .values(failures=case((counters.c.failures > 0, counters.c.failures - 1), else_=0), blocked_until=null())
)
"""Undoes one reservation and the wait that it began: an attempt is counted only where there is no wait."""
RESET = update(counters).where(IS_PRESENT).values(failures=0, blocked_until=null())


class LockedCounters(NamedTuple):
    """Counters by id, and the instant at which all of them were locked."""

    rows: dict[str, SignInCounter]
    at: datetime


class CounterRepository:
    """Sign-in counters, locked while they change."""

    def __init__(self, session: Session) -> None:
        self.session = session

    async def lock(self, ids: Iterable[str]) -> LockedCounters | None:
        """Lock counters; None where one of them is missing.

        Their clock, by which waits are measured, is the database's, which all processes share; on SQLite the machine's.
        """
        wanted = list(ids)
        statement = select_locked(is_sqlite=self.session.is_sqlite)
        found = list(map(values_of_row, await self.session.all(statement, {"ids": wanted})))
        if len(found) < len(wanted):
            return None
        locked_at = [values.pop("locked_at") for values in found]
        rows = {values["id"]: self.session.adopt(SignInCounter, values) for values in found}
        return LockedCounters(rows, now() if self.session.is_sqlite else max(locked_at))

    async def add(self, ids: Iterable[str]) -> None:
        """Create those of the counters that are missing."""
        rows = [{"id": name, "failures": 0, "updated_at": now()} for name in sorted(ids)]
        await self.session.execute(add_missing(is_sqlite=self.session.is_sqlite), rows)

    async def take_back(self, ids: Iterable[str]) -> None:
        """Take back an attempt that was counted, in the counters that are still there."""
        await self.session.execute(TAKE_BACK, {"ids": list(ids)})

    async def reset(self, ids: Iterable[str]) -> None:
        """Forget the failures in counters."""
        await self.session.execute(RESET, {"ids": list(ids)})

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


@cache
def select_locked(*, is_sqlite: bool) -> AnySelect:
    """A select of counters, which locks them, with the time by PostgreSQL's clock at which it has locked each."""
    clock: ColumnElement[Any] = null() if is_sqlite else func.clock_timestamp()
    return select(PRESENT, clock.label("locked_at"))


@cache
def add_missing(*, is_sqlite: bool) -> Executable:
    """An insert of counters, without those that are there."""
    added: Executable = (sqlite if is_sqlite else postgresql).insert(counters).on_conflict_do_nothing()
    return added


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
