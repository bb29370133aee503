"""What the database refused, in words for the client: constraints by name, absence as 503, never SQL."""

import re
from http import HTTPStatus
from typing import Any

from sqlalchemy import CheckConstraint, Constraint, ForeignKeyConstraint, Index, PrimaryKeyConstraint, UniqueConstraint
from sqlalchemy.exc import (
    DBAPIError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    SQLAlchemyError,
    StatementError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError
from sqlmodel import SQLModel

from app.core.errors import (
    AlreadyExists,
    Conflict,
    DatabaseUnavailable,
    InUse,
    Invalid,
    Problem,
    TimedOut,
    Unavailable,
    invalid,
)

SQLITE_UNIQUE = re.compile(r"UNIQUE constraint failed: (?:index '(?P<index>\w+)'|(?P<table>\w+)\.(?P<columns>.+))")
SQLITE_CHECK = re.compile(r"CHECK constraint failed: (?P<name>\w+)")
TRANSIENT = ("40001", "40P01")
"""SQLSTATE: serialisation failure, deadlock. The transaction was undone whole, and may succeed when run again."""
CANCELLED = "57014"
BUSY = (*TRANSIENT, "55P03")
"""And: lock not available."""
AWAY = ("08", "53", "57P")
DATA = "22"


def explain(error: SQLAlchemyError) -> Problem | None:
    """The problem that tells a client what happened; None where it is our own fault."""
    if isinstance(error, PoolTimeout):
        return DatabaseUnavailable("All database connections are busy; try again shortly.")
    if isinstance(error, StaleDataError):
        return Conflict("Somebody else changed this at the same moment; read it again and retry.")
    if isinstance(error, IntegrityError):
        return integrity(error)
    if isinstance(error, DBAPIError):
        return refusal(error)
    if isinstance(error, StatementError) and isinstance(error.orig, (ValueError, OverflowError)):
        return unstorable()
    return None


def refusal_of(error: Problem | SQLAlchemyError) -> Problem:
    """What a client did wrong to get `error`. Raises `error` again where that is nothing."""
    problem = error if isinstance(error, Problem) else explain(error)
    if problem is None or problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise error
    return problem


def is_transient(error: DBAPIError) -> bool:
    """Whether the same transaction may succeed when it is run again."""
    return str(getattr(error.orig, "sqlstate", None)) in TRANSIENT


def unstorable() -> Problem:
    return Invalid("A value is outside of what can be stored.", errors=[])


def refusal(error: DBAPIError) -> Problem | None:
    state = str(getattr(error.orig, "sqlstate", None) or "")
    if state == CANCELLED:
        return TimedOut("The database took longer than it is allowed to.")
    if state in BUSY or "database is locked" in str(error.orig):
        return Unavailable("The database was too busy for this; try again shortly.")
    if error.connection_invalidated or state.startswith(AWAY):
        return DatabaseUnavailable("The database cannot be reached; try again shortly.")
    if state.startswith(DATA) or isinstance(error.orig, OverflowError) or "DataError" in str(error.orig):
        return unstorable()
    if not state and isinstance(error, (InterfaceError, OperationalError)):
        return DatabaseUnavailable("The database cannot be reached; try again shortly.")
    return None


def integrity(error: IntegrityError) -> Problem | None:
    """By constraint name on PostgreSQL; SQLite names columns for UNIQUE, and nothing for foreign keys."""
    text = str(error.orig)
    cause: Any = error.orig.__cause__ if error.orig else None
    name = getattr(cause, "constraint_name", None)
    if name:
        return by_name(name, text)
    if found := SQLITE_UNIQUE.search(text):
        if found["index"]:
            return by_name(found["index"], text)
        return taken([part.rpartition(".")[2] for part in f"{found['table']}.{found['columns']}".split(", ")])
    if found := SQLITE_CHECK.search(text):
        return by_name(found["name"], text)
    if "FOREIGN KEY" in text:
        return foreign(None, deleting=str(error.statement or "").lstrip().upper().startswith("DELETE"))
    return None


def by_name(name: str, text: str) -> Problem | None:
    """Look `name` up in the metadata: what kind of promise it is, and on which columns."""
    for table in SQLModel.metadata.tables.values():
        items: list[Constraint | Index] = [*table.constraints, *table.indexes]
        for item in items:
            if item.name != name:
                continue
            if isinstance(item, (UniqueConstraint, PrimaryKeyConstraint, Index)):
                return taken(item.info.get("fields") or [column.name for column in item.columns])
            if isinstance(item, ForeignKeyConstraint):
                return foreign(item.column_keys[0], deleting="update or delete on table" in text)
            if isinstance(item, CheckConstraint):
                field = str(item.info.get("field", ""))
                return invalid(f"/body/{field}" if field else "/body", "This value is not allowed.", "not-allowed")
    return None


def taken(columns: list[str]) -> Problem:
    return AlreadyExists(f"The value of {' and '.join(columns)} is already taken.")


def foreign(column: str | None, *, deleting: bool) -> Problem:
    if deleting:
        return InUse("Something else still refers to this; remove that first.")
    return invalid(
        f"/body/{column}" if column else "/body", "This refers to something that does not exist.", "unknown-reference"
    )
