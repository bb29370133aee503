"""Open sessions and the login log, of oneself or of users that one administers."""

from datetime import timedelta
from uuid import UUID

import ua_parser

from app.core.config import AuthSettings
from app.core.db import ReadSession, Session
from app.core.errors import NotFound
from app.core.page import PageQuery, Window
from app.core.types import AnyRow, now
from app.modules.auth.repository import CounterRepository, LoginRepository, SessionRepository
from app.modules.auth.schemas import SessionRead
from app.modules.auth.service import digest
from app.modules.second_factor import SecondFactorService
from app.modules.users import UserRepository, UserService


class SessionService:
    """Open sessions and the login log, of oneself or of users that one administers."""

    def __init__(self, session: Session | ReadSession) -> None:
        self.session = session

    async def page(self, user_id: UUID, current: UUID | None, query: PageQuery, settings: AuthSettings) -> Window:
        """The open sessions of a user. Raises NotFound."""
        user = await UserRepository(self.session).active(user_id)
        if user is None:
            await UserRepository(self.session).get(user_id)
            return Window([], None, 0 if query.total else None)
        used_after = now() - timedelta(seconds=settings.idle_ttl)
        window = await SessionRepository(self.session).of_user(user_id, used_after, user.signed_out_at, query)
        return Window([shown(row, current) for row in window.items], window.next_cursor, window.total)

    async def logins(self, query: PageQuery, user_id: UUID | None = None) -> Window:
        """The login log, of one user or of everybody."""
        rows = LoginRepository(self.session)
        statement = rows.where(rows.select(), query)
        if user_id is None:
            return await rows.window(statement, query)
        return await rows.window(statement.where(rows.table.c.user_id == user_id), query, f"logins/{user_id}")

    async def end(self, user_id: UUID, id: UUID, reason: str) -> None:
        """End one session of the user. Raises NotFound, also for somebody else's and for one that is over."""
        row = await SessionRepository(self.writer).lock(id)
        if row is None or row.user_id != user_id or row.revoked_at is not None:
            raise NotFound(f"There is no open session {id}.")
        row.revoke(reason)

    async def end_all(self, user_id: UUID, reason: str, but: UUID | None = None) -> None:
        """End the user's sessions. Raises NotFound."""
        await UserRepository(self.writer).get(user_id)
        await end_sessions(self.writer, user_id, reason, but=but)

    async def unlock(self, user_id: UUID) -> None:
        """Forget wrong guesses at this account, by whatever name. Raises NotFound, Dominated."""
        user = await UserService(self.writer).unlock(user_id)
        names = [digest(self.writer.keys.lookup, name) for name in (user.username, user.email)]
        for counter in (f"password:{user_id}", f"code:{user_id}", *(f"identifier:{name}" for name in names)):
            await CounterRepository(self.writer).forget(counter)

    async def remove_factor(self, user_id: UUID) -> None:
        """Take the second factor from somebody who lost it. Raises NotFound, NotEnrolled."""
        await UserRepository(self.writer).get(user_id)
        await SecondFactorService(self.writer).remove(user_id)

    @property
    def writer(self) -> Session:
        return SessionRepository(self.session).writer


async def end_sessions(session: Session, user_id: UUID, reason: str, *, but: UUID | None = None) -> None:
    for row in await SessionRepository(session).open_sessions(user_id):
        if row.id != but:
            row.revoke(reason)
    await session.flush()


def shown(row: AnyRow, current: UUID | None) -> SessionRead:
    return SessionRead(
        id=row.id,
        created_at=row.created_at,
        last_used_at=row.used_at,
        expires_at=row.expires_at,
        ip=row.ip,
        user_agent=row.user_agent,
        device=device(row.user_agent),
        second_factor_at=row.verified_at,
        is_current=row.id == current,
    )


def device(user_agent: str | None) -> str:
    """A browser or program, and what it runs on, in words."""
    found = ua_parser.parse(user_agent or "")
    program = found.user_agent.family if found.user_agent else None
    system = found.os.family if found.os else None
    return " on ".join(part for part in (program, system) if part) or "Unknown"
