"""The queries of every table. Reads select the columns of the Read schema; entities are loaded to be changed."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import ColumnElement, FromClause, Table, bindparam, select
from sqlalchemy.util import LRUCache
from sqlmodel import SQLModel

from app.core.clock import now
from app.core.db.asked_columns import check_asked
from app.core.db.cursor import read_cursor, write_cursor
from app.core.db.entity import Entity, SoftDelete, choose_visible, table_of
from app.core.db.field_access import FieldAccess
from app.core.db.field_rules import rules_of
from app.core.db.filters import filter_rows, given_filters, kinds_of, parameter_values, wanted_options
from app.core.db.flushes import write_changes
from app.core.db.keyset import encode_value
from app.core.db.links import LinkSet
from app.core.db.named import NamedReferences, named_references
from app.core.db.page_selects import Finder, Form, Search, decode_position, page_values, select_count, select_page
from app.core.db.pagination import MAX_COUNTED, EntityQuery, PageQuery, RowPage
from app.core.db.references import check_foreign_keys, check_not_in_use, check_references, refers_to_deleted
from app.core.db.row_access import check_acts, may_read, row_access
from app.core.db.session import AnyRow, AnySelect, ReadSession, Session, Values, limit_list
from app.core.db.uniqueness import SeenKeys, check_unique
from app.core.db.unit_of_work.change import changed_names
from app.core.db.versions import add_etag, unmet_condition
from app.core.errors import Invalid, NotDeleted, NotFound

M = TypeVar("M", bound=Entity)

SELECTS = 500
"""Selects that a process keeps. Clients choose filters and orders, so that a list alone can have thousands."""
prebuilt: LRUCache[object, AnySelect] = LRUCache(SELECTS)


def keep_nothing(_row: AnyRow) -> Sequence[str]:
    """The cursor of most lists holds the position alone."""
    return ()


class ReadRepository:
    """Reads rows of `model`. `read` is the schema of a response: its fields are the columns that a read selects."""

    model: type[SQLModel]
    read: type[BaseModel]
    beside: Sequence[Table] = ()
    """Tables with further columns of the same rows, which the select joins: by them lists are filtered too."""

    def __init__(self, session: Session | ReadSession) -> None:
        self.session = session
        self.table = table_of(self.model)
        self.fields = FieldAccess(rules_of(self.table), session.context)
        """What the caller may do with fields. What a read selects depends on it."""

    def build_once(self, name: object, build: Callable[[], AnySelect]) -> AnySelect:
        """What `build` returns: a select that is the same for all callers with this access, built once and kept."""
        key = (type(self), row_access(self.session.context), self.fields.mask, name)
        statement = prebuilt.get(key)
        if statement is None:
            statement = prebuilt[key] = build()
        return statement

    def columns(self) -> list[ColumnElement[Any]]:
        return [self.table.c[name] for name in self.read.model_fields]

    def select(self, *, deleted: bool = False) -> AnySelect:
        """A select of `columns`, from the visible rows or from the deleted ones, those that the caller may read."""
        readable = row_access(self.session.context).conditions(self.table, deleted=deleted)
        return choose_visible(self.model, select(*self.columns()), deleted=deleted).where(*readable)

    async def get(self, id: UUID | int) -> Any:
        """One row, by its id. Raises NotFound."""
        return await get_one(self, id, deleted=False)

    def to_reads(self, rows: Sequence[AnyRow]) -> Sequence[Any]:
        """`rows` in the shape of the Read schema. Override it where that schema is not flat."""
        return rows

    async def page(self, query: PageQuery) -> RowPage:
        """One page of rows that match `query`. Raises Invalid for a bad cursor or sort, ListTimedOut."""
        deleted = isinstance(query, EntityQuery) and query.deleted == "only"
        statement = self.build_once(("all", deleted), lambda: self.select(deleted=deleted))
        return await self.fetch_page(self.where(statement, query), query)

    async def fetch_page(
        self,
        statement: AnySelect,
        query: PageQuery,
        resource: str | None = None,
        values: Values | None = None,
        keep: Callable[[AnyRow], Sequence[str]] = keep_nothing,
    ) -> RowPage:
        """One page of `statement`, which is built once and takes `values`, besides those of the filters in `query`.

        Its cursor is bound to `resource`: the table, or the name of a narrower list. `keep` says what else it holds.
        """
        check_asked(self.fields, self.table, query)
        resource = resource or self.table.name
        position = decode_position(statement, query, read_cursor(self.session, query, resource)[0])
        options = wanted_options(self.table, query)
        form = Form.of(query, position, options, is_sqlite=self.session.is_sqlite)
        given = {**(values or {}), **parameter_values(self.table, query)}
        finder = self.finder_of(query)
        split = partial(row_access(self.session.context).split, self.table)
        build = partial(select_page, statement, form, finder, split)
        is_kept = finder is None or finder.is_reusable
        wanted = self.build_once((statement, form, finder), build) if is_kept else build()
        async with limit_list(self.session):
            total, is_exact = await count_rows(self, statement, finder, query, given) if query.total else (None, None)
            rows = await self.session.all(wanted, given | page_values(form, position, query))
        cursor = None
        if len(rows) > query.limit:
            last = rows[query.limit - 1]
            position = [encode_value(last._mapping[name]) for name, _ in form.ordering]
            cursor = write_cursor(self.session, query, resource, [*position, *keep(last)])
        return RowPage(self.to_reads(rows[: query.limit]), cursor, total, is_exact)

    def finder_of(self, query: PageQuery) -> Finder | None:
        """The filter of `query` that reads its matches in a way of its own: the search, if there is one."""
        return Search.of(query, self.table, is_sqlite=self.session.is_sqlite)

    def where(self, statement: AnySelect, query: PageQuery) -> AnySelect:
        """`statement` with the filters of `query`, whose values `fetch_page` gives. Built once for a set of filters."""
        filters = given_filters(query)
        if not filters:
            return statement
        build = partial(filter_rows, self.table, query, statement, row_access(self.session.context), self.beside)
        return self.build_once((statement, kinds_of(filters)), build)

    def not_found(self, id: object) -> NotFound:
        return NotFound(f"There is no {self.table.name.replace('_', ' ')} {id}.")


class EntityReader(ReadRepository):
    """Reads entities, with the names of what they refer to."""

    sets: ClassVar[tuple[LinkSet, ...]] = ()
    """The sets of linked rows that the Read schema shows, each as a field with its name."""

    @property
    def references(self) -> NamedReferences:
        """The references and the sets that a read shows by name."""
        return named_references(self.table, self.read, self.sets, self.fields.mask)

    def column(self, name: str) -> ColumnElement[Any]:
        """The column that a field of the Read schema shows, of the table or of one beside it."""
        return next(table.c[name] for table in (self.table, *self.beside) if name in table.c)

    def columns(self) -> list[ColumnElement[Any]]:
        return self.references.columns(self.column, row_access(self.session.context))

    def source(self) -> FromClause:
        """The table, joined with others that a read shows."""
        return self.references.join(row_access(self.session.context))

    def select(self, *, deleted: bool = False) -> AnySelect:
        return super().select(deleted=deleted).select_from(self.source())

    def to_reads(self, rows: Sequence[AnyRow]) -> Sequence[Any]:
        """`rows` in the shape of the Read schema. Override it where that has more than columns and references."""
        return self.references.show(rows)


class Repository(EntityReader, Generic[M]):
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
        """Load and lock the visible entity, or a deleted one, to change it.

        Raises NotFound, also where the caller may not read it; Forbidden where the permission by which the caller acts
        is not for it; NotDeleted; StaleVersion where `if_match` is another version; VersionMatches where the request
        excludes this one.
        """
        row = await self.writer.load(self.model, id, deleted=deleted)
        if row is None and deleted:
            await self.get(id)
            raise NotDeleted(f"This {self.table.name.replace('_', ' ')} is not deleted.")
        if row is None or not await may_read(self.writer, row, deleted=deleted):
            raise self.not_found(id)
        await check_acts(self.writer, [row])
        unless = self.writer.context.unless_version
        excluded = unless.tags if unless is not None and unless.id == id else None
        problem = unmet_condition(row.version, if_match, excluded)
        if problem is not None:
            raise add_etag(problem, *await self.reload_for_read([row]))
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
        """Insert `rows` in one flush. Raises Invalid for a reference to a hidden or missing row, Forbidden."""
        await check_acts(self.writer, rows, are_new=True)
        await self.fields.check_new(self.writer, rows)
        await check_references(self.writer, self.table, rows)
        self.writer.add_all(rows)
        await self.writer.flush()
        return rows

    async def check_all(self, rows: Sequence[M], seen: SeenKeys, before: Sequence[M] = ()) -> None:
        """Raise what `add_all` would raise, by reading only: Invalid, AlreadyExists. `seen` has the rows before.

        With `before`, the same rows as they are stored, raise what `change` of each would raise. Override it together
        with them where a row has a rule that reads the database.
        """
        if isinstance(self.session, Session):
            raise TypeError(f"{type(self).__name__} has a session that writes")
        await check_acts(self.session, before or rows, are_new=not before)
        if not before:
            await self.fields.check_new(self.session, rows)
            await check_references(self.session, self.table, rows)
        for row, stored in zip(rows, before, strict=False):
            changed = changed_names(stored.__dict__, row.__dict__)
            await self.fields.check_change(self.session, stored, changed, changed)
            await check_references(self.session, self.table, [row], changed)
        await check_foreign_keys(self.session, self.table, rows)
        await check_unique(self.session, self.table, rows, seen, before)

    async def change(self, row: M, values: Mapping[str, Any]) -> M:
        """Update the columns whose values differ. Raises Invalid for a reference to a hidden or missing row."""
        changed = {name for name, value in values.items() if getattr(row, name) != value}
        await self.fields.check_change(self.writer, row, values, changed)
        for name in changed:
            setattr(row, name, values[name])
        await check_references(self.writer, self.table, [row], changed)
        await write_changes(self)
        return row

    async def restore(self, row: M) -> M:
        """Make a hidden row visible again. Raises Conflict for a reference to a hidden or missing row."""
        try:
            await check_references(self.writer, self.table, [row], row.restricted_references)
        except Invalid as error:
            raise refers_to_deleted(error) from error
        return await self.change(row, {"deleted_at": None})

    async def reload_for_read(self, rows: Sequence[M]) -> Sequence[Any]:
        """`rows` as a read returns them. Override it together with `to_reads`."""
        return await self.references.read_all(self.writer, rows)

    async def remove(self, row: M) -> None:
        """Hide the row if it can be hidden, else delete it. Raises InUse while a visible row refers to it."""
        await check_not_in_use(self.writer, self.table, row)
        hideable: SQLModel = row
        if isinstance(hideable, SoftDelete):
            hideable.deleted_at = now()
        else:
            self.writer.remove(row)
        await write_changes(self)


async def get_one(rows: ReadRepository, id: UUID | int, *, deleted: bool) -> Any:
    """One visible row, or a deleted one, by its id. Raises NotFound."""
    statement = rows.build_once(
        ("one", deleted), lambda: rows.select(deleted=deleted).where(rows.table.c.id == bindparam("id"))
    )
    row = await rows.session.first(statement, {"id": id})
    if row is None:
        raise rows.not_found(id)
    return rows.to_reads([row])[0]


async def count_rows(
    rows: ReadRepository, statement: AnySelect, finder: Finder | None, query: PageQuery, values: Values
) -> tuple[int, bool]:
    """The number of rows of `statement` that match, as far as `query` asks for it, and whether those are all."""
    most = None if query.total == "exact" else MAX_COUNTED
    build = partial(select_count, statement, most, finder)
    counting = build() if finder is not None else rows.build_once((statement, "count", most), build)
    counted: int = await rows.session.value(counting, values)
    return (counted, True) if most is None or counted <= most else (most, False)
