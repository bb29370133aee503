"""References to soft-deleted rows: a foreign key alone would not notice that its target is hidden.

A new reference locks the key of its target for share, as a foreign key does; a deletion locks its row for update. If
both happen at once, one waits and then sees the effect of the other. Other changes of the target do not wait. A unit of
work that has sent nothing reads its targets first, and locks them when it writes.
"""

from collections.abc import Collection, Iterator, Sequence
from functools import cache
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Table, exists, func, select, true
from sqlmodel import SQLModel

from app.core.db.entity import Entity, table_of
from app.core.db.integrity import Referring, foreign_key_problem, in_use
from app.core.db.row_access import row_access
from app.core.db.session import AnySelect, ReadSession, Session
from app.core.db.targets import read_targets, target_of
from app.core.db.unit_of_work.claims import visible_target
from app.core.db.unit_of_work.session import can_claim
from app.core.errors import Conflict, Invalid
from app.core.field_errors import field_error

MAX_COUNTED = 1000
"""Rows that refer to another, as far as they are counted."""


async def check_references(
    session: Session | ReadSession, table: Table, rows: Sequence[Entity], fields: Collection[str] | None = None
) -> None:
    """Raise Invalid if a reference of `rows` (one of `fields`, or any) has a hidden or missing target.

    To the caller, a target is missing that the caller may not read.

    That is a restricted reference, or one whose target must be visible when it is set.
    """
    names = type(rows[0]).restricted_references | type(rows[0]).visible_references if rows else frozenset()
    wanted = {
        name: {value for row in rows if (value := getattr(row, name)) is not None}
        for name in sorted(names if fields is None else names.intersection(fields))
    }
    wanted = {name: ids for name, ids in wanted.items() if ids}
    for name, ids in (await find_visible(session, table, wanted)).items():
        if wanted[name] - ids:
            raise foreign_key_problem(name, deleting=False)


async def find_visible(
    session: Session | ReadSession, table: Table, wanted: dict[str, set[UUID]]
) -> dict[str, set[UUID]]:
    """Those of the `wanted` targets that are visible, by the name of the reference, and stay so to the commit."""
    if wanted and isinstance(session, Session) and await can_claim(session):
        return await claim_visible(session, table, wanted)
    return {name: await lock_visible(session, table.c[name], ids) for name, ids in wanted.items()}


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
    is_visible = (target.c.deleted_at.is_(None), *row_access(session.context).conditions(target))
    statement: AnySelect = select(target.c.id).where(target.c.id.in_(ids), *is_visible)
    if isinstance(session, Session):
        statement = statement.order_by(target.c.id).with_for_update(read=True, key_share=True)
    return {row.id for row in await session.all(statement)}


def refers_to_deleted(refused: Invalid) -> Conflict:
    """The problem of restoring a row whose references are `refused`."""
    detail = "This refers to something that was deleted; restore that first."
    fields = [str(each["pointer"]).removeprefix("/body/") for each in refused.errors or ()]
    return Conflict(
        detail, errors=[field_error("/path/id", detail, "deleted-reference", field=name) for name in fields]
    )


async def check_not_in_use(session: Session, table: Table, row: Entity) -> None:
    """Raise InUse while visible rows have a restricted reference to `row`; the lock keeps others from adding one.

    It does not tell how many they are where the caller may read only some of their table.
    """
    if referring_columns(table):
        await session.value(select(table.c.id).where(table.c.id == row.id).with_for_update())
    found: list[Referring] = []
    for column, model in referring_columns(table).items():
        visible = select(column.table.c.id).where(column == row.id, is_visible(model)).limit(MAX_COUNTED + 1)
        count = await session.value(select(func.count()).select_from(visible.subquery()))
        if count and row_access(session.context).conditions(column.table):
            found.append(Referring(column.table.name, column.name, None, is_exact=False))
        elif count:
            found.append(Referring(column.table.name, column.name, min(count, MAX_COUNTED), count <= MAX_COUNTED))
    if found:
        raise in_use(found)


@cache
def referring_columns(table: Table) -> "dict[Column[UUID], type[Entity]]":
    """The restricted references, of any table, to rows of `table`, by name, each with the model of its rows."""
    found = {column: model for column, model in restricted_columns() if target_of(column) is table}
    return dict(sorted(found.items(), key=lambda pair: (pair[0].table.name, pair[0].name)))


def restricted_columns() -> "Iterator[tuple[Column[UUID], type[Entity]]]":
    for mapper in SQLModel._sa_registry.mappers:
        for name in getattr(mapper.class_, "restricted_references", ()):
            yield mapper.local_table.c[name], mapper.class_


def is_visible(model: type[Entity]) -> ColumnElement[bool]:
    """True for the visible rows of `model`: a row that cannot be hidden is visible as long as what it is part of."""
    columns = table_of(model).c
    if "deleted_at" in columns:
        return columns.deleted_at.is_(None)
    if model.part_of is None:
        return true()
    owner = target_of(columns[model.part_of])
    if "deleted_at" not in owner.c:
        return true()
    return exists().where(owner.c.id == columns[model.part_of], owner.c.deleted_at.is_(None))
