"""The transaction of a unit of work: it takes a connection at its first statement. Nothing else commits."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from sqlalchemy import Executable, Table, insert
from sqlalchemy.engine.result import IteratorResult, ResultMetaData, SimpleResultMetaData
from sqlalchemy.exc import DBAPIError, IntegrityError, PendingRollbackError
from sqlalchemy.orm.exc import StaleDataError

from app.core.db.driver.link import Link
from app.core.db.driver.reader import error_of, fetch_rows
from app.core.db.statements import Parameters
from app.core.db.unit_of_work.change import Values
from app.core.db.unit_of_work.foreign_keys import name_foreign_key
from app.core.db.unit_of_work.writers import Writers
from app.core.db.unit_of_work.writes import Command

T = TypeVar("T")
NO_COLUMNS = SimpleResultMetaData([])
DIVISION_BY_ZERO = "22012"


class Found(IteratorResult[Any]):
    """The rows of a statement, or how many it wrote."""

    def __init__(self, metadata: ResultMetaData, rows: Sequence[Any], rowcount: int | None) -> None:
        super().__init__(metadata, iter(rows))
        self.rowcount = rowcount


class Transaction:
    """A connection of the pool of writers in a transaction."""

    def __init__(self, writers: Writers) -> None:
        self.writers = writers
        self.link: Link | None = None
        self.is_open = False
        """Whether it has begun, and has not ended."""
        self.savepoints = 0

    async def begin(self) -> None:
        """Take a connection and begin. SQLite locks at once: one that reads first and writes later could fail."""
        self.link = await self.writers.pool.take()
        await self.command("BEGIN IMMEDIATE" if self.writers.is_sqlite else "BEGIN")
        self.is_open = True

    @property
    def active_link(self) -> Link:
        if self.link is None:
            raise RuntimeError("the transaction has not begun")
        return self.link

    async def run(self, statement: Executable, parameters: Parameters = None) -> Found:
        """Execute a statement. It is checked, once for its shape."""
        link = self.active_link
        if isinstance(parameters, Sequence):
            sql, many = self.writers.shapes.bind_many(statement, parameters)
            return Found(NO_COLUMNS, (), await self.send(link.execute_many, sql, many))
        call = self.writers.shapes.bind(statement, parameters)
        shape, sql, values = call
        if not shape.has_rows:
            return Found(shape.metadata, (), await self.send(link.execute, sql, values))
        rows = shape.rows(await self.send(lambda *_: fetch_rows(link, call), sql, values))
        return Found(shape.metadata, rows, len(rows))

    async def write(self, commands: Sequence[Command]) -> None:
        """Write rows. Raises StaleDataError where one of them is not stored as it was read."""
        link = self.active_link
        for command in commands:
            is_one = len(command.rows) == 1
            run: Callable[[str, Any], Awaitable[int | None]] = link.execute if is_one else link.execute_many
            try:
                count = await self.send(run, command.sql, command.rows[0] if is_one else command.rows)
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", None) == DIVISION_BY_ZERO:
                    raise stale(command) from error
                if self.writers.is_sqlite and isinstance(error, IntegrityError):
                    await name_foreign_key(self.run, command.changes, error)
                raise
            if command.expected is not None and count != command.expected:
                raise stale(command)

    async def copy(self, table: Table, rows: Sequence[Values]) -> None:
        """Insert many rows of a log: by COPY on PostgreSQL, by one INSERT elsewhere."""
        if self.writers.is_sqlite:
            await self.run(insert(table), rows)
            return
        columns = list(rows[0])
        records = [tuple(row[name] for name in columns) for row in rows]
        await self.send(lambda name, values: self.active_link.copy(name, columns, values), table.name, records)

    async def finish(self) -> None:
        """Commit, if the transaction has begun. Raises PendingRollbackError where a statement of it has failed."""
        if not self.is_open:
            return
        if await self.command("COMMIT") != "COMMIT":
            self.is_open = False
            raise PendingRollbackError("a statement of this transaction failed; it was rolled back")
        self.is_open = False

    async def close(self) -> None:
        """Return the connection; what is not committed is undone."""
        link, self.link = self.link, None
        if link is None:
            return
        try:
            if self.is_open:
                with suppress(Exception):  # then the database rolls back when the connection ends
                    await link.command("ROLLBACK")
                    self.is_open = False
        finally:
            give_back = self.writers.pool.drop if self.is_open else self.writers.pool.give
            give_back(link)
            self.is_open = False

    def abandon(self) -> None:
        """Close the connection for good: a rollback would wait for the same silent network."""
        link, self.link, self.is_open = self.link, None, False
        if link is not None:
            self.writers.pool.drop(link)

    async def command(self, sql: str) -> str:
        """Run a command, and return what the database carried out."""
        return await self.send(lambda text, _: self.active_link.command(text), sql, ())

    async def send(self, run: Callable[[str, Any], Awaitable[T]], sql: str, values: Any) -> T:
        """Run a statement by a method of the connection. Raises SQLAlchemyError."""
        for listener in self.writers.listeners:
            listener(sql, values)
        try:
            return await run(sql, values)
        except Exception as error:
            raise error_of(self.active_link, error, sql, self.writers.dialect) from error


async def write_alone(transaction: Transaction, commands: Sequence[Command]) -> None:
    """Write what is one whole command, which the database carries out completely or not at all."""
    transaction.link = await transaction.writers.pool.take()
    await transaction.write(commands)


@asynccontextmanager
async def savepoint(transaction: Transaction) -> AsyncIterator[None]:
    """Undo what the block wrote if it raises."""
    transaction.savepoints += 1
    name = f"savepoint_{transaction.savepoints}"
    await transaction.command(f"SAVEPOINT {name}")
    try:
        yield
    except Exception:  # after anything else, the transaction ends
        await transaction.command(f"ROLLBACK TO SAVEPOINT {name}")
        raise
    finally:
        transaction.savepoints -= 1
    await transaction.command(f"RELEASE SAVEPOINT {name}")


def stale(command: Command) -> StaleDataError:
    return StaleDataError(f"a row of {command.tables} is not stored as it was read")
