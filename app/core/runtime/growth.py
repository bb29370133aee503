"""Lets requests wait until a number grows: one task looks at it for all requests of a process."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Self

from app.core.runtime.concurrency_limit import ConcurrencyLimit
from app.core.runtime.periodic_task import PeriodicTask


class Growth:
    """A number that grows, as `measure` told it last. It is asked every `interval` seconds, while a request waits.

    `readers` limits the requests that wait.
    """

    def __init__(
        self, name: str, measure: Callable[[], Awaitable[int]], interval: float, readers: ConcurrencyLimit
    ) -> None:
        self.name = name
        self.measure = measure
        self.interval = interval
        self.readers = readers
        self.size = 0
        self.waiting = 0
        self.is_ended = False
        self.changed = asyncio.Event()

    @asynccontextmanager
    async def run_in_background(self) -> AsyncIterator[Self]:
        """Measure while the block runs."""
        task = PeriodicTask(f"measure {self.name}", self.look, self.interval)
        try:
            yield self
        finally:
            self.end()
            await task.stop()

    async def look(self) -> bool:
        """Measure, and wake the requests that wait, to see whether it is enough."""
        if self.waiting:
            self.size = await self.measure()
            self.wake()
        return False

    async def wait_beyond(self, size: int, seconds: float) -> None:
        """Wait until the number is measured to be larger than `size`, at most so long, and not while the process stops.

        What was measured before does not count: a database can be set back.
        """
        self.waiting += 1
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    while not self.is_ended:
                        await self.changed.wait()
                        if self.size > size:
                            break
        finally:
            self.waiting -= 1

    def end(self) -> None:
        """End all waiting, now and from now on."""
        self.is_ended = True
        self.wake()

    def wake(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()
