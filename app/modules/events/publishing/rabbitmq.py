"""Events over RabbitMQ: to a durable topic exchange, by persistent messages that the broker confirms."""

import asyncio
from typing import Self

import aio_pika
from aio_pika.abc import AbstractConnection, AbstractExchange

from app.core.config import EventSettings
from app.core.runtime.brokers import closed_on_failure
from app.core.runtime.rabbitmq import connect_rabbitmq, open_channel
from app.modules.events.publishing.connections import Message
from app.modules.events.writing.body import CONTENT_TYPE


class RabbitMQ:
    """A connection to RabbitMQ, with the exchange `<prefix>.events`."""

    def __init__(self, connection: AbstractConnection, prefix: str) -> None:
        self.connection = connection
        self.prefix = prefix
        self.lost = asyncio.Event()
        self.exchange: AbstractExchange

    @classmethod
    async def open(cls, settings: EventSettings) -> Self:
        """Connect, and declare the exchange. Raises what the client raises."""
        (url,) = settings.broker_urls
        opened = cls(await connect_rabbitmq(url), settings.prefix)
        async with closed_on_failure(opened):
            channel = await open_channel(opened.connection, opened.lost)
            name, kind = f"{settings.prefix}.events", aio_pika.ExchangeType.TOPIC
            opened.exchange = await channel.declare_exchange(name, kind, durable=True)
        return opened

    async def publish(self, message: Message) -> None:
        """Publish a message. One for which there is no queue is confirmed, and dropped."""
        sent = aio_pika.Message(
            message.body,
            message_id=message.id,
            content_type=CONTENT_TYPE,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )
        await self.exchange.publish(sent, f"{self.prefix}.{message.topic}", mandatory=False)

    async def close(self) -> None:
        await self.connection.close()
