"""The SQL of a keyset page: its ranges of rows, their order, and the select of the first of them.

A range is read in the order of the index (column, id). Rows without a value come last in both directions, an order that
no single index has; so a list that begins with a nullable column has two ranges, one after the other.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from sqlalchemy import BindParameter, ColumnElement, and_, case, false, or_, select, true, tuple_, union_all
from sqlalchemy.sql.elements import KeyedColumnElement

from app.core.db.column_types import is_enumerated, options_of
from app.core.db.session import AnySelect

Column = KeyedColumnElement[Any]
Ordering = Sequence[tuple[Column, bool]]
"""Pairs of (column, descending), unique together."""
Limit = int | ColumnElement[int]
Position = Sequence[BindParameter[Any] | Enum | None]
"""A parameter for each sort value of a row; None where the row has no value. An option of an enumeration is itself."""


@dataclass(frozen=True)
class Range:
    """Rows of a list that follow each other: their condition and order, and a column that all have or all lack."""

    condition: ColumnElement[bool]
    ordering: Ordering
    uniform: Column

    def choose(self, rows: AnySelect) -> AnySelect:
        """Those of `rows` that are of this range.

        Its condition stands before theirs. Databases begin to read an index at the first bound of a column, and that of
        a filter can be far from the position of a cursor.
        """
        found = rows.where(self.condition)
        *others, own = found._where_criteria  # noqa: SLF001  # there is no other way
        found._where_criteria = (own, *others)  # noqa: SLF001
        return found

    def sort(self, rows: AnySelect, limit: Limit) -> AnySelect:
        """The first of `rows`, which are of this range."""
        return sort(rows, self.ordering, self.uniform).limit(limit)


def first_rows(
    parts: Sequence[tuple[Range, AnySelect]],
    ordering: Ordering,
    limit: Limit,
    offset: ColumnElement[int] | None,
    enough: Limit,
    *,
    is_sqlite: bool,
) -> AnySelect:
    """The first rows in `ordering` of selects that have no row in common, each limited for itself to `enough`.

    SQLite merges what it reads in one order and stops by itself; what is limited it would sort again.
    """
    if len(parts) == 1:
        [(only, rows)] = parts
        return only.sort(rows, limit).offset(offset)
    first = parts[0][0]
    if is_sqlite and all(each is first for each, _ in parts):
        return first.sort(select(union_all(*(rows for _, rows in parts)).subquery()), limit).offset(offset)
    firsts = [each.sort(rows, enough).subquery() for each, rows in parts]
    together = select(union_all(*(select(first) for first in firsts)).subquery())
    return sort(together, ordering).limit(limit).offset(offset)


def sort(statement: AnySelect, ordering: Ordering, uniform: Column | None = None) -> AnySelect:
    """Order the rows of `statement`, those without a value last. All of them have or all lack a value in `uniform`."""
    terms: list[ColumnElement[Any]] = []
    for column, descending in ordering:
        selected = in_order(statement.selected_columns[column.name])
        term = selected.desc() if descending else selected.asc()
        terms.append(term.nulls_last() if is_nullable(column) and column is not uniform else term)
    return statement.order_by(*terms)


def ranges_of(ordering: Ordering, position: Position | None = None) -> list[Range]:
    """The ranges of a list, or of what is after `position`."""
    (first, _), *rest = ordering
    if is_enumerated(first):
        return list(ranges_by_option(ordering, position))
    if not is_nullable(first):
        return [Range(true() if position is None else is_after(ordering, position), ordering, first)]
    # Rows without a value are ordered by an index of the next column, because very many may be equal in this one.
    order_without_value = ordering if len(rest) == 1 else rest
    if position is not None and position[0] is None:
        following = or_(*(each.condition for each in ranges_of(rest, position[1:])))
        return [Range(and_(first.is_(None), following), order_without_value, first)]
    with_value = first.is_not(None) if position is None else is_after(ordering, position)
    return [Range(with_value, ordering, first), Range(first.is_(None), order_without_value, first)]


def ranges_by_option(ordering: Ordering, position: Position | None) -> Iterator[Range]:
    """A range for each option of the first column, in their order, and for no value: an index has each of them."""
    (first, descends), *rest = ordering
    options = [*(reversed(options_of(first)) if descends else options_of(first)), *([None] * is_nullable(first))]
    reached = options.index(position[0]) if position is not None else 0
    for index, option in enumerate(options[reached:]):
        following = position[1:] if position is not None and index == 0 else None
        for each in ranges_of(rest, following):
            yield Range(and_(equals(first, option), each.condition), each.ordering, each.uniform)


def in_order(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """What a column is sorted by: one with options by their place in the declaration."""
    places = {option: place for place, option in enumerate(options_of(column))}
    return case(places, value=column) if places else column


def place_of(column: Column, value: Any) -> Any:
    """A value of a column, as it is compared with `in_order`."""
    return options_of(column).index(value) if isinstance(value, Enum) else value


def is_after(ordering: Ordering, position: Position) -> ColumnElement[bool]:
    """True for rows after `position` that have a value in the first column, as `position` has."""
    columns = [in_order(column) for column, _ in ordering]
    values = [place_of(column, value) for (column, _), value in zip(ordering, position, strict=True)]
    (first, first_descends), *rest = ordering
    if {descends for _, descends in rest} <= {first_descends} and not any(is_nullable(column) for column, _ in rest):
        left, right = tuple_(*columns), tuple_(*values, types=[column.type for column in columns])
        return left < right if first_descends else left > right
    options = [first < values[0] if first_descends else first > values[0]]
    for index, (column, descending) in enumerate(rest, start=1):
        same = [equals(c, v) for (c, _), v in zip(ordering[:index], position[:index], strict=True)]
        options.append(and_(*same, is_beyond(column, values[index], descending)))
    # The bound repeats what the options say, as a range of the index.
    return and_(first <= values[0] if first_descends else first >= values[0], or_(*options))


def is_nullable(column: Column) -> bool:
    return bool(getattr(column, "nullable", False))


def equals(column: Column, value: Any) -> ColumnElement[bool]:
    return column.is_(None) if value is None else column == value


def is_beyond(column: Column, value: Any, descending: bool) -> ColumnElement[bool]:
    if value is None:
        return false()
    further: ColumnElement[bool] = in_order(column) < value if descending else in_order(column) > value
    return or_(further, column.is_(None)) if is_nullable(column) else further


def encode_value(value: object) -> Any:
    """A sort value as JSON; the inverse of `decode_value`."""
    return value.isoformat() if isinstance(value, date) else str(value) if isinstance(value, (UUID, Decimal)) else value


def decode_value(column: Column, value: Any) -> Any:
    """A sort value from JSON, in the Python type of `column`. Raises ValueError."""
    kind = column.type.python_type
    if value is None:
        return None
    if issubclass(kind, (datetime, date)):
        return kind.fromisoformat(value)
    return kind(value) if issubclass(kind, (UUID, Enum, Decimal)) else value
