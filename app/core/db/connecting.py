"""How a process connects to its database: the address, the time limits, and what is set up on each connection."""

import sqlite3
from typing import Any

from sqlalchemy.engine import Dialect, make_url

from app.core.config import Settings
from app.core.db import sqlite
from app.core.db.driver.aiosqlite import open_sqlite
from app.core.db.driver.link import Link
from app.core.db.driver.postgresql import open_postgresql
from app.core.db.postgresql import connect_options


def connect_arguments(settings: Settings) -> dict[str, Any]:
    """The options of each driver, time limits above all."""
    options = settings.database
    return {"timeout": options.lock_timeout_ms / 1000} if settings.is_sqlite else connect_options(options)


def prepare_sqlite(connection: sqlite3.Connection) -> None:
    sqlite.prepare_connection(connection, None)
    sqlite.refuse_writes(connection)


async def open_reading_link(settings: Settings, dialect: Dialect) -> Link:
    """A new connection on which the database itself refuses to write, except behind a pooler."""
    arguments, of_url = dialect.create_connect_args(make_url(settings.database_url.get_secret_value()))
    options = {**of_url, **connect_arguments(settings)}
    if settings.is_sqlite:
        return await open_sqlite(arguments, options, prepare_sqlite)
    if settings.database.pooler == "none":
        options["server_settings"]["default_transaction_read_only"] = "on"
    return await open_postgresql(dialect, options, settings.database.silence_seconds)
