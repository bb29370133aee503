"""Who may do what, answered from memory: one query a session, cached until the policy version moves."""

from collections import OrderedDict
from collections.abc import Iterable
from time import monotonic
from typing import Any
from uuid import UUID

from sqlalchemy import event, inspect, select, update
from sqlalchemy.orm import Session as SyncSession

from app.core.context import Actor, Principal, RequestContext
from app.core.db import Database, Session
from app.core.errors import Unauthenticated
from app.core.model import Entity
from app.core.security import Tokens, refused
from app.core.types import now
from app.modules.rbac.repository import access_of_session, active_grants, permissions_in, policy

CACHED_SESSIONS = 10_000
POLL_SECONDS = 0.5
STRICT_AFTER_SECONDS = 5.0


class SessionGate:
    """The cache is exact: an entry carries the policy version its query saw, and counts only while none is newer.

    This process learns of its own changes at commit, and of others' by polling.
    """

    def __init__(self, database: Database, tokens: Tokens) -> None:
        self.database = database
        self.tokens = tokens
        self.version = 0
        self.confirmed_at = monotonic()
        self.cache: OrderedDict[UUID, Principal] = OrderedDict()

    async def admit(self, token: str, context: RequestContext) -> Principal:
        """What the holder of `token` may do; fills the context. Raises Unauthenticated."""
        claims = self.tokens.decode(token)
        principal = self.cache.get(claims.session_id)
        if principal is None or principal.version < self.version or self.has_lost_touch:
            principal = await self.load(claims.session_id, context)
        if principal.user_id != claims.user_id or principal.expires_at <= now():
            raise refused()
        context.principal = principal
        context.actor = Actor("user", principal.user_id, principal.username)
        context.auth_method = "access-token"
        return principal

    async def load(self, session_id: UUID, context: RequestContext) -> Principal:
        rows = await self.database.reading(context).all(access_of_session(session_id))
        if not rows:
            self.cache.pop(session_id, None)
            raise ended()
        first = rows[0]
        principal = Principal(
            user_id=first.id,
            username=first.username,
            session_id=session_id,
            is_superuser=first.is_superuser,
            permissions=permissions_in(rows),
            expires_at=first.expires_at,
            version=first.version,
        )
        self.learn(principal.version)
        self.cache[session_id] = principal
        self.cache.move_to_end(session_id)
        if len(self.cache) > CACHED_SESSIONS:
            self.cache.popitem(last=False)
        return principal

    @property
    def has_lost_touch(self) -> bool:
        """For too long no poll succeeded: until one does, every request asks the database."""
        return monotonic() - self.confirmed_at > STRICT_AFTER_SECONDS

    def learn(self, version: int) -> None:
        """Entries from before `version` no longer count."""
        self.version = max(self.version, version)

    def after_commit(self, session: SyncSession) -> None:
        """This process's own changes count from their commit on; a released savepoint is no commit."""
        if not session.in_nested_transaction():
            self.learn(session.info.pop("policy_version", 0))

    async def poll(self) -> bool:
        """Learn of changes that other processes made."""
        found = await self.database.reading(RequestContext.of_job("policy")).value(select(policy.c.version))
        self.learn(found or 0)
        self.confirmed_at = monotonic()
        return False


def ended() -> Unauthenticated:
    return Unauthenticated("This session has ended; sign in again.", WWW_Authenticate='Bearer error="invalid_token"')


def decides(row: Any) -> bool:
    """Whether the pending change of `row` alters who may do what."""
    if not isinstance(row, Entity) or not row.decides:
        return False
    state = inspect(row)
    if state.pending or state.deleted or row in (state.session.deleted if state.session else ()):
        return "*" in row.decides
    watched = row.decides if "*" not in row.decides else state.mapper.column_attrs.keys()
    return any(state.attrs[name].history.has_changes() for name in watched)


def install(database: Database) -> None:
    """Raise the policy version in the transaction of every flush that alters it."""

    def raise_version(session: SyncSession) -> None:
        connection = session.connection()
        connection.execute(update(policy).values(version=policy.c.version + 1))
        session.info["policy_version"] = connection.execute(select(policy.c.version)).scalar_one()

    def before_flush(session: SyncSession, _context: Any, _instances: Any) -> None:
        touched: Iterable[Any] = [*session.new, *session.dirty, *session.deleted]
        if any(decides(row) for row in touched):
            raise_version(session)

    def after_rollback(session: SyncSession, _previous: Any) -> None:
        if "policy_version" in session.info:
            session.info["policy_unsure"] = True

    def before_commit(session: SyncSession) -> None:
        if not session.in_nested_transaction() and session.info.pop("policy_unsure", False):
            raise_version(session)

    event.listen(database.session_class, "before_flush", before_flush)
    event.listen(database.session_class, "after_soft_rollback", after_rollback)
    event.listen(database.session_class, "before_commit", before_commit)
    database.permissions_of = permissions_of_user


async def permissions_of_user(session: Session, user_id: UUID) -> frozenset[str]:
    """The union of the user's active grants, whether or not the user is active."""
    granted = active_grants().subquery()
    return permissions_in(await session.all(select(granted).where(granted.c.user_id == user_id)))
