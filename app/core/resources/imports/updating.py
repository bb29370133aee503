"""Imports that change items: each row is compared with the item that it is about, and only differences are written."""

import asyncio
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from app.core.db.entity import table_of
from app.core.db.repository import one_flush, with_values
from app.core.db.session import ReadSession, Session
from app.core.db.uniqueness import SeenKeys, unique_keys
from app.core.errors import Conflict, Invalid, NotFound, PreconditionRequired, StaleVersion, invalid
from app.core.field_errors import FieldError
from app.core.resources.imports.file_format import FileFormat, NotValid, Values, identity_of, refuse, typed_part
from app.core.resources.imports.matching import GivenRow, Item, Matching
from app.core.resources.imports.report import Effect
from app.core.resources.imports.rows import Row
from app.core.resources.imports.sets import ImportedSets
from app.core.resources.members import without_sets
from app.core.resources.schemas import Patch, Schema
from app.core.resources.service import Service


class RepeatedItem(Conflict):
    """An earlier row of the file is about the same item."""

    code = "repeated-item"
    remedy = "Keep one row for each item."


@dataclass(frozen=True)
class Change:
    """The differences between a row and its item."""

    item: Item
    patch: Patch | None
    values: dict[str, Any]
    """The new values, by column; empty where nothing differs."""


Plan = Schema | Change
"""What a row will do: create an item, or change one."""


class Updating:
    """Each row changes the item with its `id` or its unique values; where there is none, it creates one if it may."""

    def __init__(
        self,
        service: type[Service[Any]],
        form: FileFormat,
        sets: ImportedSets,
        *,
        may_create: bool,
        needs_version: bool,
    ) -> None:
        self.service = service
        self.form = form
        self.sets = sets
        self.may_create = may_create
        self.needs_version = needs_version
        self.reading: TypeAdapter[Any] = TypeAdapter(form.schemas.read)
        keys = unique_keys(table_of(service.repository.model))
        self.key_names = frozenset[str]().union(*(key.sources for key in keys))
        self.seen: SeenItems

    def begin(self) -> AbstractContextManager[object]:
        self.seen = SeenItems()
        return closing(self.seen)

    def read(self, values: Values) -> GivenRow:
        identity = identity_of(self.form, values)
        keys = typed_part(self.form, values, self.key_names) if identity.id is None else {}
        return GivenRow(identity, values, keys)

    async def check(self, rows: Sequence[Row], session: ReadSession, seen: SeenKeys) -> Sequence[Effect]:
        service = self.service(session)
        plans = await self.plan(service, rows)
        changes = [plan for plan in plans if isinstance(plan, Change) and plan.values]
        if changes:
            stored = [change.item.row for change in changes]
            values = [without_sets(service.rows.sets, change.values) for change in changes]
            changed = [
                with_values(row, service.apply_rules(row, each)) for row, each in zip(stored, values, strict=True)
            ]
            await service.rows.check_all(changed, seen, stored)
        created = [plan for plan in plans if isinstance(plan, Schema)]
        if created:
            await service.rows.check_all([service.build(data) for data in created], seen)
        effects = [self.effect_of(plan) for plan in plans]
        self.remember(effects)
        return effects

    async def write(self, rows: Sequence[Row], session: Session) -> Sequence[Effect]:
        service = self.service(session)
        plans = await self.plan(service, rows)
        created = [plan for plan in plans if isinstance(plan, Schema)]
        items = iter(await service.create_many(created) if created else [])
        async with one_flush(service.rows):
            for plan in plans:
                if isinstance(plan, Change) and plan.patch is not None:
                    await service.change(plan.item.row.id, plan.patch)
        return [
            Effect("created", next(items).id) if isinstance(plan, Schema) else self.effect_of(plan) for plan in plans
        ]

    def remember(self, effects: Sequence[Effect]) -> None:
        self.seen.add([effect.id for effect in effects if effect.id is not None])

    async def plan(self, service: Service[Any], rows: Sequence[Row]) -> list[Plan]:
        """What each of `rows` will do. Raises Invalid, NotFound, StaleVersion, PreconditionRequired, RepeatedItem."""
        given = [row for _, row in rows]
        items = await Matching(service.rows, self.reading).find(given)
        self.refuse_repeated([item.row.id for item in items if item is not None])
        read = await asyncio.to_thread(self.read_all, given, items)
        requests = await self.sets.with_ids(service.rows.session, read)
        plans = zip(given, items, requests, strict=True)
        return [request if item is None else self.compare(row, item, request) for row, item, request in plans]

    def refuse_repeated(self, ids: list[UUID]) -> None:
        if len(set(ids)) != len(ids) or self.seen.has_any(ids):
            raise RepeatedItem("An earlier row of the file is about this item too.")

    def read_all(self, rows: Sequence[GivenRow], items: Sequence[Item | None]) -> list[Schema | Patch]:
        try:
            return [self.read_one(row, item) for row, item in zip(rows, items, strict=True)]
        except NotValid as error:
            errors: list[FieldError] = [{**each, "pointer": f"/body{each['pointer']}"} for each in error.errors]
            raise Invalid("The row is not valid.", errors=errors) from error

    def read_one(self, given: GivenRow, item: Item | None) -> Schema | Patch:
        """A new item, or what a row says otherwise than an export of its item. Raises NotValid, NotFound, Invalid."""
        if item is not None:
            return self.read_differences(given, item)
        if given.identity.id is not None:
            raise NotFound(f"There is no item {given.identity.id}.")
        if self.may_create:
            return self.form.create(given.values)
        if not given.keys:
            names = sorted({"id", *self.key_names})
            raise invalid("/body/id", f"Say which item this is: {' or '.join(names)}.", "missing", one_of=names)
        raise NotFound("There is no item with this unique value.")

    def read_differences(self, given: GivenRow, item: Item) -> Patch:
        """Raises NotValid, StaleVersion."""
        version = given.identity.version
        if version is not None and version != item.row.version:
            detail = f"This is at version {item.row.version} now; export it again before changing it."
            raise StaleVersion(detail, params={"version": item.row.version})
        differing = self.form.differences(given.values, item.document)
        refuse(self.form.read_only(differing), "This cannot be changed here, and the item has another value.")
        return self.form.patch(differing, given.values)

    def compare(self, given: GivenRow, item: Item, patch: Patch) -> Change:
        """The differences. Raises PreconditionRequired."""
        stored = {**item.row.__dict__, **self.sets.of(item.document)}
        values = {name: value for name, value in patch.merge_into(item.row).items() if is_new(stored[name], value)}
        if values and given.identity.version is None and self.needs_version:
            raise PreconditionRequired("Send the version of what you read.")
        return Change(item, part_of(patch, values) if values else None, values)

    def effect_of(self, plan: Plan) -> Effect:
        """What a plan does, with the names of the columns that it changes."""
        if isinstance(plan, Schema):
            return Effect("created")
        columns = sorted(self.sets.columns.get(name, name) for name in plan.values)
        return Effect("updated" if columns else "unchanged", plan.item.row.id, tuple(columns))


def is_new(stored: Any, value: Any) -> bool:
    """Whether a value differs from that which is stored: of a set, whether it has other members."""
    return bool(set(value) != stored if isinstance(stored, frozenset) else value != stored)


def part_of(patch: Patch, names: Iterable[str]) -> Patch:
    """`patch` with those of its fields only."""
    fields: dict[str, Any] = {name: getattr(patch, name) for name in names}
    return type(patch).model_construct(_fields_set=set(fields), **fields)


class SeenItems:
    """The items that a file was about so far, in a temporary database: there can be more than memory has room for."""

    def __init__(self) -> None:
        self.connection = sqlite3.connect("")
        self.connection.execute("CREATE TABLE seen (id BLOB PRIMARY KEY) WITHOUT ROWID")

    def add(self, ids: Iterable[UUID]) -> None:
        with self.connection:
            self.connection.executemany("INSERT OR IGNORE INTO seen VALUES (?)", [(item.bytes,) for item in ids])

    def has_any(self, ids: Sequence[UUID]) -> bool:
        find = "SELECT 1 FROM seen WHERE id = ?"
        return any(self.connection.execute(find, (item.bytes,)).fetchone() is not None for item in ids)

    def close(self) -> None:
        self.connection.close()
