"""Connections of asyncpg."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from time import monotonic
from typing import Any

import asyncpg
from sqlalchemy.engine import Dialect

from app.core.db.network import limit_silence

CLOSING_SECONDS = 2
OF_SQLALCHEMY = ("prepared_statement_cache_size", "prepared_statement_name_func")
"""Options of a URL that are not the driver's."""
UNSENDABLE = (asyncpg.DataError, asyncpg.InterfaceError)
"""What the driver raises for a value that it cannot send, among others."""
JSONB_VERSION = b"\x01"
"""The first byte of every jsonb in binary format."""


class PostgresqlLink:
    """A connection to PostgreSQL. asyncpg prepares each SQL text once, and keeps it."""

    def __init__(self, connection: Any, dialect: Dialect) -> None:
        self.connection = connection
        self.errors: Mapping[type, type[Exception]] = dialect.loaded_dbapi._asyncpg_error_translate  # noqa: SLF001  # its own table
        self.opened_at = monotonic()

    def is_open(self) -> bool:
        return not self.connection.is_closed()

    async def describe(self, sql: str) -> Sequence[object]:
        statement = await self.connection.prepare(sql)
        return [attribute.type.oid for attribute in statement.get_attributes()]

    async def fetch(self, sql: str, values: Sequence[Any]) -> Sequence[Sequence[Any]]:
        try:
            rows: Sequence[Sequence[Any]] = await self.connection.fetch(sql, *values)
        except UNSENDABLE:
            await self.end_statement()
            raise
        return rows

    async def execute(self, sql: str, values: Sequence[Any]) -> int:
        try:
            status: str = await self.connection.execute(sql, *values)
        except UNSENDABLE:
            await self.end_statement()
            raise
        return int(status.rpartition(" ")[2])

    async def execute_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        try:
            await self.connection.executemany(sql, rows)
        except UNSENDABLE:
            await self.end_statement()
            raise

    async def command(self, sql: str) -> str:
        status: str = await self.connection.execute(sql)
        return status

    async def copy(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        await self.connection.copy_records_to_table(table, records=rows, columns=columns)

    async def end_statement(self) -> None:
        """Tell the server that no more comes, where the driver stopped half-way at a value that it cannot send.

        A pooler would keep the session for this connection until it is used again.
        """
        if self.is_open():
            with suppress(asyncpg.PostgresError):  # of a transaction that has failed
                await self.connection.execute("SELECT")

    def translate(self, error: Exception) -> Exception:
        kind = next((self.errors[each] for each in type(error).__mro__ if each in self.errors), None)
        if kind is None and isinstance(error, OSError):
            kind = self.errors[asyncpg.InterfaceError]
        if kind is None:
            return error
        translated = kind(str(error), error)
        translated.__cause__ = error
        return translated

    async def close(self) -> None:
        with suppress(Exception):
            await self.connection.close(timeout=CLOSING_SECONDS)  # also tells the server to cancel
        self.connection.terminate()


async def open_postgresql(dialect: Dialect, arguments: Mapping[str, Any], silence_seconds: int) -> PostgresqlLink:
    """Connect, and set up what SQLAlchemy's dialect sets up: JSON is decoded by the connection."""
    connection = await asyncpg.connect(**{key: arguments[key] for key in arguments if key not in OF_SQLALCHEMY})
    try:
        limit_silence(connection, silence_seconds)
        await set_json_codecs(connection)
    except BaseException:
        connection.terminate()
        raise
    return PostgresqlLink(connection, dialect)


async def set_json_codecs(connection: Any) -> None:
    """Decode JSON to Python values. What is sent is text already: bind processors have written it."""
    codecs = {
        "json": (str.encode, json.loads),
        "jsonb": (lambda text: JSONB_VERSION + text.encode(), lambda data: json.loads(data[1:])),
    }
    for name, (encoder, decoder) in codecs.items():
        await connection.set_type_codec(name, schema="pg_catalog", encoder=encoder, decoder=decoder, format="binary")
