"""Who may do what, answered from memory: one query a credential, kept until an event says that it may be another."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from time import monotonic
from typing import TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.core.config import AuthSettings
from app.core.context import Actor, Principal, RequestContext
from app.core.db import Database
from app.core.errors import Problem, Unauthenticated, Unavailable
from app.core.security import Claims, Tokens, refused
from app.core.types import AnyRow, AnySelect, now
from app.modules import api_keys, auth
from app.modules.rbac.access import Access, access_of_key, access_of_session, key_access, session_access
from app.modules.rbac.cache import AccessCache, EventFeed

log = structlog.get_logger(__name__)

ATTEMPTS = 3
NOTE_SECONDS = 60.0
NOTED_KEYS = 10_000

T = TypeVar("T")
Question = Callable[[], AnySelect]
"""Built only where it is asked: a warm request pays for no statement."""
Judge = Callable[[Sequence[AnyRow], AuthSettings], Access]


class CredentialGate:
    """Admits sessions and API keys."""

    def __init__(self, database: Database, tokens: Tokens) -> None:
        self.database = database
        self.tokens = tokens
        self.cache = AccessCache()
        self.feed = EventFeed(database, self.cache)
        self.noted: dict[str, float] = {}

    async def admit(self, token: str, context: RequestContext) -> Principal:
        """What the holder of `token` may do; fills the context. Raises Unauthenticated."""
        is_key = token.startswith(api_keys.PREFIX)
        found = await (self.admit_key(token, context) if is_key else self.admit_session(token, context))
        context.principal, context.policy_version = found.principal, max(self.cache.version, found.version)
        return found.principal

    async def admit_session(self, token: str, context: RequestContext) -> Access:
        claims = self.tokens.decode(token)
        name = str(claims.session_id)
        found = await self.find(name, partial(access_of_session, claims.session_id), session_access, context)
        principal = found.principal
        if principal.user_id != claims.user_id:
            raise refused()
        context.credential_expires_at = min(claims.expires_at, principal.expires_at)
        context.actor = Actor("user", principal.user_id, principal.username)
        context.auth_method = "access-token"
        if claims.generation > found.base and claims.generation not in found.known:
            await self.confirm(name, found, claims, context)
        return found

    async def confirm(self, name: str, found: Access, claims: Claims, context: RequestContext) -> None:
        """The first use of a token pair. Raises Unauthenticated where that shows that somebody copied the session."""
        is_ours = await beside(auth.confirm(self.database, context, claims))
        if is_ours is False:
            raise ended()
        if is_ours:
            self.cache.renew(name, found, replace(found, known=found.known | {claims.generation}))

    async def admit_key(self, token: str, context: RequestContext) -> Access:
        presented = api_keys.parse(token)
        if presented is None:
            raise refused()
        found = await self.find(presented.prefix, partial(access_of_key, presented.prefix), key_access, context)
        if not api_keys.opens(found.key, presented, self.database.keys.lookup, context.ip):
            raise refused()
        context.actor = Actor("api-key", found.principal.api_key_id, found.key.key_name if found.key else None)
        context.owner_id = found.principal.user_id
        context.credential_expires_at = found.principal.expires_at
        context.auth_method = "api-key"
        await self.note_use(presented.prefix, found, context)
        return found

    async def note_use(self, name: str, found: Access, context: RequestContext) -> None:
        """Once a minute and process at most, so that a key in constant use costs no write a request."""
        if monotonic() - self.noted.get(name, -NOTE_SECONDS) < NOTE_SECONDS or not found.principal.api_key_id:
            return
        if len(self.noted) >= NOTED_KEYS:
            self.noted.clear()
        self.noted[name] = monotonic()
        await beside(api_keys.note_use(self.database, context, found.principal.api_key_id))

    async def find(self, name: str, ask: Question, judge: Judge, context: RequestContext) -> Access:
        """The answer for a credential, from memory or the database. Raises Unauthenticated."""
        known = self.cache.get(name)
        if known is not None and not self.feed.has_lost_touch:
            return known
        for _ in range(ATTEMPTS):
            rows = await self.database.reading(context).all(ask())
            if not rows:
                self.cache.drop(name)
                raise ended()
            found = judge(rows, self.tokens.settings)
            if found.principal.expires_at <= now():
                raise ended()
            if self.cache.remember(name, found):
                return found
        raise Unavailable("Permissions are changing too fast; try again shortly.")


async def beside(work: Awaitable[T]) -> T | None:
    """Do what the request does not depend on: where the database cannot do it now, the request goes on without."""
    try:
        return await work
    except (Problem, SQLAlchemyError) as error:
        log.warning("not_noted", cause=type(error).__name__)
        return None


def ended() -> Unauthenticated:
    return Unauthenticated("This credential is no longer good.", WWW_Authenticate='Bearer error="invalid_token"')
