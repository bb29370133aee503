"""Pages: the parameters that a client sends, and the page that it receives."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Generic, Literal, Self, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.core.db.filter_query import EntityFilterQuery, FilterQuery
from app.core.errors import invalid
from app.core.sentences import refusal

T = TypeVar("T")

MAX_OFFSET = 10_000
MAX_COUNTED = 10_000
"""Items that `total=true` counts. Counting takes as long as reading them."""
ORDERS = 500
"""Lists, each in one order, whose scope a process keeps."""
MAX_CURSOR = 4096
"""Characters of a cursor after the longest sort values: two names of 200 wide characters, and an e-mail address."""


class PageQuery(FilterQuery):
    """The parameters of every list."""

    sortable: ClassVar[tuple[str, ...]] = ("created_at", "updated_at")
    default_sort: ClassVar[str] = "-created_at"

    limit: int = Field(50, ge=1, le=100)
    """Items in a page."""
    cursor: str | None = Field(None, max_length=MAX_CURSOR)
    """`next_cursor` of the previous page."""
    offset: int = Field(0, ge=0, le=MAX_OFFSET)
    """Items to skip, as an alternative to a cursor."""
    total: bool | Literal["exact"] = False
    """Count the items that match: up to 10,000 of them, or all (`exact`)."""
    sort: str | None = Field(None, max_length=200)
    """Fields, comma separated; `-` for descending."""

    @model_validator(mode="after")
    def has_one_position(self) -> Self:
        if self.cursor and self.offset:
            raise refusal("two-positions", "Use either cursor or offset.")
        return self

    def sort_fields(self) -> list[tuple[str, bool]]:
        """Pairs of (field, descending), the id last. Raises Invalid for a field that is not sortable."""
        order: dict[str, bool] = {}
        last, descends = "", False
        for part in (self.sort or self.default_sort).split(","):
            last, descends = part.removeprefix("-"), part.startswith("-")
            if last not in self.sortable or last in order:
                detail = f"Sort by one or more of {', '.join(self.sortable)}, each once; - for descending."
                raise invalid("/query/sort", detail, "not-sortable", allowed=list(self.sortable))
            if last in self.currencies:
                order.setdefault(self.currencies[last], descends)  # amounts are sorted within their currency
            order[last] = descends
        if last in self.enumerated:
            order.setdefault("created_at", descends)  # many rows have the same option, whose index has their time too
        order.setdefault("id", descends)
        return list(order.items())

    def filters(self) -> dict[str, Any]:
        """The parameters that choose rows, as JSON values."""
        given = self.model_fields_set.difference(PageQuery.model_fields, FieldsQuery.model_fields)
        values = self.model_dump(mode="json", include=given).items() if given else ()
        return {name: value for name, value in values if value not in (None, [])}

    def cursor_scope(self, resource: str) -> bytes:
        """A digest of everything that a cursor depends on besides its position."""
        order, filters = self.sort_fields(), self.filters()
        return digest_of(resource, order, filters) if filters else usual_digest(resource, *order)


def digest_of(resource: str, order: Sequence[tuple[str, bool]], filters: dict[str, Any]) -> bytes:
    scope = [resource, order, filters]
    return hashlib.sha256(orjson.dumps(scope, option=orjson.OPT_SORT_KEYS)).digest()


@lru_cache(ORDERS)
def usual_digest(resource: str, *order: tuple[str, bool]) -> bytes:
    """The digest of a list without filters, of which there are few."""
    return digest_of(resource, order, {})


class FieldsQuery(BaseModel):
    """The parameter of what shows items, one or a page of them."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    fields: str | None = Field(None, min_length=1, max_length=2000)
    """The fields that each item has, comma separated, beside its id; without it, all."""


class ItemQuery(FieldsQuery):
    """The parameters of one item of a resource with soft delete."""

    deleted: Literal["only"] | None = None
    """Get the item if it is deleted (needs the delete permission)."""


class EntityQuery(FieldsQuery, EntityFilterQuery, PageQuery):
    """The list parameters of a resource with soft delete and text search."""


class Page(BaseModel, Generic[T]):
    """One page of a list."""

    model_config = ConfigDict(from_attributes=True, defer_build=True)

    items: list[T]
    """The items of this page, in the requested order."""
    next_cursor: str | None
    """The cursor of the next page; null on the last page."""
    total: int | None
    """The number of items that match, at most 10,000 unless `total=exact` was sent; null without `total`."""
    total_is_exact: bool | None
    """Whether no more items match than `total`; null without `total`."""

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        """`TaskPage`, for the document and the clients generated from it."""
        return f"{params[0].__name__.removesuffix('Read')}Page"


@dataclass(frozen=True, slots=True)
class RowPage:
    """The rows of one page, from which the response is built."""

    items: Sequence[Any]
    next_cursor: str | None = None
    total: int | None = None
    total_is_exact: bool | None = None
