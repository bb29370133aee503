"""Translates database errors into problems: constraints by name, an unreachable database as 503, never SQL."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, NamedTuple

from sqlalchemy import (
    CheckConstraint,
    Constraint,
    ForeignKeyConstraint,
    Index,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)
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
from app.core.field_errors import field_error
from app.core.sentences import Params

SQLITE_UNIQUE = re.compile(r"UNIQUE constraint failed: (?:index '(?P<index>\w+)'|(?P<table>\w+)\.(?P<columns>.+))")
SQLITE_CHECK = re.compile(r"CHECK constraint failed: (?P<name>\w+)")
TRANSIENT = ("40001", "40P01")
"""SQLSTATE: serialization failure, deadlock. The database rolled the transaction back; a retry may succeed."""
CANCELLED = "57014"
BUSY = (*TRANSIENT, "55P03")
"""SQLSTATE: the transient ones, and lock not available."""
UNREACHABLE = ("08", "53", "57P")
DATA = "22"


def to_problem(error: SQLAlchemyError) -> Problem | None:
    """The problem that a client receives for `error`; None where the fault is ours."""
    if isinstance(error, PoolTimeout):
        return DatabaseUnavailable("All database connections are busy; try again shortly.")
    if isinstance(error, StaleDataError):
        return Conflict("Another request changed this at the same moment; read it again and retry.")
    if isinstance(error, IntegrityError):
        return from_integrity_error(error)
    if isinstance(error, DBAPIError):
        return from_dbapi(error)
    if isinstance(error, StatementError) and isinstance(error.orig, (ValueError, OverflowError)):
        return unstorable_value()
    return None


def client_problem(error: Problem | SQLAlchemyError) -> Problem:
    """The problem that the client caused. Raises `error` again where it is not the client's fault."""
    problem = error if isinstance(error, Problem) else to_problem(error)
    if problem is None or problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise error
    return problem


@contextmanager
def explain_constraints() -> Iterator[None]:
    """Raise the problem that a client receives for a constraint which the block violates."""
    try:
        yield
    except IntegrityError as error:
        raise client_problem(error) from error


def has_unique_values(table: Table) -> bool:
    """Whether a value of the table may be taken: then a refused insert tells that the value is stored."""
    return any(index.unique for index in table.indexes) or any(
        isinstance(constraint, UniqueConstraint) for constraint in table.constraints
    )


def is_transient(error: DBAPIError) -> bool:
    """Whether the same transaction may succeed when it is run again."""
    return str(getattr(error.orig, "sqlstate", None)) in TRANSIENT


def unstorable_value() -> Problem:
    return Invalid("A value is outside of what can be stored.", errors=[])


def from_dbapi(error: DBAPIError) -> Problem | None:
    """The problem of a driver's error, found by SQLSTATE on PostgreSQL and by message on SQLite."""
    state = str(getattr(error.orig, "sqlstate", None) or "")
    if state == CANCELLED:
        return TimedOut("The database took longer than it is allowed to.")
    if state in BUSY or "database is locked" in str(error.orig):
        return Unavailable("The database was too busy for this; try again shortly.")
    if error.connection_invalidated or state.startswith(UNREACHABLE):
        return DatabaseUnavailable("The database cannot be reached; try again shortly.")
    if state.startswith(DATA) or isinstance(error.orig, OverflowError) or "DataError" in str(error.orig):
        return unstorable_value()
    if not state and isinstance(error, (InterfaceError, OperationalError)):
        return DatabaseUnavailable("The database cannot be reached; try again shortly.")
    return None


def from_integrity_error(error: IntegrityError) -> Problem | None:
    """Find the constraint by its name. SQLite names the columns of a unique constraint."""
    text = str(error.orig)
    cause: Any = error.orig.__cause__ if error.orig else None
    name = getattr(cause, "constraint_name", None)
    if name:
        return from_constraint(name, deleting=is_deletion(error))
    if found := SQLITE_UNIQUE.search(text):
        if found["index"]:
            return from_constraint(found["index"])
        columns = [part.rpartition(".")[2] for part in f"{found['table']}.{found['columns']}".split(", ")]
        return already_exists(fields_of(found["table"], columns))
    if found := SQLITE_CHECK.search(text):
        return from_constraint(found["name"])
    if "FOREIGN KEY" in text:
        return foreign_key_problem(None, deleting=is_deletion(error))
    return None


def fields_of(table: str, columns: list[str]) -> list[str]:
    """The fields that a client must change where these unique columns have the values of another row."""
    known = SQLModel.metadata.tables.get(table)
    for index in known.indexes if known is not None else ():
        if index.unique and [column.name for column in index.columns] == columns:
            return index.info.get("fields") or columns
    return columns


def is_deletion(error: IntegrityError) -> bool:
    """Whether the row that others refer to was to be deleted; else the row that refers was to be written."""
    return "update or delete on table" in str(error.orig) or str(error.statement).lstrip().upper().startswith("DELETE")


class NamedViolation(Exception):
    """The cause of an IntegrityError of SQLite, which does not name the foreign key as PostgreSQL does."""

    def __init__(self, constraint_name: str) -> None:
        super().__init__(constraint_name)
        self.constraint_name = constraint_name


def from_constraint(name: str, *, deleting: bool = False) -> Problem | None:
    """The problem of the constraint `name`, looked up in the metadata."""
    for table in SQLModel.metadata.tables.values():
        items: list[Constraint | Index] = [*table.constraints, *table.indexes]
        for item in items:
            if item.name != name:
                continue
            if isinstance(item, (UniqueConstraint, PrimaryKeyConstraint, Index)):
                return already_exists(item.info.get("fields") or [column.name for column in item.columns])
            if isinstance(item, ForeignKeyConstraint):
                return foreign_key_problem(item.column_keys[0], deleting=deleting, referring=table)
            if isinstance(item, CheckConstraint):
                field = str(item.info.get("field", ""))
                return invalid(f"/body/{field}" if field else "/body", "This value is not allowed.", "not-allowed")
    return None


def already_exists(columns: Sequence[str]) -> Problem:
    """The problem of a value that another row has, or of values that it has together. It points at each."""
    values = f"The value of {columns[0]} is" if len(columns) == 1 else f"The values of {' and '.join(columns)} are"
    detail = f"{values} already taken."
    errors = [field_error(f"/body/{name}", detail, AlreadyExists.code, fields=list(columns)) for name in columns]
    return AlreadyExists(detail, errors=errors)


def foreign_key_problem(column: str | None, *, deleting: bool, referring: Table | None = None) -> Problem:
    """The problem of a reference to nothing, or, where a row is deleted to which one of `referring` refers, InUse."""
    if not deleting:
        detail = "This refers to something that does not exist."
        return invalid(f"/body/{column}" if column else "/body", detail, "unknown-reference")
    if referring is None:
        return InUse("Something else still refers to this; change or delete that first.")
    return in_use([Referring(referring.name, str(column))])


class Referring(NamedTuple):
    """Rows that refer to another: their table, by which column, and how many there are, if they were counted."""

    table: str
    column: str
    number: int | None = None
    is_exact: bool = True
    """False where there are more than `number`."""

    @property
    def kind(self) -> str:
        return self.table.replace("_", " ")

    @property
    def verb(self) -> str:
        return "refers" if self.number in (None, 1) else "refer"

    @property
    def params(self) -> Params:
        """What the sentence names."""
        return {"kind": self.kind, "field": self.column, "count": self.number, "count_is_exact": self.is_exact}

    def __str__(self) -> str:
        if self.number is None:
            return f"At least one {self.kind}"
        found = f"{self.number:,}" if self.is_exact else f"More than {self.number:,}"
        return f"{found} {self.kind if self.number == 1 else plural(self.kind)}"


def in_use(referring: Sequence[Referring]) -> InUse:
    """The problem of a row to which others refer. `errors` has the kind and the number of each."""
    verb = referring[0].verb if len(referring) == 1 else "refer"
    others = " and ".join(map(str, referring))
    errors = [field_error("/path/id", f"{each} {each.verb} to this.", InUse.code, **each.params) for each in referring]
    return InUse(f"{others} still {verb} to this; change or delete them first.", errors=errors)


def plural(word: str) -> str:
    """The plural of a table's name in words: products, categories, boxes."""
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith(("s", "x", "z", "ch", "sh")) else f"{word}s"
