"""Reads that all see the database as it was at one moment, however long they take and whatever is written meanwhile."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from app.core.context import RequestContext
from app.core.db.driver.link import Link
from app.core.db.driver.reader import Check, Reader, error_of, fetch_rows
from app.core.db.driver.shapes import Call
from app.core.db.engine import Database
from app.core.db.session import ReadSession


class SnapshotReader(Reader):
    """Runs selects on one connection, in one transaction that only reads."""

    def __init__(self, reader: Reader, link: Link) -> None:
        super().__init__(reader.dialect, reader.pool)
        self.link = link

    async def send(self, call: Call, is_fit: Check | None = None) -> Sequence[Sequence[Any]]:
        for listener in self.listeners:
            listener(call.sql, call.values)
        try:
            return await fetch_rows(self.link, call)
        except Exception as error:
            raise error_of(self.link, error, call.sql, self.dialect) from error


@asynccontextmanager
async def read_snapshot(database: Database, context: RequestContext) -> AsyncIterator[ReadSession]:
    """A session that reads one snapshot of the primary, and holds one of its connections while the block runs.

    Each statement has the time limit of `context`. Others go on writing.
    """
    pool = database.reader.pool
    link = await pool.take()
    try:
        await link.command("BEGIN" if database.is_sqlite else "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        reader = SnapshotReader(database.reader, link)
        yield ReadSession(reader, database.keys, context, partial(database.deadline_of, context))
        await link.command("COMMIT")
    except BaseException:
        pool.drop(link)
        raise
    pool.give(link)
