"""Security events: they make every process forget cached permissions. Numbered in the order of commits."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import event, insert, inspect, select, text, update
from sqlalchemy.orm import Session as SyncSession

from app.core.clock import new_id, now
from app.core.db.engine import Database
from app.core.db.entity import Entity, table_of
from app.modules.rbac.models import SecurityEvent, SecurityState

CHANNEL = "attest_security"
EVERYBODY = None

events, state = table_of(SecurityEvent), table_of(SecurityState)


def alters(row: Entity, columns: frozenset[str]) -> bool:
    """Whether the pending change of `row` touches one of `columns` (`*`: creating, deleting, and every column)."""
    if not columns:
        return False
    state = inspect(row)
    if state.pending or state.deleted or row in (state.session.deleted if state.session else ()):
        return "*" in columns
    known = set(state.mapper.column_attrs.keys())
    watched = known if "*" in columns else known & columns
    return any(state.attrs[name].history.has_changes() for name in watched)


def pending_entities(session: SyncSession) -> list[Entity]:
    """The entities that the session is about to write."""
    return [row for row in [*session.new, *session.dirty, *session.deleted] if isinstance(row, Entity)]


def install(database: Database) -> None:
    """Write an event in every transaction that alters what a credential permits; on PostgreSQL also notify at once."""

    def before_flush(session: SyncSession, _context: object, _instances: object) -> None:
        for row in pending_entities(session):
            if alters(row, row.affects_access):
                subject = getattr(row, row.access_subject) if row.access_subject else EVERYBODY
                session.info.setdefault("security_subjects", set()).add(subject)

    def before_commit(session: SyncSession) -> None:
        if session.in_nested_transaction():
            return
        session.flush()
        if subjects := session.info.pop("security_subjects", None):
            session.info["security_events"] = (write_events(session, subjects), frozenset(subjects))

    event.listen(database.session_class, "before_flush", before_flush)
    event.listen(database.session_class, "before_commit", before_commit)


def write_events(session: SyncSession, subjects: Iterable[UUID | None]) -> int:
    """Add one event for each subject and return the last number. Numbers follow the order of commits, without gaps."""
    connection = session.connection()
    known = list(subjects)
    connection.execute(update(state).values(sequence=state.c.sequence + len(known)))
    last = int(connection.execute(select(state.c.sequence)).scalar_one())
    first = last - len(known) + 1
    rows = [
        {"id": new_id(), "sequence": first + index, "at": now(), "subject_id": subject}
        for index, subject in enumerate(known)
    ]
    connection.execute(insert(events), rows)
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_notify(:channel, :last)"), {"channel": CHANNEL, "last": str(last)})
    return last
