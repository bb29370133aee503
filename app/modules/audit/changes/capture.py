"""Makes the change entries of every flush, which are written in the same transaction."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlmodel import SQLModel

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.column_types import CurrentTransaction, DatabaseClock
from app.core.db.engine import Database
from app.core.db.entity import Bookkeeping, Entity, table_of
from app.core.db.session import Session
from app.core.db.unit_of_work.change import Change, creation_of
from app.core.db.unit_of_work.write_statements import EntryForm
from app.modules.audit.changes.personal_data import SubjectKey, encrypt_value, subject_keys
from app.modules.audit.changes.place import Place
from app.modules.audit.changes.redaction_rules import check_tables, has_personal_data, redaction_version, redactions
from app.modules.audit.changes.secret_digest import secret_digest
from app.modules.audit.changes.stored_redactions import StoredRedactions
from app.modules.audit.changes.write_guard import refuse_unaudited_writes
from app.modules.audit.entries.callers import Callers
from app.modules.audit.entries.canonical import ENTRY_FORMAT, FORMS, KEPT, escape_names
from app.modules.audit.entries.writer_mac import add_mac
from app.modules.audit.models import AuditChange

MADE_BY_DATABASE = (("stored_at", DatabaseClock()), ("xid", CurrentTransaction()))
COLUMNS = tuple(
    column.name
    for column in table_of(AuditChange).columns
    if column.name != "id" and column.name not in dict(MADE_BY_DATABASE)
)
Values = dict[str, Any]
Sides = dict[str, Values]
"""The old and the new value of each field."""


def install(database: Database) -> None:
    """Record every change of `database`, and refuse every other write to an audited table."""
    check_tables()
    recorder = ChangeRecorder(database)
    database.hooks.recorder = recorder
    database.hooks.after_begin.append(StoredRedactions(recorder.redaction_version).ensure)
    database.hooks.after_commit.append(recorder.callers.after_commit)
    refuse_unaudited_writes(database)


class ChangeRecorder:
    """Makes change entries, with the redaction version, and the keys of persons, digests and writers."""

    form = EntryForm(table_of(AuditChange), COLUMNS, MADE_BY_DATABASE)

    def __init__(self, database: Database) -> None:
        self.redaction_version = redaction_version()
        self.masters = database.keys.personal
        self.callers = Callers()
        self.digest_key = database.keys.secret_digest
        self.writer_keys = database.keys.writer_keys

    async def record(self, session: Session, changes: Sequence[Change]) -> Sequence[Change]:
        """Give each change of an audited row its entry. Returns new keys and a new caller."""
        recorded = [(change, difference(change)) for change in changes if is_recorded(change)]
        named = [change for change in changes if names_caller(change)]
        if not recorded and not named:
            return []
        subjects = {subject for change, sides in recorded for subject in subjects_of(change.row, sides)}
        born = {change.after["id"] for change, _ in recorded if change.action == "create"}
        keys, added = await subject_keys(session, self.masters, subjects, born)
        context = session.context
        context.caller_id, caller = self.callers.resolve_context(session)
        for change in named:
            change.row.__dict__["caller_id"] = change.after["caller_id"] = context.caller_id
        shared = {**actor_columns(context), "source": "hook", "redaction_version": self.redaction_version}
        for change, sides in recorded:
            entity, entity_id = place_of(change)
            own = {"action": change.action, "entity": entity, "entity_id": entity_id}
            document = redact(change.row, (entity, entity_id), sides, keys, self.digest_key)
            entry = {**shared, **own, "changes": document}
            change.entry = add_mac(self.writer_keys, AuditChange.__tablename__, entry)
        return [creation_of(row) for row in (*added, *([caller] if caller else []))]


def is_recorded(change: Change) -> bool:
    """Whether a change leaves an entry: of an audited row each does, of some other rows the removal."""
    row = change.row
    if isinstance(row, Bookkeeping):
        return change.action == "delete" and row.removal_recorded_in is not None
    return isinstance(row, Entity) and row.not_audited is None


def names_caller(change: Change) -> bool:
    """Whether a change adds a row that names its caller as entries do."""
    return change.action == "create" and isinstance(change.row, Bookkeeping) and change.row.names_caller


def actor_columns(context: RequestContext) -> Values:
    """The columns of actor, time, request and caller."""
    return {
        "at": now(),
        "format": ENTRY_FORMAT,
        "request_id": context.request_id,
        "call_id": context.call_id,
        "actor_kind": context.actor.kind,
        "actor_id": context.actor.id,
        "actor_name": context.actor.logged_name,
        "owner_id": context.owner_id,
        "caller_id": context.caller_id,
        "reason": context.reason,
        "reverted_to": context.reverted_to,
    }


def difference(change: Change) -> Sides:
    """`{field: {old, new}}` for what differs; only `new` for a created row, only `old` for a deleted one."""
    old, new, names = change.before, change.after, redactions(type(change.row))
    if not old:
        return {name: {"new": new[name]} for name in names}
    if not new:
        return {name: {"old": old[name]} for name in names}
    return {name: {"old": old[name], "new": new[name]} for name in names if old[name] != new[name]}


def subjects_of(row: SQLModel, changes: Mapping[str, Values]) -> set[UUID]:
    """The people whose personal data `changes` hold."""
    if not has_personal_data(type(row)):
        return set()
    declared = redactions(type(row))
    fields = {str(declared[name].subject) for name in changes if declared[name].treatment == "personal"}
    return {getattr(row, field) for field in fields}


def place_of(change: Change) -> tuple[str, str]:
    """The table and the id of the changed row, as its entry names them."""
    return change.table.name, str((change.before or change.after)["id"])


def redact(
    row: SQLModel, row_place: tuple[str, str], differing: Sides, keys: Mapping[UUID, SubjectKey], digest_key: bytes
) -> dict[str, Values]:
    """The `differing` fields of a row in canonical values, each treated by the redaction of its column."""
    document: dict[str, Values] = {}
    declared = redactions(type(row))
    for name, sides in differing.items():
        redaction = declared[name]
        treated = {}
        for side, raw in sides.items():
            plain = raw if type(raw) in KEPT else FORMS[type(raw)](raw)
            if plain is None or redaction.treatment == "plain":
                treated[side] = plain if type(plain) in KEPT else escape_names(plain)
            elif redaction.treatment == "secret":
                treated[side] = {"$secret": secret_digest(digest_key, Place(*row_place, name), plain)}
            else:
                subject = getattr(row, str(redaction.subject))
                treated[side] = encrypt_value(keys[subject], Place(*row_place, name), plain)
        document[name] = treated
    return document
