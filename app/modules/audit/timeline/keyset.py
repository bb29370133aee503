"""Reads the keys of a timeline: time, kind and number of each entry, from an index for each kind."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Self
from uuid import UUID

from sqlalchemy import ColumnElement, Table, and_, func, literal, not_, or_, select, tuple_, union_all

from app.core.db.cursor import read_cursor, write_cursor
from app.core.db.entity import table_of
from app.core.db.session import AnySelect, ReadSession, Session
from app.modules.audit.models import AuditAccess, AuditChange
from app.modules.audit.repository import audited_modules, belongs_to, find_window
from app.modules.audit.timeline.schemas import TimelineQuery

access, changes = table_of(AuditAccess), table_of(AuditChange)
KINDS = ("change", "request", "sign-in")
CHANGE, REQUEST, SIGN_IN = range(3)
PUBLIC = "public"
"""The decision about a request that needs no sign-in. If it names a user, it is an attempt to sign in as that user."""


class Key(NamedTuple):
    """The place of an entry in a timeline."""

    at: datetime
    kind: int
    id: int

    @classmethod
    def of_cursor(cls, position: Sequence[Any]) -> Self:
        at, kind, number = position
        return cls(datetime.fromisoformat(at), kind, number)


class Part(NamedTuple):
    """The entries of one kind that one index has in the order of the timeline."""

    kind: int
    log: Table
    condition: ColumnElement[bool]

    def first(self, query: TimelineQuery, modules: frozenset[str] | None, after: Key | None) -> AnySelect:
        """The keys of the first entries (of `modules` only), one more than the page has."""
        at, number = self.log.c.at, self.log.c.id
        keys = select(at, literal(self.kind).label("kind"), number).where(self.condition)
        if after:  # before the edges of the period: see `Range.choose`
            keys = keys.where(self.is_after(after))
        if modules is not None:
            keys = keys.where(belongs_to(self.log, modules))
        if query.at_gte:
            keys = keys.where(at >= query.at_gte)
        if query.at_lt:
            keys = keys.where(at < query.at_lt)
        return keys.order_by(at.desc(), number.desc()).limit(query.limit + 1)

    def is_after(self, key: Key) -> ColumnElement[bool]:
        """True for entries that follow `key` in the timeline, whose kinds come in descending order at one instant."""
        at = self.log.c.at
        if self.kind == key.kind:
            return tuple_(at, self.log.c.id) < tuple_(*(literal(value) for value in (key.at, key.id)))
        return at <= key.at if self.kind < key.kind else at < key.at


def parts(actor_id: UUID, *, keys: bool) -> Iterator[Part]:
    """The parts of the timeline of an actor, and of its API keys. No entry is in two of them."""
    is_sign_in = and_(access.c.subject_id.is_not(None), func.coalesce(access.c.decision, "") == PUBLIC)
    yield Part(SIGN_IN, access, and_(access.c.subject_id == actor_id, access.c.decision == PUBLIC))
    yield Part(REQUEST, access, and_(access.c.actor_id == actor_id, not_(is_sign_in)))
    yield Part(CHANGE, changes, changes.c.actor_id == actor_id)
    if keys:
        is_other = or_(access.c.actor_id.is_(None), access.c.actor_id != actor_id)
        yield Part(REQUEST, access, and_(access.c.owner_id == actor_id, is_other))
        yield Part(CHANGE, changes, and_(changes.c.owner_id == actor_id, changes.c.actor_id.is_distinct_from(actor_id)))


class Keys(NamedTuple):
    """The keys of a page, the cursor of the next one, and the period in which they were looked for."""

    keys: Sequence[Key]
    cursor: str | None
    period: tuple[datetime | None, datetime | None]


async def read_keys(session: ReadSession | Session, actor_id: UUID, query: TimelineQuery) -> Keys:
    """The keys of a page."""
    order, resource = query.sort_fields(), f"timeline/{actor_id}"
    position, kept = read_cursor(session, query, resource)
    after, modules = Key.of_cursor(position) if position else None, audited_modules(session)
    window = find_window(session, query, kept)
    limited = query.model_copy(update={"at_gte": window.start, "at_lt": window.end}) if window else query
    firsts = [part.first(limited, modules, after).subquery() for part in parts(actor_id, keys=query.keys)]
    together = union_all(*(select(first) for first in firsts)).subquery()
    newest = select(together).order_by(*(together.c[name].desc() for name, _ in order))
    rows = await session.all(newest.limit(query.limit + 1))
    keys, period = [Key(*row) for row in rows[: query.limit]], (limited.at_gte, limited.at_lt)
    if len(rows) <= query.limit:
        return Keys(keys, None, period)
    last, kept = keys[-1], window.texts if window else []
    cursor = write_cursor(session, query, resource, [last.at.isoformat(), last.kind, last.id, *kept])
    return Keys(keys, cursor, period)
