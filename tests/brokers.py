"""What a test does to a broker, with the client of that broker and no code of the application."""

from abc import ABC, abstractmethod
from typing import ClassVar

import aio_pika
import nats
from aio_pika.exceptions import ChannelNotFoundEntity
from nats.js.errors import NotFoundError


class Broker(ABC):
    """A broker at `url`, in which a test has the names that begin with `prefix`."""

    default_url: ClassVar[str]

    def __init__(self, url: str, prefix: str) -> None:
        self.url = url
        self.prefix = prefix

    @abstractmethod
    async def send(self, *bodies: bytes, queue: str = "default") -> None:
        """Send messages to the workers of a queue, as anybody could who has the address."""

    @abstractmethod
    async def count(self, queue: str = "default") -> int:
        """The messages that no worker has acknowledged."""

    @abstractmethod
    async def count_listeners(self, queue: str = "default") -> int:
        """The workers that wait for a message."""

    @abstractmethod
    async def remove(self) -> None:
        """Remove what there is under the names of the test."""


class RabbitMQ(Broker):
    default_url = "amqp://guest:guest@127.0.0.1:5672/"

    async def send(self, *bodies: bytes, queue: str = "default") -> None:
        async with await aio_pika.connect(self.url) as connection:
            channel = await connection.channel()
            for body in bodies:
                await channel.default_exchange.publish(aio_pika.Message(body), f"{self.prefix}.jobs.{queue}")

    async def count(self, queue: str = "default") -> int:
        async with await aio_pika.connect(self.url) as connection:
            channel = await connection.channel()
            found = await channel.declare_queue(f"{self.prefix}.jobs.{queue}", passive=True)
            return found.declaration_result.message_count or 0

    async def count_listeners(self, queue: str = "default") -> int:
        async with await aio_pika.connect(self.url) as connection:
            channel = await connection.channel()
            try:
                found = await channel.declare_queue(f"{self.prefix}.jobs.{queue}", passive=True)
            except ChannelNotFoundEntity:
                return 0
            return found.declaration_result.consumer_count or 0

    async def remove(self) -> None:
        async with await aio_pika.connect(self.url) as connection:
            channel = await connection.channel()
            for queue in ("default", "other", "unused"):
                await channel.queue_delete(f"{self.prefix}.jobs.{queue}")


class Nats(Broker):
    default_url = "nats://127.0.0.1:4222"

    async def send(self, *bodies: bytes, queue: str = "default") -> None:
        async with await nats.connect(self.url) as client:
            for body in bodies:
                await client.jetstream().publish(f"{self.prefix}-jobs.{queue}", body)

    async def count(self, queue: str = "default") -> int:
        async with await nats.connect(self.url) as client:
            found = await client.jetstream().consumer_info(f"{self.prefix}-jobs", f"{self.prefix}-jobs-{queue}")
            return (found.num_pending or 0) + (found.num_ack_pending or 0)

    async def count_listeners(self, queue: str = "default") -> int:
        async with await nats.connect(self.url) as client:
            try:
                found = await client.jetstream().consumer_info(f"{self.prefix}-jobs", f"{self.prefix}-jobs-{queue}")
            except NotFoundError:
                return 0
            return found.num_waiting or 0

    async def remove(self) -> None:
        async with await nats.connect(self.url) as client:
            try:
                await client.jetstream().delete_stream(f"{self.prefix}-jobs")
            except NotFoundError:
                return


BROKERS: dict[str, type[Broker]] = {"rabbitmq": RabbitMQ, "nats": Nats}
