"""What is published, and over which connection."""

import asyncio
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Message:
    """An event, as a broker gets it."""

    id: str
    """The same however often the event is published: by it consumers, and JetStream, drop what they have."""
    topic: str
    """What happened: `task.updated`. The prefix of the settings stands before it."""
    body: bytes


class Connection(Protocol):
    """An open connection to a broker. What it raises, whatever it is, means that it is worth nothing any more."""

    lost: asyncio.Event
    """Set once the connection is lost."""

    async def publish(self, message: Message) -> None:
        """Publish a message, and wait until the broker has confirmed it."""

    async def close(self) -> None:
        """End the connection."""
