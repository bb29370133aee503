"""The queries of every table. Reads select the columns of the Read schema; entities are loaded to be changed."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import ColumnElement, bindparam, func, select
from sqlmodel import SQLModel

from app.core.clock import now
from app.core.db.cursor import decrypt_cursor, encrypt_cursor
from app.core.db.entity import Entity, SoftDelete, table_of
from app.core.db.full_text import matches_search, matching_ids, search_parts
from app.core.db.keyset import LIMIT, Range, encode_value, first_page, first_rows, ranges_of
from app.core.db.pagination import MAX_COUNTED, EntityQuery, PageQuery, RowPage
from app.core.db.references import check_foreign_keys, check_not_in_use, check_references
from app.core.db.session import AnyRow, AnySelect, ReadSession, Session
from app.core.db.uniqueness import SeenKeys, check_unique
from app.core.db.versions import allows_version
from app.core.errors import Conflict, Invalid, NotFound, StaleVersion

M = TypeVar("M", bound=Entity)

COMPARE = {"lt": "__lt__", "lte": "__le__", "gt": "__gt__", "gte": "__ge__"}


class ReadRepository:
    """Reads rows of `model`. `read` is the schema of a response: its fields are the columns that a read selects."""

    model: type[SQLModel]
    read: type[BaseModel]
    prebuilt: ClassVar[dict[object, AnySelect]]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.prebuilt = {}

    def __init__(self, session: Session | ReadSession) -> None:
        self.session = session
        self.table = table_of(self.model)

    def build_once(self, name: object, build: Callable[[], AnySelect]) -> AnySelect:
        """What `build` returns: a select that is the same for every instance, built once for the class."""
        if name not in self.prebuilt:
            self.prebuilt[name] = build()
        return self.prebuilt[name]

    def columns(self) -> list[ColumnElement[Any]]:
        return [self.table.c[name] for name in self.read.model_fields]

    def select(self, *, deleted: bool = False) -> AnySelect:
        """A select of `columns`, from the visible rows or from the deleted ones. It depends on the class only."""
        statement = select(*self.columns())
        if not issubclass(self.model, SoftDelete):
            return statement
        hidden = self.table.c.deleted_at
        return statement.where(hidden.is_not(None) if deleted else hidden.is_(None))

    async def get(self, id: UUID | int) -> Any:
        """One row, by its id. Raises NotFound."""
        statement = self.build_once("one", lambda: self.select().where(self.table.c.id == bindparam("id")))
        row = await self.session.first(statement, {"id": id})
        if row is None:
            raise self.not_found(id)
        return self.to_read(row)

    def to_read(self, row: AnyRow) -> Any:
        """`row` in the shape of the Read schema. Override it where that schema is not flat."""
        return row

    async def page(self, query: PageQuery) -> RowPage:
        """One page of rows that match `query`. Raises Invalid for a bad cursor or sort."""
        deleted = isinstance(query, EntityQuery) and query.deleted == "only"
        statement = self.build_once(("all", deleted), lambda: self.select(deleted=deleted))
        return await self.fetch_page(self.where(statement, query), query)

    async def fetch_page(self, statement: AnySelect, query: PageQuery, resource: str | None = None) -> RowPage:
        """One page of `statement`. Its cursor is bound to `resource`: the table, or the name of a narrower list."""
        ordering = tuple((self.table.c[name], descending) for name, descending in query.sort_fields())
        match = search_condition(self, query)
        total, total_is_exact = await self.count(statement, match, query) if query.total else (None, None)
        scope, key = query.cursor_scope(resource or self.table.name), self.session.keys.cursor
        position = decrypt_cursor(key, scope, query.cursor) if query.cursor else None
        if position is None and match is None and not query.offset and statement in self.prebuilt.values():
            rows = await self.session.all(first_page(statement, ordering), {LIMIT: query.limit + 1})
        else:
            parts = [(each, statement.where(each.condition)) for each in ranges_of(ordering, position)]
            if match is not None:
                parts = search(parts, match, query, is_sqlite=self.session.is_sqlite)
            rows = await self.session.all(first_rows(parts, ordering, query.limit + 1, query.offset))
        cursor = None
        if len(rows) > query.limit:
            last = rows[query.limit - 1]._mapping
            cursor = encrypt_cursor(key, scope, [encode_value(last[column.name]) for column, _ in ordering])
            self.session.context.next_cursor = cursor
        return RowPage([self.to_read(row) for row in rows[: query.limit]], cursor, total, total_is_exact)

    async def count(
        self, statement: AnySelect, match: ColumnElement[bool] | None, query: PageQuery
    ) -> tuple[int, bool]:
        """The number of rows of `statement` that match, as far as `query` asks for it, and whether those are all."""
        ids = statement.with_only_columns(self.table.c.id, maintain_column_froms=True)
        if match is not None:
            ids = ids.where(match) if self.session.is_sqlite else select(matching_ids(ids, match))
        if query.total != "exact":
            ids = ids.limit(MAX_COUNTED + 1)
        counted: int = await self.session.value(select(func.count()).select_from(ids.subquery()))
        if query.total != "exact" and counted > MAX_COUNTED:
            return MAX_COUNTED, False
        return counted, True

    def where(self, statement: AnySelect, query: PageQuery) -> AnySelect:
        """Apply the filters: `x` equals or is any of, `x_lt`/`x_lte`/`x_gt`/`x_gte` compare."""
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
        return statement

    def not_found(self, id: object) -> NotFound:
        return NotFound(f"There is no {self.table.name.replace('_', ' ')} {id}.")


def search_condition(rows: ReadRepository, query: PageQuery) -> ColumnElement[bool] | None:
    """What `q` asks for; None without it."""
    if not isinstance(query, EntityQuery) or not query.q:
        return None
    return matches_search(rows.table, query.q, is_sqlite=rows.session.is_sqlite)


def search(
    parts: Sequence[tuple[Range, AnySelect]], match: ColumnElement[bool], query: PageQuery, *, is_sqlite: bool
) -> list[tuple[Range, AnySelect]]:
    """Selects of the rows that match, from those of each range."""
    if is_sqlite:
        return [(each, rows.where(match)) for each, rows in parts]
    wanted = query.limit + 1 + query.offset
    return [(each, part) for each, rows in parts for part in search_parts(each, rows, match, wanted)]


class Repository(ReadRepository, Generic[M]):
    """Loads entities, and adds, changes and removes them."""

    model: type[M]
    is_batch = False
    """Whether `change` and `remove` leave it to the end of `one_flush` to write."""

    @property
    def writer(self) -> Session:
        """The session, if it may write. Raises TypeError where the service was built from a read session."""
        if not isinstance(self.session, Session):
            raise TypeError(f"{type(self).__name__} has a session that only reads")
        return self.session

    async def load(self, id: UUID, if_match: str | None = None, *, deleted: bool = False) -> M:
        """Load and lock the entity, to change it. Raises NotFound; StaleVersion where `if_match` is another version."""
        row = await self.writer.load(self.model, id, deleted=deleted)
        if row is None:
            raise self.not_found(id)
        if if_match is not None and not allows_version(if_match, row.version):
            raise StaleVersion(f"This is at version {row.version} now; read it again before changing it.")
        return row

    async def lock_all(self, ids: Sequence[UUID]) -> None:
        """Load and lock rows in the order of their ids, whatever the order in which they are changed."""
        chosen = select(self.model).where(self.table.c.id.in_(ids)).order_by(self.table.c.id)
        options = {"include_deleted": True}
        rows = await self.writer.execute(chosen.with_for_update(key_share=True), execution_options=options)
        self.writer.locked.update((self.model, row.id) for row in rows.scalars())

    async def add(self, row: M) -> M:
        """Insert `row`. Raises Invalid for a reference to a hidden or missing row."""
        await self.add_all([row])
        return row

    async def add_all(self, rows: Sequence[M]) -> Sequence[M]:
        """Insert `rows` in one flush. Raises Invalid for a reference to a hidden or missing row."""
        await check_references(self.writer, self.table, rows)
        self.writer.add_all(rows)
        await self.writer.flush()
        return rows

    async def check_all(self, rows: Sequence[M], seen: SeenKeys) -> None:
        """Raise what `add_all` would raise, by reading only: Invalid, AlreadyExists. `seen` has the rows before.

        Override both where a row has a rule that reads the database.
        """
        if isinstance(self.session, Session):
            raise TypeError(f"{type(self).__name__} has a session that writes")
        await check_references(self.session, self.table, rows)
        await check_foreign_keys(self.session, self.table, rows)
        await check_unique(self.session, self.table, rows, seen)

    async def change(self, row: M, values: Mapping[str, Any]) -> M:
        """Update the columns whose values differ. Raises Invalid for a reference to a hidden or missing row."""
        changed = {name for name, value in values.items() if getattr(row, name) != value}
        for name in changed:
            setattr(row, name, values[name])
        await check_references(self.writer, self.table, [row], changed)
        await write_changes(self)
        return row

    async def restore(self, row: M) -> M:
        """Make a hidden row visible again. Raises Conflict for a reference to a hidden or missing row."""
        try:
            await check_references(self.writer, self.table, [row])
        except Invalid as error:
            raise Conflict("This refers to something that was deleted; restore that first.") from error
        return await self.change(row, {"deleted_at": None})

    async def reload_for_read(self, rows: Sequence[M]) -> Sequence[Any]:
        """`rows` as a read returns them. Override it where the Read schema has more than the columns of the table."""
        return rows

    async def remove(self, row: M) -> None:
        """Hide the row if it can be hidden, else delete it. Raises InUse while a visible row refers to it."""
        await check_not_in_use(self.writer, self.table, row)
        hideable: SQLModel = row
        if isinstance(hideable, SoftDelete):
            hideable.deleted_at = now()
        else:
            self.writer.remove(row)
        await write_changes(self)


async def write_changes(rows: Repository[Any]) -> None:
    """Write what was changed, unless a batch does it later."""
    if not rows.is_batch:
        await rows.writer.flush()


@asynccontextmanager
async def one_flush(rows: Repository[Any]) -> AsyncIterator[None]:
    """Write what `rows` changes in the block at its end, with as many statements as for one row."""
    rows.is_batch = True
    try:
        yield
    finally:
        rows.is_batch = False
    await write_changes(rows)
