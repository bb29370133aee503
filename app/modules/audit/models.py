"""The audit log: access entries (one for each request), change entries (one for each changed row), and their order."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, LargeBinary, SmallInteger, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from app.core.clock import new_id
from app.core.db.column_types import BIG_ID, JSON_DOCUMENT, CurrentTransaction, DatabaseClock, Instant
from app.core.db.entity import Bookkeeping, DatabaseRole, table_of
from app.core.db.link_indexes import index_links
from app.core.db.redaction import PLAIN, SECRET, redacted

APPLICATION: frozenset[DatabaseRole] = frozenset({"app"})
SEALER: frozenset[DatabaseRole] = frozenset({"sealer"})
AUDITOR: frozenset[DatabaseRole] = frozenset({"auditor"})
FIRST_FAILURE = 400
"""The lowest status of a failure."""
FIRST_CRASH = 500
"""The lowest status of a failure of the server."""


def some(table: str, columns: tuple[str, ...], condition: str, name: str = "") -> Index:
    """An index of the rows that meet `condition`, for queries that say it too."""
    where = text(condition)
    return Index(f"ix_{table}_{name or '_'.join(columns)}", *columns, postgresql_where=where, sqlite_where=where)


TABLES: dict[str, frozenset[str]] = {}
"""The tables of each module that has a history."""
ITEMS: dict[str, str] = {}
"""The tables with the items of these modules, each with its module. Who reads the module reads their histories."""


def add_tables(module: str, entity: str) -> None:
    """Add the tables of `module`: the table `entity`, and the others whose models are in the same file."""
    models = [mapper.class_ for mapper in SQLModel._sa_registry.mappers]
    home = next(model.__module__ for model in models if model.__tablename__ == entity)
    TABLES[module] = frozenset(str(model.__tablename__) for model in models if model.__module__ == home)
    ITEMS[entity] = module


class Entry(Bookkeeping):
    """The columns of both logs: actor, time, caller, request and database transaction."""

    append_only = True
    read_by = SEALER | AUDITOR

    id: int | None = Field(default=None, primary_key=True, sa_type=BIG_ID)
    """The number of the entry, given before the commit, so that numbers do not follow the order of commits."""
    at: datetime = Field(sa_type=Instant)
    """When the request began, or the change was written, by the clock of the application."""
    stored_at: datetime | None = Field(
        default=None, sa_type=Instant, nullable=False, sa_column_kwargs={"server_default": DatabaseClock()}
    )
    """When the entry was stored, by the clock of the database."""
    format: int = Field(sa_type=SmallInteger)
    """The version of the encoding of the entry."""
    xid: int | None = Field(default=None, sa_type=BigInteger, sa_column_kwargs={"server_default": CurrentTransaction()})
    """The database transaction that wrote the entry."""
    request_id: str = Field(max_length=64)
    """The request, in the words of its caller."""
    call_id: UUID | None = None
    """The request, or the work of a job, as the server numbered it; null in entries of older versions."""
    actor_kind: str = Field(max_length=16)
    """The kind of actor: anonymous, user, api-key, service, system or unknown."""
    actor_id: UUID | None = None
    """The user or API key."""
    actor_name: str | None = Field(default=None, max_length=200)
    """The name of a job or service. The name of a person is with the caller."""
    owner_id: UUID | None = None
    """The user for whom the actor acted: the owner of an API key, or who asked for what the actor approved."""
    caller_id: UUID | None = None
    """The row of `audit_caller` with the name of the actor, the address and the user agent."""
    reason: str | None = Field(default=None, max_length=500)
    """Why the caller made the request, in the caller's words (`Audit-Reason`)."""
    mac: bytes | None = Field(default=None, sa_type=LargeBinary)
    """The code of the process that wrote the entry (`writer_mac.py`); null where no writer's key is set."""


class AuditAccess(Entry, table=True):
    """An access entry."""

    __tablename__ = "audit_access"
    not_audited = "is the audit log itself"
    __table_args__ = (
        Index("ix_audit_access_at_id", "at", "id"),
        Index("ix_audit_access_actor_id_at_id", "actor_id", "at", "id"),
        Index("ix_audit_access_caller_id_at_id", "caller_id", "at", "id"),
        Index("ix_audit_access_call_id", "call_id"),
        Index("ix_audit_access_request_id", "request_id"),
        Index("ix_audit_access_xid", "xid"),
        some("audit_access", ("item_id", "at", "id"), "item_id IS NOT NULL"),
        some("audit_access", ("owner_id", "at", "id"), "owner_id IS NOT NULL"),
        some("audit_access", ("subject_id", "at", "id"), "subject_id IS NOT NULL"),
        some("audit_access", ("route", "at", "id"), "route IS NOT NULL"),
        some("audit_access", ("error_code", "at", "id"), f"status >= {FIRST_FAILURE}"),
        some("audit_access", ("at", "id"), f"status >= {FIRST_CRASH}", "crashes"),
        some("audit_access", ("at", "id"), "decision IS NULL", "refusals"),
        some("audit_access", ("session_id", "at", "id"), "session_id IS NOT NULL"),
        {"sqlite_autoincrement": True},
    )

    auth_method: str | None = Field(default=None, max_length=16)
    """How the caller was authenticated."""
    session_id: UUID | None = None
    """The session of the caller."""
    method: str = Field(max_length=16)
    """The HTTP method."""
    path: str = Field(max_length=2048)
    """The path, without the query."""
    route: str | None = Field(default=None, max_length=400)
    """The path of the route, with its parameters in braces."""
    query: str | None = Field(default=None, max_length=2048)
    """The declared query parameters, with secrets, searches and personal data masked."""
    decision: str | None = Field(default=None, max_length=200)
    """The rule that admitted the caller: `public`, `signed-in`, `internal` or a permission."""
    status: int
    """The status of the response; 499 if the client went away."""
    duration_us: int = Field(sa_type=BigInteger)
    """The duration, in microseconds."""
    bytes_out: int = Field(sa_type=BigInteger)
    """The size of the response body, in bytes."""
    error_code: str | None = Field(default=None, max_length=64)
    """The code of the problem; `response-cut-short`; or `aborted` by the end of the process or the disk."""
    module: str | None = Field(default=None, max_length=64)
    """The module that the permission of the route belongs to, or the group of the route in the document."""
    item_id: UUID | None = None
    """The item in the path, or the one that was created."""
    subject_id: UUID | None = None
    """The user as whom the caller tried to sign in, or on whose account it acted."""
    bytes_in: int | None = Field(default=None, sa_type=BigInteger)
    """The size of the request body, as far as it was read, in bytes; null in entries of older versions."""
    trace_id: str | None = Field(default=None, max_length=32)
    """The trace that the request is a part of (`traceparent`)."""
    is_replay: bool = False
    """Whether the response is the stored one of an earlier request with the same idempotency key."""
    is_dry_run: bool = False
    """Whether the request asked for a preview and changed nothing."""


class AuditChange(Entry, table=True):
    """A change entry."""

    __tablename__ = "audit_change"
    not_audited = "is the audit log itself"
    __table_args__ = (
        Index("ix_audit_change_at_id", "at", "id"),
        Index("ix_audit_change_actor_id_at_id", "actor_id", "at", "id"),
        Index("ix_audit_change_entity_entity_id_id", "entity", "entity_id", "id"),
        Index("ix_audit_change_call_id", "call_id"),
        Index("ix_audit_change_request_id", "request_id"),
        Index("ix_audit_change_xid", "xid"),
        some("audit_change", ("owner_id", "at", "id"), "owner_id IS NOT NULL"),
        {"sqlite_autoincrement": True},
    )

    source: str = Field(max_length=16)
    """The source of the capture: the unit of work (`hook`), or a trigger that saw another program (`external`)."""
    action: str = Field(max_length=16)
    """create, update or delete."""
    entity: str = Field(max_length=64)
    """The table of the changed row."""
    entity_id: str = Field(max_length=64)
    """The id of the changed row."""
    changes: dict[str, Any] = Field(sa_type=JSON_DOCUMENT)
    """The changed columns, before and after, after redaction."""
    redaction_version: str = Field(max_length=16)
    """The version of the redactions that were applied."""
    reverted_to: int | None = Field(default=None, sa_type=BigInteger)
    """The entry to whose state this change reverted the item, or some of its fields; null for any other change."""


index_links(table_of(AuditChange))


class AuditCaller(Bookkeeping, table=True):
    """A caller: what the entries of both logs tell of a person, in one place that can be erased.

    An entry names it by its id, which commits to the other columns (`callers.py`). Without the row, nothing of them
    can be found out, and the entry is as it was.
    """

    __tablename__ = "audit_caller"
    not_audited = "holds what can be erased of the audit log"
    append_only, is_removable = True, True
    read_by = AUDITOR
    __table_args__ = (
        Index("ix_audit_caller_ip", "ip"),
        Index("ix_audit_caller_user_id", "user_id"),
        Index("ix_audit_caller_created_at", "created_at"),
    )

    id: UUID = Field(primary_key=True)
    """The first 16 bytes of a SHA-256 over the salt and the columns below it."""
    salt: bytes = Field(sa_type=LargeBinary)
    """Random bytes, without which the id does not tell whether a guess is right."""
    user_id: UUID | None = None
    """The user whose data this is: who called, or as whom a stranger tried to sign in; null for any other stranger."""
    name: str | None = Field(default=None, max_length=200)
    """The name of the user or API key at that time; null for a stranger, who is forgotten after some time."""
    ip: str | None = Field(default=None, max_length=64)
    """The address of the client."""
    user_agent: str | None = Field(default=None, max_length=400)
    """The user agent of the client."""
    created_at: datetime = Field(sa_type=Instant)
    """When the row was made. Entries of a day at most refer to it."""


class AuditRedaction(Bookkeeping, table=True):
    """The redactions of all columns at one version, which change entries name."""

    __tablename__ = "audit_redaction"
    not_audited = "is the audit log itself"
    append_only = True
    written_by, read_by = APPLICATION | SEALER, AUDITOR

    version: str = Field(primary_key=True, max_length=16)
    """The beginning of the SHA-256 of the document."""
    document: dict[str, Any] = Field(sa_type=JSON_DOCUMENT)
    """The treatment of each column of each audited table, and the column with the person whose data it is."""
    since: datetime = Field(sa_type=Instant)
    """When a process first wrote with it."""


class AuditRun(Bookkeeping, table=True):
    """Entries with numbers in a row, which were sealed in a row."""

    __tablename__ = "audit_run"
    not_audited = "is the order of the audit log"
    written_by, read_by = SEALER, AUDITOR
    append_only = True
    __table_args__ = (UniqueConstraint("log", "first_id"),)

    log: str = Field(primary_key=True, max_length=8)
    """The log: `changes` or `access`."""
    first_seq: int = Field(primary_key=True, sa_type=BigInteger)
    """The place of the first of them in the order of the log, from 1."""
    first_id: int = Field(sa_type=BigInteger)
    """The number of the first of them."""
    length: int
    """How many they are."""


class AuditArchive(Bookkeeping, table=True):
    """That a month of a log was archived, or restored. The newest row of a month tells where its entries are."""

    __tablename__ = "audit_archive"
    not_audited = "says what of the audit log is archived"
    read_by = SEALER | AUDITOR
    append_only = True
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: int | None = Field(default=None, primary_key=True, sa_type=BIG_ID)
    """The number of the row."""
    log: str = Field(max_length=8)
    """The log: `changes` or `access`."""
    month: str = Field(max_length=7)
    """The last month that is in it, such as `2026-01`."""
    action: str = Field(max_length=16)
    """archive or restore."""
    is_dropped: bool
    """Whether its entries are in the archive only."""
    first_at: datetime = Field(sa_type=Instant)
    """The earliest `at` of its entries."""
    last_at: datetime = Field(sa_type=Instant)
    """The latest `at` of its entries."""
    place: str
    """The folder or bucket with its files."""
    manifest: dict[str, Any] = Field(sa_type=JSON_DOCUMENT)
    """What is in them."""
    at: datetime = Field(sa_type=Instant)
    """When that was."""


class AuditSubjectKey(Bookkeeping, table=True):
    """A key of one person's data in the change log, wrapped by the master key. Destroying all of them erases that data.

    Each that is destroyed leaves a change entry. An encrypted value names its key, so that data written after an
    erasure does not touch what was erased.
    """

    __tablename__ = "audit_subject_key"
    not_audited = "holds the keys of the audit log"
    append_only = True
    changeable_columns = frozenset({"wrapped_key", "master_key_id"})
    removal_recorded_in = "audit_change"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    """The identifier, which encrypted values name."""
    subject_id: UUID = Field(index=True)
    """The person."""
    wrapped_key: bytes = redacted(SECRET, sa_type=LargeBinary)
    """The key, encrypted by the master key."""
    master_key_id: str | None = redacted(PLAIN, default=None, max_length=16)
    """The public identifier of that master key; null in rows of older versions, which any of them may have wrapped."""
    created_at: datetime = Field(sa_type=Instant)
    """When the key was made."""
