"""Connections of aiosqlite, each with a thread of its own."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from time import monotonic
from typing import Any, TypeVar

from aiosqlite import Connection

T = TypeVar("T")
Prepare = Callable[[sqlite3.Connection], None]
"""Sets up a connection, in its thread."""
ROWS_AT_ONCE = 64


class SqliteLink:
    """A connection to SQLite, which keeps the statements that it has prepared."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.opened_at = monotonic()

    def is_open(self) -> bool:
        return True

    async def describe(self, sql: str) -> Sequence[object]:
        return ()

    async def fetch(self, sql: str, values: Sequence[Any]) -> Sequence[Sequence[Any]]:
        return await self.in_thread(lambda file: file.execute(sql, values).fetchall())

    async def execute(self, sql: str, values: Sequence[Any]) -> int:
        return await self.in_thread(lambda file: file.execute(sql, values).rowcount)

    async def execute_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> int:
        return await self.in_thread(lambda file: file.executemany(sql, rows).rowcount)

    async def command(self, sql: str) -> str:
        await self.in_thread(lambda file: file.execute(sql))
        return sql

    async def copy(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        raise NotImplementedError("SQLite has no COPY")

    async def in_thread(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """Call `function` in the thread of the connection: one change of threads for a whole statement."""
        connection: Any = self.connection  # its public methods change threads twice for a statement
        result: T = await connection._execute(lambda: function(connection._conn))  # noqa: SLF001
        return result

    def translate(self, error: Exception) -> Exception:
        return error

    async def close(self) -> None:
        with suppress(Exception):
            await self.connection.interrupt()
            await self.connection.close()


async def open_sqlite(arguments: Sequence[Any], options: Mapping[str, Any], prepare: Prepare) -> SqliteLink:
    """Open a file in a new thread, which does not keep the process alive."""

    def connect() -> sqlite3.Connection:
        connection: sqlite3.Connection = sqlite3.connect(*arguments, **options)
        prepare(connection)
        return connection

    connection = Connection(connect, ROWS_AT_ONCE)
    connection._thread.daemon = True  # noqa: SLF001  # as SQLAlchemy does; there is no other way
    await connection
    return SqliteLink(connection)
