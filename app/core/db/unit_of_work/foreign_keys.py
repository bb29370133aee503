"""Finds the foreign key that a write has violated, because SQLite says only that there was one."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from sqlalchemy import Executable, ForeignKey, Result, select
from sqlalchemy.exc import IntegrityError
from sqlmodel import SQLModel

from app.core.db.integrity import NamedViolation
from app.core.db.unit_of_work.change import Change

Run = Callable[[Executable], Awaitable[Result[Any]]]


async def name_foreign_key(run: Run, changes: Sequence[Change], error: IntegrityError) -> None:
    """Make the foreign key that `changes` violate the cause of `error`, in the transaction that goes on."""
    if error.orig is None or "FOREIGN KEY" not in str(error.orig):
        return
    for change in changes:
        violated = await find_violated(run, change)
        if violated is not None and violated.constraint is not None:
            error.orig.__cause__ = NamedViolation(str(violated.constraint.name))
            return


async def find_violated(run: Run, change: Change) -> ForeignKey | None:
    """The foreign key of the row whose target is missing; of a deleted row, one by which others refer to it."""
    if change.action == "delete":
        for key in keys_to(change):
            if (await run(select(1).where(key.parent == change.before[key.column.name]).limit(1))).first():
                return key
        return None
    for key in change.table.foreign_keys:
        value = change.after[key.parent.name]
        if value is not None and not (await run(select(1).where(key.column == value))).first():
            return key
    return None


def keys_to(change: Change) -> list[ForeignKey]:
    """The foreign keys of all tables that refer to the table of the row."""
    tables = SQLModel.metadata.tables.values()
    return [key for table in tables for key in table.foreign_keys if key.column.table is change.table]
