"""References between soft-deleted tables: a foreign key alone would not notice that its target is hidden.

A new reference locks the key of its target for share, as a foreign key does; a deletion locks its row for update. If
both happen at once, one waits and then sees the effect of the other. Other changes of the target do not wait. A unit of
work that has sent nothing reads its targets first, and locks them when it writes.
"""

from collections.abc import Collection, Iterator, Sequence
from functools import cache
from uuid import UUID

from sqlalchemy import Column, Table, select
from sqlmodel import SQLModel

from app.core.db.entity import Entity
from app.core.db.integrity import foreign_key_problem
from app.core.db.session import AnySelect, ReadSession, Session
from app.core.db.targets import read_targets, target_of
from app.core.db.unit_of_work.claims import visible_target
from app.core.db.unit_of_work.session import can_claim
from app.core.errors import InUse


async def check_references(
    session: Session | ReadSession, table: Table, rows: Sequence[Entity], fields: Collection[str] | None = None
) -> None:
    """Raise Invalid if a reference of `rows` (one of `fields`, or any) has a hidden or missing target.

    That is a restricted reference, or one whose target must be visible when it is set.
    """
    names = type(rows[0]).restricted_references | type(rows[0]).visible_references if rows else frozenset()
    wanted = {
        name: {value for row in rows if (value := getattr(row, name)) is not None}
        for name in sorted(names if fields is None else names.intersection(fields))
    }
    wanted = {name: ids for name, ids in wanted.items() if ids}
    if wanted and isinstance(session, Session) and await can_claim(session):
        found = await claim_visible(session, table, wanted)
    else:
        found = {name: await lock_visible(session, table.c[name], ids) for name, ids in wanted.items()}
    for name, ids in found.items():
        if wanted[name] - ids:
            raise foreign_key_problem(name, deleting=False)


async def claim_visible(session: Session, table: Table, wanted: dict[str, set[UUID]]) -> dict[str, set[UUID]]:
    """Those of the `wanted` targets that are visible, by the name of the reference: read at once, and claimed."""
    targets = await read_targets(session, table, wanted)
    found: dict[str, set[UUID]] = {name: set() for name in wanted}
    for name, target in sorted(key for key, row in targets.items() if row.deleted_at is None):
        if target in wanted.get(name, ()):
            found[name].add(target)
            session.claims.append(visible_target(target_of(table.c[name]), target))
    return found


async def check_foreign_keys(session: ReadSession, table: Table, rows: Sequence[Entity]) -> None:
    """Raise Invalid if a foreign key of `rows` has no target. The database checks the same when they are written."""
    for key in table.foreign_keys:
        name = key.parent.name
        wanted = {value for row in rows if (value := getattr(row, name)) is not None}
        statement: AnySelect = select(key.column).where(key.column.in_(wanted))
        if wanted and wanted - {found for (found,) in await session.all(statement)}:
            raise foreign_key_problem(name, deleting=False)


async def lock_visible(session: Session | ReadSession, column: "Column[UUID]", ids: set[UUID]) -> set[UUID]:
    """Lock for share those of `ids` that are visible in the table that `column` refers to, and return them.

    A session that only reads locks nothing.
    """
    target = target_of(column)
    statement: AnySelect = select(target.c.id).where(target.c.id.in_(ids), target.c.deleted_at.is_(None))
    if isinstance(session, Session):
        statement = statement.order_by(target.c.id).with_for_update(read=True, key_share=True)
    return {row.id for row in await session.all(statement)}


async def check_not_in_use(session: Session, table: Table, row: Entity) -> None:
    """Raise InUse while a visible row has a restricted reference to `row`; the lock keeps others from adding one."""
    if referring_columns(table):
        await session.value(select(table.c.id).where(table.c.id == row.id).with_for_update())
    for column in referring_columns(table):
        owner = column.table
        statement: AnySelect = select(owner.c.id).where(column == row.id, owner.c.deleted_at.is_(None)).limit(1)
        if await session.first(statement):
            name = owner.name.replace("_", " ")
            raise InUse(f"Something visible ({name}) still refers to this; change or delete that first.")


@cache
def referring_columns(table: Table) -> tuple["Column[UUID]", ...]:
    """The restricted references, of any table, to rows of `table`."""
    return tuple(column for column in restricted_columns() if target_of(column) is table)


def restricted_columns() -> "Iterator[Column[UUID]]":
    for mapper in SQLModel._sa_registry.mappers:
        for name in getattr(mapper.class_, "restricted_references", ()):
            yield mapper.local_table.c[name]
