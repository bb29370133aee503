"""A real HTTP server on this machine that receives events, and answers as a test says."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from tests.listening import listening


@dataclass
class Received:
    """A request as it arrived."""

    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


@dataclass
class Receiver:
    """What arrived, and what is answered next; 200 once that is used up."""

    port: int = 0
    received: list[Received] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    accepted: list[Received] = field(default_factory=list)
    """What was answered with 200."""
    before_answer: Callable[[], Awaitable[None]] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks"

    @property
    def types(self) -> list[str]:
        """The types of the events that arrived."""
        return [request.event["type"] for request in self.received]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of a connection."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
                request = Received(headers, await reader.readexactly(int(headers["content-length"])))
                self.received.append(request)
                if self.before_answer is not None:
                    await self.before_answer()
                status = self.answers.pop(0) if self.answers else HTTPStatus.OK
                if status == HTTPStatus.OK:
                    self.accepted.append(request)
                place = "Location: http://127.0.0.1:1/\r\n" if status == HTTPStatus.FOUND else ""
                writer.write(f"HTTP/1.1 {status} X\r\n{place}Content-Length: 0\r\n\r\n".encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver that listens while the block runs."""
    receiver = Receiver()
    async with listening(receiver.serve) as receiver.port:
        yield receiver
