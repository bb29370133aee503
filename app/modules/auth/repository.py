"""Queries over sessions, the login log and sign-in counters."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col

from app.core.addresses import counted_as
from app.core.db import Session
from app.core.page import PageQuery, Window
from app.core.repository import ReadRepository, Repository, table_of
from app.core.types import now
from app.modules.auth.models import AuthSession, LoginAttempt, SignInCounter
from app.modules.auth.schemas import LoginRead, SessionRow

MAX_ADDRESSES = 1000

counters = table_of(SignInCounter)


class SessionRepository(Repository[AuthSession]):
    model = AuthSession
    read = SessionRow

    async def lock(self, id: UUID) -> AuthSession | None:
        """The session row, locked: of two requests with the same refresh token one waits for the other."""
        statement = select(AuthSession).where(col(AuthSession.id) == id).with_for_update(key_share=True)
        return (await self.writer.execute(statement)).scalar_one_or_none()

    async def open_sessions(self, user_id: UUID) -> list[AuthSession]:
        """The user's sessions that were not revoked, the least recently used first, locked in that order."""
        mine = select(AuthSession).where(col(AuthSession.user_id) == user_id, col(AuthSession.revoked_at).is_(None))
        ordered = mine.order_by(col(AuthSession.used_at), col(AuthSession.id))
        return list((await self.writer.execute(ordered.with_for_update(key_share=True))).scalars())

    async def of_user(
        self, user_id: UUID, used_after: datetime, signed_out_at: datetime | None, query: PageQuery
    ) -> Window:
        """The sessions with which the user can go on."""
        columns = self.table.c
        mine = self.select().where(
            columns.user_id == user_id,
            columns.revoked_at.is_(None),
            columns.expires_at > now(),
            columns.used_at > used_after,
        )
        if signed_out_at is not None:
            mine = mine.where(columns.created_at > signed_out_at)
        return await self.window(mine, query, f"sessions/{user_id}")


class LoginRepository(ReadRepository):
    model = LoginAttempt
    read = LoginRead

    async def add(self, row: LoginAttempt) -> None:
        if not isinstance(self.session, Session):
            raise TypeError("the login log was given a session that only reads")
        self.session.add(row)
        await self.session.flush()

    async def knows(self, user_id: UUID, ip: str | None, since: datetime) -> bool:
        """Whether the user signed in from this address (or IPv6 network) since then."""
        columns = self.table.c
        found = select(columns.ip).where(columns.user_id == user_id, columns.at > since, columns.is_successful)
        rows = await self.session.all(found.distinct().limit(MAX_ADDRESSES))
        return counted_as(ip) in {counted_as(row.ip) for row in rows}


class CounterRepository:
    def __init__(self, session: Session) -> None:
        self.session = session

    async def lock(self, ids: Iterable[str]) -> dict[str, SignInCounter]:
        """The counters, made where they are missing, locked in the order of their ids."""
        wanted = sorted(ids)
        dialect = sqlite if self.session.is_sqlite else postgresql
        rows = [{"id": name, "failures": 0, "updated_at": now()} for name in wanted]
        await self.session.execute(dialect.insert(counters).values(rows).on_conflict_do_nothing())
        statement = select(SignInCounter).where(col(SignInCounter.id).in_(wanted)).order_by(col(SignInCounter.id))
        return {
            row.id: row for row in (await self.session.execute(statement.with_for_update(key_share=True))).scalars()
        }

    async def forget(self, id: str) -> None:
        """Remove a counter and those below it (`id:…`)."""
        below = counters.c.id.startswith(f"{id}:", autoescape=True)
        await self.session.execute(delete(counters).where(or_(counters.c.id == id, below)))

    async def prune(self, before: datetime) -> None:
        """Remove counters that count for nothing any more."""
        await self.session.execute(delete(counters).where(counters.c.updated_at < before))
