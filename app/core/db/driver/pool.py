"""A pool of connections of one kind, of a fixed size."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.core.db.driver.link import Link
from app.core.errors import DatabaseUnavailable


class Pool:
    """Lends connections that were used last first, and opens them when they are needed.

    A connection comes back as it was lent, outside of a transaction, so that there is no state to reset.
    """

    def __init__(
        self, connect: Callable[[], Awaitable[Link]], size: int, patience: float, is_trusted: Callable[[Link], bool]
    ) -> None:
        self.connect = connect
        self.patience = patience
        self.is_trusted = is_trusted
        self.free = asyncio.Semaphore(size)
        self.idle: list[Link] = []
        self.closing: set[asyncio.Task[None]] = set()
        self.is_disposed = False

    async def take(self) -> Link:
        """A connection for one statement. Raises PoolTimeout where none is free in time, and DatabaseUnavailable."""
        await self.wait()
        while self.idle:
            link = self.idle.pop()
            if link.is_open() and self.is_trusted(link):
                return link
            self.close(link)
        try:
            return await self.connect()
        except BaseException as error:
            self.free.release()
            if isinstance(error, Exception):
                raise DatabaseUnavailable("The database cannot be reached; try again shortly.") from error
            raise

    async def wait(self) -> None:
        """Wait until fewer connections are lent than the pool has."""
        if not self.free.locked():
            await self.free.acquire()
            return
        try:
            async with asyncio.timeout(self.patience):
                await self.free.acquire()
        except TimeoutError as error:
            raise PoolTimeout(f"no connection became free in {self.patience} s") from error

    def give(self, link: Link) -> None:
        """Take back a connection on which no statement runs."""
        if self.is_disposed:
            self.drop(link)
            return
        self.idle.append(link)
        self.free.release()

    def drop(self, link: Link) -> None:
        """Close a connection that broke, or on which a statement still runs. Then its place is free."""
        self.close(link).add_done_callback(lambda _: self.free.release())

    def close(self, link: Link) -> asyncio.Task[Any]:
        task = asyncio.create_task(link.close())
        self.closing.add(task)
        task.add_done_callback(self.closing.discard)
        return task

    async def dispose(self) -> None:
        """Close every connection that is not lent; those that are will be closed when they come back."""
        self.is_disposed = True
        while self.idle:
            self.close(self.idle.pop())
        await asyncio.gather(*self.closing)
