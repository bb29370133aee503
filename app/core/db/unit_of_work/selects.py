"""Selects of a unit of work: which rows they show, and the entities that they give."""

from collections.abc import Iterable, Sequence
from functools import cache
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Result, bindparam, select
from sqlalchemy.engine import IteratorResult
from sqlalchemy.engine.result import SimpleResultMetaData
from sqlalchemy.util import LRUCache
from sqlmodel import SQLModel

from app.core.db.statements import AnySelect
from app.core.db.unit_of_work.change import columns_of_model, table_of_model
from app.core.db.unit_of_work.rows import Rows

M = TypeVar("M", bound=SQLModel)

SELECTS = 500
"""Selects of models of which a process keeps what was found out about them."""


class Examined(NamedTuple):
    """A select of models, as a unit of work runs it."""

    statement: AnySelect
    models: Sequence[type[SQLModel]]
    """Of which each row has an entity; none where it has columns."""


examined: LRUCache[tuple[int, bool], tuple[AnySelect, Examined]] = LRUCache(SELECTS)
"""By the identity of the select, and by whether it shows deleted rows: one that is built once is examined once."""


def examine(statement: AnySelect, *, include_deleted: bool) -> Examined:
    """What a unit of work runs for a select of models."""
    key = (id(statement), include_deleted)
    kept = examined.get(key)
    if kept is not None and kept[0] is statement:
        found: Examined = kept[1]
        return found
    described = statement.column_descriptions
    shown = statement
    if not include_deleted:
        shown = hide_deleted(statement, {item["entity"] for item in described if item.get("entity")})
    are_entities = all(item["expr"] is item.get("entity") for item in described)
    found = Examined(shown, [item["expr"] for item in described] if are_entities else [])
    examined[key] = statement, found
    return found


def to_entities(rows: Rows, models: Sequence[type[SQLModel]], result: Result[Any]) -> Result[Any]:
    """Rows with an entity of each model, for rows with the columns of all of them."""
    names = [names_of_model(model) for model in models]
    found = []
    for row in result:
        values = iter(row)
        parts = [dict(zip(columns, islice(values, len(columns)), strict=True)) for columns in names]
        found.append(tuple(map(rows.adopt, models, parts)))
    return IteratorResult(SimpleResultMetaData([model.__name__ for model in models]), iter(found))


@cache
def names_of_model(model: type[SQLModel]) -> tuple[str, ...]:
    return tuple(column.name for column in columns_of_model(model))


@cache
def select_to_change(model: type[SQLModel], *, is_locked: bool) -> AnySelect:
    """A select of one row, which locks it if it is to."""
    table = table_of_model(model)
    statement = select(*columns_of_model(model)).where(table.c.id == bindparam("wanted", type_=table.c.id.type))
    return statement.with_for_update(key_share=True) if is_locked else statement


def visible(row: M, *, deleted: bool) -> M | None:
    """`row`, if it is visible, or if it is deleted."""
    return row if (getattr(row, "deleted_at", None) is not None) == deleted else None


def hide_deleted(statement: AnySelect, models: Iterable[Any]) -> AnySelect:
    """`statement` without the soft-deleted rows of `models`."""
    for model in models:
        if hasattr(model, "deleted_at"):
            statement = statement.where(model.deleted_at.is_(None))
    return statement
