"""Sessions: one that writes in a transaction, and one that reads statement by statement."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from typing import Any

from sqlalchemy import Row, Select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session as SyncSession

from app.core.context import RequestContext
from app.core.db.driver.reader import Reader
from app.core.db.replica import ReplicaReader
from app.core.security.keys import Keys

AnySelect = Select[*tuple[Any, ...]]
AnyRow = Row[*tuple[Any, ...]]
Values = Mapping[str, Any]
"""The values of the named parameters of a select that is used again."""
Deadline = Callable[[], AbstractAsyncContextManager[None]]
"""Limits the time of a block: raises DatabaseUnavailable."""

open_session: ContextVar["Session | None"] = ContextVar("open_session", default=None)
flushing: ContextVar[bool] = ContextVar("flushing", default=False)


class UnitOfWork(SyncSession):
    """Marks when the unit of work itself writes. Writes to audited tables at any other time are refused."""

    def flush(self, objects: Sequence[Any] | None = None) -> None:
        token = flushing.set(True)
        try:
            super().flush(objects)
        finally:
            flushing.reset(token)


class Session(AsyncSession):
    """A session that writes. It takes a connection at its first statement and returns it at the end."""

    @property
    def context(self) -> RequestContext:
        return self.info["context"]  # type: ignore[no-any-return]  # `info` is untyped

    @property
    def keys(self) -> Keys:
        return self.info["keys"]  # type: ignore[no-any-return]  # `info` is untyped

    @property
    def is_sqlite(self) -> bool:
        return self.get_bind().dialect.name == "sqlite"

    def has_changes(self) -> bool:
        """Whether a flush would write something."""
        return bool(self.new or self.deleted or any(self.is_modified(row) for row in self.dirty))

    async def all(self, statement: AnySelect, values: Values | None = None) -> Sequence[AnyRow]:
        return (await self.execute(statement, values)).all()

    async def first(self, statement: AnySelect, values: Values | None = None) -> AnyRow | None:
        return (await self.execute(statement, values)).first()

    async def value(self, statement: AnySelect) -> Any:
        return (await self.execute(statement)).scalar()


class ReadSession:
    """Runs selects in autocommit and returns rows. It holds a connection for one statement, never between two.

    Raises RuntimeError inside an open transaction: a request that waits for a second connection while it holds one
    can stall the whole pool.
    """

    def __init__(self, reader: Reader | ReplicaReader, keys: Keys, context: RequestContext, limit: Deadline) -> None:
        self.reader = reader
        self.limit = limit
        self.keys = keys
        self.context = context
        self.is_sqlite = reader.dialect.name == "sqlite"

    async def all(self, statement: AnySelect, values: Values | None = None) -> Sequence[AnyRow]:
        refuse_second_connection()
        async with self.limit():
            return await self.reader.fetch(statement, values)

    async def first(self, statement: AnySelect, values: Values | None = None) -> AnyRow | None:
        rows = await self.all(statement, values)
        return rows[0] if rows else None

    async def value(self, statement: AnySelect) -> Any:
        row = await self.first(statement)
        return row[0] if row else None


def refuse_second_connection() -> None:
    """Raise RuntimeError while this task's transaction holds a connection."""
    session = open_session.get()
    if session is not None and session.in_transaction():
        raise RuntimeError("this task already holds a connection; use its session")
