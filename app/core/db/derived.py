"""Columns that follow from other columns of their row, or from who acts. The unit of work fills them in with the row.

They say nothing that a change entry does not say: its changes, drift and what is shown of a person leave them out. A
derived column that is no field of its model is in the table only, and is not loaded.
"""

from collections.abc import Callable, Iterable, Mapping, Set
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Column, Table

INFO = "derived"


class Derivation(NamedTuple):
    """How a column follows from others."""

    derive: Callable[[Mapping[str, Any]], Any]
    """Makes its value of the values of a row."""
    sources: frozenset[str]
    """The columns that it follows from: a change of one of them makes it anew."""


def derived(derive: Callable[[Mapping[str, Any]], Any], sources: Iterable[str]) -> dict[str, Derivation]:
    """The `info` of a derived column."""
    return {INFO: Derivation(derive, frozenset(sources))}


SET_BY_UNIT_OF_WORK = derived(lambda _values: None, ())
"""The `info` of a column that follows from no other: the unit of work sets it, from who acts."""


@cache
def derivations(table: Table) -> Mapping[str, Derivation]:
    """The derived columns of a table, by name."""
    return {column.name: column.info[INFO] for column in table.columns if INFO in column.info}


def derive_values(table: Table, values: Mapping[str, Any], changed: Set[str]) -> dict[str, Any]:
    """What follows from `values` of a row, those of its columns `changed`."""
    return {
        name: each.derive(values) for name, each in derivations(table).items() if not each.sources.isdisjoint(changed)
    }


def own_columns(table: Table) -> "list[Column[Any]]":
    """The columns of a table that follow from no others."""
    return [column for column in table.columns if INFO not in column.info]
