"""Hints over RabbitMQ: each queue of jobs has a queue there."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Self

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage, AbstractQueue
from pamqp.common import FieldTable

from app.core.config import JobSettings
from app.core.runtime.brokers import closed_on_failure
from app.core.runtime.rabbitmq import connect_rabbitmq, open_channel
from app.modules.jobs.brokers.hints import HINT_SECONDS, Hint, Receive, Received

ARGUMENTS: FieldTable = {"x-queue-type": "classic", "x-message-ttl": HINT_SECONDS * 1000}


class RabbitMQ:
    """A connection to RabbitMQ. `receive` gets the hints of `queues`."""

    def __init__(self, connection: AbstractConnection, prefix: str, receive: Receive) -> None:
        self.connection = connection
        self.prefix = prefix
        self.receive = receive
        self.lost = asyncio.Event()
        self.channel: AbstractChannel
        self.queues: list[AbstractQueue] = []
        self.tags: dict[str, AbstractQueue] = {}

    @classmethod
    async def open(cls, settings: JobSettings, queues: Sequence[str], receive: Receive) -> Self:
        """Connect, and declare the queues. Raises what the client raises."""
        (url,) = settings.broker_urls
        opened = cls(await connect_rabbitmq(url), settings.broker_prefix, receive)
        async with closed_on_failure(opened):
            await opened.declare(queues)
        return opened

    async def declare(self, queues: Sequence[str]) -> None:
        """Declare the queues. One message is received at a time."""
        self.channel = await open_channel(self.connection, self.lost)
        await self.channel.set_qos(prefetch_count=1)
        for queue in queues:
            self.queues.append(
                await self.channel.declare_queue(self.name_of(queue), durable=True, arguments=ARGUMENTS.copy())
            )

    def name_of(self, queue: str) -> str:
        return f"{self.prefix}.jobs.{queue}"

    async def publish(self, hint: Hint) -> None:
        """Send a hint, and wait until it is confirmed. One for a queue that no worker has ever served is dropped."""
        message = aio_pika.Message(str(hint.id).encode(), delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await self.channel.default_exchange.publish(message, self.name_of(hint.queue), mandatory=False)

    async def listen(self) -> None:
        for queue in self.queues:
            self.tags[await queue.consume(self.take)] = queue

    async def take(self, message: AbstractIncomingMessage) -> None:
        await self.receive(Received(message.body, message.ack, partial(message.reject, requeue=True)))

    async def rest(self) -> None:
        while self.tags:
            tag, queue = self.tags.popitem()
            await queue.cancel(tag)

    async def close(self) -> None:
        await self.connection.close()
