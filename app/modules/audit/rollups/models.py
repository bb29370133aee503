"""The roll-ups. What an entry does not have is empty text or `NO_ID` in them, because keys have no nulls."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, Index, SmallInteger
from sqlmodel import Field

from app.core.db.column_types import Instant
from app.core.db.entity import Bookkeeping
from app.modules.audit.models import APPLICATION, SEALER

NO_ID = UUID(int=0)
"""In place of the id of an actor or owner, where an entry has none."""


class AuditDay(Bookkeeping, table=True):
    """How many entries of a log a day has, by actor and by what was done: shipped access entries, sealed changes."""

    __tablename__ = "audit_day"
    not_audited = "counts entries of the audit log"
    written_by = APPLICATION | SEALER
    __table_args__ = (Index("ix_audit_day_actor_id_day", "actor_id", "day"),)

    log: str = Field(primary_key=True, max_length=8)
    """The log: `changes` or `access`."""
    day: date = Field(primary_key=True)
    """The day (UTC) of `at` of the entries."""
    actor_id: UUID = Field(primary_key=True)
    """The user or API key."""
    owner_id: UUID = Field(primary_key=True)
    """The user for whom an API key acted."""
    actor_kind: str = Field(primary_key=True, max_length=16)
    """The kind of actor."""
    module: str = Field(primary_key=True, max_length=64)
    """The module of a request."""
    route: str = Field(primary_key=True, max_length=400)
    """The route of a request."""
    method: str = Field(primary_key=True, max_length=16)
    """The HTTP method of a request; `other` for one that no route has, so that callers cannot make groups."""
    status_class: int = Field(primary_key=True, sa_type=SmallInteger)
    """The first digit of the status of a response; 0 for changes."""
    error_code: str = Field(primary_key=True, max_length=64)
    """The code of the problem of a request."""
    entity: str = Field(primary_key=True, max_length=64)
    """The table of a change."""
    action: str = Field(primary_key=True, max_length=16)
    """What a change did, as the API shows it: create, update, delete or restore."""
    entries: int = Field(sa_type=BigInteger)
    """How many entries these are."""
    bytes_out: int = Field(sa_type=BigInteger)
    """The size of their response bodies together; 0 for changes."""


class AuditHour(Bookkeeping, table=True):
    """How many access entries an hour has, by route, and how long they took."""

    __tablename__ = "audit_hour"
    not_audited = "counts entries of the audit log"

    hour: datetime = Field(primary_key=True, sa_type=Instant)
    """The beginning of the hour of `at` of the entries."""
    module: str = Field(primary_key=True, max_length=64)
    """The module of the requests."""
    route: str = Field(primary_key=True, max_length=400)
    """The route of the requests."""
    method: str = Field(primary_key=True, max_length=16)
    """The HTTP method of the requests; `other` for one that no route has."""
    status_class: int = Field(primary_key=True, sa_type=SmallInteger)
    """The first digit of the status of the responses."""
    entries: int = Field(sa_type=BigInteger)
    """How many entries these are."""
    bytes_out: int = Field(sa_type=BigInteger)
    """The size of their response bodies together."""
    duration_us: int = Field(sa_type=BigInteger)
    """Their durations together, in microseconds."""
    longest_us: int = Field(sa_type=BigInteger)
    """The longest of their durations, in microseconds."""


class AuditField(Bookkeeping, table=True):
    """How many sealed changes of a field a day has."""

    __tablename__ = "audit_field"
    not_audited = "counts entries of the audit log"
    written_by = SEALER

    entity: str = Field(primary_key=True, max_length=64)
    """The table of the changes."""
    field: str = Field(primary_key=True, max_length=64)
    """The field that they changed."""
    day: date = Field(primary_key=True)
    """The day (UTC) of `at` of the entries."""
    entries: int = Field(sa_type=BigInteger)
    """How many entries these are."""


class AuditChangeHour(Bookkeeping, table=True):
    """Between which moments of an hour sealed changes of a field, or of an action, are. Lists look there only.

    The period may be longer than it must be, but it never leaves its hour, so that those of two hours do not overlap.
    """

    __tablename__ = "audit_change_hour"
    not_audited = "says where entries of the audit log are"
    written_by = SEALER

    parameter: str = Field(primary_key=True, max_length=8)
    """The query parameter that asks for them: `field` or `action`."""
    value: str = Field(primary_key=True, max_length=64)
    """The field that they changed, or the action as the API shows it."""
    hour: datetime = Field(primary_key=True, sa_type=Instant)
    """The beginning of the hour of `at` of the entries."""
    entity: str = Field(primary_key=True, max_length=64)
    """The table of the changes."""
    first_at: datetime = Field(sa_type=Instant)
    """Their earliest `at`, or an earlier moment of the hour."""
    last_at: datetime = Field(sa_type=Instant)
    """Their latest `at`, or a later moment of the hour."""
