"""The database of a process: its connections, and its units of work."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from time import monotonic

from sqlalchemy.orm import configure_mappers

from app.core.config import Settings
from app.core.context import RequestContext
from app.core.db.connecting import OpenLink, dialect_of, open_reading_link, open_writing_link
from app.core.db.driver.pool import Pool
from app.core.db.driver.reader import Reader
from app.core.db.replica import Replica, ReplicaReader
from app.core.db.session import ReadSession, Session, open_session, refuse_second_connection
from app.core.db.unit_of_work.hooks import Hooks
from app.core.db.unit_of_work.session import finish
from app.core.db.unit_of_work.writers import Writers
from app.core.errors import DatabaseUnavailable
from app.core.security.keys import Keys

LEFT_BY_JOBS = 3
"""Connections that write which long jobs leave: two to imports of requests, and one to everybody else."""


class Database:
    """The connections of a process: those that write and those that read. On SQLite a single one writes."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.keys = Keys.load(settings)
        self.is_sqlite = settings.is_sqlite
        self.dialect = dialect_of(settings)
        self.hooks = Hooks()
        self.distrusted_before = -math.inf
        """A deadline passed then (monotonic): connections that were opened before may be dead."""
        self.writers = self.create_writers(settings, 1 if self.is_sqlite else settings.database.writers)
        self.spare = self.writers if self.is_sqlite else self.create_writers(settings, 1)
        """The connection of work that must not wait for others, and is short."""
        self.long_jobs = max(1, settings.database.writers - LEFT_BY_JOBS)
        """How many jobs of a process may hold a connection that writes for long."""
        self.reader = self.create_reader(settings)
        self.replica: Replica | None = None
        if settings.database.replica_url is not None:
            self.replica = Replica(settings.database, self.create_reader(settings.of_replica), self.reader)
        configure_mappers()  # else the columns of an entity cannot be read

    def create_reader(self, settings: Settings) -> Reader:
        """The connections that read from the database of `settings`."""
        return Reader(self.dialect, self.create_pool(open_reading_link, settings, settings.database.readers))

    def create_writers(self, settings: Settings, size: int) -> Writers:
        """Connections that write."""
        pool = self.create_pool(open_writing_link, settings, size)
        return Writers(self.dialect, pool, lambda each: self.hooks.check(each))  # noqa: PLW0108  # set later

    def create_pool(self, open_link: OpenLink, settings: Settings, size: int) -> Pool:
        return Pool(
            partial(open_link, settings, self.dialect),
            size,
            settings.database.pool_timeout,
            lambda link: link.opened_at >= self.distrusted_before,
        )

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
        limit = partial(self.deadline_of, context)
        return ReadSession(reader, self.keys, context, limit, self.settings.database.list_seconds)

    @asynccontextmanager
    async def unit_of_work(
        self, context: RequestContext, *, is_repeatable: bool = False, is_spare: bool = False
    ) -> AsyncIterator[Session]:
        """Commit everything the block wrote, or nothing. A later failure of the request does not undo it.

        One that is repeatable raises StaleDataError where another has changed what it read; then run it again.
        One that is spare has a connection beside those of all others.
        Raises RuntimeError inside another open transaction, and where changes are not captured.
        """
        if self.hooks.recorder is None:
            raise RuntimeError("this database has no audit log: install the change capture before writing")
        refuse_second_connection()
        async with self.deadline_of(context):
            writers = self.spare if is_spare else self.writers
            session = Session(writers, self.reader, self.hooks, context, self.keys, is_repeatable=is_repeatable)
            open_session.set(session)
            try:
                yield session
                await finish(session)
            except asyncio.CancelledError:
                session.transaction.abandon()
                raise
            finally:
                session.is_open = False
                open_session.set(None)
                await session.transaction.close()
        if self.replica is not None and context.principal is not None:
            await self.replica.note_write(context.principal.user_id)

    def deadline_of(self, context: RequestContext) -> AbstractAsyncContextManager[None]:
        """The limit of a unit of work or a read: a request has one of its own, a job gets one here."""
        if context.time_limit is not None:
            return RequestDeadline(self, context.time_limit)
        return self.deadline(context.job_seconds or self.settings.database.job_seconds)

    async def dispose(self) -> None:
        """Close every connection."""
        await self.writers.dispose()
        await self.spare.dispose()
        await self.reader.dispose()
        if self.replica is not None:
            await self.replica.reader.dispose()


class RequestDeadline:
    """Distrusts every open connection of `database` if the time limit of a request passes in the block.

    It is no generator, because every statement of a request runs in one.
    """

    __slots__ = ("database", "limit")

    def __init__(self, database: Database, limit: asyncio.Timeout) -> None:
        self.database = database
        self.limit = limit

    async def __aenter__(self) -> None: ...

    async def __aexit__(self, kind: type[BaseException] | None, *_error: object) -> None:
        if kind is None or not issubclass(kind, asyncio.CancelledError):
            return
        when = self.limit.when()
        if when is not None and when <= asyncio.get_running_loop().time():
            self.database.distrusted_before = monotonic()
