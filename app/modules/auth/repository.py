"""Session queries."""

from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from app.core.db import Session
from app.modules.auth.models import AuthSession, LoginAttempt


class SessionRepository:
    def __init__(self, session: Session) -> None:
        self.session = session

    async def lock(self, id: UUID) -> AuthSession | None:
        """The session row, locked: of two requests with the same refresh token one waits for the other."""
        statement = select(AuthSession).where(col(AuthSession.id) == id).with_for_update()
        return (await self.session.execute(statement)).scalar_one_or_none()

    async def open_sessions(self, user_id: UUID) -> list[AuthSession]:
        mine = select(AuthSession).where(col(AuthSession.user_id) == user_id, col(AuthSession.revoked_at).is_(None))
        return list((await self.session.execute(mine.with_for_update())).scalars())

    async def add(self, row: AuthSession | LoginAttempt) -> None:
        self.session.add(row)
        await self.session.flush()
