"""Hears of security events as they are committed (PostgreSQL, LISTEN). Without it the poll learns of them as well."""

from collections.abc import Callable
from typing import Any

import asyncpg
import structlog

from app.core.db import Database
from app.modules.rbac.events import CHANNEL

log = structlog.get_logger(__name__)

CONNECT_SECONDS = 5.0


class Listener:
    """One connection of its own, outside of the pool; `heard` is called for every event."""

    def __init__(self, database: Database, heard: Callable[[], None]) -> None:
        self.dialect = database.engine.dialect
        self.url = database.engine.url
        self.heard = heard
        self.connection: Any = None

    async def ensure(self) -> bool:
        """Connect if there is no connection; what was said in between is asked for."""
        if self.connection is None or self.connection.is_closed():
            _, options = self.dialect.create_connect_args(self.url)
            options["server_settings"] = {"application_name": "attest-listener"}
            connection = await asyncpg.connect(**options, timeout=CONNECT_SECONDS)
            try:
                await connection.add_listener(CHANNEL, self.on_event)
            except BaseException:
                connection.terminate()
                raise
            self.connection = connection
            self.heard()
        return False

    def on_event(self, *_: Any) -> None:
        self.heard()

    async def close(self) -> None:
        if self.connection is None:
            return
        try:
            await self.connection.close(timeout=CONNECT_SECONDS)
        except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            log.warning("listener_not_closed", cause=type(error).__name__)
            self.connection.terminate()
