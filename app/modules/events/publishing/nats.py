"""Events over NATS JetStream: to a stream, which drops those that it has by their ids."""

import asyncio
from typing import Self

from nats.aio.client import Client
from nats.js.api import Header, StreamConfig

from app.core.config import EventSettings
from app.core.runtime.brokers import closed_on_failure
from app.core.runtime.nats import connect_nats, make_stream
from app.modules.events.publishing.connections import Message
from app.modules.events.writing.body import CONTENT_TYPE

KEPT_SECONDS = 7 * 86_400
DUPLICATE_SECONDS = 600
"""For so long the stream knows the ids of its messages."""


class Nats:
    """A connection to NATS, with the stream `<prefix>-events`."""

    def __init__(self, client: Client, settings: EventSettings) -> None:
        self.client = client
        self.prefix = settings.prefix
        self.name = f"{settings.prefix}-events"
        self.lost = asyncio.Event()
        self.stream = client.jetstream()

    @classmethod
    async def open(cls, settings: EventSettings) -> Self:
        """Connect, and make the stream. Raises what the client raises."""
        opened = cls(Client(), settings)
        subjects = [f"{opened.prefix}.>"]
        config = StreamConfig(opened.name, None, subjects, max_age=KEPT_SECONDS, duplicate_window=DUPLICATE_SECONDS)
        async with closed_on_failure(opened):
            await connect_nats(opened.client, settings.broker_urls, opened.lost)
            await make_stream(opened.stream, config)
        return opened

    async def publish(self, message: Message) -> None:
        """Publish a message, and wait until the stream has it."""
        headers = {Header.MSG_ID.value: message.id, "Content-Type": CONTENT_TYPE}
        await self.stream.publish(f"{self.prefix}.{message.topic}", message.body, stream=self.name, headers=headers)

    async def close(self) -> None:
        await self.client.close()
