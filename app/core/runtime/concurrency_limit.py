"""A limit of concurrent work, so that a flood of one kind of request cannot take every database connection."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.core.errors import Unavailable


class ConcurrencyLimit:
    """Lets `at_once` tasks run while up to `queue` others wait without a database connection; more are refused.

    `what` names them to a client that is refused.
    """

    def __init__(self, what: str, at_once: int, queue: int) -> None:
        self.what = what
        self.slots = asyncio.Semaphore(at_once)
        self.queue = queue
        self.waiting = 0

    @asynccontextmanager
    async def enter(self) -> AsyncIterator[None]:
        """Wait for the first slot of a request. Raises Unavailable when too many wait."""
        if self.waiting >= self.queue and self.slots.locked():
            raise Unavailable(f"Too many {self.what} at once; try again shortly.")
        async with self.reenter():
            yield

    @asynccontextmanager
    async def reenter(self) -> AsyncIterator[None]:
        """Wait for a further slot of a request that entered before. It is never refused."""
        self.waiting += 1
        try:
            await self.slots.acquire()
        finally:
            self.waiting -= 1
        try:
            yield
        finally:
            self.slots.release()


class UploadLimits:
    """Limits of the files that a process receives at once, and of the imports that it runs at once.

    On PostgreSQL an import holds a database connection all the time. On SQLite the batches of two would take turns with
    each other and leave fewer to everybody else.
    """

    def __init__(self, *, files: int, imports: int) -> None:
        self.files = asyncio.Semaphore(files)
        self.imports = asyncio.Semaphore(imports)
