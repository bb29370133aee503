"""Long work in slices, between which the event loop serves requests."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

T = TypeVar("T")

SLICE = 100
"""Items that are worked on in a row: about a millisecond of work, if each takes some microseconds."""


async def take_slices(items: Sequence[T]) -> AsyncIterator[Sequence[T]]:
    """`items`, some at a time. Whatever else waits in the event loop has its turn between two of them."""
    for first in range(0, len(items), SLICE):
        if first:
            await asyncio.sleep(0)
        yield items[first : first + SLICE]
