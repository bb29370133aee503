"""The broker: a connection that is made when it is needed, and a deadline for whatever is done with it."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from app.core.config import EventSettings
from app.core.runtime.brokers import close_soon
from app.modules.events.publishing.connections import Connection, Message

T = TypeVar("T")
CALL_SECONDS = 5.0
"""A broker that has not connected, or confirmed, in so long is away, whatever its connection says."""
AT_ONCE = 0.0


async def open_connection(settings: EventSettings) -> Connection:
    """Connect to the broker of `settings`, and make what events are published to. Raises what its client raises."""
    if settings.broker == "nats":
        from app.modules.events.publishing.nats import Nats  # noqa: PLC0415  # slow to import, and seldom used

        return await Nats.open(settings)
    from app.modules.events.publishing.rabbitmq import RabbitMQ  # noqa: PLC0415  # the same

    return await RabbitMQ.open(settings)


class BrokerFailed(Exception):
    """The broker is away, refuses, or confirms nothing; the message is the name of what its client raised."""


class EventBroker:
    """The broker of the settings. Once this is stopped, all that waits for the broker fails."""

    def __init__(self, settings: EventSettings) -> None:
        self.settings = settings
        self.connection: Connection | None = None
        self.is_stopped = False
        self.deadline: asyncio.Timeout | None = None

    async def open(self) -> Connection:
        """The connection, which is made where there is none. Raises BrokerFailed."""
        if self.connection is not None and self.connection.lost.is_set():
            await self.close()
        if self.connection is None:
            self.connection = await self.in_time(open_connection(self.settings))
        return self.connection

    async def send(self, message: Message) -> None:
        """Publish a message, and wait until it is confirmed. Raises BrokerFailed."""
        connection = await self.open()
        await self.in_time(connection.publish(message))

    async def in_time(self, work: Awaitable[T]) -> T:
        """Wait for the broker, at most until the deadline. Raises BrokerFailed."""
        try:
            async with asyncio.timeout(AT_ONCE if self.is_stopped else CALL_SECONDS) as self.deadline:
                return await work
        except Exception as error:
            raise BrokerFailed(type(error).__name__) from error
        finally:
            self.deadline = None

    def stop(self) -> None:
        """Wait for the broker no more."""
        self.is_stopped = True
        if self.deadline is not None and not self.deadline.expired():
            self.deadline.reschedule(AT_ONCE)

    async def close(self) -> None:
        """End the connection, if there is one. What is not confirmed is published again."""
        connection, self.connection = self.connection, None
        if connection is not None:
            await close_soon(connection)
