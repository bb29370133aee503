"""Queries over sessions and the login log."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import ColumnElement, FromClause, Integer, Join, bindparam, select
from sqlmodel import SQLModel, col

from app.core.clock import now
from app.core.db.entity import table_of
from app.core.db.pagination import PageQuery, RowPage
from app.core.db.repository import ReadRepository, Repository
from app.core.db.session import AnySelect, ReadSession, Session
from app.core.fields.ip_address import rate_limit_key
from app.modules.sessions.models import AuthSession, LoginAttempt, SessionUse
from app.modules.sessions.schemas import LoginRead, OwnedSessionRow, SessionRow

MAX_ADDRESSES = 1000

uses = table_of(SessionUse)
WITH_ID = select(AuthSession).where(col(AuthSession.id) == bindparam("id")).with_for_update(key_share=True)
"""A session, locked."""
WITH_USE = (
    select(AuthSession, SessionUse)
    .join(SessionUse, col(SessionUse.id) == col(AuthSession.id))
    .where(col(AuthSession.id) == bindparam("id"))
    .with_for_update(key_share=True)
)
"""A session and its use, both locked."""
OPEN = (
    select(AuthSession)
    .join(SessionUse, col(SessionUse.id) == col(AuthSession.id))
    .where(col(AuthSession.user_id) == bindparam("user_id"), col(AuthSession.revoked_at).is_(None))
    .order_by(col(SessionUse.used_at), col(AuthSession.id))
    .with_for_update(key_share=True, of=AuthSession)
)
"""The sessions of a user that were not revoked, locked."""
sessions = table_of(AuthSession)
BEYOND = OPEN.where(
    col(AuthSession.id).in_(
        select(sessions.c.id)
        .join(uses, uses.c.id == sessions.c.id)
        .where(sessions.c.user_id == bindparam("user_id"), sessions.c.revoked_at.is_(None))
        .order_by(uses.c.used_at.desc(), sessions.c.id.desc())
        .offset(bindparam("kept", type_=Integer))
        .correlate(None)
    )
)
"""Those of them that are not among the most recently used, as many as are `kept`. The others are not locked."""


class LockedSession(NamedTuple):
    """A session and its use, both locked."""

    row: AuthSession
    use: SessionUse


class SessionRepository(Repository[AuthSession]):
    """Sessions."""

    model = AuthSession
    read: type[BaseModel] = SessionRow
    beside = (uses,)

    async def lock(self, id: UUID) -> AuthSession | None:
        """Lock the session: of two requests with the same refresh token one waits for the other."""
        return (await self.writer.execute(WITH_ID, {"id": id})).scalar_one_or_none()

    async def lock_with_use(self, id: UUID) -> LockedSession | None:
        """The same, with its use, locked too: a row that is not locked would be read as it was before the wait."""
        found = await self.writer.first(WITH_USE, {"id": id})
        return None if found is None else LockedSession(*found)

    async def lock_open(self, user_id: UUID) -> list[AuthSession]:
        """Lock the user's sessions that were not revoked, the least recently used first."""
        return list((await self.writer.execute(OPEN, {"user_id": user_id})).scalars())

    async def lock_beyond(self, user_id: UUID, kept: int) -> list[AuthSession]:
        """Lock the user's sessions that were not revoked, except as many as are `kept`, the most recently used."""
        return list((await self.writer.execute(BEYOND, {"user_id": user_id, "kept": kept})).scalars())

    def source(self) -> FromClause:
        return super().source().join(uses, uses.c.id == self.table.c.id)

    async def page_of_user(
        self, user_id: UUID, used_after: datetime, signed_out_at: datetime | None, query: PageQuery
    ) -> RowPage:
        """The open sessions of a user."""
        mine = self.build_once("mine", self.select_open)
        values = {"user_id": user_id, "now": now(), "used_after": used_after, "signed_out_at": signed_out_at}
        return await self.fetch_page(mine, query, f"sessions/{user_id}", values)

    def select_open(self) -> AnySelect:
        """A select of the open sessions of a user."""
        columns = self.table.c
        signed_out_at = bindparam("signed_out_at", type_=columns.previous_sign_out_at.type)
        return self.select_lasting(signed_out_at).where(columns.user_id == bindparam("user_id"))

    def select_lasting(self, signed_out_at: ColumnElement[Any]) -> AnySelect:
        """A select of the sessions that have not ended; `signed_out_at` is when their user last ended all."""
        columns = self.table.c
        return self.select().where(
            columns.revoked_at.is_(None),
            columns.expires_at > bindparam("now"),
            uses.c.used_at > bindparam("used_after"),
            columns.previous_sign_out_at.is_not_distinct_from(signed_out_at),
        )


class OwnedSessionRepository(SessionRepository):
    """Sessions with their users."""

    read = OwnedSessionRow

    async def page_of_all(self, used_after: datetime, query: PageQuery) -> RowPage:
        """The open sessions of all users."""
        statement = self.build_once("open", self.select_all_open)
        values = {"now": now(), "used_after": used_after}
        return await self.fetch_page(self.where(statement, query), query, "sessions", values)

    def select_all_open(self) -> AnySelect:
        """A select of the open sessions of users who may act."""
        user = self.references.targets["user"].c
        return self.select_lasting(user.signed_out_at).where(user.is_active, user.deleted_at.is_(None))


class LoginRepository(ReadRepository):
    """The login log, each entry with its caller, as far as that is still known."""

    model = LoginAttempt
    read = LoginRead

    def __init__(self, session: Session | ReadSession) -> None:
        super().__init__(session)
        self.callers = SQLModel.metadata.tables["audit_caller"]
        self.beside = (self.callers,)

    def join_callers(self) -> Join:
        """The log with its callers."""
        return self.table.outerjoin(self.callers, self.table.c.caller_id == self.callers.c.id)

    def columns(self) -> list[ColumnElement[Any]]:
        """The columns of a read, without the names that the service adds."""
        known = {**self.callers.c, **self.table.c}
        return [known[name] for name in self.read.model_fields if name in known]

    def select(self, *, deleted: bool = False) -> AnySelect:
        return super().select(deleted=deleted).select_from(self.join_callers())

    async def add(self, row: LoginAttempt) -> None:
        """Add an entry. Raises TypeError on a session that only reads."""
        if not isinstance(self.session, Session):
            raise TypeError("the login log has a session that only reads")
        self.session.add(row)
        await self.session.flush()

    async def page_of_user(self, user_id: UUID, query: PageQuery) -> RowPage:
        """The entries of a user."""
        mine = self.build_once("mine", lambda: self.select().where(self.table.c.user_id == bindparam("user_id")))
        values = {"user_id": user_id}
        return await self.fetch_page(self.where(mine, query), query, f"logins/{user_id}", values)

    async def has_signed_in_from(self, user_id: UUID, ip: str | None, since: datetime) -> bool:
        """Whether the user signed in from this address (or IPv6 network) since then."""
        columns = self.table.c
        addresses = select(self.callers.c.ip).select_from(self.join_callers())
        addresses = addresses.where(columns.user_id == user_id, columns.at > since, columns.is_successful)
        rows = await self.session.all(addresses.distinct().limit(MAX_ADDRESSES))
        return rate_limit_key(ip) in {rate_limit_key(row.ip) for row in rows}
