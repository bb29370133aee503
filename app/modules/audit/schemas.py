"""Query and response schemas of the audit log."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self
from uuid import UUID

from pydantic import Field, field_validator

from app.core.db.audited import RowId, TableName
from app.core.db.pagination import FieldsQuery, PageQuery
from app.core.errors import Invalid
from app.core.field_errors import field_error
from app.core.fields.http_method import Method
from app.core.fields.ip_address import SoughtAddress
from app.core.fields.time import Moment
from app.core.resources.schemas import ResponseSchema
from app.core.sentences import refusal

Status = Annotated[int, Field(ge=100, le=599)]
AUDIT = "audit"
"""The action of a permission to read the entries of one module."""
WINDOW_HEADER = "Audit-Window"
"""The response header with the window of a list."""
ARCHIVED_HEADER = "Audit-Archived"
"""The response header with the archived months that a question reaches into."""
WIDEST = timedelta(days=31)
"""The longest period in which entries are read one by one."""
CUT_OFF = frozenset({"aborted", "response-cut-short"})
"""The codes of responses that were cut off, also after the status of a success. The index of codes lacks those."""
MAX_NUMBER = 2**63 - 1
"""The largest number of an entry."""


class RangeRequired(Invalid):
    """The filters read entries one by one, and the period is too long for that."""

    code = "range-required"
    remedy = "Give a shorter period with `at_gte` and `at_lt`, or fewer filters."


class Window(NamedTuple):
    """The period in which a list reads entries one by one: from `start` on, and before `end`."""

    start: datetime
    end: datetime

    def __str__(self) -> str:
        """As an interval of ISO 8601."""
        return "/".join(edge.astimezone(UTC).isoformat().replace("+00:00", "Z") for edge in self)

    @property
    def texts(self) -> list[str]:
        """The window, as a cursor keeps it."""
        return [edge.isoformat() for edge in self]

    @classmethod
    def of(cls, query: "PeriodQuery", now: datetime) -> Self:
        """The period of `query`; where it has no beginning or no end, 31 days. Raises RangeRequired."""
        start, end = query.at_gte, query.at_lt
        if start and end and end - start > WIDEST:
            detail = f"With these filters, `at_gte` and `at_lt` are at most {WIDEST.days} days apart."
            raise RangeRequired(detail, errors=[field_error("/query/at_gte", detail, "too-early")])
        end = end or (start + WIDEST if start else now)
        return cls(start or end - WIDEST, end)


class Item(NamedTuple):
    """An item that the change log tells of."""

    entity: str
    """The table."""
    entity_id: UUID
    """The id of the row."""

    @property
    def words(self) -> str:
        """The name of its kind, in words."""
        return self.entity.replace("_", " ")


class HistoryQuery(PageQuery):
    """The parameters of a history: newest first, by cursor only, because these tables are too long to skip or count."""

    sortable: ClassVar[tuple[str, ...]] = ("at", "id")
    default_sort: ClassVar[str] = "-at"

    offset: int = Field(0, ge=0, le=0)
    """Not supported here; use the cursor."""
    total: bool = Field(False, json_schema_extra={"const": False})
    """Not supported here; counting would read the whole audit log."""

    @field_validator("total")
    @classmethod
    def refuse_total(cls, total: bool) -> bool:
        if total:
            raise refusal("not-counted", "The audit log is not counted; ask GET /audit/summary.")
        return total


class PeriodQuery(HistoryQuery):
    """The parameters of a list of entries in a period."""

    at_gte: Moment | None = None
    """Only entries at or after this instant."""
    at_lt: Moment | None = None
    """Only entries before this instant."""

    def needs_window(self, *, is_partial: bool) -> bool:
        """Whether entries are read one by one, and may be many. `is_partial`: the caller may not read all of them."""
        return is_partial

    def window(self, kept: Sequence[str], now: datetime, *, is_partial: bool) -> Window | None:
        """The window of a page: the one that its cursor `kept`, else a new one. Raises RangeRequired."""
        if not self.needs_window(is_partial=is_partial):
            return None
        return Window(*map(datetime.fromisoformat, kept)) if kept else Window.of(self, now)


class EntryQuery(FieldsQuery, PeriodQuery):
    """The parameters of both logs."""

    walked: ClassVar[frozenset[str]] = frozenset({"reason"})
    """Filters without an index: entries are read one by one, in a window, until enough match."""
    few: ClassVar[tuple[frozenset[str], ...]] = (frozenset({"call_id"}),)
    """Filters that only few entries match, so that other filters need no window beside them."""

    actor_id: UUID | None = None
    """Only entries of this user or API key."""
    owner_id: UUID | None = None
    """Only entries of API keys of this user, and changes that this user asked for and another approved."""
    request_id: str | None = Field(None, max_length=64)
    """Only entries of requests with this `X-Request-ID`."""
    call_id: UUID | None = None
    """Only entries of the request with this `Attest-Call-ID`."""
    reason: str | None = Field(None, max_length=500)
    """Only entries with exactly this reason."""

    def needs_window(self, *, is_partial: bool) -> bool:
        given = self.filters().keys()
        return bool(is_partial or self.walked & given) and not any(names <= given for names in self.few)


class AccessQuery(EntryQuery):
    """The parameters of the access log."""

    walked: ClassVar = EntryQuery.walked | {"decision", "method", "module", "path", "status", "status_gte"}
    few: ClassVar[tuple[frozenset[str], ...]] = (*EntryQuery.few, frozenset({"item_id"}))

    method: Method | None = None
    """Only requests with this HTTP method."""
    path: str | None = Field(None, max_length=400)
    """Only requests whose path begins so."""
    status: list[Status] = Field(default_factory=list, max_length=50)
    """Only responses with one of these statuses."""
    status_gte: Status | None = None
    """Only responses with this status or a higher one."""
    ip: SoughtAddress | None = None
    """Only requests from this address."""
    module: str | None = Field(None, max_length=64)
    """Only requests of this module."""
    route: str | None = Field(None, max_length=400)
    """Only requests of this route, with its parameters in braces."""
    item_id: UUID | None = None
    """Only requests about the item with this id."""
    subject_id: UUID | None = None
    """Only attempts to sign in as this user, and requests on the account of this user."""
    error_code: str | None = Field(None, max_length=64)
    """Only failures with this code."""
    decision: str | None = Field(None, max_length=200)
    """Only requests that this rule admitted: `public`, `signed-in`, `internal` or a permission."""
    decision_null: bool | None = None
    """Only requests that no rule admitted (true), or only those that one did (false)."""
    session_id: UUID | None = None
    """Only requests of this session."""

    def needs_window(self, *, is_partial: bool) -> bool:
        return super().needs_window(is_partial=is_partial or self.decision_null is False or self.error_code in CUT_OFF)

    @property
    def lowest_status(self) -> int:
        """A status that all responses have at least."""
        return max(self.status_gte or 0, min(self.status, default=0))


class ChangeQuery(EntryQuery):
    """The parameters of the change log."""

    walked: ClassVar[frozenset[str]] = EntryQuery.walked | {"action", "entity", "entity_id", "field", "module"}
    few: ClassVar[tuple[frozenset[str], ...]] = (*EntryQuery.few, frozenset({"entity", "entity_id"}))

    entity: TableName | None = None
    """Only changes of this table, of today or of an earlier version."""
    entity_id: RowId | None = None
    """Only changes of the item with this id."""
    module: str | None = Field(None, max_length=64)
    """Only changes of tables of this module."""
    action: Literal["create", "update", "delete", "restore"] | None = None
    """Only changes of this kind. Hiding an item is a `delete`, bringing it back a `restore`."""
    field: str | None = Field(None, max_length=64, pattern=r"^\w+$")
    """Only changes of this field."""


class EntryRead(ResponseSchema):
    """The fields of both logs: who, when and from where."""

    id: int
    """The number of the entry."""
    seq: int | None
    """The place in the sealed log, from 1; null until it is sealed."""
    at: datetime
    """When the request began, or the change was written, by the clock of the application."""
    stored_at: datetime
    """When the entry was stored, by the clock of the database."""
    request_id: str
    """The request, in the words of its caller (`X-Request-ID`); two requests can have the same."""
    call_id: UUID | None
    """The request, as the server numbered it (`Attest-Call-ID`); null in entries of older versions."""
    actor_kind: str
    """The kind of actor: anonymous, user, api-key, service, system or unknown."""
    actor_id: UUID | None
    """The user or API key."""
    actor_name: str | None
    """The name of the actor at that time; null once the person was erased."""
    owner_id: UUID | None
    """The user for whom the actor acted: the owner of an API key, or who asked for what the actor approved."""
    owner_name: str | None
    """The present name of that user; null once the person was erased."""
    ip: str | None
    """The address of the client; null once it was forgotten, or the person erased."""
    user_agent: str | None
    """The user agent of the client; null once it was forgotten, or the person erased."""
    reason: str | None
    """Why the caller made the request, in the caller's words (`Audit-Reason`)."""


class AccessRead(EntryRead):
    """An access entry: one request."""

    auth_method: str | None
    """How the caller was authenticated."""
    session_id: UUID | None
    """The session of the caller."""
    method: str
    """The HTTP method."""
    path: str
    """The path, without the query."""
    route: str | None
    """The path of the route, with its parameters in braces."""
    query: str | None
    """The declared query parameters, with secrets, searches and personal data masked."""
    decision: str | None
    """The rule that admitted the caller: `public`, `signed-in`, `internal` or a permission."""
    status: int
    """The status of the response; 499 if the client went away."""
    duration_ms: float
    """The duration, in milliseconds."""
    bytes_out: int
    """The size of the response body, in bytes."""
    error_code: str | None
    """The code of the problem; `response-cut-short`; or `aborted` by the end of the process or the disk."""
    module: str | None
    """The module that the permission of the route belongs to, or the group of the route in the document."""
    item_id: UUID | None
    """The item in the path, or the one that was created."""
    item_name: str | None
    """The present name of the item; null where it has none, is gone, or the person was erased."""
    subject_id: UUID | None
    """The user as whom the caller tried to sign in, or on whose account it acted."""
    subject_name: str | None
    """The present name of that user; null once the person was erased."""
    bytes_in: int | None
    """The size of the request body, as far as it was read, in bytes; null in entries of older versions."""
    trace_id: str | None
    """The trace that the request is a part of (`traceparent`)."""
    is_replay: bool
    """Whether the response is the stored one of an earlier request with the same idempotency key."""
    is_dry_run: bool
    """Whether the request asked for a preview and changed nothing."""


class ChangeRead(EntryRead):
    """A change entry: one changed row."""

    action: str
    """create, update, delete (the row was hidden, or removed) or restore (it was brought back)."""
    entity: str
    """The table of the changed row."""
    entity_id: str
    """The id of the changed row."""
    item_name: str | None
    """The present name of the changed row; null where it has none, is gone, or the person was erased."""
    changes: dict[str, Any]
    """The changed fields, each with its old and new value. Of a secret, `$secret` is a keyed digest of the value."""
    names: dict[str, str]
    """The present names of what `changes` refers to, by their ids."""
    redaction_version: str
    """The version of the redactions that were applied."""
    reverted_to: int | None
    """The `id` of the entry to whose state this change reverted the item, or some fields; null for other changes."""
