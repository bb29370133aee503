"""Columns that follow from other columns of their row, or from who acts. The unit of work fills them in with the row.

They say nothing that a change entry does not say: its changes, drift and what is shown of a person leave them out. A
derived column that is no field of its model is in the table only, and is not loaded.
"""

from collections.abc import Callable, Iterable, Mapping, Set
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, Table, bindparam, select, update

INFO = "derived"
ROWS_AT_ONCE = 1000


class Derivation(NamedTuple):
    """How a column follows from others."""

    derive: Callable[[Mapping[str, Any]], Any]
    """Makes its value of the values of a row."""
    sources: frozenset[str]
    """The columns that it follows from: a change of one of them makes it anew."""
    is_exact: bool
    """Whether it follows from them alone, at any time, so that what is stored can be checked."""


def derive_from(
    derive: Callable[[Mapping[str, Any]], Any], sources: Iterable[str], *, is_exact: bool = False
) -> dict[str, Derivation]:
    """The `info` of a derived column."""
    return {INFO: Derivation(derive, frozenset(sources), is_exact)}


SET_BY_UNIT_OF_WORK = derive_from(lambda _values: None, ())
"""The `info` of a column that follows from no other: the unit of work sets it, from who acts."""


@cache
def derivations(table: Table) -> Mapping[str, Derivation]:
    """The derived columns of a table, by name."""
    return {column.name: column.info[INFO] for column in table.columns if INFO in column.info}


@cache
def exact_derivations(table: Table) -> Mapping[str, Derivation]:
    """Those whose stored values can be checked."""
    return {name: each for name, each in derivations(table).items() if each.is_exact}


def derive_values(table: Table, values: Mapping[str, Any], changed: Set[str]) -> dict[str, Any]:
    """What follows from `values` of a row, those of its columns `changed`."""
    return {
        name: each.derive(values) for name, each in derivations(table).items() if not each.sources.isdisjoint(changed)
    }


def own_columns(table: Table) -> "list[Column[Any]]":
    """The columns of a table that follow from no others."""
    return [column for column in table.columns if INFO not in column.info]


def fill_derived(connection: Connection, table: Table) -> None:
    """Derive the columns of all rows that are stored, in a migration.

    `table` has the id, the derived columns, and those that they follow from.
    """
    number, made = table.c.id, derivations(table)
    some = select(*own_columns(table)).order_by(number).limit(ROWS_AT_ONCE)
    fill = update(table).where(number == bindparam("key")).values({name: bindparam(f"new_{name}") for name in made})
    rows = connection.execute(some).mappings().all()
    while rows:
        values = [
            {f"new_{name}": each.derive(dict(row)) for name, each in made.items()} | {"key": row["id"]} for row in rows
        ]
        connection.execute(fill, values)
        rows = connection.execute(some.where(number > rows[-1]["id"])).mappings().all()
