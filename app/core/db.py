"""One request, one session, one transaction; reads without any. Nothing else in the application commits."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import Depends, Request
from sqlalchemy import event
from sqlalchemy.engine import Dialect, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import ORMExecuteState, with_loader_criteria
from sqlalchemy.orm import Session as SyncSession
from sqlalchemy.pool import AsyncAdaptedQueuePool
from sqlmodel import col

from app.core.config import Settings
from app.core.context import RequestContext
from app.core.errors import DatabaseUnavailable
from app.core.keys import Keys
from app.core.model import SoftDelete
from app.core.search import spaced
from app.core.types import AnyRow, AnySelect

S = TypeVar("S")
T = TypeVar("T")

open_session: ContextVar["Session | None"] = ContextVar("open_session", default=None)
flushing: ContextVar[bool] = ContextVar("flushing", default=False)


class UnitOfWork(SyncSession):
    """Marks the time in which the unit of work itself writes; the record refuses audited writes at any other."""

    def flush(self, objects: Sequence[Any] | None = None) -> None:
        token = flushing.set(True)
        try:
            super().flush(objects)
        finally:
            flushing.reset(token)


class Session(AsyncSession):
    """A session that writes. It takes a connection at its first statement, and gives it back at the end."""

    @property
    def context(self) -> RequestContext:
        return self.info["context"]  # type: ignore[no-any-return]  # `info` is untyped

    @property
    def keys(self) -> Keys:
        return self.info["keys"]  # type: ignore[no-any-return]  # `info` is untyped

    async def permissions_of(self, user_id: UUID) -> frozenset[str]:
        """What a user holds in this transaction; the module of roles knows how to find out."""
        source: PermissionSource = self.info["permissions_of"]
        return await source(self, user_id)

    async def lock_policy(self) -> None:
        """Until the transaction ends nobody else changes who may do what."""
        lock: PolicyLock = self.info["lock_policy"]
        await lock(self)

    @property
    def is_sqlite(self) -> bool:
        return self.get_bind().dialect.name == "sqlite"

    def has_changes(self) -> bool:
        """Whether a flush would write something."""
        return bool(self.new or self.deleted or any(self.is_modified(row) for row in self.dirty))

    async def all(self, statement: AnySelect) -> Sequence[AnyRow]:
        return (await self.execute(statement)).all()

    async def first(self, statement: AnySelect) -> AnyRow | None:
        return (await self.execute(statement)).first()

    async def value(self, statement: AnySelect) -> Any:
        return (await self.execute(statement)).scalar()


class ReadSession:
    """Runs selects in autocommit and gives rows; it holds a connection for one statement, never between two.

    Raises RuntimeError inside an open transaction: a request that waits for a second connection while it holds one
    can stall the whole pool.
    """

    def __init__(self, engine: AsyncEngine, keys: Keys, context: RequestContext) -> None:
        self.engine = engine
        self.keys = keys
        self.context = context
        self.is_sqlite = engine.dialect.name == "sqlite"

    async def all(self, statement: AnySelect) -> Sequence[AnyRow]:
        refuse_second_connection()
        async with self.engine.connect() as connection:
            return (await connection.execute(statement)).all()

    async def first(self, statement: AnySelect) -> AnyRow | None:
        rows = await self.all(statement)
        return rows[0] if rows else None

    async def value(self, statement: AnySelect) -> Any:
        row = await self.first(statement)
        return row[0] if row else None


def refuse_second_connection() -> None:
    """Raise while this task's transaction holds a connection."""
    session = open_session.get()
    if session is not None and session.in_transaction():
        raise RuntimeError("this task already holds a connection; use its session")


PermissionSource = Callable[[Session, UUID], Awaitable[frozenset[str]]]
PolicyLock = Callable[[Session], Awaitable[None]]


async def nobody_knows(_session: Session, _user_id: UUID) -> frozenset[str]:
    raise RuntimeError("no module told this database what users hold")


async def nobody_locks(_session: Session) -> None:
    raise RuntimeError("no module told this database where the policy is")


class Database:
    """The engines of a process. On SQLite writers have a connection of their own, so they queue in order."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.keys = Keys.load(settings)
        self.is_sqlite = settings.is_sqlite
        self.engine = self.new_engine(1 if self.is_sqlite else settings.database.pool_size)
        readers = self.new_engine(settings.database.pool_size) if self.is_sqlite else self.engine
        if self.is_sqlite:
            event.listen(readers.sync_engine, "connect", only_read)
        self.readers = readers.execution_options(isolation_level="AUTOCOMMIT")
        self.session_class: type[SyncSession] = type("RecordedSession", (UnitOfWork,), {})
        self.sessions = async_sessionmaker(
            self.engine, class_=Session, expire_on_commit=False, sync_session_class=self.session_class
        )
        event.listen(self.session_class, "do_orm_execute", hide_deleted)
        self.has_capture = False
        self.permissions_of: PermissionSource = nobody_knows
        self.lock_policy: PolicyLock = nobody_locks

    def new_engine(self, pool_size: int) -> AsyncEngine:
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
            event.listen(engine.sync_engine, "connect", prepare_sqlite)
            event.listen(engine.sync_engine, "begin", begin_sqlite)
        return engine

    def connect_arguments(self) -> dict[str, Any]:
        """Time limits, in each driver's words."""
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

    def reading(self, context: RequestContext) -> ReadSession:
        return ReadSession(self.readers, self.keys, context)

    @asynccontextmanager
    async def unit_of_work(self, context: RequestContext) -> AsyncIterator[Session]:
        """Commit what the block did, or nothing. It is durable: a later failure of the request does not undo it.

        Raises RuntimeError inside another open transaction, and where nobody records changes.
        """
        if not self.has_capture:
            raise RuntimeError("this database has no record: install the audit capture before writing")
        refuse_second_connection()
        async with self.sessions() as session, session.begin():
            session.info.update(
                context=context, keys=self.keys, permissions_of=self.permissions_of, lock_policy=self.lock_policy
            )
            open_session.set(session)
            try:
                yield session
            finally:
                open_session.set(None)

    async def dispose(self) -> None:
        """Close every connection."""
        await self.engine.dispose()
        await self.readers.dispose()


def connect(dialect: Dialect, _record: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Connect, and say of any failure only that the database is away."""
    try:
        return dialect.connect(*arguments, **options)
    except Exception as error:
        raise DatabaseUnavailable("The database cannot be reached; try again shortly.") from error


def prepare_sqlite(connection: Any, _record: Any) -> None:
    """Write-ahead log, foreign keys, triggers under REPLACE too, and no implicit BEGIN by the driver."""
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "recursive_triggers=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
    connection.create_function("lower", 1, fold, deterministic=True)
    connection.create_function("words", 1, spaced, deterministic=True)


def fold(text: str | None) -> str | None:
    """SQLite's own lower() knows ASCII only."""
    return text.lower() if isinstance(text, str) else text


def only_read(connection: Any, _record: Any) -> None:
    """On SQLite readers have connections of their own; these refuse to write."""
    connection.cursor().execute("PRAGMA query_only=ON")


def begin_sqlite(connection: Any) -> None:
    """Take the write lock at once: a reader that becomes a writer later could only fail."""
    if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def hide_deleted(state: ORMExecuteState) -> None:
    """Entities that are soft-deleted are loaded only with the execution option `include_deleted`."""
    if not state.is_select or state.execution_options.get("include_deleted"):
        return
    for mapper in state.all_mappers:
        if issubclass(mapper.class_, SoftDelete):
            visible = with_loader_criteria(mapper.class_, col(mapper.class_.deleted_at).is_(None))
            state.statement = state.statement.options(visible)


def database_of(request: Request) -> Database:
    return request.app.state.database  # type: ignore[no-any-return]  # Starlette's state is untyped


def context_of(request: Request) -> RequestContext:
    return request.state.context  # type: ignore[no-any-return]  # Starlette's state is untyped


async def request_session(request: Request) -> Session:
    """The session of the transaction that the route holds open around the endpoint."""
    return request.state.session  # type: ignore[no-any-return]  # Starlette's state is untyped


RequestSession = Annotated[Session, Depends(request_session)]


async def request_reader(request: Request) -> ReadSession:
    return database_of(request).reading(context_of(request))


def provided(service: Callable[[Session], S]) -> Any:
    """Inject `service(session)`: one flat async provider.

    A bare `Depends()` on a class would cost a trip through the thread pool for every constructor in the chain.
    """

    async def provide(session: RequestSession) -> S:
        return service(session)

    return Depends(provide)


def reading(service: Callable[[ReadSession], S]) -> Any:
    """Inject `service(read_session)` into an endpoint that only reads."""

    async def provide(session: Annotated[ReadSession, Depends(request_reader)]) -> S:
        return service(session)

    return Depends(provide)
