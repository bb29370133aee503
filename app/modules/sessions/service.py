"""Open sessions and the login log: of the caller, or of the users that an administrator manages."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from app.core.clock import now
from app.core.config import AuthSettings
from app.core.db.pagination import PageQuery, RowPage
from app.core.db.session import AnyRow, ReadSession, Session
from app.core.errors import NotFound
from app.modules.audit import WantedNames
from app.modules.sessions.repository import LoginRepository, OwnedSessionRepository, SessionRepository
from app.modules.sessions.schemas import OwnedSessionRead, SessionRead
from app.modules.sessions.tokens.session_tokens import end_sessions
from app.modules.users import UserRepository


class SessionAdmin:
    """Lists and ends sessions, and lists the login log."""

    def __init__(self, session: Session | ReadSession) -> None:
        self.session = session

    async def page(self, user_id: UUID, current: UUID | None, query: PageQuery, settings: AuthSettings) -> RowPage:
        """The open sessions of a user. Raises NotFound."""
        user = await UserRepository(self.session).find_active(user_id)
        if user is None:
            await UserRepository(self.session).get(user_id)
            return RowPage([], total=0, total_is_exact=True) if query.total else RowPage([])
        used_after = now() - timedelta(seconds=settings.idle_ttl)
        page = await SessionRepository(self.session).page_of_user(user_id, used_after, user.signed_out_at, query)
        return replace(page, items=[SessionRead(**fields_of(row, current)) for row in page.items])

    async def page_of_all(self, current: UUID | None, query: PageQuery, settings: AuthSettings) -> RowPage:
        """The open sessions of all users."""
        used_after = now() - timedelta(seconds=settings.idle_ttl)
        page = await OwnedSessionRepository(self.session).page_of_all(used_after, query)
        return replace(page, items=[OwnedSessionRead(**fields_of(row, current), user=row.user) for row in page.items])

    async def logins(self, query: PageQuery, user_id: UUID | None = None) -> RowPage:
        """The login log of one user, or of all users."""
        rows = LoginRepository(self.session)
        page = await (rows.page(query) if user_id is None else rows.page_of_user(user_id, query))
        wanted = WantedNames()
        wanted.add_users(*(row.user_id for row in page.items))
        names = await wanted.read(self.session)
        return replace(page, items=[{**row._mapping, "username": names.get(row.user_id)} for row in page.items])

    async def end(self, user_id: UUID, id: UUID, reason: str) -> None:
        """End one session of the user. Raises NotFound, also for another user's session and for one that has ended."""
        row = await SessionRepository(self.writer).lock(id)
        if row is None or row.user_id != user_id or row.revoked_at is not None:
            raise NotFound(f"There is no open session {id}.")
        row.revoke(reason)

    async def end_all(self, user_id: UUID, reason: str, but: UUID | None = None) -> None:
        """End the user's sessions, except `but`. Raises NotFound."""
        await UserRepository(self.writer).get(user_id)
        await end_sessions(self.writer, user_id, reason, but=but)

    @property
    def writer(self) -> Session:
        return SessionRepository(self.session).writer


def fields_of(row: AnyRow, current: UUID | None) -> dict[str, Any]:
    """What clients see of a session; `current` is the session of this request."""
    return {
        "id": row.id,
        "created_at": row.created_at,
        "last_used_at": row.used_at,
        "expires_at": row.expires_at,
        "ip": row.ip,
        "user_agent": row.user_agent,
        "device": device_of(row.user_agent),
        "is_browser": row.is_browser,
        "second_factor_at": row.verified_at,
        "is_current": row.id == current,
    }


def device_of(user_agent: str | None) -> str:
    """The browser or program and its system, in words."""
    import ua_parser  # noqa: PLC0415  # its patterns are slow to load, and only lists of sessions need them

    parsed = ua_parser.parse(user_agent or "")
    program = parsed.user_agent.family if parsed.user_agent else None
    system = parsed.os.family if parsed.os else None
    return " on ".join(part for part in (program, system) if part) or "Unknown"
