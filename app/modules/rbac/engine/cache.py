"""A cache of what credentials may do, and the feed of events that invalidates it."""

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import Iterable
from datetime import timedelta
from time import monotonic
from uuid import UUID

from sqlalchemy import select, true

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.db.session import Session
from app.modules.rbac.engine.access import Access, state
from app.modules.rbac.models import SecurityEvent
from app.modules.rbac.repository import policy

CACHED_CREDENTIALS = 10_000
STRICT_AFTER_SECONDS = 5.0
EVENT_AGE = timedelta(hours=1)
"""The age at which events are removed. A process that was stopped for longer forgets its whole cache."""

events = table_of(SecurityEvent)


class AccessCache:
    """A bounded cache. An entry is kept only if its query saw every security event that this process knows of."""

    def __init__(self) -> None:
        self.floor = self.version = 0
        self.entries: OrderedDict[str, Access] = OrderedDict()
        self.names: defaultdict[UUID, set[str]] = defaultdict(set)

    def get(self, name: str) -> Access | None:
        """The entry of a credential, if it is still valid."""
        entry = self.entries.get(name)
        return entry if entry is not None and entry.fresh_from <= now() < entry.fresh_until else None

    def store(self, name: str, entry: Access) -> bool:
        """Keep `entry`. False if it is older than what this process knows: the query must run again."""
        if entry.sequence < self.floor:
            return False
        self.entries[name] = entry
        self.entries.move_to_end(name)
        for subject in subjects_of(entry):
            self.names[subject].add(name)
        if len(self.entries) > CACHED_CREDENTIALS:
            self.drop(next(iter(self.entries)))
        return True

    def replace(self, name: str, old: Access, new: Access) -> None:
        """Replace `old` by `new`, if it is still there."""
        if self.entries.get(name) is old:
            self.entries[name] = new

    def drop(self, name: str) -> None:
        """Forget the entry of a credential."""
        entry = self.entries.pop(name, None)
        for subject in subjects_of(entry) if entry else ():
            self.names[subject].discard(name)
            if not self.names[subject]:
                del self.names[subject]

    def invalidate(self, last: int, subjects: Iterable[UUID | None]) -> None:
        """Forget the subjects of security events up to number `last`. An event without a subject affects all users."""
        self.floor = max(self.floor, last)
        for subject in subjects:
            if subject is None:
                self.entries.clear()
                self.names.clear()
            for name in list(self.names.get(subject, ())) if subject else ():
                self.drop(name)


class EventFeed:
    """Invalidates the cache: after commits of this process at once, after those of others when it polls.

    If it could not poll for five seconds it is stale, and no entry of the cache is used.
    """

    def __init__(self, database: Database, cache: AccessCache) -> None:
        self.database = database
        self.cache = cache
        self.seen = 0
        self.own: set[int] = set()
        self.polled_at = monotonic()

    @property
    def is_stale(self) -> bool:
        return monotonic() - self.polled_at > STRICT_AFTER_SECONDS

    def after_commit(self, session: Session) -> None:
        """Invalidate for the events of this commit."""
        self.cache.version = max(self.cache.version, session.info.pop("policy_version", 0))
        last, subjects = session.info.pop("security_events", (0, ()))
        self.own.update(range(last - len(subjects) + 1, last + 1))
        self.cache.invalidate(last, subjects)

    async def poll(self) -> bool:
        """Read the events of other processes. Raises TimeoutError rather than wait for a silent network."""
        async with asyncio.timeout(STRICT_AFTER_SECONDS):
            await self.catch_up()
        self.polled_at = monotonic()
        return False

    async def catch_up(self) -> None:
        """Invalidate for every event since the last poll."""
        reader = self.database.read_session(RequestContext.for_job("security-events"))
        at = await reader.first(select(state.c.sequence, policy.c.version).join_from(state, policy, true()))
        if at is not None and at.sequence > self.seen:
            newer = select(events.c.sequence, events.c.subject_id).where(events.c.sequence > self.seen)
            rows = await reader.all(newer.order_by(events.c.sequence))
            subjects = [row.subject_id for row in rows if row.sequence not in self.own]
            if not rows or rows[0].sequence != self.seen + 1:
                subjects.append(None)  # stopped for longer than events are kept
            self.seen = rows[-1].sequence if rows else at.sequence
            self.own = {number for number in self.own if number > self.seen}
            self.cache.invalidate(self.seen, subjects)
        self.cache.version = max(self.cache.version, at.version if at else 0)


def subjects_of(entry: Access) -> tuple[UUID, ...]:
    """The user and the credential of an entry."""
    principal = entry.principal
    credential = principal.session_id or principal.api_key_id
    return (principal.user_id, credential) if credential else (principal.user_id,)
