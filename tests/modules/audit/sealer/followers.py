"""Followers of a feed in process: tests that are the server of a stream, and what they read of it."""

import asyncio
from collections.abc import Callable
from typing import Any, Self
from urllib.parse import urlencode

import orjson
from fastapi import FastAPI

from app.core.runtime.growth import Growth
from tests.people import Person


def scope_of(person: Person, path: str, headers: dict[str, str], parameters: dict[str, str]) -> dict[str, Any]:
    """The scope of a GET."""
    sent = {"authorization": f"Bearer {person.access_token}", **headers}
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "method": "GET",
        "scheme": "http",
        "path": f"/api/v1{path}",
        "raw_path": f"/api/v1{path}".encode(),
        "query_string": urlencode(parameters).encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
        "client": ("192.0.2.7", 1),
    }


class OpenRequest:
    """A GET whose response is read part by part, until its client goes away at the end of the block."""

    def __init__(
        self, app: FastAPI, person: Person, path: str, headers: dict[str, str] | None = None, **query: str
    ) -> None:
        scope = scope_of(person, path, headers or {}, query)
        self.is_gone = asyncio.Event()
        self.messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.may_send = asyncio.Event()
        self.may_send.set()
        self.is_asked = False
        self.buffer = b""
        self.task = asyncio.ensure_future(app(scope, self.receive, self.send))

    async def receive(self) -> dict[str, Any]:
        if not self.is_asked:
            self.is_asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.is_gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        await self.may_send.wait()
        self.messages.put_nowait(message)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.is_gone.set()
        await asyncio.wait_for(self.task, 10)

    async def head(self) -> dict[str, Any]:
        """The first message of the response."""
        return await asyncio.wait_for(self.messages.get(), 30)

    async def part(self) -> str | None:
        """The next event or comment; None at the end."""
        while b"\n\n" not in self.buffer:
            message = await asyncio.wait_for(self.messages.get(), 30)
            if not message.get("more_body"):
                return None
            self.buffer += message["body"]
        part, _, self.buffer = self.buffer.partition(b"\n\n")
        return part.decode()

    async def events(self, count: int) -> list[dict[str, Any]]:
        """The next events, whose ids are their places; comments between them are left out."""
        found: list[dict[str, Any]] = []
        while len(found) < count:
            part = await self.part()
            assert part is not None
            if not part.startswith(":"):
                data, seq = part.splitlines()
                entry = orjson.loads(data.removeprefix("data: "))
                assert seq == f"id: {entry['seq']}"
                found.append(entry)
        return found


def growth_of(reader: Person) -> Growth:
    transport: Any = reader.client._transport
    growth: Growth = transport.app.state.sealed_changes
    return growth


async def wait_until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not is_so():  # noqa: ASYNC110  # there is no event for it
            await asyncio.sleep(0.01)
