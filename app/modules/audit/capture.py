"""Change rows from the flush: what a flush is about to forget, written in the same transaction."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import event, insert, inspect, select
from sqlalchemy.orm import LoaderCallableStatus
from sqlalchemy.orm import Session as SyncSession

from app.core.context import RequestContext
from app.core.db import Database
from app.core.model import Entity
from app.core.repository import table_of
from app.core.types import CurrentTransaction, now
from app.modules.audit import canonical, personal
from app.modules.audit.models import AuditChange
from app.modules.audit.policies import policies, policy_version
from app.modules.audit.refusal import refuse_unaudited_writes

Values = dict[str, Any]
Entry = tuple[str, Entity, Mapping[str, Values]]
"""(action, row, changes by field)"""

NO_VALUE = LoaderCallableStatus.NO_VALUE

change_table = table_of(AuditChange)


def install(database: Database) -> None:
    """Record every flush of `database`, and refuse every other write to an audited table."""
    recorder = Recorder(database)
    event.listen(database.session_class, "before_flush", recorder.before_flush)
    event.listen(database.session_class, "after_flush", recorder.after_flush)
    event.listen(database.session_class, "after_soft_rollback", recorder.after_rollback)
    refuse_unaudited_writes(database)
    database.has_capture = True


class Recorder:
    """Holds what a process needs to record: the policy version and the master key."""

    def __init__(self, database: Database) -> None:
        self.version = policy_version()
        self.master = database.keys.personal

    def before_flush(self, session: SyncSession, _context: Any, _instances: Any) -> None:
        """Remember what changed and deleted rows were."""
        touched = [row for row in [*session.dirty, *session.deleted] if is_audited(row)]
        session.info["before"] = images(session, touched, committed)

    def after_flush(self, session: SyncSession, _context: Any) -> None:
        """Compare, and add the change rows on the session's own connection."""
        before: dict[int, Values] = session.info.pop("before", {})
        present = [row for row in [*session.new, *session.dirty] if is_audited(row)]
        after = images(session, present, lambda row, name: inspect(row).dict.get(name, NO_VALUE))
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

    def after_rollback(self, session: SyncSession, _previous: Any) -> None:
        session.info.pop("before", None)

    def write(self, session: SyncSession, entries: list[Entry]) -> None:
        """One INSERT for all rows of the flush."""
        connection = session.connection()
        subjects = {subject for _, row, changes in entries for subject in subjects_of(row, changes)}
        keys = personal.subject_keys(connection, self.master, subjects) if subjects else {}
        shared = {**author(session.info["context"]), "source": "hook", "policy_version": self.version}
        rows = [
            {
                **shared,
                "action": action,
                "entity": row.__tablename__,
                "entity_id": str(row.id),
                "changes": recorded(row, changes, keys),
            }
            for action, row, changes in entries
            if is_noticed(row, changes)
        ]
        if rows:
            connection.execute(insert(change_table).values(xid=CurrentTransaction()), rows)


def author(context: RequestContext) -> Values:
    """The columns that say who, when and from where."""
    return {
        "at": now(),
        "request_id": context.request_id,
        "actor_kind": context.actor.kind,
        "actor_id": context.actor.id,
        "actor_name": context.actor.name,
        "owner_id": context.owner_id,
        "ip": context.ip,
        "user_agent": context.user_agent,
    }


def is_audited(row: object) -> bool:
    return isinstance(row, Entity) and row.audited


def committed(row: Entity, name: str) -> Any:
    """The value that the database holds, or NO_VALUE where the session does not know it."""
    state = inspect(row)
    return state.committed_state[name] if name in state.committed_state else state.dict.get(name, NO_VALUE)


def images(session: SyncSession, rows: Iterable[Entity], value_of: Any) -> dict[int, Values]:
    """Every column of every row; what the session does not know is read with one SELECT per table."""
    found: dict[int, Values] = {}
    unknown: dict[type[Entity], list[Entity]] = defaultdict(list)
    for row in rows:
        values = {name: value_of(row, name) for name in policies(type(row))}
        found[id(row)] = values
        if any(value is NO_VALUE for value in values.values()):
            unknown[type(row)].append(row)
    for model, missing in unknown.items():
        table = table_of(model)
        statement = select(table).where(table.c.id.in_([row.id for row in missing]))
        stored = {row.id: row._mapping for row in session.connection().execute(statement)}
        for row in missing:
            found[id(row)] = dict(stored.get(row.id, {}))
    return found


def difference(old: Values, new: Values) -> dict[str, Values]:
    """`{field: {old, new}}` for what differs; only `new` for a created row, only `old` for a deleted one."""
    if not old:
        return {name: {"new": value} for name, value in new.items()}
    if not new:
        return {name: {"old": value} for name, value in old.items()}
    return {name: {"old": old[name], "new": value} for name, value in new.items() if old[name] != value}


def is_noticed(row: Entity, changes: Mapping[str, Values]) -> bool:
    """False where nothing but omitted columns changed, and the bookkeeping that follows every change."""
    fields = changes.keys() - {"version", "updated_at"}
    return not fields or any(policies(type(row))[name].treatment != "omit" for name in fields)


def subjects_of(row: Entity, changes: Mapping[str, Values]) -> set[UUID]:
    declared = policies(type(row))
    fields = {str(declared[name].subject) for name in changes if declared[name].treatment == "personal"}
    return {getattr(row, field) for field in fields}


def recorded(row: Entity, changes: Mapping[str, Values], keys: Mapping[UUID, personal.SubjectKey]) -> dict[str, Values]:
    """`changes` in canonical values, each treated by its field's policy."""
    document: dict[str, Values] = {}
    for name, sides in changes.items():
        policy = policies(type(row))[name]
        if policy.treatment == "omit":
            continue
        treated = {}
        for side, raw in sides.items():
            plain = canonical.value(raw)
            if plain is None or policy.treatment == "plain":
                treated[side] = plain
            elif policy.treatment == "secret":
                treated[side] = {"$secret": True}
            elif policy.treatment == "digest":
                treated[side] = {"$digest": hashlib.sha256(str(plain).encode()).hexdigest(), "$length": len(str(plain))}
            else:
                subject = getattr(row, str(policy.subject))
                place = place_of(str(row.__tablename__), str(row.id), name)
                treated[side] = personal.seal(keys[subject], place, plain)
        document[name] = treated
    return document


def place_of(entity: str, entity_id: str, field: str) -> str:
    """Where a sealed value belongs; it opens nowhere else."""
    return f"{entity}/{entity_id}/{field}"
