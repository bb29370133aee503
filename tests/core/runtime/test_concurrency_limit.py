"""The concurrency limit: tasks beyond the queue are refused; a task that entered is not refused again."""

import asyncio

import pytest

from app.core.errors import Unavailable
from app.core.runtime.concurrency_limit import ConcurrencyLimit


async def test_more_than_may_wait_are_refused_at_once() -> None:
    limit, go, at_work = ConcurrencyLimit("sign-ins", at_once=1, queue=2), asyncio.Event(), 0

    async def work() -> None:
        nonlocal at_work
        async with limit.enter():
            at_work += 1
            assert at_work == 1
            await go.wait()
            at_work -= 1

    tasks = [asyncio.create_task(work()) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await work()
    further = asyncio.create_task(limit.reenter().__aenter__())
    go.set()
    await asyncio.gather(*tasks, further)

    assert (at_work, limit.waiting) == (0, 0)
