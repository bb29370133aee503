"""What a test does to a broker, with the client of that broker and no code of the application."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlsplit, urlunsplit

import aio_pika
import nats
import orjson
from aio_pika.abc import AbstractIncomingMessage
from aio_pika.exceptions import ChannelNotFoundEntity
from nats.aio.msg import Msg
from nats.js.api import DiscardPolicy, StreamConfig
from nats.js.errors import NotFoundError

KEPT, LITTLE = "kept", "little"
"""Queues of RabbitMQ for events: one has place for all, the other for one."""


def address_at(url: str, port: int, credentials: str | None = None) -> str:
    """A URL with another port on this machine, and other credentials."""
    parts = urlsplit(url)
    before = credentials or parts.netloc.rpartition("@")[0]
    return urlunsplit(parts._replace(netloc=f"{before}@127.0.0.1:{port}" if before else f"127.0.0.1:{port}"))


@dataclass(frozen=True)
class Published:
    """An event as it was published, repeats included."""

    id: str | None
    topic: str
    content_type: str | None
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        found: dict[str, Any] = orjson.loads(self.body)
        return found


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
    def inbox(self) -> Any:
        """A list in which events arrive that are published while the block runs."""

    @abstractmethod
    async def accept_one(self) -> None:
        """Accept one more event, and refuse all others."""

    @abstractmethod
    async def accept_all(self) -> None:
        """Refuse events no more."""

    @abstractmethod
    async def keep_events(self) -> None:
        """Keep the events that are published from now on, also over a restart of the broker."""

    @abstractmethod
    async def count_events(self) -> int:
        """The events that are kept, repeats included unless the broker knows them."""

    @abstractmethod
    async def read_events(self) -> list[Published]:
        """The events that are kept, in their order."""

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

    @asynccontextmanager
    async def inbox(self) -> AsyncIterator[list[Published]]:
        found: list[Published] = []

        async def take(message: AbstractIncomingMessage) -> None:
            assert message.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
            found.append(published_in(message))

        async with await aio_pika.connect(self.url) as connection:
            channel = await connection.channel()
            exchange = await channel.declare_exchange(f"{self.prefix}.events", "topic", durable=True)
            queue = await channel.declare_queue(exclusive=True)
            await queue.bind(exchange, f"{self.prefix}.#")
            await queue.consume(take, no_ack=True)
            yield found

    async def accept_one(self) -> None:
        await self.bind(LITTLE, {"x-max-length": 1, "x-overflow": "reject-publish"})

    async def bind(self, name: str, arguments: Any = None) -> None:
        """Declare a durable queue that gets all events."""
        async with await aio_pika.connect(self.url) as connection:
            channel = await connection.channel()
            exchange = await channel.declare_exchange(f"{self.prefix}.events", "topic", durable=True)
            queue = await channel.declare_queue(f"{self.prefix}.{name}", durable=True, arguments=arguments)
            await queue.bind(exchange, f"{self.prefix}.#")

    async def accept_all(self) -> None:
        async with await aio_pika.connect(self.url) as connection:
            await (await connection.channel()).queue_delete(f"{self.prefix}.{LITTLE}")

    async def keep_events(self) -> None:
        await self.bind(KEPT)

    async def count_events(self) -> int:
        async with await aio_pika.connect(self.url) as connection:
            found = await (await connection.channel()).declare_queue(f"{self.prefix}.{KEPT}", passive=True)
            return found.declaration_result.message_count or 0

    async def read_events(self) -> list[Published]:
        found: list[Published] = []
        async with await aio_pika.connect(self.url) as connection:
            queue = await (await connection.channel()).get_queue(f"{self.prefix}.{KEPT}")
            while message := await queue.get(fail=False):
                found.append(published_in(message))
        return found

    async def remove(self) -> None:
        async with await aio_pika.connect(self.url) as connection:
            channel = await connection.channel()
            for queue in ("jobs.default", "jobs.other", "jobs.unused", KEPT, LITTLE):
                await channel.queue_delete(f"{self.prefix}.{queue}")
            await channel.exchange_delete(f"{self.prefix}.events")


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

    @asynccontextmanager
    async def inbox(self) -> AsyncIterator[list[Published]]:
        found: list[Published] = []

        async def take(message: Msg) -> None:
            found.append(published_as(message.subject, message.headers, message.data))

        async with await nats.connect(self.url) as client:
            await client.subscribe(f"{self.prefix}.>", cb=take)
            await client.flush()
            yield found

    async def accept_one(self) -> None:
        limits = StreamConfig(
            f"{self.prefix}-events", None, [f"{self.prefix}.>"], max_msgs=1, discard=DiscardPolicy.NEW
        )
        async with await nats.connect(self.url) as client:
            await client.jetstream().add_stream(limits)

    async def accept_all(self) -> None:
        limits = StreamConfig(f"{self.prefix}-events", None, [f"{self.prefix}.>"], max_msgs=-1)
        async with await nats.connect(self.url) as client:
            await client.jetstream().update_stream(limits)

    async def keep_events(self) -> None:
        """The stream of the application does."""

    async def count_events(self) -> int:
        async with await nats.connect(self.url) as client:
            try:
                return (await client.jetstream().stream_info(f"{self.prefix}-events")).state.messages
            except NotFoundError:
                return 0

    async def read_events(self) -> list[Published]:
        async with await nats.connect(self.url) as client:
            stream = client.jetstream()
            state = (await stream.stream_info(f"{self.prefix}-events")).state
            numbers = range(state.first_seq, state.last_seq + 1)
            found = [await stream.get_msg(f"{self.prefix}-events", number) for number in numbers]
        return [published_as(each.subject or "", each.headers, each.data or b"") for each in found]

    async def remove(self) -> None:
        async with await nats.connect(self.url) as client:
            for name in ("jobs", "events"):
                with suppress(NotFoundError):
                    await client.jetstream().delete_stream(f"{self.prefix}-{name}")


def published_in(message: AbstractIncomingMessage) -> Published:
    """The event in a message of RabbitMQ."""
    return Published(message.message_id, message.routing_key or "", message.content_type, message.body)


def published_as(subject: str, headers: dict[str, str] | None, body: bytes) -> Published:
    """The event in a message of NATS."""
    known = headers or {}
    return Published(known.get("Nats-Msg-Id"), subject, known.get("Content-Type"), body)


BROKERS: dict[str, type[Broker]] = {"rabbitmq": RabbitMQ, "nats": Nats}
