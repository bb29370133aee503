"""Queries over the change entries of one item."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, bindparam, func, select, true
from sqlmodel import SQLModel

from app.core.db.entity import table_of
from app.core.db.pagination import PageQuery, RowPage
from app.core.db.session import AnyRow, AnySelect, ReadSession, Session
from app.modules.audit.items.schemas import Point
from app.modules.audit.models import AuditChange
from app.modules.audit.repository import ChangeRepository, Item, last_place, place_of, tell_archives


class HistoryRepository(ChangeRepository):
    """The histories of items."""

    async def page_of(self, item: Item, query: PageQuery) -> RowPage:
        """One page of the entries of an item."""
        await tell_archives(self.session, [self.log], None, None)
        statement = self.build_once("of one item", self.select_of_item)
        values = {"entity": item.entity, "entity_id": str(item.entity_id)}
        return await self.fetch_page(statement, query, f"history/{item.entity}/{item.entity_id}", values)

    def select_of_item(self) -> AnySelect:
        """A select of the entries of one item."""
        columns = self.table.c
        return self.select().where(columns.entity == bindparam("entity"), columns.entity_id == bindparam("entity_id"))

    async def is_visible(self, item: Item) -> bool:
        """Whether the item exists and is not hidden."""
        table = SQLModel.metadata.tables[item.entity]
        statement: AnySelect = select(table.c.id).where(table.c.id == item.entity_id, table.c.deleted_at.is_(None))
        return await self.session.first(statement) is not None


class ItemRepository:
    """The change entries of one item, in the order of their ids.

    That is the order of its versions: only who has seen a version can write the next one, and its entry gets its id
    after that. Of two items, and of two clocks, ids and times say no such thing.
    """

    def __init__(self, session: ReadSession | Session, item: Item) -> None:
        self.session = session
        self.columns = columns = table_of(AuditChange).c
        self.is_of_item = and_(columns.entity == item.entity, columns.entity_id == str(item.entity_id))

    async def last(self, point: Point | None) -> AnyRow | None:
        """The id and the action of the last entry up to `point`, or of all."""
        found = select(self.columns.id, self.columns.action).where(self.is_of_item)
        if point is not None:
            found = found.where(self.is_reached(point))
        return await self.session.first(found.order_by(self.columns.id.desc()).limit(1))

    def is_reached(self, point: Point) -> ColumnElement[bool]:
        """True for entries that were written up to an instant, or have at most this place in the sealed log."""
        if isinstance(point, datetime):
            return self.columns.at <= point
        return place_of(self.columns.id, ChangeRepository.log) <= point

    async def sealed_size(self) -> int:
        """How many entries of the change log have their place."""
        return int(await self.session.value(select(last_place(ChangeRepository.log))))

    async def newest_by_field(self, last: int) -> dict[str, int]:
        """The id of the newest entry in which each field changed, among those up to the id `last`."""
        functions: Any = func
        if self.session.is_sqlite:
            fields = functions.json_each(self.columns.changes).table_valued("key")
        else:
            fields = functions.jsonb_object_keys(self.columns.changes).table_valued("key").render_derived()
        newest = select(fields.c.key, func.max(self.columns.id)).select_from(table_of(AuditChange)).join(fields, true())
        found = await self.session.all(newest.where(self.is_of_item, self.columns.id <= last).group_by(fields.c.key))
        return dict(found)

    async def get_all(self, ids: set[int]) -> Sequence[AnyRow]:
        """Entries by their ids."""
        return await self.session.all(select_values().where(self.columns.id.in_(ids)))


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
    return select(columns.id, columns.call_id, columns.action, columns.entity, columns.entity_id, columns.changes)
