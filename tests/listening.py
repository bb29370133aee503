"""Servers of tests on this machine, which leave no connection behind."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
PATIENCE_SECONDS = 0.1
TURNS = 10
"""Turns of the event loop in which a connection that the system has accepted reaches its handler."""


async def let_connect() -> None:
    """Let connections reach their handlers that a server has accepted. One that is closed meanwhile forgets them."""
    for _ in range(TURNS):
        await asyncio.sleep(0)


@asynccontextmanager
async def listening(serve: Serve, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server at a free port, which is yielded.

    At the end its connections are closed, and its handlers have ended, but for those that wait for something else.
    """
    writers, handlers = set[asyncio.StreamWriter](), set[asyncio.Task[None]]()

    async def keep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        handlers.add(asyncio.current_task())  # type: ignore[arg-type]  # there is one
        await serve(reader, writer)

    server = await asyncio.start_server(keep, host, 0, ssl=tls)
    port: int = server.sockets[0].getsockname()[1]
    try:
        yield port
    finally:
        await let_connect()
        server.close()
        for writer in writers:
            writer.transport.abort()
        await asyncio.gather(*(writer.wait_closed() for writer in writers), return_exceptions=True)
        if handlers:
            await asyncio.wait(handlers, timeout=PATIENCE_SECONDS)
        await server.wait_closed()
