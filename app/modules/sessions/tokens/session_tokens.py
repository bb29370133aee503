"""Sessions and their tokens: opened at sign-in, continued by refresh tokens, and ended."""

import math
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog

from app.core.clock import is_recent, new_id, now
from app.core.context import Actor, Principal, RequestContext
from app.core.db.engine import Database
from app.core.db.session import Session
from app.core.errors import Unauthenticated
from app.core.security.access_tokens import AccessClaims, AccessTokens
from app.modules.sessions.models import AuthSession, LoginAttempt, SessionUse
from app.modules.sessions.repository import SessionRepository
from app.modules.sessions.schemas import TokenPair
from app.modules.sessions.tokens import refresh_tokens
from app.modules.users import UserRepository

log = structlog.get_logger(__name__)

SEED_BYTES = 32
REUSE = "refresh-token-reuse"


class BadCredentials(Unauthenticated):
    """The credentials are not valid. Unknown, inactive and wrong ones get the same response in the same time."""

    code = "bad-credentials"
    remedy = "Check user name and password. If they are right, ask an administrator about the account."


class BadRefreshToken(Unauthenticated):
    """The refresh token is not valid (any more); the client must sign in again."""

    code = "bad-refresh-token"
    remedy = "Sign in again. A refresh token is good for one use."


@dataclass
class SessionTokens:
    """Opens, continues and ends sessions. Except `open`, each call is a unit of work of its own."""

    database: Database
    tokens: AccessTokens
    context: RequestContext

    async def open(
        self, session: Session, user_id: UUID, *, is_verified: bool = False, is_browser: bool = False
    ) -> TokenPair:
        """Open a session in the transaction of `session`; end the least recently used one if there are too many.

        Sign-ins of one user wait for each other. Raises BadCredentials for a user who was just deactivated.
        """
        at = now()
        row = AuthSession(
            id=new_id(),
            user_id=user_id,
            seed=secrets.token_bytes(SEED_BYTES),
            created_at=at,
            expires_at=at + timedelta(seconds=self.tokens.settings.session_ttl),
            verified_at=at if is_verified else None,
            ip=self.context.ip,
            user_agent=self.context.user_agent,
            is_browser=is_browser,
        )
        user = await UserRepository(session).lock_active(user_id)
        if user is None:
            raise BadCredentials("The user name or the password is not right.")
        row.previous_sign_out_at = user.signed_out_at
        for old in await SessionRepository(session).lock_beyond(user_id, self.tokens.settings.max_sessions - 1):
            old.revoke("session-limit")
        await session.flush()  # one statement cannot change sessions and add one
        UserRepository(session).record_sign_in(user_id, at)
        session.add_all([row, SessionUse(id=row.id, used_at=at)])
        session.add(login_log_entry(self.context, user_id=user_id, is_successful=True, session_id=row.id))
        return self.issue_pair(row, generation=0)

    async def refresh(self, presented: str) -> TokenPair:
        """The next pair. Raises BadRefreshToken. A token that was replaced by a used one ends the session."""
        token = refresh_tokens.parse(presented)
        if token is None:
            raise BadRefreshToken("Sign in again.")
        async with self.database.unit_of_work(self.context) as session:
            pair = await self.rotate(session, token)
        if pair is None:
            raise BadRefreshToken("Sign in again.")
        return pair

    async def rotate(self, session: Session, token: refresh_tokens.RefreshToken) -> TokenPair | None:
        """Compare and set on the locked session. None for a token that is not valid, which may end the session."""
        found = await SessionRepository(session).lock_with_use(token.session_id)
        if found is None or not token.is_genuine(session.keys.refresh, found.row.seed):
            return None
        row, use = found
        user = await UserRepository(session).find_active(row.user_id)
        if user is None or not row.is_open(user.signed_out_at):
            return None
        if use.is_idle(timedelta(seconds=self.tokens.settings.idle_ttl)):
            return None
        self.context.actor = Actor("user", user.id, user.username)
        self.context.auth_method = "refresh-token"
        if not self.advance(row, use, token.generation):
            row.revoke(REUSE)
            log.warning("refresh_token_reused", session_id=str(row.id), user_id=str(row.user_id))
        await session.flush()
        return self.issue_pair(row, use.counter) if row.revoked_at is None else None

    def advance(self, row: AuthSession, use: SessionUse, presented: int) -> bool:
        """Move to the generation that follows `presented`. False if the token must have been copied.

        The current generation gives the next. The one before it gives the same response again within the grace period.
        Later, while the access token of that response is unused, the response was lost and a new generation replaces
        it; if the lost one is used after all, two clients hold this session.
        """
        at, grace = now(), timedelta(seconds=self.tokens.settings.refresh_grace)
        if presented == use.counter:
            use.base, use.counter = use.counter, use.counter + 1
        elif presented != use.base:
            return False
        elif is_recent(use.used_at, grace, at):
            return True
        elif use.confirmed == use.counter:
            return False
        else:
            use.counter += 1
        use.used_at, row.ip, row.user_agent = at, self.context.ip, self.context.user_agent
        return True

    def issue_pair(self, row: AuthSession, generation: int) -> TokenPair:
        """The token pair of this generation."""
        return TokenPair(
            access_token=self.tokens.issue(row.user_id, row.id, generation),
            token_type="bearer",  # noqa: S106  # the scheme's name
            expires_in=self.tokens.settings.access_ttl,
            refresh_token=refresh_tokens.issue(self.database.keys.refresh, row.seed, row.id, generation),
            refresh_expires_in=self.seconds_left(row),
        )

    def seconds_left(self, row: AuthSession) -> int:
        """How long the session lasts if it is not continued."""
        whole = math.ceil((row.expires_at - now()).total_seconds())
        return max(min(whole, self.tokens.settings.idle_ttl), 0)

    async def sign_out(self, principal: Principal) -> None:
        """End the caller's session."""
        if principal.session_id is None:
            return
        async with self.database.unit_of_work(self.context) as session:
            row = await SessionRepository(session).lock(principal.session_id)
            if row is not None:
                row.revoke("logout")

    async def sign_out_with(self, presented: str) -> None:
        """End the session of a refresh token, whether it is the present one or an older one."""
        token = refresh_tokens.parse(presented)
        if token is None:
            return
        async with self.database.unit_of_work(self.context) as session:
            row = await SessionRepository(session).lock(token.session_id)
            if row is None or not token.is_genuine(session.keys.refresh, row.seed):
                return
            user = await UserRepository(session).find_active(row.user_id)
            if user is None:
                return
            self.context.actor = Actor("user", user.id, user.username)
            self.context.auth_method = "refresh-token"
            row.revoke("logout")

    async def sign_out_everywhere(self, principal: Principal) -> None:
        """End every session of the caller."""
        async with self.database.unit_of_work(self.context) as session:
            for row in await SessionRepository(session).lock_open(principal.user_id):
                row.revoke("logout-all")


def login_log_entry(context: RequestContext, **values: Any) -> LoginAttempt:
    """An entry of the login log for this request."""
    return LoginAttempt(request_id=context.request_id, **values)


async def confirm_generation(database: Database, context: RequestContext, claims: AccessClaims) -> bool:
    """Record that the access token of this generation is in use, so that the client received it.

    False for a generation that was replaced as lost: the token was copied, and the session ends.
    """
    async with database.unit_of_work(context) as session:
        found = await SessionRepository(session).lock_with_use(claims.session_id)
        if found is None or claims.generation > found.use.counter:
            return False
        row, use = found
        if use.is_lost(claims.generation):
            row.revoke(REUSE)
            return False
        if claims.generation == use.counter:
            use.confirmed = claims.generation
        return True


async def end_sessions(session: Session, user_id: UUID, reason: str, *, but: UUID | None = None) -> None:
    """End every open session of a user, except `but`."""
    for row in await SessionRepository(session).lock_open(user_id):
        if row.id != but:
            row.revoke(reason)
    await session.flush()
