"""Authenticates sessions and API keys from a cache: one query for each credential, until an event invalidates it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from time import monotonic
from typing import TypeVar
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.core.clock import now
from app.core.config import AuthSettings
from app.core.context import Actor, Principal, RequestContext
from app.core.db.engine import Database
from app.core.db.session import AnyRow, AnySelect, Values
from app.core.errors import Problem, Unauthenticated, Unavailable
from app.core.security.access_tokens import AccessClaims, AccessTokens, invalid_token
from app.modules import api_keys
from app.modules.rbac.engine.access import ACCESS_OF_PREFIX, ACCESS_OF_SESSION, Access, key_access, session_access
from app.modules.rbac.engine.cache import AccessCache, EventFeed
from app.modules.sessions import confirm_generation

log = structlog.get_logger(__name__)

MAX_ATTEMPTS = 3
RECORD_USE_SECONDS = 60.0
MAX_RECORDED_KEYS = 10_000

T = TypeVar("T")
BuildAccess = Callable[[Sequence[AnyRow], AuthSettings], Access]


class CredentialAuthenticator:
    """Implements `core.security.authenticator.Authenticator`."""

    def __init__(self, database: Database, tokens: AccessTokens) -> None:
        self.database = database
        self.tokens = tokens
        self.cache = AccessCache()
        self.feed = EventFeed(database, self.cache)
        self.recorded: dict[str, float] = {}

    async def authenticate(self, token: str, context: RequestContext) -> Principal:
        """The principal of `token`; also fills `context`. Raises Unauthenticated, NetworkNotAllowed, Unavailable."""
        is_key = token.startswith(api_keys.PREFIX)
        access = await (self.find_key(token, context) if is_key else self.find_session(token, context))
        return self.admit(access, context)

    def admit(self, access: Access, context: RequestContext) -> Principal:
        """The principal of `access`; also fills `context`. Raises NetworkNotAllowed."""
        context.principal, context.policy_version = access.principal, max(self.cache.version, access.version)
        access.check_address(context.ip)
        return access.principal

    async def resume(self, session_id: UUID, context: RequestContext) -> Principal:
        """The principal of a session that allowed this request before; also fills `context`.

        Raises Unauthenticated, NetworkNotAllowed.
        """
        access = await self.find(str(session_id), ACCESS_OF_SESSION, {"id": session_id}, session_access, context)
        principal = access.principal
        context.credential_expires_at = principal.expires_at
        context.actor = Actor("user", principal.user_id, principal.username)
        context.auth_method = "download"
        return self.admit(access, context)

    async def find_session(self, token: str, context: RequestContext) -> Access:
        """The access of a session, by its access token. Raises Unauthenticated."""
        claims = self.tokens.decode(token)
        name = claims.session_name
        access = await self.find(name, ACCESS_OF_SESSION, {"id": claims.session_id}, session_access, context)
        principal = access.principal
        if principal.user_id != claims.user_id:
            raise invalid_token()
        context.credential_expires_at = min(claims.expires_at, principal.expires_at)
        context.actor = Actor("user", principal.user_id, principal.username)
        context.auth_method = "access-token"
        if claims.generation > access.base and claims.generation not in access.known:
            await self.confirm(name, access, claims, context)
        return access

    async def confirm(self, name: str, access: Access, claims: AccessClaims, context: RequestContext) -> None:
        """Record the first use of a token pair. Raises Unauthenticated if it shows that the session was copied."""
        is_valid = await try_to_record(confirm_generation(self.database, context, claims))
        if is_valid is False:
            raise ended_credential()
        if is_valid:
            self.cache.replace(name, access, replace(access, known=access.known | {claims.generation}))

    async def find_key(self, token: str, context: RequestContext) -> Access:
        """The access of an API key. Raises Unauthenticated."""
        presented = api_keys.parse(token)
        if presented is None:
            raise invalid_token()
        prefix = presented.prefix
        access = await self.find(prefix, ACCESS_OF_PREFIX, {"prefix": prefix}, key_access, context)
        if access.key is None or not api_keys.verify(access.key, presented, self.database.keys.lookup, context.ip):
            raise invalid_token()
        context.actor = Actor("api-key", access.principal.api_key_id, access.key.key_name)
        context.owner_id = access.principal.user_id
        context.credential_expires_at = access.principal.expires_at
        context.auth_method = "api-key"
        await self.record_use(prefix, access, context)
        return access

    async def record_use(self, name: str, access: Access, context: RequestContext) -> None:
        """Record the use of a key, at most once a minute in each process, so that not every request writes."""
        if (
            monotonic() - self.recorded.get(name, -RECORD_USE_SECONDS) < RECORD_USE_SECONDS
            or not access.principal.api_key_id
        ):
            return
        if len(self.recorded) >= MAX_RECORDED_KEYS:
            self.recorded.clear()
        self.recorded[name] = monotonic()
        await try_to_record(api_keys.record_use(self.database, context, access.principal.api_key_id))

    async def find(
        self, name: str, statement: AnySelect, values: Values, build: BuildAccess, context: RequestContext
    ) -> Access:
        """The access of a credential, from the cache or the database. Raises Unauthenticated, Unavailable."""
        known = self.cache.get(name)
        if known is not None and not self.feed.is_stale:
            return known
        for _ in range(MAX_ATTEMPTS):
            rows = await self.database.read_session(context).all(statement, values)
            if not rows:
                self.cache.drop(name)
                raise ended_credential()
            access = build(rows, self.tokens.settings)
            if access.principal.expires_at <= now():
                raise ended_credential()
            if self.cache.store(name, access):
                return access
        raise Unavailable("Permissions are changing too fast; try again shortly.")


async def try_to_record(work: Awaitable[T]) -> T | None:
    """Record a use on which the request does not depend. If that fails, the request continues."""
    try:
        return await work
    except (Problem, SQLAlchemyError) as error:
        log.warning("use_not_recorded", cause=type(error).__name__)
        return None


def ended_credential() -> Unauthenticated:
    return Unauthenticated("This credential is no longer valid.", WWW_Authenticate='Bearer error="invalid_token"')
