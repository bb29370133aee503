"""Selects of a unit of work: which rows they show, and the entities that they give."""

from collections.abc import Iterable, Sequence
from functools import cache
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Result, bindparam, select
from sqlalchemy.engine import IteratorResult
from sqlalchemy.engine.result import SimpleResultMetaData
from sqlmodel import SQLModel

from app.core.db.statements import AnySelect
from app.core.db.unit_of_work.change import columns_of_model, table_of_model
from app.core.db.unit_of_work.rows import Rows

M = TypeVar("M", bound=SQLModel)


def to_entities(rows: Rows, models: Sequence[type[SQLModel]], result: Result[Any]) -> Result[Any]:
    """Rows with an entity of each model, for rows with the columns of all of them."""
    names = [tuple(column.name for column in columns_of_model(model)) for model in models]
    found = []
    for row in result:
        values = iter(row)
        parts = [dict(zip(columns, islice(values, len(columns)), strict=True)) for columns in names]
        found.append(tuple(map(rows.adopt, models, parts)))
    return IteratorResult(SimpleResultMetaData([model.__name__ for model in models]), iter(found))


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
