"""A hint tells a worker that there is a job. Its message is the id of the job, and nothing else."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

HINT_SECONDS = 300
"""What no worker has taken for so long is dropped by the broker: workers look for its job all the same."""


@dataclass(frozen=True)
class Hint:
    """A job that is due, and its queue."""

    id: UUID
    queue: str


@dataclass(frozen=True)
class Received:
    """A hint that this process has, and no other."""

    body: bytes
    done: Callable[[], Awaitable[object]]
    """Tells the broker that it has been acted on. Else another process gets it, at the latest when this one is gone."""
    undo: Callable[[], Awaitable[object]]
    """Leaves it to other processes."""

    @property
    def job_id(self) -> UUID | None:
        """The job that it names; None for a message of others."""
        try:
            return UUID(self.body.decode("ascii"))
        except ValueError:
            return None


Receive = Callable[[Received], Awaitable[None]]


class Connection(Protocol):
    """An open connection to a broker. What it raises, whatever it is, means that it is worth nothing any more."""

    lost: asyncio.Event
    """Set once the connection is lost."""

    async def publish(self, hint: Hint) -> None:
        """Send a hint, and wait until the broker has it."""

    async def listen(self) -> None:
        """Receive hints from now on, one for each queue until it is done or undone."""

    async def rest(self) -> None:
        """Receive no more hints."""

    async def close(self) -> None:
        """End the connection. What was received and is not done goes to other processes."""
