"""Counts the turns of the event loop, to see how much work is done in one of them."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager


@asynccontextmanager
async def count_in_turns() -> AsyncIterator[tuple[Counter[int], Callable[[], None]]]:
    """How often the function was called in each turn, and that function."""
    turn, counted = 0, Counter[int]()

    async def take_turns() -> None:
        nonlocal turn
        while True:
            turn += 1
            await asyncio.sleep(0)

    def count() -> None:
        counted[turn] += 1

    others = asyncio.ensure_future(take_turns())
    try:
        yield counted, count
    finally:
        others.cancel()
