"""Requests and responses about erasures, legal holds and all data of one person."""

from datetime import datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, StringConstraints

from app.core.clock import now
from app.core.db.pagination import FieldsQuery, PageQuery
from app.core.fields.text import ONE_LINE, compose_line
from app.core.fields.time import Moment
from app.core.resources.schemas import ResponseSchema, Schema, example
from app.core.sentences import refusal
from app.modules.audit.erasure.models import AuditErasure
from app.modules.audit.schemas import ChangeRead


def check_future(at: datetime) -> datetime:
    """`at`, if it is yet to come; else it is refused."""
    if at <= now():
        raise refusal("not-in-future", "Use an instant in the future.")
    return at


Reason = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=ONE_LINE),
    BeforeValidator(compose_line),
]


class HoldSet(Schema):
    """A legal hold of a person's data."""

    model_config = example(reason="Lawsuit 4711", until=None)

    reason: Reason
    """Why the data must be kept."""
    until: Annotated[Moment, AfterValidator(check_future)] | None = None
    """Until when the data must be kept; null: until the hold is lifted."""


class HoldRead(ResponseSchema):
    """A legal hold of a person's data."""

    reason: str
    """Why the data must be kept."""
    until: datetime | None
    """Until when the data must be kept; null: until the hold is lifted."""
    created_at: datetime
    """When the hold was set."""
    updated_at: datetime
    """When the hold was last changed."""
    holds: bool
    """Whether the hold has not expired: then the person cannot be erased."""


class ErasureRead(ResponseSchema):
    """The erasure of a person, without any of the data."""

    id: UUID
    """The identifier, a UUIDv7."""
    at: datetime
    """When the person was erased."""
    call_id: UUID
    """The request that erased the person."""
    actor_kind: str
    """The kind of actor that erased the person."""
    actor_id: UUID | None
    """The user or API key that erased the person."""
    actor_name: str | None
    """The name of the actor at that time; null for one who was erased."""
    reason: str
    """Why the person was erased."""
    entity: str
    """The table with the row that stands for the person."""
    entity_id: UUID
    """The id of that row."""
    keys: int
    """How many keys of the person were destroyed, under which the change log had their data."""
    callers: int
    """How many rows with a name, an address and a user agent of the person were removed."""


class ErasureQuery(FieldsQuery, PageQuery):
    """The parameters of the list of erasures."""

    lists: ClassVar = AuditErasure
    filterable: ClassVar[tuple[str, ...]] = ("at", "entity_id")
    sortable: ClassVar[tuple[str, ...]] = ("at",)
    default_sort: ClassVar[str] = "-at"


class CallerRead(ResponseSchema):
    """From where, and with what, a person called on one day."""

    id: UUID
    """The identifier, which entries of both logs name."""
    name: str | None
    """The name of the user or API key at that time."""
    ip: str | None
    """The address."""
    user_agent: str | None
    """The user agent."""
    created_at: datetime
    """When it was first seen on that day."""


class PersonalChanges(ResponseSchema):
    """A page of the change entries about a person."""

    items: list[ChangeRead]
    """The entries of this page, the newest first."""
    next_cursor: str | None
    """The cursor of the next page; null on the last page."""


class PersonalDataRead(ResponseSchema):
    """Everything that is stored about a person, without secrets."""

    entity: str
    """The table with the row that stands for the person."""
    id: UUID
    """The id of that row."""
    erasure: ErasureRead | None
    """The erasure of the person; null for one who was not erased."""
    hold: HoldRead | None
    """The legal hold; null where there is none."""
    rows: dict[str, list[dict[str, Any]]]
    """The rows about the person by their table, the newest first, at most 1,000 of each."""
    callers: list[CallerRead]
    """From where the person called, the newest first, at most 1,000."""
    is_complete: bool
    """Whether there are no more rows and callers than these."""
    changes: PersonalChanges
    """The change entries of these rows."""
