"""References among rows that can be hidden: a foreign key alone would not see that its target was deleted softly.

Who refers locks the key of the target for share, as a foreign key does; who deletes locks the row for update. One of
two at the same moment waits, and then sees what the other did. Other changes of the target wait for nobody.
"""

from collections.abc import Collection, Iterator, Sequence
from functools import cache
from uuid import UUID

from sqlalchemy import Column, Table, select
from sqlmodel import SQLModel

from app.core.db import Session
from app.core.errors import InUse, invalid
from app.core.model import Entity
from app.core.types import AnySelect


def target_of(column: "Column[UUID]") -> Table:
    (foreign,) = column.foreign_keys
    return foreign.column.table


async def refuse_unknown(
    session: Session, table: Table, rows: Sequence[Entity], fields: Collection[str] | None = None
) -> None:
    """Raise Invalid where one of `rows` holds (in one of `fields`, or any) on to a row that is hidden or not there."""
    for name in type(rows[0]).holds if rows else ():
        if fields is not None and name not in fields:
            continue
        wanted = {value for row in rows if (value := getattr(row, name)) is not None}
        if wanted and wanted - await visible(session, table.c[name], wanted):
            raise invalid(f"/body/{name}", "This refers to something that does not exist.", "unknown-reference")


async def visible(session: Session, column: "Column[UUID]", ids: set[UUID]) -> set[UUID]:
    """Those of `ids` that are visible in the table that `column` refers to; their keys are locked for share."""
    target = target_of(column)
    statement: AnySelect = select(target.c.id).where(target.c.id.in_(ids), target.c.deleted_at.is_(None))
    rows = await session.all(statement.order_by(target.c.id).with_for_update(read=True, key_share=True))
    return {row.id for row in rows}


async def refuse_in_use(session: Session, table: Table, row: Entity) -> None:
    """Raise InUse while a visible row holds on to `row`; from now on no other can begin to."""
    if holders(table):
        await session.value(select(table.c.id).where(table.c.id == row.id).with_for_update())
    for column in holders(table):
        holder = column.table
        statement: AnySelect = select(holder.c.id).where(column == row.id, holder.c.deleted_at.is_(None)).limit(1)
        if await session.first(statement):
            name = holder.name.replace("_", " ")
            raise InUse(f"Something visible ({name}) still refers to this; change or delete that first.")


@cache
def holders(table: Table) -> tuple["Column[UUID]", ...]:
    """The columns, of any table, that hold on to rows of `table`."""
    return tuple(column for column in holding_columns() if target_of(column) is table)


def holding_columns() -> "Iterator[Column[UUID]]":
    for mapper in SQLModel._sa_registry.mappers:
        for name in getattr(mapper.class_, "holds", ()):
            yield mapper.local_table.c[name]
