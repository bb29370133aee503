"""The SQL that every entity shares. Reads select the columns of the Read schema; entities are loaded to be changed."""

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import ColumnElement, Table, func, select
from sqlmodel import SQLModel

from app.core.db import ReadSession, Session
from app.core.errors import Conflict, Invalid, NotFound, StaleVersion
from app.core.keyset import after, encoded, order_by
from app.core.model import Entity, SoftDelete
from app.core.page import EntityQuery, PageQuery, Window, seal, unseal
from app.core.references import refuse_in_use, refuse_unknown
from app.core.search import found
from app.core.types import AnyRow, AnySelect, now

M = TypeVar("M", bound=Entity)

COMPARE = {"lt": "__lt__", "lte": "__le__", "gt": "__gt__", "gte": "__ge__"}


def table_of(model: type[SQLModel]) -> Table:
    return model.__table__  # type: ignore[attr-defined,no-any-return]  # SQLModel does not type it


class ReadRepository:
    """`model` is the table, `read` what its reads show."""

    model: type[SQLModel]
    read: type[BaseModel]

    def __init__(self, session: Session | ReadSession) -> None:
        self.session = session
        self.table = table_of(self.model)

    def columns(self) -> list[ColumnElement[Any]]:
        return [self.table.c[name] for name in self.read.model_fields]

    def select(self, *, deleted: bool = False) -> AnySelect:
        statement = select(*self.columns())
        if not issubclass(self.model, SoftDelete):
            return statement
        hidden = self.table.c.deleted_at
        return statement.where(hidden.is_not(None) if deleted else hidden.is_(None))

    async def get(self, id: UUID | int) -> Any:
        """The columns of the Read schema. Raises NotFound."""
        row = await self.session.first(self.select().where(self.table.c.id == id))
        if row is None:
            raise self.missing(id)
        return self.shaped(row)

    def shaped(self, row: AnyRow) -> Any:
        """`row` in the shape of the Read schema, where that is not flat."""
        return row

    async def page(self, query: PageQuery) -> Window:
        """One page of rows in `query`'s order. Raises Invalid on a foreign cursor or an unknown sort."""
        deleted = isinstance(query, EntityQuery) and query.deleted == "only"
        return await self.window(self.where(self.select(deleted=deleted), query), query)

    async def window(self, statement: AnySelect, query: PageQuery, resource: str | None = None) -> Window:
        """One page of `statement`; its cursor is bound to `resource` (the table, where it is not a narrower list)."""
        ordering = [(self.table.c[name], descending) for name, descending in query.ordering()]
        total = None
        if query.total:
            total = await self.session.value(select(func.count()).select_from(statement.subquery()))
        question, key = query.question(resource or self.table.name), self.session.keys.cursor
        if query.cursor:
            statement = statement.where(after(ordering, unseal(key, question, query.cursor)))
        statement = statement.order_by(*order_by(ordering)).limit(query.limit + 1).offset(query.offset or None)
        rows = await self.session.all(statement)
        cursor = None
        if len(rows) > query.limit:
            last = rows[query.limit - 1]._mapping
            cursor = seal(key, question, [encoded(last[column.name]) for column, _ in ordering])
            self.session.context.next_cursor = cursor
        return Window([self.shaped(row) for row in rows[: query.limit]], cursor, total)

    def where(self, statement: AnySelect, query: PageQuery) -> AnySelect:
        """Apply the filters: `x` equals or is any of, `x_lt`/`x_lte`/`x_gt`/`x_gte` compare, `q` searches."""
        for name in [name for name in type(query).model_fields if name not in EntityQuery.model_fields]:
            value = getattr(query, name)
            if value in (None, []):
                continue
            field, _, suffix = name.rpartition("_")
            if isinstance(value, list):
                statement = statement.where(self.table.c[name].in_(value))
            elif suffix in COMPARE and name not in self.table.c:
                statement = statement.where(getattr(self.table.c[field], COMPARE[suffix])(value))
            else:
                statement = statement.where(self.table.c[name] == value)
        if isinstance(query, EntityQuery) and query.q:
            statement = statement.where(found(self.table, query.q, is_sqlite=self.session.is_sqlite))
        return statement

    def missing(self, id: object) -> NotFound:
        return NotFound(f"There is no {self.table.name.replace('_', ' ')} {id}.")


class Repository(ReadRepository, Generic[M]):
    """Adds loading an entity to change it."""

    model: type[M]

    @property
    def writer(self) -> Session:
        """The session, if it may write. Raises TypeError in an endpoint that was provided for reading."""
        if not isinstance(self.session, Session):
            raise TypeError(f"{type(self).__name__} was given a session that only reads")
        return self.session

    async def load(self, id: UUID, if_match: str | None = None, *, deleted: bool = False) -> M:
        """The entity, locked, to be changed. Raises NotFound; StaleVersion where `if_match` is another version."""
        statement = select(self.model).where(self.table.c.id == id).with_for_update(key_share=True)
        if deleted:
            statement = statement.where(self.table.c.deleted_at.is_not(None))
        found = await self.writer.execute(statement, execution_options={"include_deleted": deleted})
        row: M | None = found.scalar_one_or_none()
        if row is None:
            raise self.missing(id)
        if if_match is not None and not matches(if_match, row.version):
            raise StaleVersion(f"This is at version {row.version} now; read it again before changing it.")
        return row

    async def lock_all(self, ids: Sequence[UUID]) -> None:
        """Lock rows in one order, whatever the order in which they are changed then."""
        chosen = select(self.table.c.id).where(self.table.c.id.in_(ids)).order_by(self.table.c.id)
        await self.writer.execute(chosen.with_for_update(key_share=True))

    async def add(self, row: M) -> M:
        await self.add_all([row])
        return row

    async def add_all(self, rows: Sequence[M]) -> Sequence[M]:
        """Add `rows` in one flush. Raises Invalid where one refers to what is not there."""
        await refuse_unknown(self.writer, self.table, rows)
        self.writer.add_all(rows)
        await self.writer.flush()
        return rows

    async def change(self, row: M, values: Mapping[str, Any]) -> M:
        """Set what differs. Raises Invalid where it refers to what is not there."""
        changed = {name for name, value in values.items() if getattr(row, name) != value}
        for name in changed:
            setattr(row, name, values[name])
        await refuse_unknown(self.writer, self.table, [row], changed)
        await self.writer.flush()
        return row

    async def restore(self, row: M) -> M:
        """Show a hidden row again. Raises Conflict where it refers to what is hidden or gone."""
        try:
            await refuse_unknown(self.writer, self.table, [row])
        except Invalid as error:
            raise Conflict("This refers to something that was deleted; restore that first.") from error
        return await self.change(row, {"deleted_at": None})

    async def shown(self, rows: Sequence[M]) -> Sequence[Any]:
        """`rows` as reads show them; a Read schema with more than the table's columns needs another look."""
        return rows

    async def remove(self, row: M) -> None:
        """Hide the row if it can be hidden, else delete it. Raises InUse while a visible row holds on to it."""
        await refuse_in_use(self.writer, self.table, row)
        hideable: SQLModel = row
        if isinstance(hideable, SoftDelete):
            hideable.deleted_at = now()
        else:
            await self.writer.delete(row)
        await self.writer.flush()


def etag_of(item: Any) -> str | None:
    """The version of `item`, followed by those of the items that it shows parts of: a change of theirs changes it."""
    version = getattr(item, "version", None)
    shown = getattr(item, "shown_versions", ())
    return None if version is None else ".".join(str(number) for number in (version, *shown))


def matches(condition: str, version: int) -> bool:
    """Whether an `If-Match` list names `version`; a weak tag never does (RFC 9110, 13.1.1)."""
    tags = [tag.strip() for tag in condition.split(",")]
    return "*" in tags or str(version) in [tag.strip('"').partition(".")[0] for tag in tags if tag.startswith('"')]


def names(condition: str, etag: str) -> bool:
    """Whether an `If-None-Match` list names `etag`, weakly or not (RFC 9110, 13.1.2)."""
    tags = [tag.strip().removeprefix("W/") for tag in condition.split(",")]
    return "*" in tags or f'"{etag}"' in tags
