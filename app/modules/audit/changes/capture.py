"""Captures the changes of every flush and writes their change entries in the same transaction."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import event, insert, inspect, select
from sqlalchemy.orm import LoaderCallableStatus
from sqlalchemy.orm import Session as SyncSession

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.column_types import CurrentTransaction
from app.core.db.engine import Database
from app.core.db.entity import Entity, table_of
from app.modules.audit.changes.canonical import canonical_value
from app.modules.audit.changes.personal_data import SubjectKey, encrypt_value, place_of, subject_keys
from app.modules.audit.changes.redaction_rules import check_tables, redaction_version, redactions
from app.modules.audit.changes.write_guard import refuse_unaudited_writes
from app.modules.audit.models import AuditChange

Values = dict[str, Any]
Entry = tuple[str, Entity, Mapping[str, Values]]
"""(action, row, changes by field)"""
ValueOf = Callable[[Entity, str], Any]
"""Reads a column of a row."""

NO_VALUE = LoaderCallableStatus.NO_VALUE

change_table = table_of(AuditChange)


def install(database: Database) -> None:
    """Capture every flush of `database`, and refuse every other write to an audited table."""
    check_tables()
    capture = ChangeCapture(database)
    event.listen(database.session_class, "before_flush", capture.before_flush)
    event.listen(database.session_class, "after_flush", capture.after_flush)
    event.listen(database.session_class, "after_soft_rollback", capture.after_rollback)
    refuse_unaudited_writes(database)
    database.has_capture = True


class ChangeCapture:
    """The listeners of a flush, with the redaction version and the master key."""

    def __init__(self, database: Database) -> None:
        self.redaction_version = redaction_version()
        self.master = database.keys.personal

    def before_flush(self, session: SyncSession, _context: object, _instances: object) -> None:
        """Keep the old values of changed and deleted rows."""
        changing = [row for row in [*session.dirty, *session.deleted] if is_audited(row)]
        session.info["before"] = row_values(session, changing, committed_value)

    def after_flush(self, session: SyncSession, _context: object) -> None:
        """Compare old and new values, and add the change entries on the session's own connection."""
        before: dict[int, Values] = session.info.pop("before", {})
        present = [row for row in [*session.new, *session.dirty] if is_audited(row)]
        after = row_values(session, present, lambda row, name: inspect(row).dict.get(name, NO_VALUE))
        entries: list[Entry] = []
        for action, rows in (("create", session.new), ("update", session.dirty), ("delete", session.deleted)):
            for row in rows:
                if not is_audited(row):
                    continue
                old = before.get(id(row), {}) if action != "create" else {}
                new = after.get(id(row), {}) if action != "delete" else {}
                if changes := difference(old, new):
                    entries.append((action, row, changes))
        if entries:
            self.write(session, entries)

    def after_rollback(self, session: SyncSession, _previous: object) -> None:
        session.info.pop("before", None)

    def write(self, session: SyncSession, entries: list[Entry]) -> None:
        """Add all entries of the flush with one INSERT."""
        connection = session.connection()
        subjects = {subject for _, row, changes in entries for subject in subjects_of(row, changes)}
        keys = subject_keys(connection, self.master, subjects) if subjects else {}
        shared = {
            **actor_columns(session.info["context"]),
            "source": "hook",
            "redaction_version": self.redaction_version,
        }
        rows = [
            {
                **shared,
                "action": action,
                "entity": row.__tablename__,
                "entity_id": str(row.id),
                "changes": redact(row, changes, keys),
            }
            for action, row, changes in entries
            if is_significant(row, changes)
        ]
        if rows:
            connection.execute(insert(change_table).values(xid=CurrentTransaction()), rows)


def actor_columns(context: RequestContext) -> Values:
    """The columns of actor, time, request and client."""
    return {
        "at": now(),
        "request_id": context.request_id,
        "call_id": context.call_id,
        "actor_kind": context.actor.kind,
        "actor_id": context.actor.id,
        "actor_name": context.actor.name,
        "owner_id": context.owner_id,
        "ip": context.ip,
        "user_agent": context.user_agent,
    }


def is_audited(row: object) -> bool:
    return isinstance(row, Entity) and row.not_audited is None


def committed_value(row: Entity, name: str) -> Any:
    """The value in the database, or NO_VALUE if the session has not loaded it."""
    state = inspect(row)
    return state.committed_state[name] if name in state.committed_state else state.dict.get(name, NO_VALUE)


def row_values(session: SyncSession, rows: Iterable[Entity], value_of: ValueOf) -> dict[int, Values]:
    """Every column of every row. What the session has not loaded is read with one SELECT for each table."""
    result: dict[int, Values] = {}
    unknown: dict[type[Entity], list[Entity]] = defaultdict(list)
    for row in rows:
        values = {name: value_of(row, name) for name in redactions(type(row))}
        result[id(row)] = values
        if any(value is NO_VALUE for value in values.values()):
            unknown[type(row)].append(row)
    for model, missing in unknown.items():
        table = table_of(model)
        statement = select(table).where(table.c.id.in_([row.id for row in missing]))
        stored = {row.id: row._mapping for row in session.connection().execute(statement)}
        for row in missing:
            result[id(row)] = dict(stored.get(row.id, {}))
    return result


def difference(old: Values, new: Values) -> dict[str, Values]:
    """`{field: {old, new}}` for what differs; only `new` for a created row, only `old` for a deleted one."""
    if not old:
        return {name: {"new": value} for name, value in new.items()}
    if not new:
        return {name: {"old": value} for name, value in old.items()}
    return {name: {"old": old[name], "new": value} for name, value in new.items() if old[name] != value}


def is_significant(row: Entity, changes: Mapping[str, Values]) -> bool:
    """False if nothing changed but omitted columns, `version` and `updated_at`."""
    fields = changes.keys() - {"version", "updated_at"}
    return not fields or any(redactions(type(row))[name].treatment != "omit" for name in fields)


def subjects_of(row: Entity, changes: Mapping[str, Values]) -> set[UUID]:
    """The people whose personal data `changes` hold."""
    declared = redactions(type(row))
    fields = {str(declared[name].subject) for name in changes if declared[name].treatment == "personal"}
    return {getattr(row, field) for field in fields}


def redact(row: Entity, changes: Mapping[str, Values], keys: Mapping[UUID, SubjectKey]) -> dict[str, Values]:
    """`changes` in canonical values, each treated by the redaction of its column."""
    document: dict[str, Values] = {}
    for name, sides in changes.items():
        redaction = redactions(type(row))[name]
        if redaction.treatment == "omit":
            continue
        treated = {}
        for side, raw in sides.items():
            plain = canonical_value(raw)
            if plain is None or redaction.treatment == "plain":
                treated[side] = plain
            elif redaction.treatment == "secret":
                treated[side] = {"$secret": True}
            else:
                subject = getattr(row, str(redaction.subject))
                place = place_of(str(row.__tablename__), str(row.id), name)
                treated[side] = encrypt_value(keys[subject], place, plain)
        document[name] = treated
    return document
