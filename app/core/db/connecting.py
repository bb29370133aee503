"""How a process connects to its database: the address, the time limits, and what is set up on each connection."""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson
from sqlalchemy import event, text
from sqlalchemy.engine import Dialect, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from app.core.config import Settings
from app.core.db import sqlite
from app.core.db.driver.aiosqlite import open_sqlite
from app.core.db.driver.link import Link
from app.core.db.postgresql import connect_options

OpenLink = Callable[[Settings, Dialect], Awaitable[Link]]


def dialect_of(settings: Settings) -> Dialect:
    """SQLAlchemy's dialect, by which statements are compiled."""
    url = make_url(settings.database_url.get_secret_value())
    kind = url.get_dialect()
    dialect: Dialect = kind(dbapi=kind.import_dbapi(), json_serializer=write_json)  # type: ignore[call-arg]  # both take it
    dialect._backslash_escapes = False  # type: ignore[attr-defined]  # noqa: SLF001  # as it finds it on each server
    return dialect


def write_json(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()


def connect_arguments(settings: Settings) -> dict[str, Any]:
    """The options of each driver, time limits above all."""
    options = settings.database
    return {"timeout": options.lock_timeout_ms / 1000} if settings.is_sqlite else connect_options(options)


async def open_writing_link(settings: Settings, dialect: Dialect) -> Link:
    """A new connection for units of work."""
    return await open_link(settings, dialect, sqlite.prepare_connection)


async def open_reading_link(settings: Settings, dialect: Dialect) -> Link:
    """A new connection on which the database itself refuses to write, except behind a pooler."""

    def prepare(connection: sqlite3.Connection) -> None:
        sqlite.prepare_connection(connection)
        sqlite.refuse_writes(connection)

    return await open_link(settings, dialect, prepare, default_transaction_read_only="on")


async def open_link(
    settings: Settings, dialect: Dialect, prepare: Callable[[sqlite3.Connection], None], **of_session: str
) -> Link:
    """A new connection. `prepare` sets up one to SQLite, `of_session` one to PostgreSQL, except behind a pooler."""
    arguments, of_url = dialect.create_connect_args(make_url(settings.database_url.get_secret_value()))
    options = {**of_url, **connect_arguments(settings)}
    if settings.is_sqlite:
        return await open_sqlite(arguments, options, prepare)
    if settings.database.pooler == "none":
        options["server_settings"] |= of_session
    from app.core.db.driver.postgresql import open_postgresql  # noqa: PLC0415  # asyncpg is slow to import, and SQLite does not need it

    return await open_postgresql(dialect, options, settings.database.silence_seconds)


def create_engine(settings: Settings) -> AsyncEngine:
    """SQLAlchemy's own engine, for migrations: a connection for each use, and nothing that is recorded."""
    engine = create_async_engine(
        make_url(settings.database_url.get_secret_value()),
        poolclass=NullPool,
        hide_parameters=True,
        connect_args=connect_arguments(settings),
    )
    if settings.is_sqlite:
        event.listen(engine.sync_engine, "connect", lambda connection, _: sqlite.prepare_connection(connection))
        event.listen(engine.sync_engine, "begin", sqlite.begin_immediate)
    return engine


@asynccontextmanager
async def begin_as_owner(settings: Settings) -> AsyncIterator[AsyncConnection]:
    """A transaction past the pooler, for changes of tables: without a limit of time, but for locks."""
    engine = create_engine(settings.without_pooler)
    try:
        async with engine.begin() as connection:
            await connection.execute(text("SET LOCAL statement_timeout = 0"))
            await connection.execute(text(f"SET LOCAL lock_timeout = {settings.database.lock_timeout_ms}"))
            yield connection
    finally:
        await engine.dispose()
