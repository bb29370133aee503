"""Natural keys: the names by which people tell rows apart, compared in filters as uniqueness compares them."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import Column, ColumnElement, Table

from app.core.db.folded import Folding, folded_name
from app.core.db.targets import name_column
from app.core.db.uniqueness import unique_keys


@cache
def natural_keys(table: Table) -> Mapping[str, Folding]:
    """The columns of `table` with a name that is unique in a folded form, each with how that is made."""
    return {key.folding.source: key.folding for key in unique_keys(table) if key.folding is not None}


@cache
def unique_name(table: Table) -> str:
    """The column by which rows of `table` are shown. Raises LookupError where two of them may have the same name."""
    name = str(name_column(table).key)
    keys = (key for key in unique_keys(table) if key.fields == [name] and len(key.columns) == 1 and key.alone is None)
    if next(keys, None) is None:
        raise LookupError(f"names of {table.name} are not unique")
    return name


def compared_column(column: "Column[Any]") -> ColumnElement[str]:
    """What a natural key is compared by: its unique index has it."""
    folded: ColumnElement[str] = column.table.c[folded_name(column.name)]
    return folded


def compared_value(column: "Column[Any]", text: str) -> str:
    """A value of a natural key, as it is compared with `compared_column`."""
    return natural_keys(column.table)[column.name].fold(text)
