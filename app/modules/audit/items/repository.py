"""Queries over the change entries of one item."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple, cast
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Table,
    TableValuedAlias,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy import cast as cast_to
from sqlmodel import SQLModel

from app.core.db.audited import audited_models
from app.core.db.entity import Entity, table_of
from app.core.db.keyset import Limit, Range
from app.core.db.link_indexes import changed_id
from app.core.db.page_selects import Finder
from app.core.db.pagination import PageQuery, RowPage
from app.core.db.row_access import RowAccess, row_access
from app.core.db.session import AnyRow, AnySelect, ReadSession, Session
from app.core.db.targets import target_of
from app.modules.audit.items.schemas import Point
from app.modules.audit.models import AuditChange
from app.modules.audit.repository import ChangeRepository, last_place, place_of, readable_rows, tell_archives
from app.modules.audit.schemas import Item


class Side(NamedTuple):
    """One of the two rows that each row of a table links: the foreign key to it, and that to the other one."""

    table: str
    key: str
    other: str


@cache
def links_of(entity: str) -> tuple[Side, ...]:
    """The tables that link rows of `entity` to others, by the side that `entity` is on."""
    table = SQLModel.metadata.tables[entity]
    models = [model for model in audited_models().values() if model.links_to is not None]
    pairs = [(table_of(model), str(model.part_of), str(model.links_to)) for model in models]
    sides = [(links, *keys) for links, *both in pairs for keys in (both, reversed(both))]
    return tuple(Side(links.name, key, other) for links, key, other in sides if target_of(links.c[key]) is table)


def links_readable(links: Table, other: str, access: RowAccess) -> Sequence[ColumnElement[bool]]:
    """What holds for entries of `links` whose foreign key `other` names a row that the caller may read, or any."""
    target = target_of(links.c[other])
    conditions = access.conditions(target)
    if not conditions:
        return ()
    named = cast_to(func.replace(changed_id(other), "-", ""), target.c.id.type)
    return [named.in_(select(target.c.id).where(*conditions))]


def is_of_item(log: Table) -> ColumnElement[bool]:
    """True for the entries of the item `entity_id` of the table `entity`."""
    return and_(log.c.entity == bindparam("entity"), log.c.entity_id == bindparam("entity_id"))


@dataclass(frozen=True, slots=True)
class OfItem(Finder):
    """The entries of one item, and those of rows that link it to another one. Each is read from its index."""

    log: Table
    links: tuple[Side, ...]
    access: RowAccess

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        """True for the entries of the item, and for those of each table that links it, whose index the text names."""
        yield is_of_item(self.log)
        for table, key, other in self.links:
            readable = links_readable(SQLModel.metadata.tables[table], other, self.access)
            is_link = self.log.c.entity == literal_column(f"'{table}'")
            yield and_(is_link, changed_id(key) == bindparam("entity_id"), *readable)

    def parts(self, each: Range, rows: AnySelect, wanted: Limit) -> list[AnySelect]:
        return [rows.where(each.condition, condition) for condition in self.conditions()]

    def matches(self, ids: AnySelect) -> AnySelect:
        return ids.where(or_(*self.conditions()))


class HistoryRepository(ChangeRepository):
    """The histories of items."""

    def __init__(self, session: ReadSession | Session) -> None:
        super().__init__(session)
        self.finder: OfItem | None = None

    def finder_of(self, query: PageQuery) -> Finder | None:
        return self.finder

    async def page_of(self, item: Item, query: PageQuery) -> RowPage:
        """One page of the entries of an item, and of what links it to others."""
        links = links_of(item.entity)
        self.finder = OfItem(self.table, links, readable_rows(self.session)) if links else None
        statement = (
            self.build_once("all", self.select) if links else self.build_once("of one item", self.select_of_item)
        )
        values = {"entity": item.entity, "entity_id": str(item.entity_id)}
        page = await self.fetch_page(statement, query, f"history/{item.entity}/{item.entity_id}", values)
        await tell_archives(self.session, [self.log], None, None)
        return page

    def select_of_item(self) -> AnySelect:
        """A select of the entries of one item."""
        return self.select().where(is_of_item(self.table))

    async def is_visible(self, item: Item, *, or_hidden: bool) -> bool:
        """Whether the item exists, the caller may read it, and it is not hidden unless that is no matter."""
        table, access = SQLModel.metadata.tables[item.entity], row_access(self.session.context)
        is_shown = and_(table.c.deleted_at.is_(None), *access.conditions(table))
        is_hidden = and_(table.c.deleted_at.is_not(None), *access.conditions(table, deleted=True))
        found: AnySelect = select(table.c.id).where(or_(is_shown, is_hidden) if or_hidden else is_shown)
        return await self.session.first(found.where(table.c.id == item.entity_id)) is not None


class ItemRepository:
    """The change entries of one item, in the order of their ids.

    That is the order of its versions: only who has seen a version can write the next one, and its entry gets its id
    after that. Of two items, and of two clocks, ids and times say no such thing.
    """

    log = ChangeRepository.log

    def __init__(self, session: ReadSession | Session, item: Item) -> None:
        self.session = session
        self.columns = columns = table_of(AuditChange).c
        self.is_of_item = and_(columns.entity == item.entity, columns.entity_id == str(item.entity_id))

    async def last(self, point: Point | None) -> AnyRow | None:
        """The id, the action and the call of the last entry up to `point`, or of all."""
        found = select(self.columns.id, self.columns.action, self.columns.call_id).where(self.is_of_item)
        if point is not None:
            found = found.where(is_reached(point))
        return await self.session.first(found.order_by(self.columns.id.desc()).limit(1))

    async def has_creation(self) -> bool:
        """Whether the creation of the item is there."""
        created: AnySelect = select(self.columns.id).where(self.is_of_item, self.columns.action == "create").limit(1)
        return await self.session.first(created) is not None

    async def sealed_size(self) -> int:
        """How many entries of the change log have their place."""
        return int(await self.session.value(select(last_place(self.log))))

    async def newest_by_field(self, last: int) -> dict[str, int]:
        """The id of the newest entry in which each field changed, among those up to the id `last`."""
        fields = changed_fields(self.session)
        newest = select(fields.c.key, func.max(self.columns.id)).select_from(table_of(AuditChange)).join(fields, true())
        found = await self.session.all(newest.where(self.is_of_item, self.columns.id <= last).group_by(fields.c.key))
        return dict(found)

    async def get_all(self, ids: set[int]) -> Sequence[AnyRow]:
        """Entries by their ids."""
        return await self.session.all(select_values().where(self.columns.id.in_(ids)))


class SetRepository:
    """The entries of the links of one item, and of what they link it to."""

    def __init__(self, session: ReadSession | Session, item: Item) -> None:
        self.session = session
        self.item = item
        self.columns = table_of(AuditChange).c

    async def members(self, links: type[Entity], point: Point | None, call: UUID | None) -> list[str]:
        """The ids of the members that the caller may read, up to `point`, hidden ones too; with what `call` has linked.

        A call writes the version of an item and its links, in entries of their own.
        """
        owner, member = str(links.part_of), str(links.links_to)
        table: ColumnElement[str] = literal_column(f"'{links.__tablename__}'")
        found = select(func.max(changed_id(member))).where(
            self.columns.entity == table, changed_id(owner) == str(self.item.entity_id)
        )
        found = found.where(*links_readable(table_of(links), member, readable_rows(self.session)))
        if point is not None:
            of_call = () if call is None else (self.columns.call_id == call,)  # what another program writes has none
            found = found.where(or_(is_reached(point), *of_call))
        is_removed = func.max(case((self.columns.action == "delete", 1), else_=0))
        kept = found.group_by(self.columns.entity_id).having(is_removed == 0)
        return [member for (member,) in await self.session.all(kept)]

    async def newest_of_field(self, table: Table, ids: Collection[str], field: str, point: Point | None) -> set[int]:
        """The id of the newest entry of each of some rows up to `point` in which a field changed."""
        fields = changed_fields(self.session)
        newest = select(func.max(self.columns.id)).select_from(table_of(AuditChange)).join(fields, true())
        found = newest.where(self.columns.entity == table.name, self.columns.entity_id.in_(ids), fields.c.key == field)
        if point is not None:
            found = found.where(is_reached(point))
        return {number for (number,) in await self.session.all(found.group_by(self.columns.entity_id))}


class CauseRepository:
    """The entries of rows that belong to an item."""

    def __init__(self, session: ReadSession | Session) -> None:
        self.session = session
        self.columns = table_of(AuditChange).c

    async def of_calls(self, calls: Collection[UUID], entities: Collection[str]) -> Sequence[AnyRow]:
        """What calls changed in these tables."""
        columns = self.columns
        entries = select_values().where(columns.call_id.in_(calls), columns.entity.in_(entities))
        return await self.session.all(entries.order_by(columns.id))

    async def creations(self, entities: Collection[str], ids: Collection[str]) -> Sequence[AnyRow]:
        """The creations of rows of these tables, which have all values."""
        columns = self.columns
        entries = select_values().where(columns.entity.in_(entities), columns.entity_id.in_(ids))
        return await self.session.all(entries.where(columns.action == "create").order_by(columns.id))


def select_values() -> AnySelect:
    """A select of change entries, as far as they tell the values of fields."""
    columns = table_of(AuditChange).c
    names = ("id", "stored_at", "call_id", "action", "entity", "entity_id", "changes")
    return select(*(columns[name] for name in names))


def is_reached(point: Point) -> ColumnElement[bool]:
    """True for entries that were written up to an instant, or have at most this place in the sealed log."""
    columns = table_of(AuditChange).c
    if isinstance(point, datetime):
        return columns.at <= point
    return place_of(columns.id, ChangeRepository.log) <= point


def changed_fields(session: ReadSession | Session) -> TableValuedAlias:
    """The names of the fields that an entry changes, as the column `key`."""
    functions: Any = func
    columns = table_of(AuditChange).c
    if session.is_sqlite:
        return cast("TableValuedAlias", functions.json_each(columns.changes).table_valued("key"))
    return cast("TableValuedAlias", functions.jsonb_object_keys(columns.changes).table_valued("key").render_derived())
