"""Security events: what every process must forget, numbered in the order of commits, and told at once on PostgreSQL."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import event, insert, inspect, select, text, update
from sqlalchemy.orm import Session as SyncSession

from app.core.db import Database
from app.core.model import Entity
from app.core.repository import table_of
from app.core.types import new_id, now
from app.modules.rbac.models import SecurityEvent, SecurityState

CHANNEL = "attest_security"
EVERYBODY = None

events, state = table_of(SecurityEvent), table_of(SecurityState)


def alters(row: Any, columns: frozenset[str]) -> bool:
    """Whether the pending change of `row` touches one of `columns` (`*`: creating, deleting, and every column)."""
    if not columns:
        return False
    found = inspect(row)
    if found.pending or found.deleted or row in (found.session.deleted if found.session else ()):
        return "*" in columns
    known = set(found.mapper.column_attrs.keys())
    watched = known if "*" in columns else known & columns
    return any(found.attrs[name].history.has_changes() for name in watched)


def touched(session: SyncSession) -> list[Entity]:
    return [row for row in [*session.new, *session.dirty, *session.deleted] if isinstance(row, Entity)]


def install(database: Database) -> None:
    """Write an event in the transaction of every flush that alters what a credential is worth."""

    def before_flush(session: SyncSession, _context: Any, _instances: Any) -> None:
        for row in touched(session):
            if alters(row, row.decides):
                subject = getattr(row, row.invalidates) if row.invalidates else EVERYBODY
                session.info.setdefault("security_subjects", set()).add(subject)

    def before_commit(session: SyncSession) -> None:
        if session.in_nested_transaction():
            return
        session.flush()
        if subjects := session.info.pop("security_subjects", None):
            session.info["security_events"] = (write(session, subjects), frozenset(subjects))

    event.listen(database.session_class, "before_flush", before_flush)
    event.listen(database.session_class, "before_commit", before_commit)


def write(session: SyncSession, subjects: Iterable[UUID | None]) -> int:
    """Add one event for each subject; returns the last number. Numbers follow the order of commits without a gap."""
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
