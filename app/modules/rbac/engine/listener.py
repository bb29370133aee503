"""Listens for security events as they are committed (PostgreSQL, LISTEN). Without it the poll reads them later."""

from collections.abc import Callable
from time import monotonic
from typing import Any

import structlog

from app.core.db.engine import Database
from app.core.db.postgresql import connect_directly, connection_errors
from app.modules.rbac.engine.invalidation import CHANNEL

log = structlog.get_logger(__name__)

ANSWER_SECONDS = 5.0


class Listener:
    """Holds a connection outside of the pool, and past a pooler, and calls `on_event` for every event."""

    def __init__(self, database: Database, on_event: Callable[[], None]) -> None:
        self.settings = database.settings
        self.on_event = on_event
        self.connection: Any = None
        self.checked_at = 0.0

    async def ensure(self) -> bool:
        """Connect if there is no connection. Events that were missed meanwhile are polled."""
        if self.connection is not None and not self.connection.is_closed():
            await self.check()
        if self.connection is None or self.connection.is_closed():
            connection = await connect_directly(self.settings, "attest-listener")
            try:
                await connection.add_listener(CHANNEL, self.handle_notification)
            except BaseException:
                connection.terminate()
                raise
            self.connection, self.checked_at = connection, monotonic()
            self.on_event()
        return False

    async def check(self) -> None:
        """Drop a connection that has gone silent: it would wait for events for ever."""
        if monotonic() - self.checked_at < self.settings.database.silence_seconds:
            return
        try:
            await self.connection.execute("SELECT 1", timeout=ANSWER_SECONDS)
            self.checked_at = monotonic()
        except connection_errors() as error:
            log.warning("listener_lost", cause=type(error).__name__)
            self.connection.terminate()

    def handle_notification(self, *_: object) -> None:
        self.on_event()

    async def close(self) -> None:
        if self.connection is None:
            return
        try:
            await self.connection.close(timeout=ANSWER_SECONDS)
        except connection_errors() as error:
            log.warning("listener_not_closed", cause=type(error).__name__)
            self.connection.terminate()
