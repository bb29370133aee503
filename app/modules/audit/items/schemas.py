"""Requests and responses about an item as it was."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema, model_validator

from app.core.db.pagination import FieldsQuery
from app.core.fields.time import check_year, parse_instant
from app.core.resources.schemas import ResponseSchema, example
from app.core.sentences import refusal
from app.modules.audit.schemas import MAX_NUMBER, HistoryQuery

MAX_DIGITS = len(str(MAX_NUMBER))
NUMBER = {"type": "integer", "minimum": 1, "maximum": MAX_NUMBER}


def parse_point(value: object) -> int | datetime:
    """A number in the sealed log, or an instant, from text or from JSON. Raises ValueError."""
    if isinstance(value, str):
        is_number = value.isascii() and value.isdigit() and len(value) <= MAX_DIGITS
        value = int(value) if is_number else parse_instant(value)
    if isinstance(value, datetime):
        return check_year(value)
    if type(value) is not int or not 1 <= value <= MAX_NUMBER:
        detail = f"Use a number between 1 and {MAX_NUMBER}, or an instant as in RFC 3339."
        raise refusal("point-form", detail, most=MAX_NUMBER)
    return value


Number = Annotated[int, Field(ge=1, le=MAX_NUMBER)]
"""The number of an entry."""
Point = Annotated[
    int | datetime,
    PlainValidator(parse_point),
    WithJsonSchema({"anyOf": [NUMBER, {"type": "string", "format": "date-time"}]}),
]
"""A point in the change log: right after the entry with this number in the sealed log (`seq`), or at an instant."""


class ItemHistoryQuery(FieldsQuery, HistoryQuery):
    """The parameters of the history of one item."""


class PointGiven(BaseModel):
    """A point in the change log, named in one of two ways."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at: Point | None = None
    """At this instant, by the clock of the application, or right after the entry with this `seq`."""
    seq: Number | None = None
    """Right after the entry with this `seq`."""

    @model_validator(mode="after")
    def has_one_point(self) -> Self:
        if (self.at is None) == (self.seq is None):
            raise refusal("one-point", "Give either at or seq.")
        return self

    @property
    def point(self) -> Point:
        """The point."""
        return self.at or self.seq or 0


class Revert(PointGiven):
    """To which point an item is reverted."""

    model_config = example(seq=12)

    fields: list[Annotated[str, Field(max_length=64)]] | None = Field(None, min_length=1, max_length=100)
    """Only these fields; without it, all."""


class StateRead(ResponseSchema):
    """An item as it was: its fields beside `id`, as the change log has them.

    A personal value that was erased is `{"$erased": true}`; of a secret, `$secret` is a keyed digest.
    """

    model_config = ConfigDict(extra="allow")

    id: UUID
    """The identifier of the item."""


class DifferenceRead(ResponseSchema):
    """What differs between two states of an item."""

    changes: dict[str, Any]
    """The fields that differ, each with its value at the first point (`old`) and at the second (`new`)."""
