"""Filters by rows of other tables that belong to the listed ones: by the roles of a user, or by a second factor.

A table is named as a foreign key names it, and looked up when the filter is used: its module may know the listed one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic.fields import FieldInfo
from sqlalchemy import ColumnElement, Table, bindparam, exists, select
from sqlmodel import SQLModel

from app.core.clock import now
from app.core.db.declared_filters import COMPARE, NOT, NULL, TIMES, one, several
from app.core.db.row_access import RowAccess
from app.core.fields.time import Moment


@dataclass(frozen=True, kw_only=True)
class RelatedRows:
    """Whether a listed row has a related one: a parameter with a truth value."""

    table: str
    """The table of the related rows. An index begins with `owner`."""
    owner: str
    """The column with the id of the row that they belong to."""
    about: str
    """What the filter finds, as the document says it; of values, what one is called."""
    present: str | None = None
    """A column that counts only related rows that have a value in it, or of which it is true."""
    ahead: str | None = None
    """A column that counts only related rows of which it is later than now. An index begins with it."""

    @property
    def rows(self) -> Table:
        return SQLModel.metadata.tables[self.table]

    def parameters(self, name: str) -> Iterator[tuple[str, FieldInfo]]:
        """The parameters of the filter `name`."""
        yield name, one(bool, self.about)

    def value(self, value: Any) -> Any:
        """The value of the parameter, for what a client sends."""
        return now() if self.ahead is not None else value

    def condition(
        self, listed: Table, suffix: str, value: Any, parameter: str, access: RowAccess
    ) -> ColumnElement[bool]:
        """True for the rows of `listed` that a filter finds. Its `parameter` has the value."""
        which = []
        if self.ahead is not None:
            column = self.rows.c[self.ahead]
            which.append(column > bindparam(parameter, type_=column.type))
        return self.has(listed, access, *which) if value else self.lacks(listed, access, *which)

    def conditions(self, access: RowAccess) -> Iterator[ColumnElement[bool]]:
        """True for the related rows that count, of those that the caller may read."""
        yield from access.conditions(self.rows)
        if self.present is not None:
            column = self.rows.c[self.present]
            yield column if column.type.python_type is bool else column.is_not(None)

    def has(self, listed: Table, access: RowAccess, *which: ColumnElement[bool]) -> ColumnElement[bool]:
        """True for rows with a related one. Those are few, and are read first."""
        return listed.c.id.in_(select(self.rows.c[self.owner]).where(*self.conditions(access), *which))

    def lacks(self, listed: Table, access: RowAccess, *which: ColumnElement[bool]) -> ColumnElement[bool]:
        """True for rows without any. Most lack one, and are read in the order of the list."""
        mine = self.rows.c[self.owner] == listed.c.id
        return ~exists().where(mine, *self.conditions(access), *which).correlate(listed)


@dataclass(frozen=True, kw_only=True)
class RelatedValues(RelatedRows):
    """The values of related rows: any of several, or of instants a range. Without related rows there is none."""

    column: str
    """The column with the values. An index begins with it."""
    kind: Any
    """The type of a value that a client sends."""

    def parameters(self, name: str) -> Iterator[tuple[str, FieldInfo]]:
        if self.kind is Moment:
            for suffix, words in TIMES.items():
                yield f"{name}_{suffix}", one(self.kind, f"Only items whose {self.about} is {words} this.")
        else:
            yield name, several(self.kind, f"Only items with one of these as a {self.about}.")
            yield f"{name}_{NOT}", several(self.kind, f"Only items with none of these as a {self.about}.")
        yield f"{name}_{NULL}", one(bool, f"Only items without a {self.about} (true), or only those with one (false).")

    def condition(
        self, listed: Table, suffix: str, value: Any, parameter: str, access: RowAccess
    ) -> ColumnElement[bool]:
        if suffix == NULL:
            return self.lacks(listed, access) if value else self.has(listed, access)
        column = self.rows.c[self.column]
        found = bindparam(parameter, type_=column.type, expanding=isinstance(value, list))
        if suffix == NOT:
            return self.lacks(listed, access, column.in_(found))
        return self.has(listed, access, COMPARE[suffix](column, found) if suffix else column.in_(found))
