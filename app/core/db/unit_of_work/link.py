"""The connection of a unit of work: it takes one at its first statement, and is the only place that commits."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import CursorResult, Executable, Table, insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.orm.exc import StaleDataError

from app.core.db.unit_of_work.change import Values
from app.core.db.unit_of_work.guard import OWN_WRITE
from app.core.db.unit_of_work.writes import Write, failing_statement_of, statement_of

DIVISION_BY_ZERO = "22012"
Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None


class Link:
    """A connection of the pool of writers in a transaction."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.is_sqlite = engine.dialect.name == "sqlite"
        self.connection: AsyncConnection | None = None

    @property
    def is_open(self) -> bool:
        return self.connection is not None

    async def open(self) -> None:
        """Take a connection and begin the transaction."""
        connection = self.engine.connect()
        await connection.start()
        self.connection = connection
        await connection.begin()

    @property
    def active_connection(self) -> AsyncConnection:
        if self.connection is None:
            raise RuntimeError("the transaction has not begun")
        return self.connection

    async def run(
        self, statement: Executable, parameters: Parameters = None, *, is_own: bool = False
    ) -> CursorResult[Any]:
        """Execute a statement. It is checked, unless it is the unit of work's own."""
        options = OWN_WRITE if is_own else None
        return await self.active_connection.execute(statement, parameters, execution_options=options)

    async def write(self, write: Write) -> None:
        """Write rows. Raises StaleDataError where one of them is not stored as it was read."""
        table, verb, columns, rows = write
        is_counted = self.is_sqlite or len(rows) == 1
        if verb == "create" or is_counted:
            statement: Executable = statement_of(table, verb, columns)
        else:
            statement = failing_statement_of(table, verb, columns)
        try:
            result = await self.run(statement, rows if len(rows) > 1 else rows[0], is_own=True)
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) == DIVISION_BY_ZERO:
                raise stale(table) from error
            raise
        if verb != "create" and is_counted and result.rowcount != len(rows):
            raise stale(table)

    async def copy(self, table: Table, rows: Sequence[Values]) -> None:
        """Insert many rows of a log: by COPY on PostgreSQL, by one INSERT elsewhere."""
        if self.is_sqlite:
            await self.run(insert(table), rows)
            return
        driver: Any = (await self.active_connection.get_raw_connection()).driver_connection
        columns = list(rows[0])
        records = [tuple(row[name] for name in columns) for row in rows]
        await driver.copy_records_to_table(table.name, records=records, columns=columns)

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """Undo what the block wrote if it raises."""
        async with self.active_connection.begin_nested():
            yield

    async def finish(self) -> None:
        """Commit, if the transaction has begun."""
        if self.connection is not None:
            await self.connection.commit()

    async def close(self) -> None:
        """Return the connection; what is not committed is undone."""
        if self.connection is not None:
            await self.connection.close()
            self.connection = None

    async def abandon(self) -> None:
        """Close the connection for good: a rollback would wait for the same silent network."""
        if self.connection is not None:
            await self.connection.invalidate()
            await self.close()


def stale(table: Table) -> StaleDataError:
    return StaleDataError(f"a row of {table.name} is not stored as it was read")
