"""The selects of pages. Pages of one form have the same select, and differ in the values of its parameters."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar, NamedTuple, Self, cast

from sqlalchemy import BindParameter, ColumnElement, Integer, Table, bindparam, func, literal_column, select
from sqlalchemy.sql.elements import KeyedColumnElement

from app.core.db.cursor import bad_cursor
from app.core.db.filter_query import EntityFilterQuery, FilterQuery
from app.core.db.full_text import matches_search, matching_ids, search_parts
from app.core.db.keyset import Limit, Ordering, Range, decode_value, equals, first_rows, ranges_of, sort
from app.core.db.name_joins import NameJoins
from app.core.db.pagination import PageQuery
from app.core.db.session import AnySelect

BEHIND_OPTIONS = ("created_at", "id")
"""What the index for a filter has behind its column."""
USUAL_LIMITS = frozenset({10, 20, 25, 50, 100})
"""Limits of pages that stand in the select: PostgreSQL plans one anew each time whose LIMIT is a parameter."""


class Finder(ABC):
    """A filter that has a way of its own to read what matches."""

    is_reusable: ClassVar[bool] = False
    """Whether a select with it is one for all values of the filters, and so is built once."""

    @abstractmethod
    def parts(self, each: Range, rows: AnySelect, wanted: Limit) -> list[AnySelect]:
        """Selects without a common row, which together have the first `wanted` of `rows` in a range that match.

        They meet the condition of the range, which `rows` need not.
        """

    @abstractmethod
    def matches(self, ids: AnySelect) -> AnySelect:
        """A select of those of `ids` that match, to be counted."""


@dataclass(frozen=True, slots=True)
class Search(Finder):
    """What `q` asks for. Its words stand in the select."""

    condition: ColumnElement[bool]
    is_sqlite: bool

    @classmethod
    def of(cls, query: FilterQuery, table: Table, *, is_sqlite: bool) -> Self | None:
        """The search of a query; None without `q`."""
        if not isinstance(query, EntityFilterQuery) or not query.q:
            return None
        return cls(matches_search(table, query.q, is_sqlite=is_sqlite), is_sqlite)

    def parts(self, each: Range, rows: AnySelect, wanted: Limit) -> list[AnySelect]:
        rows = each.choose(rows)
        return [rows.where(self.condition)] if self.is_sqlite else search_parts(each, rows, self.condition, wanted)

    def matches(self, ids: AnySelect) -> AnySelect:
        return ids.where(self.condition) if self.is_sqlite else select(matching_ids(ids, self.condition))


Split = Callable[[AnySelect], list[AnySelect]]
"""Makes selects without a common row, which together have the rows of one."""


class Options(NamedTuple):
    """Options of an enumerated column, any of which the rows of a list have."""

    column: str
    wanted: tuple[Any, ...]

    def split(self, rows: AnySelect) -> list[AnySelect]:
        """Selects of the rows with each of the options, which are in an index one after the other."""
        column = column_of(rows, self.column)
        return [rows.where(equals(column, option)) for option in self.wanted]


class Form(NamedTuple):
    """What the select of a page depends on, besides its rows."""

    ordering: tuple[tuple[str, bool], ...]
    """Pairs of (column, descending)."""
    position: tuple[bool | Enum, ...] | None
    """Whether the row before the page has a value in each of them, or its option; None for the first page."""
    has_offset: bool
    options: Options | None
    """The options by which the page is read, where it is sorted as their index is."""
    wanted: int | None
    """How many rows the select reads, if that stands in it."""
    is_sqlite: bool

    def at_most(self, name: str) -> Limit:
        """A number of rows in LIMIT: in the select, or its parameter with this name."""
        return number(name) if self.wanted is None else literal_column(str(self.wanted), Integer())

    @property
    def is_usual(self) -> bool:
        """Whether the order is that which an index for a filter has behind its column."""
        return tuple(dict(self.ordering)) == BEHIND_OPTIONS

    @classmethod
    def of(cls, query: PageQuery, values: Sequence[Any] | None, options: Options | None, *, is_sqlite: bool) -> Self:
        """The form of a page after `values`. Raises Invalid for a field that is not sortable."""
        position = None
        if values is not None:
            position = tuple(value if isinstance(value, Enum) else value is not None for value in values)
        ordering = tuple(query.sort_fields())
        is_written = query.limit in USUAL_LIMITS and not query.offset and not is_sqlite
        wanted = query.limit + 1 if is_written else None
        form = cls(ordering, position, query.offset > 0, options, wanted, is_sqlite)
        return form if form.is_usual else form._replace(options=None)


def select_page(statement: AnySelect, form: Form, finder: Finder | None, split: Split) -> AnySelect:
    """A page of the rows of `statement`, those that match, in the order of columns that it selects.

    `split` makes selects of it that are in an index each, in the usual order. `page_values` are its parameters. In
    PostgreSQL, rows get their names when it is known which they are: a plan that was made for a small table, and reads
    all of it, joins no more than a page when the table has grown.
    """
    ordering = [(column_of(statement, name), descending) for name, descending in form.ordering]
    rows, joins = (
        (statement, None) if form.is_sqlite else NameJoins.apart(statement, [column for column, _ in ordering])
    )
    offset = number("offset") if form.has_offset else None
    parts = parts_of_page(rows, ordering, form, finder, split)
    limit, enough = form.at_most("limit"), form.at_most("enough")
    page = first_rows(parts, ordering, limit, offset, enough, is_sqlite=form.is_sqlite)
    return sort(joins.add_to(page.subquery()), ordering) if joins else page


def parts_of_page(
    statement: AnySelect, ordering: Ordering, form: Form, finder: Finder | None, split: Split
) -> list[tuple[Range, AnySelect]]:
    """Selects without a common row, each in the order of its range, which together have the rows of a page."""
    position = None
    if form.position is not None:
        pairs = zip(ordering, form.position, strict=True)
        position = [after(column) if value is True else value or None for (column, _), value in pairs]
    ranges = ranges_of(ordering, position)
    if finder is not None:
        return [(each, part) for each in ranges for part in finder.parts(each, statement, form.at_most("enough"))]
    parts = [(each, each.choose(statement)) for each in ranges]
    if form.options is not None:
        return [(each, some) for each, rows in parts for some in form.options.split(rows)]
    return [(each, some) for each, rows in parts for some in split(rows)] if form.is_usual else parts


def decode_position(statement: AnySelect, query: PageQuery, values: Sequence[Any] | None) -> Sequence[Any] | None:
    """The sort values of the row before the page, from those of a cursor. Raises Invalid."""
    if values is None:
        return None
    try:
        pairs = zip(query.sort_fields(), values, strict=True)
        return [decode_value(column_of(statement, name), value) for (name, _), value in pairs]
    except ValueError as error:
        raise bad_cursor() from error


def page_values(form: Form, position: Sequence[Any] | None, query: PageQuery) -> dict[str, Any]:
    """The values of a page: one row more than it shows, after `position`."""
    wanted = query.limit + 1
    values = {"limit": wanted, "offset": query.offset, "enough": wanted + query.offset}
    if position is not None:
        values |= {f"after_{name}": value for (name, _), value in zip(form.ordering, position, strict=True)}
    return values


def select_count(statement: AnySelect, most: int | None, finder: Finder | None) -> AnySelect:
    """The number of rows of `statement` that match; of more than `most` it counts one more."""
    ids = statement.with_only_columns(column_of(statement, "id"), maintain_column_froms=True)
    if finder is not None:
        ids = finder.matches(ids)
    if most is not None:
        ids = ids.limit(most + 1)
    return select(func.count()).select_from(ids.subquery())


def column_of(statement: AnySelect, name: str) -> KeyedColumnElement[Any]:
    """The column of this name that `statement` selects, of whichever table."""
    return cast("KeyedColumnElement[Any]", statement.selected_columns[name])


def after(column: KeyedColumnElement[Any]) -> BindParameter[Any]:
    """The value of the row before the page."""
    return bindparam(f"after_{column.name}", type_=column.type)


def number(name: str) -> BindParameter[int]:
    return bindparam(name, type_=Integer())
