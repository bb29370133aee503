"""Sessions: one that writes in a transaction, and one that reads statement by statement."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from types import TracebackType
from typing import Any

from app.core.context import RequestContext
from app.core.db.driver.reader import Reader
from app.core.db.replica import ReplicaReader
from app.core.db.statements import AnyRow, AnySelect, Values, add_caller
from app.core.db.unit_of_work.session import Session
from app.core.errors import ListTimedOut
from app.core.security.keys import Keys

__all__ = [
    "AnyRow",
    "AnySelect",
    "ReadSession",
    "Session",
    "Values",
    "limit_list",
    "open_session",
    "refuse_second_connection",
]

Deadline = Callable[[], AbstractAsyncContextManager[None]]
"""Limits the time of a block: raises DatabaseUnavailable."""

open_session: ContextVar["Session | None"] = ContextVar("open_session", default=None)


class ReadSession:
    """Runs selects in autocommit and returns rows. It holds a connection for one statement, never between two.

    Raises RuntimeError inside an open transaction: a request that waits for a second connection while it holds one
    can stall the whole pool.
    """

    def __init__(
        self,
        reader: Reader | ReplicaReader,
        keys: Keys,
        context: RequestContext,
        limit: Deadline,
        list_seconds: float | None = None,
    ) -> None:
        self.reader = reader
        self.limit = limit
        self.list_seconds = list_seconds
        """Longest statement of a list; None: as of any other."""
        self.keys = keys
        self.context = context
        self.is_sqlite = reader.dialect.name == "sqlite"

    async def all(self, statement: AnySelect, values: Values | None = None) -> Sequence[AnyRow]:
        refuse_second_connection()
        async with self.limit():
            return await self.reader.fetch(statement, add_caller(values, self.context))

    async def first(self, statement: AnySelect, values: Values | None = None) -> AnyRow | None:
        rows = await self.all(statement, values)
        return rows[0] if rows else None

    async def value(self, statement: AnySelect, values: Values | None = None) -> Any:
        row = await self.first(statement, values)
        return row[0] if row else None


class limit_list:  # noqa: N801  # a context manager, named by what it does
    """Raises ListTimedOut once the statements of a list in the block have taken longer than a list may.

    Some filters and sorts have no index in common. Their rows are found by reading others, however many those are.
    """

    __slots__ = ("limit",)

    def __init__(self, session: Session | ReadSession) -> None:
        self.limit = asyncio.timeout(getattr(session, "list_seconds", None))

    async def __aenter__(self) -> None:
        await self.limit.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self.limit.__aexit__(kind, error, trace)
        except TimeoutError as late:
            raise ListTimedOut(
                "These filters and this sort take too long together; add a filter, or sort by one."
            ) from late


def refuse_second_connection() -> None:
    """Raise RuntimeError while this task's transaction holds a connection."""
    session = open_session.get()
    if session is not None and session.is_open:
        raise RuntimeError("this task already holds a connection; use its session")
