"""The database of a process: its connections, and its units of work."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from time import monotonic
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Dialect, make_url
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.orm import configure_mappers
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry

from app.core.config import Settings
from app.core.context import RequestContext
from app.core.db import sqlite
from app.core.db.connecting import connect_arguments, open_reading_link
from app.core.db.driver.pool import Pool
from app.core.db.driver.reader import Reader
from app.core.db.network import limit_silence
from app.core.db.replica import Replica, ReplicaReader
from app.core.db.session import ReadSession, Session, open_session, refuse_second_connection
from app.core.db.unit_of_work.session import Hooks, finish
from app.core.errors import DatabaseUnavailable
from app.core.security.keys import Keys

OPENED_AT = "opened_at"


class Database:
    """The connections of a process: an engine that writes, and a reader. On SQLite one connection writes, in order."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.keys = Keys.load(settings)
        self.is_sqlite = settings.is_sqlite
        self.engine = self.create_engine(1 if self.is_sqlite else settings.database.writers)
        self.hooks = Hooks()
        self.writers = self.engine.execution_options()
        event.listen(self.writers.sync_engine, "before_cursor_execute", self.hooks.guard.before_cursor_execute)
        self.distrusted_before = -math.inf
        """A deadline passed then (monotonic): connections that were opened before may be dead."""
        self.reader = self.create_reader(settings)
        self.replica: Replica | None = None
        if settings.database.replica_url is not None:
            self.replica = Replica(settings.database, self.create_reader(settings.of_replica), self.reader)
        configure_mappers()  # else the columns of an entity cannot be read

    def create_engine(self, pool_size: int) -> AsyncEngine:
        engine = create_async_engine(
            make_url(self.settings.database_url.get_secret_value()),
            poolclass=AsyncAdaptedQueuePool,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=self.settings.database.pool_timeout,
            hide_parameters=True,
            connect_args=connect_arguments(self.settings),
        )
        event.listen(engine.sync_engine, "do_connect", connect)
        if self.is_sqlite:
            event.listen(engine.sync_engine, "connect", sqlite.prepare_connection)
            event.listen(engine.sync_engine, "begin", sqlite.begin_immediate)
        else:
            event.listen(engine.sync_engine, "connect", self.prepare_connection)
            event.listen(engine.sync_engine, "checkout", self.check_connection)
        return engine

    def create_reader(self, settings: Settings) -> Reader:
        """The connections that read from the database of `settings`."""
        pool = Pool(
            partial(open_reading_link, settings, self.engine.dialect),
            settings.database.readers,
            settings.database.pool_timeout,
            lambda link: link.opened_at >= self.distrusted_before,
        )
        return Reader(self.engine.dialect, pool)

    def prepare_connection(self, connection: Any, record: ConnectionPoolEntry) -> None:
        record.info[OPENED_AT] = monotonic()
        limit_silence(connection.driver_connection, self.settings.database.silence_seconds)

    def check_connection(self, _connection: Any, record: ConnectionPoolEntry, _proxy: Any) -> None:
        """Raise DisconnectionError, upon which the pool reconnects, for a connection that may be dead."""
        if record.info[OPENED_AT] < self.distrusted_before:
            raise DisconnectionError

    @asynccontextmanager
    async def deadline(self, seconds: float) -> AsyncIterator[None]:
        """Raise DatabaseUnavailable once the block has taken `seconds`, and distrust every open connection.

        A network can go silent without closing a connection, and then a statement waits for ever.
        """
        try:
            async with asyncio.timeout(seconds) as limit:
                yield
        except TimeoutError as error:
            if not limit.expired():
                raise
            self.distrusted_before = monotonic()
            raise DatabaseUnavailable("The database did not answer in time; try again shortly.") from error

    def read_session(self, context: RequestContext, *, allow_replica: bool = False) -> ReadSession:
        """A session that reads; from a replica, it may miss what others wrote in the last seconds."""
        reader: Reader | ReplicaReader = self.reader
        if allow_replica and self.replica is not None:
            reader = ReplicaReader(self.replica, context.principal.user_id if context.principal else None)
        return ReadSession(reader, self.keys, context, partial(self.deadline, self.settings.database.job_seconds))

    @asynccontextmanager
    async def unit_of_work(self, context: RequestContext) -> AsyncIterator[Session]:
        """Commit everything the block wrote, or nothing. A later failure of the request does not undo it.

        Raises RuntimeError inside another open transaction, and where changes are not captured.
        """
        if self.hooks.recorder is None:
            raise RuntimeError("this database has no audit log: install the change capture before writing")
        refuse_second_connection()
        async with self.deadline_of(context):
            session = Session(self.writers, self.hooks, context, self.keys)
            open_session.set(session)
            try:
                yield session
                await finish(session)
            except asyncio.CancelledError:
                await session.link.abandon()
                raise
            finally:
                session.is_open = False
                open_session.set(None)
                await session.link.close()
        if self.replica is not None and context.principal is not None:
            await self.replica.note_write(context.principal.user_id)

    def deadline_of(self, context: RequestContext) -> AbstractAsyncContextManager[None]:
        """The limit of a unit of work: a request has one of its own, a job gets one here."""
        if context.time_limit is not None:
            return self.request_deadline(context)
        return self.deadline(context.job_seconds or self.settings.database.job_seconds)

    @asynccontextmanager
    async def request_deadline(self, context: RequestContext) -> AsyncIterator[None]:
        """Distrust every open connection if the time limit of the request passes in the block."""
        try:
            yield
        except asyncio.CancelledError:
            when = context.time_limit.when() if context.time_limit else None
            if when is not None and when <= asyncio.get_running_loop().time():
                self.distrusted_before = monotonic()
            raise

    async def dispose(self) -> None:
        """Close every connection."""
        await self.engine.dispose()
        await self.reader.dispose()
        if self.replica is not None:
            await self.replica.reader.dispose()


def connect(dialect: Dialect, _record: object, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Connect. Raises DatabaseUnavailable, whatever the cause."""
    try:
        return dialect.connect(*arguments, **options)
    except Exception as error:
        raise DatabaseUnavailable("The database cannot be reached; try again shortly.") from error
