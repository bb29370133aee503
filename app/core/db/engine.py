"""The database of a process: its engines, its sessions, and the one place that commits."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Dialect, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine
from sqlalchemy.orm import ORMExecuteState, with_loader_criteria
from sqlalchemy.orm import Session as SyncSession
from sqlalchemy.pool import AsyncAdaptedQueuePool
from sqlmodel import col

from app.core.config import Settings
from app.core.context import RequestContext
from app.core.db import sqlite
from app.core.db.entity import SoftDelete
from app.core.db.session import ReadSession, Session, UnitOfWork, open_session, refuse_second_connection
from app.core.errors import DatabaseUnavailable
from app.core.security.keys import Keys


class Database:
    """The engines of a process. On SQLite, writers have a connection of their own, so that they queue in order."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.keys = Keys.load(settings)
        self.is_sqlite = settings.is_sqlite
        self.engine = self.create_engine(1 if self.is_sqlite else settings.database.pool_size)
        readers = self.create_engine(settings.database.pool_size) if self.is_sqlite else self.engine
        if self.is_sqlite:
            event.listen(readers.sync_engine, "connect", sqlite.refuse_writes)
        self.readers = readers.execution_options(isolation_level="AUTOCOMMIT")
        self.session_class: type[SyncSession] = type("AuditedSession", (UnitOfWork,), {})
        self.sessions = async_sessionmaker(
            self.engine, class_=Session, expire_on_commit=False, sync_session_class=self.session_class
        )
        event.listen(self.session_class, "do_orm_execute", hide_deleted)
        self.has_capture = False
        """Whether changes are captured for the audit log; `unit_of_work` requires it."""

    def create_engine(self, pool_size: int) -> AsyncEngine:
        engine = create_async_engine(
            make_url(self.settings.database_url.get_secret_value()),
            poolclass=AsyncAdaptedQueuePool,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=self.settings.database.pool_timeout,
            hide_parameters=True,
            connect_args=self.connect_arguments(),
        )
        event.listen(engine.sync_engine, "do_connect", connect)
        if self.is_sqlite:
            event.listen(engine.sync_engine, "connect", sqlite.prepare_connection)
            event.listen(engine.sync_engine, "begin", sqlite.begin_immediate)
        return engine

    def connect_arguments(self) -> dict[str, Any]:
        """The time limits, in the options of each driver."""
        options = self.settings.database
        if self.is_sqlite:
            return {"timeout": options.lock_timeout_ms / 1000}
        return {
            "timeout": options.pool_timeout,
            "server_settings": {
                "statement_timeout": str(options.statement_timeout_ms),
                "lock_timeout": str(options.lock_timeout_ms),
                "application_name": "attest",
            },
        }

    def read_session(self, context: RequestContext) -> ReadSession:
        return ReadSession(self.readers, self.keys, context)

    @asynccontextmanager
    async def unit_of_work(self, context: RequestContext) -> AsyncIterator[Session]:
        """Commit everything the block wrote, or nothing. A later failure of the request does not undo it.

        Raises RuntimeError inside another open transaction, and where changes are not captured.
        """
        if not self.has_capture:
            raise RuntimeError("this database has no audit log: install the change capture before writing")
        refuse_second_connection()
        async with self.sessions() as session, session.begin():
            session.info.update(context=context, keys=self.keys)
            open_session.set(session)
            try:
                yield session
            finally:
                open_session.set(None)

    async def dispose(self) -> None:
        """Close every connection."""
        await self.engine.dispose()
        await self.readers.dispose()


def connect(dialect: Dialect, _record: object, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Connect. Raises DatabaseUnavailable, whatever the cause."""
    try:
        return dialect.connect(*arguments, **options)
    except Exception as error:
        raise DatabaseUnavailable("The database cannot be reached; try again shortly.") from error


def hide_deleted(state: ORMExecuteState) -> None:
    """Load soft-deleted entities only with the execution option `include_deleted`."""
    if not state.is_select or state.execution_options.get("include_deleted"):
        return
    for mapper in state.all_mappers:
        if issubclass(mapper.class_, SoftDelete):
            visible = with_loader_criteria(mapper.class_, col(mapper.class_.deleted_at).is_(None))
            state.statement = state.statement.options(visible)
