"""What credentials may do, kept in memory, and how this process learns that it must ask again."""

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import Iterable
from datetime import timedelta
from time import monotonic
from uuid import UUID

from sqlalchemy import delete, select, true
from sqlalchemy.orm import Session as SyncSession

from app.core.context import RequestContext
from app.core.db import Database
from app.core.repository import table_of
from app.core.types import now
from app.modules.rbac.access import Access, state
from app.modules.rbac.models import SecurityEvent
from app.modules.rbac.repository import policy

CACHED_CREDENTIALS = 10_000
STRICT_AFTER_SECONDS = 5.0
KEPT = timedelta(hours=1)
"""A process that was away for longer than this forgets everything."""

events = table_of(SecurityEvent)


class AccessCache:
    """Bounded, and exact: an answer is kept only if its query saw every security event that this process knows of."""

    def __init__(self) -> None:
        self.floor = self.version = 0
        self.entries: OrderedDict[str, Access] = OrderedDict()
        self.names: defaultdict[UUID, set[str]] = defaultdict(set)

    def get(self, name: str) -> Access | None:
        found = self.entries.get(name)
        return found if found is not None and found.fresh_until > now() else None

    def remember(self, name: str, found: Access) -> bool:
        """False for an answer that is older than what this process knows: ask again."""
        if found.sequence < self.floor:
            return False
        self.entries[name] = found
        self.entries.move_to_end(name)
        for subject in subjects_of(found):
            self.names[subject].add(name)
        if len(self.entries) > CACHED_CREDENTIALS:
            self.drop(next(iter(self.entries)))
        return True

    def renew(self, name: str, old: Access, new: Access) -> None:
        """Put `new` in the place of `old`, if that is still here."""
        if self.entries.get(name) is old:
            self.entries[name] = new

    def drop(self, name: str) -> None:
        found = self.entries.pop(name, None)
        for subject in subjects_of(found) if found else ():
            self.names[subject].discard(name)
            if not self.names[subject]:
                del self.names[subject]

    def learn(self, last: int, subjects: Iterable[UUID | None]) -> None:
        """Forget whom security events up to number `last` concern; one without a subject concerns everybody."""
        self.floor = max(self.floor, last)
        for subject in subjects:
            if subject is None:
                self.entries.clear()
                self.names.clear()
            for name in list(self.names.get(subject, ())) if subject else ():
                self.drop(name)


class EventFeed:
    """Tells the cache: of this process's own commits at once, of others' when it hears of them or asks.

    While it could not ask for five seconds it has lost touch, and nothing in the cache counts.
    """

    def __init__(self, database: Database, cache: AccessCache) -> None:
        self.database = database
        self.cache = cache
        self.seen = 0
        self.own: set[int] = set()
        self.asked_at = monotonic()

    @property
    def has_lost_touch(self) -> bool:
        return monotonic() - self.asked_at > STRICT_AFTER_SECONDS

    def after_commit(self, session: SyncSession) -> None:
        """A released savepoint is no commit."""
        if session.in_nested_transaction():
            return
        self.cache.version = max(self.cache.version, session.info.pop("policy_version", 0))
        last, subjects = session.info.pop("security_events", (0, ()))
        self.own.update(range(last - len(subjects) + 1, last + 1))
        self.cache.learn(last, subjects)

    async def poll(self) -> bool:
        """Learn of the changes that other processes made. Raises TimeoutError rather than wait for a lost network."""
        async with asyncio.timeout(STRICT_AFTER_SECONDS):
            await self.catch_up()
        self.asked_at = monotonic()
        return False

    async def catch_up(self) -> None:
        reader = self.database.reading(RequestContext.of_job("security-events"))
        at = await reader.first(select(state.c.sequence, policy.c.version).join_from(state, policy, true()))
        if at is not None and at.sequence > self.seen:
            newer = select(events.c.sequence, events.c.subject_id).where(events.c.sequence > self.seen)
            rows = await reader.all(newer.order_by(events.c.sequence))
            subjects = [row.subject_id for row in rows if row.sequence not in self.own]
            if not rows or rows[0].sequence != self.seen + 1:
                subjects.append(None)  # away for longer than events are kept
            self.seen = rows[-1].sequence if rows else at.sequence
            self.own = {number for number in self.own if number > self.seen}
            self.cache.learn(self.seen, subjects)
        self.cache.version = max(self.cache.version, at.version if at else 0)

    async def prune(self) -> bool:
        """Remove events that every process has seen, or must answer for by forgetting everything."""
        async with self.database.unit_of_work(RequestContext.of_job("security-events")) as session:
            await session.execute(delete(events).where(events.c.at < now() - KEPT))
        return False


def subjects_of(found: Access) -> tuple[UUID, ...]:
    principal = found.principal
    credential = principal.session_id or principal.api_key_id
    return (principal.user_id, credential) if credential else (principal.user_id,)
