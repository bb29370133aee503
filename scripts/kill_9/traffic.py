"""Writers that create tasks while processes die, and note what was acknowledged."""

import asyncio
import random
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

from scripts.servers import PATIENCE_SECONDS, Server, signed_in

WRITERS = 8
UNDECIDED = {409, 503, 504}
"""The first request with this key is still under way, or the database or the audit log is away."""


@dataclass
class Answer:
    """A response to one attempt to create a task."""

    status: int
    task: str | None = None
    is_replay: bool = False


@dataclass
class Traffic:
    """All attempts of a run. A title is the idempotency key of its task too."""

    tasks: dict[str, str] = field(default_factory=dict)
    """The ids of acknowledged tasks by title."""
    undecided: set[str] = field(default_factory=set)
    """Titles of which it is not known whether their task was created."""
    attempts: dict[str, Answer | None] = field(default_factory=dict)
    """The answer to each request by its id; None where it was lost."""
    repetitions: int = 0
    """Attempts with a key that was sent before."""
    complaints: list[str] = field(default_factory=list)

    @property
    def lost_answers(self) -> int:
        return sum(answer is None for answer in self.attempts.values())

    async def write(self, client: httpx.AsyncClient, stop: asyncio.Event) -> None:
        """Create tasks until `stop`; one in four times, try an undecided one again."""
        while not stop.is_set():
            again = bool(self.undecided) and random.random() < 0.25
            title = random.choice(sorted(self.undecided)) if again else uuid4().hex
            self.repetitions += again
            answer = await self.attempt(client, title)
            if answer is None or answer.status in UNDECIDED:
                await asyncio.sleep(0.1)

    async def attempt(self, client: httpx.AsyncClient, title: str) -> Answer | None:
        """Send a task, with a request id of its own."""
        request_id = uuid4().hex
        self.undecided.add(title)
        self.attempts[request_id] = None
        headers = {"X-Request-ID": request_id, "Idempotency-Key": title}
        try:
            response = await client.post("/tasks", json={"title": title}, headers=headers)
        except httpx.TransportError:
            return None
        answer = self.attempts[request_id] = answer_of(response)
        if answer.task:
            if self.tasks.setdefault(title, answer.task) != answer.task:
                self.complaints.append(f"two tasks were acknowledged for {title}")
            self.undecided.discard(title)
        return answer

    async def decide(self, server: Server, credentials: dict[str, str]) -> None:
        """Send every undecided task again until it is acknowledged, and one in ten of the others once more."""
        async with signed_in(server, credentials, timeout=PATIENCE_SECONDS) as client:
            for title in sorted(self.undecided):
                await self.attempt_until_decided(client, title)
            for title in random.sample(sorted(self.tasks), len(self.tasks) // 10):
                self.repetitions += 1
                await self.attempt(client, title)

    async def attempt_until_decided(self, client: httpx.AsyncClient, title: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            self.repetitions += 1
            answer = await self.attempt(client, title)
            if answer and answer.status not in UNDECIDED:
                break
            await asyncio.sleep(0.2)
        if title in self.undecided:
            self.complaints.append(f"{title} was not acknowledged at last: {answer}")


def answer_of(response: httpx.Response) -> Answer:
    body: dict[str, Any] = response.json() if response.status_code == httpx.codes.CREATED else {}
    return Answer(response.status_code, body.get("id"), response.headers.get("Idempotency-Replayed") == "true")
