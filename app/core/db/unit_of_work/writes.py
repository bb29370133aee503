"""The statements that write changes: one for each run of rows that change the same columns of a table."""

from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import (
    Delete,
    Executable,
    Insert,
    Table,
    Update,
    bindparam,
    delete,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlmodel import SQLModel

from app.core.db.unit_of_work.change import Change, Values, key_columns

STORED, NEW = "stored_", "new_"
"""Begin the names of parameters: what finds a row as it is stored, and what it becomes."""


class Write(NamedTuple):
    """Rows that are written by the same statement."""

    table: Table
    verb: str
    columns: tuple[str, ...]
    """The columns that an update sets."""
    parameters: list[Values]
    """Those of each row."""


def writes_of(changes: Sequence[Change]) -> Iterator[Write]:
    """Inserts and updates in the order of the tables, updates by id; then deletes in the reverse order."""
    places = places_of(frozenset(SQLModel.metadata.tables.values()))
    ordered = sorted(changes, key=lambda change: order_of(change, places[change.table]))
    for (table, verb, columns), run in groupby(ordered, form_of):
        yield Write(table, verb, columns, [parameters_of(change) for change in run])


@lru_cache(maxsize=4)
def places_of(tables: frozenset[Table]) -> dict[Table, int]:
    """The place of each table: after those that it refers to."""
    return {table: place for place, table in enumerate(SQLModel.metadata.sorted_tables) if table in tables}


def order_of(change: Change, place: int) -> tuple[Any, ...]:
    if change.action == "delete":
        return 1, -place
    if change.action == "create":
        return 0, place, 0
    return 0, place, 1, *(change.before[name] for name in key_columns(type(change.row)))


def form_of(change: Change) -> tuple[Table, str, tuple[str, ...]]:
    return change.table, change.action, tuple(sorted(change.fields)) if change.action == "update" else ()


def parameters_of(change: Change) -> Values:
    if change.action == "create":
        return change.after
    found = {f"{STORED}{name}": change.before[name] for name in finding_columns(change.table)}
    if change.action == "update":
        found |= {f"{NEW}{name}": change.after[name] for name in change.fields}
    return found


@cache
def finding_columns(table: Table) -> tuple[str, ...]:
    """The columns that find a row as it was read: the primary key, and the version where there is one."""
    return tuple(column.name for column in table.columns if column.primary_key or column.name == "version")


@cache
def statement_of(table: Table, verb: str, columns: tuple[str, ...]) -> Insert | Update | Delete:
    """The statement that writes one row. An update or a delete finds it only as it was read."""
    if verb == "create":
        return insert(table)
    as_read = [
        table.c[name] == bindparam(f"{STORED}{name}", type_=table.c[name].type) for name in finding_columns(table)
    ]
    if verb == "delete":
        return delete(table).where(*as_read)
    values = {name: bindparam(f"{NEW}{name}", type_=table.c[name].type) for name in columns}
    return update(table).where(*as_read).values(values)


@cache
def failing_statement_of(table: Table, verb: str, columns: tuple[str, ...]) -> Executable:
    """The same update or delete, which divides by zero where it finds no row.

    For many rows at once: PostgreSQL's driver tells no counts of them.
    """
    statement = statement_of(table, verb, columns)
    if isinstance(statement, Insert):
        raise TypeError("an insert finds no row")
    written = statement.returning(literal(1).label("one")).cte("written")
    return select(literal(1) / func.count()).select_from(written)
