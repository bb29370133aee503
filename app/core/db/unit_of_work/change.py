"""A change: one row that one flush creates, updates or deletes."""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Column, Table
from sqlmodel import SQLModel

from app.core.db.derived import derive_values

Values = dict[str, Any]
Key = tuple[type[SQLModel], Any]
"""(model, primary key)"""


@dataclass(slots=True, eq=False)
class Change:
    """One row of a flush. `before` is empty for a created row, `after` for a deleted one."""

    action: Literal["create", "update", "delete"]
    row: SQLModel
    before: Values
    after: Values
    fields: Set[str]
    """The columns that differ."""
    entry: Values | None = None
    """The change entry, written together with the row; the recorder sets it."""

    @property
    def table(self) -> Table:
        return table_of_row(self.row)

    def alters(self, columns: Set[str]) -> bool:
        """Whether it touches one of `columns` (`*`: creating, deleting, and every column)."""
        if self.action != "update":
            return "*" in columns
        return "*" in columns or not columns.isdisjoint(self.fields)

    def stamp(self, author_id: UUID | None) -> None:
        """Give the row what the unit of work sets, and then what follows from its values.

        That is who created it and who changed it last, the next version, and the values that columns take with every
        update.
        """
        if self.action == "delete":
            return
        values = self.row.__dict__
        if "updated_by_id" in values:
            values["updated_by_id"] = author_id
        if self.action == "update":
            self.stamp_update()
        elif "created_by_id" in values:
            values["created_by_id"] = author_id
        if derived := derive_values(self.table, self.after, self.fields):
            values.update({name: value for name, value in derived.items() if name in values})
            self.after, self.fields = {**self.after, **derived}, self.fields | derived.keys()

    def stamp_update(self) -> None:
        """Give an updated row its next version, and the values that columns take with every update."""
        values = self.row.__dict__
        if "version" in self.before:
            values["version"] = self.before["version"] + 1
        for name, make in update_defaults(self.table):
            if name not in self.fields:
                values[name] = make(None)
        self.after = dict(values)
        self.fields = changed_names(self.before, self.after)


def creation_of(row: SQLModel) -> Change:
    """The change that inserts `row`."""
    return Change("create", row, {}, row.__dict__, frozenset(row.__dict__))


@cache
def columns_of_model(model: type[SQLModel]) -> "tuple[Column[Any], ...]":
    """The columns that entities have: those of the table, without derived ones that are no fields."""
    return tuple(column for column in table_of_model(model).columns if column.name in model.model_fields)


def table_of_row(row: SQLModel) -> Table:
    return table_of_model(type(row))


def table_of_model(model: type[SQLModel]) -> Table:
    return model.__table__  # type: ignore[attr-defined,no-any-return]  # SQLModel does not type it


def changed_names(before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    """The names whose values differ."""
    return {name for name, value in after.items() if before[name] != value}


@cache
def update_defaults(table: Table) -> list[tuple[str, Any]]:
    """The columns that take a value with every update, and what makes it."""
    return [(column.name, column.onupdate.arg) for column in table.columns if column.onupdate is not None]  # type: ignore[attr-defined]  # a callable default


@cache
def key_columns(model: type[SQLModel]) -> tuple[str, ...]:
    """The names of the primary key."""
    return tuple(column.name for column in model.__table__.primary_key)  # type: ignore[attr-defined]  # see above


@cache
def key_getter(model: type[SQLModel]) -> "attrgetter[Any]":
    return attrgetter(*key_columns(model))


def key_of(row: SQLModel) -> Key:
    model = type(row)
    return model, key_getter(model)(row)
