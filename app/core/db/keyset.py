"""The SQL of a keyset page: its order, and the condition for rows after a position."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, false, or_, tuple_
from sqlalchemy.sql.elements import KeyedColumnElement

Column = KeyedColumnElement[Any]
Ordering = Sequence[tuple[Column, bool]]
"""Pairs of (column, descending), unique together."""


def order_by(ordering: Ordering) -> list[ColumnElement[Any]]:
    """The ORDER BY terms. Rows without a value come last, in both directions and on every database."""
    terms: list[ColumnElement[Any]] = []
    for column, descending in ordering:
        if is_nullable(column):
            terms.append(column.is_(None))
        terms.append(column.desc() if descending else column.asc())
    return terms


def is_after(ordering: Ordering, position: Sequence[Any]) -> ColumnElement[bool]:
    """True for rows after `position` in `ordering`."""
    values = [decode_value(column, value) for (column, _), value in zip(ordering, position, strict=True)]
    columns = [column for column, _ in ordering]
    directions = {descending for _, descending in ordering}
    if len(directions) == 1 and not any(is_nullable(column) for column in columns):
        left, right = tuple_(*columns), tuple_(*values, types=[column.type for column in columns])
        return left < right if directions == {True} else left > right
    options = []
    for index, (column, descending) in enumerate(ordering):
        same = [equals(c, v) for c, v in zip(columns[:index], values[:index], strict=True)]
        options.append(and_(*same, is_beyond(column, values[index], descending)))
    return or_(*options)


def is_nullable(column: Column) -> bool:
    return bool(getattr(column, "nullable", False))


def equals(column: Column, value: object) -> ColumnElement[bool]:
    return column.is_(None) if value is None else column == value


def is_beyond(column: Column, value: object, descending: bool) -> ColumnElement[bool]:
    if value is None:
        return false()
    further: ColumnElement[bool] = column < value if descending else column > value
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
