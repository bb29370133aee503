"""Imports that change items: each row is compared with the item that it is about, and only differences are written."""

import asyncio
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, closing
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from app.core.db.entity import Entity, table_of
from app.core.db.flushes import one_flush
from app.core.db.session import ReadSession, Session
from app.core.db.uniqueness import SeenKeys, unique_keys
from app.core.errors import Conflict
from app.core.resources.imports.comparing import Change, Comparison, Plan
from app.core.resources.imports.file_format import FileFormat, Values, identity_of, typed_part
from app.core.resources.imports.matching import GivenRow, Matching
from app.core.resources.imports.report import Effect
from app.core.resources.imports.rows import Row
from app.core.resources.imports.sets import ImportedSets
from app.core.resources.members import without_sets
from app.core.resources.schemas import Schema
from app.core.resources.service import Service


class RepeatedItem(Conflict):
    """An earlier row of the file is about the same item."""

    code = "repeated-item"
    remedy = "Keep one row for each item."


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
        self.reading: TypeAdapter[Any] = TypeAdapter(form.schemas.read)
        keys = unique_keys(table_of(service.repository.model))
        self.key_names = frozenset[str]().union(*(key.sources for key in keys))
        self.comparison = Comparison(form, sets, self.key_names, may_create=may_create, needs_version=needs_version)
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
        plans = await self.plan(service, rows, seen)
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
            with session.context.act_by("create"):
                await service.rows.check_all([service.build(data) for data in created], seen)
        effects = [self.comparison.effect_of(plan) for plan in plans]
        self.remember(effects)
        return effects

    async def write(self, rows: Sequence[Row], session: Session) -> Sequence[Effect]:
        service = self.service(session)
        plans = await self.plan(service, rows)
        created = [plan for plan in plans if isinstance(plan, Schema)]
        with session.context.act_by("create"):
            items = iter(await service.create_many(created) if created else [])
        async with one_flush(service.rows):
            for plan in plans:
                if isinstance(plan, Change) and plan.patch is not None:
                    await service.change(plan.item.row.id, plan.patch)
        effect_of = self.comparison.effect_of
        return [Effect("created", next(items).id) if isinstance(plan, Schema) else effect_of(plan) for plan in plans]

    def remember(self, effects: Sequence[Effect]) -> None:
        self.seen.add([effect.id for effect in effects if effect.id is not None])

    async def plan(self, service: Service[Any], rows: Sequence[Row], seen: SeenKeys | None = None) -> list[Plan]:
        """What each of `rows` will do. `seen` has the rows before where those are only checked.

        Raises Invalid, NotFound, StaleVersion, PreconditionRequired, RepeatedItem, Forbidden.
        """
        given = [row for _, row in rows]
        matching = Matching(service.rows, self.reading, seen)
        items = await matching.find(given)
        self.refuse_repeated([item.row.id for item in items if item is not None], is_new=matching.finds_earlier(given))
        read = await asyncio.to_thread(self.comparison.read_all, given, items, service.rows.fields)
        requests = await self.sets.with_ids(service.rows.session, read)
        plans, compare = zip(given, items, requests, strict=True), self.comparison.compare
        return [request if item is None else compare(row, item, request) for row, item, request in plans]

    def refuse_repeated(self, ids: list[UUID], *, is_new: bool) -> None:
        """Raise RepeatedItem for an item of an earlier row, which may be a new one."""
        if is_new or len(set(ids)) != len(ids) or self.seen.has_any(ids):
            raise RepeatedItem("An earlier row of the file is about this item too.")


def with_values(row: Entity, values: Values) -> Entity:
    """A copy of `row` with other values."""
    copied: Entity = type(row).__new__(type(row))
    copied.__dict__.update(row.__dict__ | values)
    return copied


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
