"""What connections to brokers have in common."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol

CLOSE_SECONDS = 1.0
"""A broker that is silent does not say good-bye either."""


class Closable(Protocol):
    """A connection that can be closed."""

    async def close(self) -> Any: ...


async def close_soon(connection: Closable) -> None:
    """Close a connection, whatever comes of it, and without waiting for a broker that is silent."""
    with suppress(Exception):
        async with asyncio.timeout(CLOSE_SECONDS):
            await connection.close()


@asynccontextmanager
async def closed_on_failure(connection: Closable) -> AsyncIterator[None]:
    """Close a connection if the block fails, or is cancelled."""
    try:
        yield
    except BaseException:
        await close_soon(connection)
        raise
