"""Refuses writes of units of work that would leave no trace: to audited tables past the recorder, and to logs.

It looks at the structure of a statement, once for each shape: bulk ORM statements and Core alike, with what their
common table expressions write. A text, and a string for the driver, has no structure and is refused whole. Rows that a
unit of work has changed itself are looked at before they are written.
"""

from collections.abc import Sequence, Set
from types import NoneType
from typing import Any

from sqlalchemy import CompoundSelect, Insert, Select, Update, UpdateBase
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import SQLModel

from app.core.db.append_only import Removal, append_only_models
from app.core.db.audited import audited_models
from app.core.db.engine import Database
from app.core.db.entity import Bookkeeping
from app.core.db.session import Session
from app.core.db.unit_of_work.change import Change
from app.core.db.unit_of_work.guard import has_text, tables_written_by

DO_NOTHING = (postgresql.dml.OnConflictDoNothing, sqlite.dml.OnConflictDoNothing)


class UnauditedWrite(RuntimeError):
    """A write would change audited rows without a change entry, or a log that can only be added to."""


def refuse_unaudited_writes(database: Database) -> None:
    """Check what a unit of work of `database` executes and writes. An offending write raises UnauditedWrite."""
    known = {table.name for table in SQLModel.metadata.tables.values()}
    audited, logs = audited_models().keys(), append_only_models()
    writable = frozenset(known - audited)

    def check(statement: Any) -> None:
        writes = list(tables_written_by(statement))
        if (not writes and not isinstance(statement, (Select, CompoundSelect))) or has_text(statement):
            raise UnauditedWrite("a statement that is a text cannot be checked; build it instead")
        for write, table in writes:
            if table in logs and not is_allowed(write, logs[table]):
                raise only_added_to(table)
            if table not in writable:
                raise UnauditedWrite(f"{table}: this would leave no change entry; change entities instead")

    async def check_changes(_session: Session, changes: Sequence[Change]) -> None:
        for change in changes:
            log = logs.get(change.table.name)
            if log is not None and not fits(change, log):
                raise only_added_to(change.table.name)

    database.hooks.check = check
    database.hooks.before_write.append(check_changes)


def is_allowed(write: UpdateBase, log: type[Bookkeeping]) -> bool:
    """Whether a statement does to an append-only table what its model allows."""
    return adds(write) or removes(write, log) or changes_only(write, log.changeable_columns)


def fits(change: Change, log: type[Bookkeeping]) -> bool:
    """Whether a row of an append-only table is changed as its model allows. A recorder makes the entry of a removal."""
    if change.action == "delete":
        return log.removal_recorded_in is not None
    return change.action == "create" or change.fields <= log.changeable_columns


def adds(write: UpdateBase) -> bool:
    """Whether the statement only adds rows: it leaves a row that is there as it is, or fails."""
    if not isinstance(write, Insert) or write._prefixes:  # noqa: SLF001  # OR REPLACE
        return False
    return isinstance(write._post_values_clause, (NoneType, *DO_NOTHING))  # noqa: SLF001


def removes(write: UpdateBase, log: type[Bookkeeping]) -> bool:
    """Whether it removes rows where that is allowed. The database refuses it for rows that are too young."""
    return isinstance(write, Removal) and (log.is_removable or log.removable_after is not None)


def changes_only(write: UpdateBase, columns: Set[str]) -> bool:
    """Whether the statement sets some of `columns` and nothing else."""
    if not isinstance(write, Update):
        return False
    named = {getattr(column, "name", column) for column in write._values or ()}  # noqa: SLF001
    return bool(named) and named <= columns


def only_added_to(table: str) -> UnauditedWrite:
    return UnauditedWrite(f"{table}: it can only be added to")
