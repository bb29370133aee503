"""Pruning: rows that are too old are removed by one periodic task, in small transactions.

Modules declare what they prune as rules. A run removes one batch of every rule, each in a transaction of its own, and
starts again at once while there is more. Writers of SQLite wait for one batch at most, or for an item with all of its
parts, and what a crash interrupts is continued by the next run. Of several processes one prunes at a time.
"""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import Column, ColumnElement, Table, exists, select
from sqlmodel import SQLModel

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.append_only import Removal, is_never_changed
from app.core.db.engine import Database
from app.core.db.entity import Bookkeeping, Entity, SoftDelete, table_of
from app.core.db.locks import try_lock_until_commit
from app.core.db.session import AnySelect, Session
from app.core.runtime.periodic_task import PeriodicTask

log = structlog.get_logger(__name__)

BATCH = 200
INTERVAL_SECONDS = 300.0
FIRST_RUN_SECONDS = 60.0
REPORTED_ROWS = 10_000
"""A long run reports its progress whenever it has removed so many rows of a table."""
LOCK = b"prune"


@dataclass(frozen=True)
class PruneRule:
    """Removes what is too old in a table: about `limit` rows in each call, in the given transaction.

    `remove` returns the number of rows. Fewer than `limit` mean that nothing is left for now.
    """

    table: str
    remove: Callable[[Session, int], Awaitable[int]]


class Pruner:
    """Applies the rules of all modules periodically."""

    def __init__(self, database: Database, rules: Iterable[PruneRule], batch: int = BATCH) -> None:
        self.database = database
        self.rules = list(rules)
        self.batch = batch
        self.removed: Counter[str] = Counter()
        self.task: PeriodicTask | None = None

    def start(self) -> None:
        self.task = PeriodicTask("prune", self.run, INTERVAL_SECONDS, INTERVAL_SECONDS, first_after=FIRST_RUN_SECONDS)

    async def stop(self) -> None:
        """Let the current batches finish."""
        if self.task is not None:
            await self.task.stop()

    async def run(self) -> bool:
        """Remove one batch of every rule. If there is more, the next run starts at once."""
        if any([await self.apply(rule) for rule in self.rules]) and self.task is not None:
            self.task.wake()
        return False

    async def apply(self, rule: PruneRule) -> bool:
        """Remove one batch; True if there is more. A rule that fails does not stop the others."""
        try:
            async with self.database.unit_of_work(RequestContext.for_job("prune")) as session:
                if not await try_lock_until_commit(session, LOCK):
                    return False
                removed = await rule.remove(session, self.batch)
        except Exception as error:  # noqa: BLE001  # whatever it was, the next run tries again
            log.warning("pruning_failed", table=rule.table, cause=type(error).__name__)
            return False
        self.report(rule.table, removed)
        return removed >= self.batch

    def report(self, table: str, removed: int) -> None:
        """Log how many rows of a table were removed: at the end, and on the way there."""
        self.removed[table] += removed
        is_done = removed < self.batch
        if self.removed[table] and (is_done or self.removed[table] >= REPORTED_ROWS):
            log.info("rows_pruned", table=table, rows=self.removed.pop(table), is_done=is_done)


@asynccontextmanager
async def prune_periodically(database: Database, rules: Iterable[PruneRule]) -> AsyncIterator[None]:
    """Apply `rules` from time to time while the block runs."""
    pruner = Pruner(database, rules)
    pruner.start()
    try:
        yield
    finally:
        await pruner.stop()


def old_rows(
    model: type[Bookkeeping], column: str, age: timedelta, only: ColumnElement[bool] | None = None
) -> PruneRule:
    """Rows that are not audited, once `column` is longer ago than `age`; of them `only` some."""
    table = table_of(model)

    async def remove(session: Session, limit: int) -> int:
        is_old = table.c[column] < now() - age
        return await delete_rows(session, table, is_old if only is None else is_old & only, limit)

    return PruneRule(table.name, remove)


def old_entities(model: type[Entity], column: str, age: timedelta) -> PruneRule:
    """Audited rows, once `column` is longer ago than `age`. Each leaves its change entry."""
    table = table_of(model)

    async def remove(session: Session, limit: int) -> int:
        rows = await lock_entities(session, model, [table.c[column] < now() - age], table.c[column], limit)
        return await delete_entities(session, rows)

    return PruneRule(table.name, remove)


def hidden_rows(age: timedelta) -> list[PruneRule]:
    """A rule for each table with soft-deleted rows; those that refer to others come first.

    Rows that authorization policy is made of are kept: a rollback needs them.
    """
    order = {table: index for index, table in enumerate(SQLModel.metadata.sorted_tables)}
    models = [m.class_ for m in SQLModel._sa_registry.mappers if issubclass(m.class_, SoftDelete)]
    prunable = [model for model in models if not getattr(model, "policy_columns", None)]
    return [hidden_rule(model, age) for model in sorted(prunable, key=lambda m: -order[table_of(m)])]


def hidden_rule(model: type[Any], age: timedelta) -> PruneRule:
    """Rows that were hidden longer ago than `age` and to which no other row refers, with their parts.

    What refers to them is looked up by each run: a start need not wait for it.
    """
    table = table_of(model)

    async def remove(session: Session, limit: int) -> int:
        parts = parts_of(table)
        unreferenced = [~is_referenced(table, column) for column in references_to(table) if column not in parts]
        conditions = [table.c.deleted_at < now() - age, *unreferenced]
        rows = await lock_entities(session, model, conditions, table.c.deleted_at, limit)
        if not parts:
            return await delete_entities(session, rows)
        removed = 0
        for row in rows:
            if removed < limit:
                removed += await delete_with_parts(session, row, parts)
        return removed

    return PruneRule(table.name, remove)


async def delete_rows(session: Session, table: Table, condition: ColumnElement[bool], limit: int) -> int:
    """Delete up to `limit` rows, and leave those that another transaction is changing.

    A lock takes the right to change rows, which the application does not have in a table that is only added to.
    """
    chosen: AnySelect = select(table.c.id).where(condition).limit(limit)
    if not is_never_changed(table):
        chosen = chosen.with_for_update(skip_locked=True)
    ids = [row.id for row in await session.all(chosen)]
    if ids:
        await session.execute(Removal(table).where(table.c.id.in_(ids)))
    return len(ids)


async def lock_entities(
    session: Session, model: type[Entity], conditions: Sequence[ColumnElement[bool]], order: Column[Any], limit: int
) -> Sequence[Entity]:
    """Load up to `limit` rows, hidden ones too, and leave those that another transaction is changing."""
    chosen = select(model).where(*conditions).order_by(order).limit(limit).with_for_update(skip_locked=True)
    return (await session.execute(chosen, execution_options={"include_deleted": True})).scalars().all()


async def delete_entities(session: Session, rows: Sequence[Entity]) -> int:
    for row in rows:
        session.remove(row)
    await session.flush()
    return len(rows)


async def delete_with_parts(session: Session, row: Entity, parts: "Mapping[Column[Any], type[Entity]]") -> int:
    """Delete `row`, what is a part of it and what links to it, all or nothing."""
    removed = 0
    for column, part in parts.items():
        mine = select(part).where(column == row.id)
        removed += await delete_entities(session, (await session.execute(mine)).scalars().all())
    return removed + await delete_entities(session, [row])


def parts_of(table: Table) -> "dict[Column[Any], type[Entity]]":
    """The models whose rows are parts of a row of `table`, or link to one, by the column that refers to it."""
    columns = references_to(table)
    models = [m.class_ for m in SQLModel._sa_registry.mappers if issubclass(m.class_, Entity)]
    owners = [(model, name) for model in models for name in (model.part_of, model.links_to) if name is not None]
    found = {table_of(model).c[name]: model for model, name in owners}
    return {column: model for column, model in found.items() if column in columns}


def references_to(table: Table) -> "list[Column[Any]]":
    """The foreign keys, of any table, to rows of `table`."""
    tables = [other for other in SQLModel.metadata.tables.values() if other.foreign_keys]
    columns = [column for other in tables for column in other.columns if column.foreign_keys]
    return [column for column in columns if any(key.column.table is table for key in column.foreign_keys)]


def is_referenced(table: Table, column: "Column[Any]") -> ColumnElement[bool]:
    """Whether a row refers to the row of `table` by `column`."""
    owner = column.table.alias()
    return exists(select(1).where(owner.c[column.name] == table.c.id).correlate(table))
