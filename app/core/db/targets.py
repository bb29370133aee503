"""Reads the targets of references: what they are called, and whether they are visible."""

from collections.abc import Mapping, Sequence, Set
from functools import cache, lru_cache
from typing import Any, Protocol, cast
from uuid import UUID

from sqlalchemy import (
    Column,
    ColumnElement,
    FromClause,
    String,
    Table,
    bindparam,
    literal_column,
    null,
    select,
    union_all,
)
from sqlmodel import SQLModel

from app.core.db.row_access import RowAccess, row_access
from app.core.db.session import AnyRow, AnySelect, Session
from app.core.db.unit_of_work.session import AnyRead

SHOWN_AS = "shown_as"
"""In the `info` of a table: the column that shows a row where others refer to it. Without it, that is `name`."""
SELECTS = 500
"""Selects of one target of each reference that are kept."""
Targets = dict[tuple[str, UUID], AnyRow]
"""By reference and id. Each row has `reference`, `id`, `version`, `deleted_at` and `name`."""


class Collection(Protocol):
    """Other rows that a row of a table has, read together with its references."""

    @property
    def name(self) -> str: ...

    def names(self, owner: ColumnElement[Any], access: RowAccess) -> ColumnElement[Any]:
        """Those of the row with the id `owner`, as text, as far as the caller may read them."""


def target_of(column: "Column[UUID]") -> Table:
    """The table that a reference refers to: by a foreign key, or as the table of those who act."""
    foreign = next(iter(column.foreign_keys), None)
    return foreign.column.table if foreign is not None else table_of_actors()


@cache
def table_of_actors() -> Table:
    """The table of the users who create and change rows."""
    mappers = SQLModel._sa_registry.mappers
    (table,) = (mapper.local_table for mapper in mappers if getattr(mapper.class_, "acts", False))
    return cast("Table", table)


def name_column(table: Table, rows: FromClause | None = None) -> ColumnElement[Any]:
    """The column by which rows of `table`, or of its alias `rows`, are shown where others refer to them; or null."""
    name = table.info.get(SHOWN_AS, "name")
    return (table if rows is None else rows).c.get(name, null())


async def read_targets(
    session: Session, table: Table, wanted: Mapping[str, Set[UUID]], collections: Sequence[Collection] = ()
) -> Targets:
    """The targets of the references of `table` to the ids that are `wanted`, hidden ones too, in one select.

    Those that the caller may not read are not among them.

    Of a collection, which is wanted by its name and the ids of its owners, `name` has the text. What a unit of work
    reads before its transaction is kept until that begins.
    """
    known: Targets = session.targets.setdefault(table, {})
    missing = {name: {each for each in ids if (name, each) not in known} for name, ids in sorted(wanted.items())}
    unknown = {name: ids for name, ids in missing.items() if ids}
    statement, values = select_targets(table, unknown, tuple(collections), row_access(session.context))
    rows = await session.look(statement, values) if statement is not None else ()
    found = {(row.reference, row.id): row for row in rows}
    if not session.transaction.is_open:
        known.update(found)
    return known | found


def select_targets(
    table: Table, wanted: Mapping[str, Set[UUID]], collections: tuple[Collection, ...], access: RowAccess
) -> tuple[AnyRead | None, dict[str, UUID] | None]:
    """A select of targets, with its values. For one of each reference it is built once."""
    if all(len(ids) == 1 for ids in wanted.values()):
        return select_one_each(table, tuple(wanted), collections, access), {
            name: one for name, (one,) in wanted.items()
        }
    parts = []
    for name, ids in wanted.items():
        part, key = select_target(table, name, collections, access)
        parts.append(part.where(key.in_(ids)))
    return union_all(*parts), None


@lru_cache(SELECTS)
def select_one_each(
    table: Table, names: tuple[str, ...], collections: tuple[Collection, ...], access: RowAccess
) -> AnyRead | None:
    """A select of one target of each reference. Its parameters have the names of the references."""
    parts = []
    for name in names:
        part, key = select_target(table, name, collections, access)
        parts.append(part.where(key == bindparam(name, type_=key.type)))
    return union_all(*parts) if len(parts) > 1 else next(iter(parts), None)


def select_target(
    table: Table, name: str, collections: tuple[Collection, ...], access: RowAccess
) -> tuple[AnySelect, ColumnElement[UUID]]:
    """A select of all targets of a reference, or of all owners of a collection, and the column with their ids."""
    reference: ColumnElement[str] = literal_column(f"'{name}'", String).label("reference")
    for each in collections:
        if each.name == name:
            own = table.c
            names = each.names(own.id, access).label("name")
            return select(reference, own.id, own.version, own.deleted_at, names), own.id
    rows = target_of(table.c[name])
    target, called = rows.c, name_column(rows).label("name")
    found = select(reference, target.id, target.version, target.deleted_at, called)
    return found.where(*access.conditions(rows)), target.id
