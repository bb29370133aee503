"""Connections of aiosqlite, each with a thread of its own."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from time import monotonic
from typing import Any

from aiosqlite import Connection

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
        rows: Sequence[Sequence[Any]] = await self.connection.execute_fetchall(sql, values)  # type: ignore[assignment]
        return rows

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
