"""What accepts connections, and says nothing: a connection that took too long is closed."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from nats.aio.client import Client

from app.core.runtime.nats import connect_nats
from app.core.runtime.rabbitmq import connect_rabbitmq
from tests.listening import listening


@pytest.mark.parametrize(
    "connect",
    [
        lambda port: connect_nats(Client(), [f"nats://127.0.0.1:{port}"], asyncio.Event()),
        lambda port: connect_rabbitmq(f"amqp://127.0.0.1:{port}"),
    ],
    ids=["nats", "rabbitmq"],
)
async def test_a_connection_that_takes_too_long_is_closed(connect: Callable[[int], Awaitable[object]]) -> None:
    """Regression: the socket to NATS stayed open, one more at each attempt."""
    reached, ended = asyncio.Event(), asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.set()
        await reader.read()
        ended.set()
        writer.close()

    async with listening(say_nothing) as port:
        attempt = asyncio.ensure_future(connect(port))
        await reached.wait()
        attempt.cancel()
        await asyncio.wait([attempt])

        async with asyncio.timeout(10):
            await ended.wait()
    assert attempt.cancelled() or attempt.exception() is not None
