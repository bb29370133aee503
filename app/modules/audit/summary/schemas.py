"""Query and response schemas of the summary."""

from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from app.core.db.audited import TableName
from app.core.field_errors import field_error
from app.core.fields.text import split_commas
from app.core.fields.time import Moment
from app.core.resources.schemas import ResponseSchema
from app.modules.audit.schemas import WIDEST, RangeRequired, Window
from app.modules.audit.sealer.logs import Log

LONGEST = timedelta(days=366)
"""The longest period of a summary; by hours, it is that of lists without an index."""
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Dimension(StrEnum):
    """What entries are counted by."""

    day = "day"
    hour = "hour"
    actor = "actor"
    owner = "owner"
    module = "module"
    route = "route"
    status = "status"
    error_code = "error_code"
    guard = "guard"
    entity = "entity"
    action = "action"
    field = "field"


Dimensions = Annotated[list[Dimension], BeforeValidator(split_commas)]


class SummaryQuery(BaseModel):
    """The parameters of a summary."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    log: Log = Log.changes
    """The log: `changes` or `access`."""
    by: Dimensions = Field(min_length=1, max_length=len(Dimension))
    """What entries are counted by, in one parameter with commas or in several."""
    at_gte: Moment | None = None
    """Only entries of the day of this instant (UTC) and later; by `hour`, of its hour and later."""
    at_lt: Moment | None = None
    """Only entries before this instant, with all of its day (UTC); by `hour`, with all of its hour."""
    actor_id: UUID | None = None
    """Only entries of this user or API key."""
    owner_id: UUID | None = None
    """Only entries of API keys of this user."""
    module: str | None = Field(None, max_length=64)
    """Only requests of this module, or changes of its tables."""
    route: str | None = Field(None, max_length=400)
    """Only requests of this route, with its parameters in braces."""
    status: int | None = Field(None, ge=1, le=5)
    """Only responses whose status begins with this digit."""
    error_code: str | None = Field(None, max_length=64)
    """Only failures with this code."""
    guard: str | None = Field(None, max_length=200)
    """Only refusals by the guard with this rule: `signed-in`, `internal` or a permission."""
    entity: TableName | None = None
    """Only changes of this table, of today or of an earlier version."""
    action: Literal["create", "update", "delete", "restore"] | None = None
    """Only changes of this kind."""
    field: str | None = Field(None, max_length=64, pattern=r"^\w+$")
    """Only changes of this field."""
    sort: Literal["-count", "time", "-time"] = "-count"
    """The most frequent first; or by `day` or `hour`, the oldest (`time`) or the newest (`-time`) first."""
    limit: int = Field(100, ge=1, le=1000)
    """The largest number of groups."""

    @property
    def filters(self) -> dict[Dimension, UUID | str | int]:
        """The values that are given, by what they are values of."""
        named = {Dimension.actor: self.actor_id, Dimension.owner: self.owner_id}
        given = {each: named[each] if each in named else getattr(self, each, None) for each in Dimension}
        return {each: value for each, value in given.items() if value is not None}

    @property
    def dimensions(self) -> set[Dimension]:
        """What a roll-up must have to answer."""
        return {*self.by, *self.filters}

    def window(self, now: datetime) -> Window:
        """The days or hours that the period touches; 31 days where it has no beginning or no end.

        Raises RangeRequired.
        """
        step, most = (HOUR, WIDEST) if Dimension.hour in self.by else (DAY, LONGEST)
        start, end = self.at_gte, self.at_lt
        if start and end and end - start > most:
            detail = f"`at_gte` and `at_lt` are at most {most.days} days apart."
            raise RangeRequired(detail, errors=[field_error("/query/at_gte", detail, "too-early")])
        if start is None:
            last = round_up(end or now, step)
            return Window(last - WIDEST, last)
        first = round_down(start, step)
        return Window(first, round_up(end, step) if end else first + WIDEST)


def round_down(at: datetime, step: timedelta) -> datetime:
    """The beginning of the day or hour (UTC) of an instant."""
    return at.astimezone(UTC) - (at - EPOCH) % step


def round_up(at: datetime, step: timedelta) -> datetime:
    """The end of the day or hour (UTC) before or at which an instant lies."""
    return at.astimezone(UTC) + (EPOCH - at) % step


class SummaryGroup(ResponseSchema):
    """Entries that have something in common. What they are not counted by, or do not have, is null."""

    day: date | None
    """The day (UTC)."""
    hour: datetime | None
    """The beginning of the hour."""
    actor_kind: str | None
    """By `actor`: its kind."""
    actor_id: UUID | None
    """By `actor`: the user or API key."""
    actor_name: str | None
    """The present name of that one; null once the person was erased."""
    owner_id: UUID | None
    """By `owner`: the user for whom API keys acted."""
    owner_name: str | None
    """The present name of that user; null once the person was erased."""
    module: str | None
    """The module of the requests, or of the changed tables."""
    method: str | None
    """By `route`: the HTTP method; `other` for one that no route has."""
    route: str | None
    """The route of the requests, with its parameters in braces."""
    status: int | None
    """The first digit of the status of the responses."""
    error_code: str | None
    """The code of the failures."""
    guard: str | None
    """The rule of the guard that refused, which the route has today: `signed-in`, `internal` or permissions."""
    entity: str | None
    """The table of the changes."""
    action: str | None
    """The kind of the changes: create, update, delete or restore."""
    field: str | None
    """The changed field."""
    count: int
    """The number of entries."""
    bytes_out: int | None
    """The size of the response bodies together; null for changes."""
    mean_us: int | None
    """The mean duration in microseconds; null for changes, and where actor, owner or error code matter."""
    longest_us: int | None
    """The longest duration in microseconds; null where the mean is."""


class SummaryRead(ResponseSchema):
    """How many entries a log has, by what they have in common."""

    log: Log
    """The log: `changes` or `access`."""
    by: list[Dimension]
    """What the entries are counted by."""
    start: datetime
    """The period begins here; whole days or hours are counted."""
    end: datetime
    """The period ends before this instant."""
    counted_at: datetime
    """Requests that were shipped, and changes that were sealed before this instant are counted."""
    seq: int | None
    """The place of the last change that was sealed then: no later one is counted. Null for requests."""
    total: int
    """The number of entries in all groups, whether they are shown or not. By `field`: of changes of a field."""
    groups: int
    """The number of groups, of which `items` has the first."""
    items: list[SummaryGroup]
    """The first groups."""
