"""Connections to RabbitMQ. They are not made again by themselves: that is for who uses one, and tells of it."""

import asyncio

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection

HEARTBEAT_SECONDS = 10


async def connect_rabbitmq(url: str) -> AbstractConnection:
    """Connect, with a heartbeat that tells of a broker that is silent. Raises what the client raises."""
    if "heartbeat=" not in url:
        url += f"{'&' if '?' in url else '?'}heartbeat={HEARTBEAT_SECONDS}"
    return await aio_pika.connect(url)


async def open_channel(connection: AbstractConnection, lost: asyncio.Event) -> AbstractChannel:
    """A channel on which each message that is sent is confirmed. `lost` is set once it, or the connection, is lost."""

    def lose(*_cause: object) -> None:
        lost.set()

    channel = await connection.channel(publisher_confirms=True, on_return_raises=False)
    for source in (connection, channel):
        source.close_callbacks.add(lose)
    return channel
