"""What is in the database, read with plain SQL: SQLite by its file, PostgreSQL by its own protocol."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg

Row = dict[str, Any]
Tables = dict[str, list[Row]]
MONEY = {("product", "price")}
"""Integers of ten-thousandths on SQLite."""
PARSERS: dict[str, Callable[[Any], Any]] = {
    "CHAR(32)": UUID,
    "DATETIME": lambda text: datetime.fromisoformat(text).replace(tzinfo=UTC),
    "DATE": date.fromisoformat,
    "BOOLEAN": bool,
    "JSON": json.loads,
}
"""What the declared types of SQLite stand for."""


async def read_tables(url: str) -> Tables:
    """All rows of all tables, with values of Python's types."""
    if url.startswith("sqlite"):
        return read_sqlite(url.partition(":///")[2])
    return await read_postgresql(url.replace("+asyncpg", ""))


def read_sqlite(path: str) -> Tables:
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        query = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE '%VIRTUAL%'"
        names = [row["name"] for row in connection.execute(query)]
        return {name: read_sqlite_table(connection, name) for name in names}


def read_sqlite_table(connection: sqlite3.Connection, table: str) -> list[Row]:
    types = {row["name"]: row["type"] for row in connection.execute(f'PRAGMA table_info("{table}")')}

    def parse(name: str, value: Any) -> Any:
        if value is None:
            return None
        if (table, name) in MONEY:
            return Decimal(value).scaleb(-4)
        return PARSERS.get(types[name], lambda same: same)(value)

    rows = connection.execute(f'SELECT * FROM "{table}"')  # noqa: S608  # nosec B608  # a name from the schema
    return [{name: parse(name, row[name]) for name in types} for row in rows]


async def read_postgresql(url: str) -> Tables:
    connection = await asyncpg.connect(url)
    try:
        for kind in ("json", "jsonb"):
            await connection.set_type_codec(kind, encoder=json.dumps, decoder=json.loads, schema="pg_catalog")
        query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        names = [row["tablename"] for row in await connection.fetch(query)]
        return {name: [dict(row) for row in await connection.fetch(f'SELECT * FROM "{name}"')] for name in names}  # noqa: S608  # nosec B608
    finally:
        await connection.close()
