"""Finds the items that the rows of a file are about: by their ids, or by unique values."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import bindparam, select

from app.core.db.entity import Entity, table_of
from app.core.db.field_rules import NOTHING
from app.core.db.repository import Repository
from app.core.db.session import AnySelect, Session
from app.core.db.uniqueness import SeenKeys, UniqueKey, unique_keys
from app.core.db.uniqueness import Values as KeyValues
from app.core.db.unit_of_work.change import columns_of_model
from app.core.resources.imports.file_format import Identity, Values


@dataclass(frozen=True)
class GivenRow:
    """A row of a file that may be about an item."""

    identity: Identity
    values: Values
    """Everything that the row gives."""
    keys: Values
    """Those among them that may be unique, typed."""


@dataclass(frozen=True)
class Item:
    """A stored item."""

    row: Entity
    document: dict[str, Any]
    """The item as an export shows it."""
    masked: frozenset[str] = NOTHING
    """The columns that the caller may not read of it."""


class Matching:
    """Finds items in a table. What it finds in a session that writes is locked.

    Where the file is only checked, `seen` has what its earlier rows will have written by then.
    """

    def __init__(self, rows: Repository[Any], reading: TypeAdapter[Any], seen: SeenKeys | None = None) -> None:
        self.rows = rows
        self.reading = reading
        self.seen = seen
        self.table = table_of(rows.model)
        self.keys = unique_keys(self.table)

    async def find(self, given: Sequence[GivenRow]) -> list[Item | None]:
        """The item of each row; None where there is none. Raises Forbidden for a key that the caller may not read.

        Where the caller may not read the key of an item, a row does not find that item by it.
        """
        fields = self.rows.fields
        fields.check_masked(fields.mask.everywhere, {name for row in given for name in row.keys})
        ids = await self.ids_of(given)
        wanted = sorted({found for found in ids if found is not None})
        if not wanted:
            return [None] * len(given)
        stored = await self.load(wanted)
        shown = {item.id: self.document(item) for item in await self.read(wanted)}
        items = {row.id: await self.item(row, shown[row.id]) for row in stored if row.id in shown}
        found = [items.get(each) if each is not None else None for each in ids]
        return [
            item if item is not None and item.masked.isdisjoint(row.keys) else None
            for item, row in zip(found, given, strict=True)
        ]

    async def item(self, row: Entity, document: dict[str, Any]) -> Item:
        """An item, with what the caller may not read of it."""
        return Item(row, document, await self.rows.fields.masked_in(self.rows.session, row))

    def document(self, item: Any) -> dict[str, Any]:
        """The JSON document of an item."""
        document: dict[str, Any] = self.reading.dump_python(
            self.reading.validate_python(item, from_attributes=True), mode="json"
        )
        return document

    async def ids_of(self, given: Sequence[GivenRow]) -> list[UUID | None]:
        """The id that each row names, or that of the visible row with the same unique values."""
        ids = [row.identity.id for row in given]
        for key in self.keys:
            places = {
                place: values
                for place, row in enumerate(given)
                if ids[place] is None and (values := self.values_of(key, row)) is not None
            }
            found = await self.find_by(key, list(places.values())) if places else {}
            for place, values in places.items():
                ids[place] = found.get(values)
        return ids

    def values_of(self, key: UniqueKey, given: GivenRow) -> KeyValues | None:
        """The values that a row gives for `key`; None where it lacks one."""
        return key.of(self.rows.model(**given.keys))

    async def find_by(self, key: UniqueKey, values: Sequence[KeyValues]) -> dict[KeyValues, UUID]:
        """The ids of rows by their values of `key`."""
        statement: AnySelect = key.select(self.table, values).add_columns(self.table.c.id)
        found = {tuple(row[:-1]): row[-1] for row in await self.rows.session.all(statement)}
        if self.seen is not None:
            found = {each: item for each, item in found.items() if not self.seen.has_freed(key, each)}
        return found

    def finds_earlier(self, given: Sequence[GivenRow]) -> bool:
        """Whether one of the rows has the unique values of an item that an earlier row will have written."""
        named = ((key, self.values_of(key, row)) for row in given if row.identity.id is None for key in self.keys)
        return self.seen is not None and any(
            values is not None and self.seen.has_taken(key, values) for key, values in named
        )

    async def read(self, ids: Sequence[UUID]) -> list[Any]:
        """The visible rows with these ids, as a read returns them."""
        some: Any = bindparam("some", type_=self.table.c.id.type, expanding=True)
        choose = self.rows.build_once("some", lambda: self.rows.select().where(self.table.c.id.in_(some)))
        return list(self.rows.to_reads(await self.rows.session.all(choose, {"some": ids})))

    async def load(self, ids: Sequence[UUID]) -> list[Entity]:
        """The rows with these ids, hidden ones too, as entities."""
        model: type[Entity] = self.rows.model
        if isinstance(self.rows.session, Session):
            await self.rows.lock_all(ids)
            known = (self.rows.session.loaded.get((model, key)) for key in ids)
            return [cast("Entity", entry[0]) for entry in known if entry is not None]
        statement: AnySelect = select(*columns_of_model(model)).where(self.table.c.id.in_(ids))
        return [entity_of(model, dict(row._mapping)) for row in await self.rows.session.all(statement)]


def entity_of(model: type[Entity], values: dict[str, Any]) -> Entity:
    """The entity of a row that was read without being locked. It is not written."""
    row: Entity = model.__new__(model)
    row.__dict__.update(values)
    return row
