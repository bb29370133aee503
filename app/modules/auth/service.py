"""Sign-in rules. Each fact here is its own durable unit of work: it stays, even where the request then fails."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog

from app.core.context import Actor, Principal, RequestContext
from app.core.db import Database, Session
from app.core.errors import Unauthenticated
from app.core.security import Hasher, Tokens
from app.core.types import new_id, now
from app.modules.auth import refresh_tokens
from app.modules.auth.models import AuthSession, LoginAttempt
from app.modules.auth.repository import SessionRepository
from app.modules.auth.schemas import TokenPair
from app.modules.users import UserRepository

log = structlog.get_logger(__name__)

SEED_BYTES = 32


class BadCredentials(Unauthenticated):
    """Unknown, inactive and wrong look the same, in words, status and time."""

    code = "bad-credentials"


class BadRefreshToken(Unauthenticated):
    """The refresh token gives nothing; whoever holds it has to sign in again."""

    code = "bad-refresh-token"


@dataclass
class SignIn:
    """Makes, continues and ends sessions."""

    database: Database
    hasher: Hasher
    tokens: Tokens
    context: RequestContext

    async def sign_in(self, identifier: str, password: str) -> TokenPair:
        """A new session for whoever knows the password. Raises BadCredentials; either way the attempt is logged."""
        users = UserRepository(self.database.reading(self.context))
        found = await users.credentials(identifier)
        matches, renewed = await self.hasher.verify(password, found.password_hash if found else None)
        if found is None or not matches or not found.is_active:
            reason = "unknown" if found is None else "inactive" if matches else "wrong-password"
            await self.log_failure(identifier, found.id if found else None, reason)
            raise BadCredentials("The user name or the password is not right.")
        self.context.actor = Actor("user", found.id, found.username)
        self.context.auth_method = "password"
        async with self.database.unit_of_work(self.context) as session:
            if renewed:
                users = UserRepository(session)
                await users.change(await users.load(found.id), {"password_hash": renewed})
            return await self.open_session(session, found.id)

    async def open_session(self, session: Session, user_id: UUID) -> TokenPair:
        at = now()
        row = AuthSession(
            id=new_id(),
            user_id=user_id,
            seed=secrets.token_bytes(SEED_BYTES),
            used_at=at,
            expires_at=at + timedelta(seconds=self.tokens.settings.session_ttl),
            ip=self.context.ip,
            user_agent=self.context.user_agent,
        )
        rows = SessionRepository(session)
        await rows.add(row)
        await rows.add(self.attempt(user_id=user_id, is_successful=True, session_id=row.id))
        return self.pair(row)

    async def log_failure(self, identifier: str, user_id: UUID | None, reason: str) -> None:
        """Keep who was tried; an identifier that is nobody's only as a keyed hash."""
        unknown = identifier.lower().encode() if user_id is None else None
        digest = hmac.new(self.database.keys.lookup, unknown, hashlib.sha256).hexdigest() if unknown else None
        async with self.database.unit_of_work(self.context) as session:
            failed = self.attempt(user_id=user_id, is_successful=False, identifier_hash=digest, reason=reason)
            await SessionRepository(session).add(failed)

    def attempt(self, **values: Any) -> LoginAttempt:
        context = self.context
        return LoginAttempt(ip=context.ip, user_agent=context.user_agent, request_id=context.request_id, **values)

    async def refresh(self, presented: str) -> TokenPair:
        """The next pair. Raises BadRefreshToken; a token neither current nor within the grace ends the session."""
        token = refresh_tokens.parse(presented)
        if token is None:
            raise BadRefreshToken("Sign in again.")
        async with self.database.unit_of_work(self.context) as session:
            pair = await self.rotate(session, token)
        if pair is None:
            raise BadRefreshToken("Sign in again.")
        return pair

    async def rotate(self, session: Session, token: refresh_tokens.RefreshToken) -> TokenPair | None:
        """Compare and set on the session row. The immediate predecessor gives the same successor within the grace."""
        row = await SessionRepository(session).lock(token.session_id)
        if row is None or not token.is_genuine(session.keys.refresh, row.seed):
            return None
        user = await UserRepository(session).active(row.user_id)
        if user is None or not row.is_open(timedelta(seconds=self.tokens.settings.idle_ttl), user.signed_out_at):
            return None
        self.context.actor = Actor("user", user.id, user.username)
        self.context.auth_method = "refresh-token"
        at, grace = now(), timedelta(seconds=self.tokens.settings.refresh_grace)
        if token.counter == row.counter:
            row.counter, row.used_at = row.counter + 1, at
        elif token.counter != row.counter - 1 or at - row.used_at > grace:
            row.revoke("refresh-token-reuse")
            log.warning("refresh_token_reused", session_id=str(row.id), user_id=str(row.user_id))
            await session.flush()
            return None
        await session.flush()
        return self.pair(row)

    def pair(self, row: AuthSession) -> TokenPair:
        return TokenPair(
            access_token=self.tokens.issue(row.user_id, row.id),
            refresh_token=refresh_tokens.issue(self.database.keys.refresh, row.seed, row.id, row.counter),
            token_type="bearer",  # noqa: S106  # the scheme's name
            expires_in=self.tokens.settings.access_ttl,
        )

    async def sign_out(self, principal: Principal) -> None:
        """End the caller's session."""
        async with self.database.unit_of_work(self.context) as session:
            row = await SessionRepository(session).lock(principal.session_id)
            if row is not None:
                row.revoke("logout")

    async def sign_out_everywhere(self, principal: Principal) -> None:
        """End every session of the caller."""
        async with self.database.unit_of_work(self.context) as session:
            for row in await SessionRepository(session).open_sessions(principal.user_id):
                row.revoke("logout-all")
