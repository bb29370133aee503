"""Hints over NATS JetStream: one stream, with a subject and a durable consumer for each queue of jobs.

Workers pull one message at a time, when they have a free place, and acknowledge it as soon as they have claimed a job.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Self

from nats.aio.client import Client
from nats.errors import TimeoutError as NothingInTime
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, RetentionPolicy, StreamConfig

from app.core.config import JobSettings
from app.core.runtime.brokers import closed_on_failure
from app.core.runtime.nats import connect_nats, make_stream
from app.modules.jobs.brokers.hints import HINT_SECONDS, Hint, Receive, Received

PULL_SECONDS = 5.0


class Nats:
    """A connection to NATS. `receive` gets the hints of the queues that were declared."""

    def __init__(self, client: Client, settings: JobSettings, receive: Receive) -> None:
        self.client = client
        self.settings = settings
        self.receive = receive
        self.lost = asyncio.Event()
        self.is_listening = asyncio.Event()
        self.stream = client.jetstream()
        self.pulls: list[asyncio.Task[None]] = []

    @classmethod
    async def open(cls, settings: JobSettings, queues: Sequence[str], receive: Receive) -> Self:
        """Connect, and make the stream and the consumers. Raises what the client raises."""
        opened = cls(Client(), settings, receive)
        async with closed_on_failure(opened):
            await connect_nats(opened.client, settings.broker_urls, opened.lost)
            await opened.declare(queues)
        return opened

    async def declare(self, queues: Sequence[str]) -> None:
        """Make the stream, the consumer of each queue, and what pulls from it."""
        name = f"{self.settings.broker_prefix}-jobs"
        subjects, retention = [self.subject_of(">")], RetentionPolicy.WORK_QUEUE
        await make_stream(self.stream, StreamConfig(name, subjects=subjects, retention=retention, max_age=HINT_SECONDS))
        for queue in queues:
            consumer = ConsumerConfig(ack_wait=self.settings.lease_seconds)
            pulled = await self.stream.pull_subscribe(
                self.subject_of(queue), durable=f"{name}-{queue}", stream=name, config=consumer
            )
            self.pulls.append(asyncio.create_task(self.pull(pulled), name=f"hints of {queue}"))

    def subject_of(self, queue: str) -> str:
        return f"{self.settings.broker_prefix}-jobs.{queue}"

    async def pull(self, source: JetStreamContext.PullSubscription) -> None:
        """Pull hints of a queue, one after the other, while this listens."""
        try:
            while True:
                await self.is_listening.wait()
                try:
                    (message,) = await source.fetch(1, timeout=PULL_SECONDS)
                except NothingInTime:
                    continue
                settled = asyncio.Event()
                done, undo = partial(settle, message.ack, settled), partial(settle, message.nak, settled)
                await self.receive(Received(message.data, done, undo))
                await settled.wait()
        finally:
            self.lost.set()

    async def publish(self, hint: Hint) -> None:
        """Send a hint, and wait until it is stored."""
        await self.stream.publish(self.subject_of(hint.queue), str(hint.id).encode())

    async def listen(self) -> None:
        self.is_listening.set()

    async def rest(self) -> None:
        self.is_listening.clear()

    async def close(self) -> None:
        for pull in self.pulls:
            pull.cancel()
        await asyncio.gather(*self.pulls, return_exceptions=True)
        await self.client.close()


async def settle(answer: Callable[[], Awaitable[None]], settled: asyncio.Event) -> None:
    """Answer a message, and let the next one be pulled."""
    try:
        await answer()
    finally:
        settled.set()
