"""Few at a time: a flood of one kind of request must not take every database connection from the others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.core.errors import Unavailable


class Turns:
    """Lets `at_once` tasks work while up to `queue` wait, without a connection; more are refused at once."""

    def __init__(self, at_once: int, queue: int) -> None:
        self.turns = asyncio.Semaphore(at_once)
        self.queue = queue
        self.waiting = 0

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[None]:
        """The first turn of a request. Raises Unavailable when too many wait."""
        if self.waiting >= self.queue:
            raise Unavailable("Too many sign-ins at once; try again shortly.")
        async with self.go_on():
            yield

    @asynccontextmanager
    async def go_on(self) -> AsyncIterator[None]:
        """A further turn of a request that began: it is never refused."""
        self.waiting += 1
        try:
            await self.turns.acquire()
        finally:
            self.waiting -= 1
        try:
            yield
        finally:
            self.turns.release()
