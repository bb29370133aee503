"""Connections to PostgreSQL: their options, behind a pooler too, and those that lead past it."""

from typing import Any

from sqlalchemy.engine import make_url

from app.core.config import DatabaseSettings, Settings
from app.core.db.network import limit_silence, server_silence_settings

DIRECT_CONNECT_SECONDS = 5.0
MARKER = "attest"
"""The name (`application_name`) of connections of the application, whose changes have entries of their own.

It is no secret: another program may take it. Poolers pass it on, as they do with no setting of our own.
"""


def session_limits(options: DatabaseSettings) -> dict[str, str]:
    """The limits of a session, as PostgreSQL names them: of time, and of processes.

    It would start helpers for a search before it knows whether they are needed, and helpers of one request take the
    processors of others.
    """
    return {
        "statement_timeout": str(options.statement_timeout_ms),
        "lock_timeout": str(options.lock_timeout_ms),
        "max_parallel_workers_per_gather": "0",
        **server_silence_settings(options.silence_seconds),
    }


def connect_options(options: DatabaseSettings) -> dict[str, Any]:
    """How to connect by asyncpg and, with the last option, by SQLAlchemy's dialect, which keeps statements too.

    A pooler in transaction mode refuses limits at the connect, so that the role has them (`role_limits`). It may
    run each transaction on another session, so that no statement has a name there. An unnamed one is parsed and run
    before the session can change: asyncpg ends neither step, but both with one `Sync`.
    """
    settings = {"application_name": MARKER}
    if options.pooler == "none":
        limits = {"timeout": options.pool_timeout, "server_settings": settings | session_limits(options)}
        return limits | {"max_cached_statement_lifetime": 0}  # its timers would keep the request that prepared one
    unnamed = {"statement_cache_size": 0, "prepared_statement_cache_size": 0}
    return {"timeout": options.pool_timeout, "server_settings": settings, **unnamed}


async def connect_directly(settings: Settings, name: str) -> Any:
    """A connection of asyncpg past the pooler, outside of the pool, that has no time limits and shows itself as `name`.

    The caller closes it. Raises OSError, TimeoutError, asyncpg.PostgresError and asyncpg.InterfaceError.
    """
    import asyncpg  # noqa: PLC0415  # slow to import, and SQLite does not need it

    url = make_url(settings.without_pooler.database_url.get_secret_value())
    _, options = url.get_dialect()().create_connect_args(url)
    options["server_settings"] = {"application_name": name}
    connection = await asyncpg.connect(**options, timeout=DIRECT_CONNECT_SECONDS)
    limit_silence(connection, settings.database.silence_seconds)
    return connection


def connection_errors() -> tuple[type[Exception], ...]:
    """What a connection of `connect_directly` raises."""
    import asyncpg  # noqa: PLC0415  # see above

    return OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError
