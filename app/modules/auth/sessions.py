"""Sessions: begun at sign-in, continued by refresh tokens, and ended."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog

from app.core.context import Actor, Principal, RequestContext
from app.core.db import Database, Session
from app.core.errors import Unauthenticated
from app.core.security import Claims, Tokens
from app.core.types import new_id, now
from app.modules.auth import refresh_tokens
from app.modules.auth.models import AuthSession, LoginAttempt
from app.modules.auth.repository import LoginRepository, SessionRepository
from app.modules.auth.schemas import TokenPair
from app.modules.users import UserRepository

log = structlog.get_logger(__name__)

SEED_BYTES = 32
REUSE = "refresh-token-reuse"


class BadCredentials(Unauthenticated):
    """Unknown, inactive and wrong look the same, in words, status and time."""

    code = "bad-credentials"


class BadRefreshToken(Unauthenticated):
    """The refresh token gives nothing; whoever holds it has to sign in again."""

    code = "bad-refresh-token"


@dataclass
class Sessions:
    """Each fact here is its own durable unit of work: it stays, even where the request then fails."""

    database: Database
    tokens: Tokens
    context: RequestContext

    async def open(self, session: Session, user_id: UUID, *, is_verified: bool = False) -> TokenPair:
        """A session in `session`'s transaction; the least recently used one ends where there are too many.

        Sign-ins of one user take turns. Raises BadCredentials for a user who was deactivated just now.
        """
        at = now()
        row = AuthSession(
            id=new_id(),
            user_id=user_id,
            seed=secrets.token_bytes(SEED_BYTES),
            created_at=at,
            used_at=at,
            expires_at=at + timedelta(seconds=self.tokens.settings.session_ttl),
            verified_at=at if is_verified else None,
            ip=self.context.ip,
            user_agent=self.context.user_agent,
        )
        rows = SessionRepository(session)
        if await UserRepository(session).lock_active(user_id) is None:
            raise BadCredentials("The user name or the password is not right.")
        present = await rows.open_sessions(user_id)
        for old in present[: max(len(present) + 1 - self.tokens.settings.max_sessions, 0)]:
            old.revoke("session-limit")
        await rows.add(row)
        logged = attempt(self.context, user_id=user_id, is_successful=True, session_id=row.id)
        await LoginRepository(session).add(logged)
        return self.pair(row)

    async def refresh(self, presented: str) -> TokenPair:
        """The next pair. Raises BadRefreshToken; a token that was followed by a used one ends the session."""
        token = refresh_tokens.parse(presented)
        if token is None:
            raise BadRefreshToken("Sign in again.")
        async with self.database.unit_of_work(self.context) as session:
            pair = await self.rotate(session, token)
        if pair is None:
            raise BadRefreshToken("Sign in again.")
        return pair

    async def rotate(self, session: Session, token: refresh_tokens.RefreshToken) -> TokenPair | None:
        """Compare and set on the session row; None for a token that gives nothing, which may end the session."""
        row = await SessionRepository(session).lock(token.session_id)
        if row is None or not token.is_genuine(session.keys.refresh, row.seed):
            return None
        user = await UserRepository(session).active(row.user_id)
        if user is None or not row.is_open(timedelta(seconds=self.tokens.settings.idle_ttl), user.signed_out_at):
            return None
        self.context.actor = Actor("user", user.id, user.username)
        self.context.auth_method = "refresh-token"
        if not self.advance(row, token.counter):
            row.revoke(REUSE)
            log.warning("refresh_token_reused", session_id=str(row.id), user_id=str(row.user_id))
        await session.flush()
        return self.pair(row) if row.revoked_at is None else None

    def advance(self, row: AuthSession, presented: int) -> bool:
        """Move to the generation that answers `presented`; False where somebody else must have copied it.

        The current one gives the next. The one before it gives the same answer again within the grace; later, while
        nobody has used that answer, it was lost, and its place is taken by another: should it turn up after all, there
        are two who hold this session.
        """
        at, grace = now(), timedelta(seconds=self.tokens.settings.refresh_grace)
        if presented == row.counter:
            row.base, row.counter = row.counter, row.counter + 1
        elif presented != row.base:
            return False
        elif at - row.used_at <= grace:
            return True
        elif row.confirmed == row.counter:
            return False
        else:
            row.counter += 1
        row.used_at, row.ip, row.user_agent = at, self.context.ip, self.context.user_agent
        return True

    def pair(self, row: AuthSession) -> TokenPair:
        return TokenPair(
            access_token=self.tokens.issue(row.user_id, row.id, row.counter),
            refresh_token=refresh_tokens.issue(self.database.keys.refresh, row.seed, row.id, row.counter),
            token_type="bearer",  # noqa: S106  # the scheme's name
            expires_in=self.tokens.settings.access_ttl,
        )

    async def sign_out(self, principal: Principal) -> None:
        """End the caller's session."""
        if principal.session_id is None:
            return
        async with self.database.unit_of_work(self.context) as session:
            row = await SessionRepository(session).lock(principal.session_id)
            if row is not None:
                row.revoke("logout")

    async def sign_out_everywhere(self, principal: Principal) -> None:
        """End every session of the caller."""
        async with self.database.unit_of_work(self.context) as session:
            for row in await SessionRepository(session).open_sessions(principal.user_id):
                row.revoke("logout-all")


def attempt(context: RequestContext, **values: Any) -> LoginAttempt:
    """A row of the login log for this request."""
    return LoginAttempt(ip=context.ip, user_agent=context.user_agent, request_id=context.request_id, **values)


async def confirm(database: Database, context: RequestContext, claims: Claims) -> bool:
    """Note that the access token of a refresh is in use: that answer did arrive.

    False for one that was given up: somebody copied it, and the session is over.
    """
    async with database.unit_of_work(context) as session:
        row = await SessionRepository(session).lock(claims.session_id)
        if row is None or claims.generation > row.counter:
            return False
        if row.is_lost(claims.generation):
            row.revoke(REUSE)
            return False
        if claims.generation == row.counter:
            row.confirmed = claims.generation
        return True
