"""Tasks that run periodically beside the requests of a process."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

log = structlog.get_logger(__name__)

STOP_SECONDS = 5.0
RUN_SECONDS = 60.0
"""Longest run of any task: the last resort against one that waits for ever."""


class PeriodicTask:
    """Runs `work` every `interval` seconds until it returns True or is stopped, for the first time after `first_after`.

    A failure is logged and retried with a growing delay. `wake` starts the next run now. Stopping lets the current run
    finish: a statement that is cancelled half-way could leave its connection behind.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], Awaitable[bool]],
        interval: float,
        max_delay: float = 5.0,
        first_after: float = 0.0,
    ) -> None:
        self.name = name
        self.work = work
        self.interval = interval
        self.max_delay = max_delay
        self.first_after = first_after
        self.stopping = asyncio.Event()
        self.woken = asyncio.Event()
        self.task = asyncio.create_task(self.run(), name=name)

    async def run(self) -> None:
        """Repeat `work` until it returns True or the task is stopped."""
        delay = self.interval
        if self.first_after:
            await self.wait(self.first_after)
        while not self.stopping.is_set():
            self.woken.clear()
            try:
                async with asyncio.timeout(RUN_SECONDS):
                    is_done = await self.work()
                if is_done:
                    return
                delay = self.interval
            except Exception as error:  # noqa: BLE001  # whatever it was, the next run may succeed
                delay = min(delay * 2, self.max_delay)
                log.warning("background_work_failed", work=self.name, cause=type(error).__name__, retry_in=delay)
            await self.wait(delay)

    async def wait(self, seconds: float) -> None:
        """Wait until the time is over or the task is woken."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.woken.wait(), seconds)

    def wake(self) -> None:
        """Start the next run now."""
        self.woken.set()

    async def stop(self) -> None:
        """Wait for the end of the current run. A run that does not end is cancelled after `STOP_SECONDS`."""
        self.stopping.set()
        self.wake()
        with suppress(TimeoutError):
            await asyncio.wait_for(self.task, STOP_SECONDS)
