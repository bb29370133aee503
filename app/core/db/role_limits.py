"""Time limits of the role of the application: behind a transaction pooler a connection cannot have its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import structlog
from sqlalchemy import column, select, table
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from app.core.config import Settings
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.postgresql import connect_directly, session_limits
from app.core.errors import DatabaseUnavailable
from app.core.runtime.periodic_task import PeriodicTask

log = structlog.get_logger(__name__)

RETRY_SECONDS = 2.0
CHECKED = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
"""The others are of processes, or of the network: no value where the server is reached by a socket of its host."""


class RoleWithoutLimits(RuntimeError):
    """Nothing would end a statement that never ends, and each holds one of the few connections of the pooler."""


async def limit_statements(settings: Settings, connection: Any) -> list[str]:
    """The SQL that gives the role of the application its time limits in the database of `connection`."""
    role = make_url(settings.database_url.get_secret_value()).username
    find_names = "SELECT quote_ident(coalesce($1, session_user)) AS role, quote_ident(current_database()) AS database"
    names = await connection.fetchrow(find_names, role)
    target = f"ALTER ROLE {names['role']} IN DATABASE {names['database']} SET"
    return [f"{target} {name} = {value};" for name, value in session_limits(settings.database).items()]


async def set_limits(settings: Settings, *, apply: bool) -> list[str]:
    """That SQL, which `apply` also runs, past the pooler. It holds for sessions that begin afterwards."""
    connection = await connect_directly(settings, "attest-limits")
    try:
        statements = await limit_statements(settings, connection)
        if apply:
            await connection.execute("".join(statements))
        return statements
    finally:
        await connection.close()


@asynccontextmanager
async def check_limits_at_start(database: Database) -> AsyncIterator[None]:
    """Check the limits behind a pooler: now or, without a database, later in the block. Raises RoleWithoutLimits."""
    check = partial(check_role_limits, database)
    is_done = database.settings.database.pooler == "none" or await check()
    retry = None if is_done else PeriodicTask("check the limits of the role", check, RETRY_SECONDS)
    try:
        yield
    finally:
        if retry:
            await retry.stop()


async def check_role_limits(database: Database) -> bool:
    """Raise RoleWithoutLimits unless the role has every limit of the settings. False without a database."""
    shown = table("pg_settings", column("name"), column("setting"))
    wanted: Any = select(shown.c.name, shown.c.setting).where(shown.c.name.in_(CHECKED))
    try:
        rows = await database.read_session(RequestContext.for_job("limits")).all(wanted)
    except (DatabaseUnavailable, SQLAlchemyError) as error:
        log.warning("role_limits_not_checked", cause=type(error).__name__)
        return False
    found = {row.name: row.setting for row in rows}
    limits = {name: value for name, value in session_limits(database.settings.database).items() if name in CHECKED}
    if missing := sorted(name for name, value in limits.items() if value != "0" and found[name] == "0"):
        names = ", ".join(missing)
        raise RoleWithoutLimits(f"The role has no {names}; run `python -m app limits --apply`, then reconnect.")
    for name in sorted(name for name, value in limits.items() if value != found[name]):
        log.warning("role_limit_differs", name=name, role=found[name], settings=limits[name])
    return True
