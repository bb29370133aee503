"""Requests wait for a number to grow, and one task measures it for all."""

import asyncio
import time

from app.core.runtime.concurrency_limit import ConcurrencyLimit
from app.core.runtime.growth import Growth

INTERVAL = 0.02


class Measured:
    """A number that a test sets, and how often it was measured."""

    def __init__(self) -> None:
        self.size = 0
        self.count = 0
        self.is_away = False

    async def measure(self) -> int:
        self.count += 1
        if self.is_away:
            raise ConnectionError
        return self.size


def growth_of(measured: Measured) -> Growth:
    return Growth("test", measured.measure, INTERVAL, ConcurrencyLimit("readers", 2, queue=0))


async def test_all_who_wait_are_woken_once_it_is_enough() -> None:
    measured = Measured()
    async with growth_of(measured).run_in_background() as growth:
        waiting = [asyncio.create_task(growth.wait_beyond(size, 30)) for size in (0, 1, 2)]
        await asyncio.sleep(5 * INTERVAL)
        measured.size = 2
        await asyncio.wait_for(asyncio.gather(*waiting[:2]), 10)

        assert not waiting[2].done()
        assert growth.waiting == 1
        growth.end()
        await asyncio.wait_for(waiting[2], 10)


async def test_it_is_measured_only_while_a_request_waits() -> None:
    measured = Measured()
    async with growth_of(measured).run_in_background() as growth:
        await asyncio.sleep(5 * INTERVAL)
        assert measured.count == 0
        await growth.wait_beyond(0, 5 * INTERVAL)
        assert measured.count > 0


async def test_what_was_measured_before_does_not_count() -> None:
    measured = Measured()
    measured.size = 10
    async with growth_of(measured).run_in_background() as growth:
        await growth.wait_beyond(5, 30)
        measured.size = 5
        began = time.monotonic()
        await growth.wait_beyond(5, 5 * INTERVAL)

        assert time.monotonic() - began >= 5 * INTERVAL
        assert growth.size == 5


async def test_a_failure_to_measure_wakes_no_request() -> None:
    measured = Measured()
    measured.is_away = True
    async with growth_of(measured).run_in_background() as growth:
        waiting = asyncio.create_task(growth.wait_beyond(0, 30))
        await asyncio.sleep(5 * INTERVAL)
        assert not waiting.done()
        measured.is_away, measured.size = False, 1
        await asyncio.wait_for(waiting, 30)
