"""The statements that write changes, built from their form: what is written to which columns of which table.

Each parameter is named by its origin: `after_0_title` is the title of the first row after its change.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Delete,
    Executable,
    Insert,
    Integer,
    Table,
    Update,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from app.core.db.unit_of_work.claims import ClaimForm, select_claimed, sides_of


class Form(NamedTuple):
    """What changes of the same form have in common."""

    table: Table
    action: str
    """That of the change, or `replace` for a row that is created in place of the one that is stored."""
    columns: tuple[str, ...]
    """The columns that are given a value."""

    @property
    def can_miss(self) -> bool:
        """Whether it may find no row to write."""
        return self.action in ("update", "delete")


class EntryForm(NamedTuple):
    """What all change entries have in common."""

    table: Table
    columns: tuple[str, ...]
    constants: tuple[tuple[str, ColumnElement[Any]], ...]
    """Columns whose value the database makes."""


Write = Insert | Update | Delete
ONE: ColumnElement[int] = literal_column("1", Integer)


def origin(index: int, side: str, table: Table, column: str) -> BindParameter[Any]:
    """The parameter for a column of one row: as it was `before`, is `after`, or has in its `entry`."""
    return bindparam(f"{side}_{index}_{column}", type_=table.c[column].type)


@cache
def finding_columns(table: Table) -> tuple[str, ...]:
    """The columns that find a row as it was read: the primary key, and the version where there is one."""
    return tuple(column.name for column in table.columns if column.primary_key or column.name == "version")


def write_row(form: Form, index: int = 0, *, is_sqlite: bool = False) -> Write:
    """The statement that writes one row. An update or a delete finds it only as it was read."""
    table = form.table
    values = {name: origin(index, "after", table, name) for name in form.columns}
    if form.action == "create":
        return insert(table).values(values).inline()
    if form.action == "replace":
        added = (sqlite if is_sqlite else postgresql).insert(table).values(values).inline()
        newer = {name: added.excluded[name] for name in form.columns if not table.c[name].primary_key}
        replacing: Insert = added.on_conflict_do_update(index_elements=list(table.primary_key), set_=newer)
        return replacing
    as_read = [table.c[name] == origin(index, "before", table, name) for name in finding_columns(table)]
    if form.action == "delete":
        return delete(table).where(*as_read)
    return update(table).where(*as_read).values(values)


def write_entries(form: EntryForm, indexes: Sequence[int] = (0,)) -> Insert:
    """The statement that adds the entries of the rows with these indexes."""
    rows = [
        dict(form.constants) | {name: origin(index, "entry", form.table, name) for name in form.columns}
        for index in indexes
    ]
    return insert(form.table).values(rows if len(rows) > 1 else rows[0]).inline()


def write_or_fail(form: Form) -> Executable:
    """A statement that writes one row, and divides by zero where it finds none.

    PostgreSQL's driver tells no counts of a statement that is run with many rows.
    """
    return write_together([form])


def write_together(
    forms: Sequence[Form],
    claims: Sequence[ClaimForm] = (),
    entry: EntryForm | None = None,
    recorded: Sequence[int] = (),
) -> Executable:
    """One statement for rows and for the entries of those with the indexes `recorded`: all is written, or nothing.

    It divides by zero where it does not find a row as it was read, or as it is claimed.
    """
    rows = [(f"row_{index}", write_row(form, index)) for index, form in enumerate(forms)]
    written = [row.cte(name) for name, row in rows if isinstance(row, Insert)]
    found = [row.returning(ONE.label("one")).cte(name) for name, row in rows if not isinstance(row, Insert)]
    for index, claim in enumerate(claims, len(forms)):
        values = {name: origin(index, "before", claim.table, name) for name in sides_of(claim)}
        found.append(select_claimed(claim, values).cte(f"claim_{index}"))
    if entry is not None and recorded:
        written.append(write_entries(entry, recorded).cte("entries"))
    checks: list[ColumnElement[Any]] = [
        select(ONE // func.count()).select_from(part).scalar_subquery() for part in found
    ]
    return select(*(checks or [ONE])).add_cte(*written, *found)
