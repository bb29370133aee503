"""A client that notes what it sends, and one that goes away before it has its response."""

import asyncio
import json
import socket
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx

from scripts.replay.journal import Journal
from scripts.replay.world import World

API = "/api/v1"


@dataclass
class Client:
    """Sends requests as the superuser, unless it is given another token."""

    http: httpx.AsyncClient
    journal: Journal
    world: World
    token: str

    async def send(self, kind: str, method: str, path: str, *, token: str | None = "", **options: Any) -> Any:
        """Send a request and note its response. Returns the body, or None where the request failed.

        `token` is None for no credentials, and empty for those of the superuser.
        """
        request_id = uuid4().hex
        headers = {"X-Request-ID": request_id, **authorization(self.token if token == "" else token)}
        headers |= options.pop("headers", {})
        is_dry_run = str(options.get("params", {}).get("dry_run", "")) == "true"
        exchange = self.journal.begin(kind, request_id, is_dry_run=is_dry_run)
        try:
            response = await self.http.request(method, f"{API}{path}", headers=headers, **options)
        except httpx.TransportError:
            return None
        body = body_of(response)
        exchange.answer(response, body)
        return None if response.is_error else body

    async def vanish(self, kind: str, method: str, path: str, body: Mapping[str, Any] | None, *, part: float) -> None:
        """Send a part of a request (1.0: all of it), wait a moment, and go away."""
        request_id = uuid4().hex
        self.journal.begin(kind, request_id, is_dry_run=False)
        content = json.dumps(body).encode() if body is not None else b""
        lines = [f"{method} {API}{path} HTTP/1.1", "Host: localhost", f"X-Request-ID: {request_id}"]
        lines += [f"Authorization: Bearer {self.token}", f"Content-Length: {len(content)}", "Accept: text/csv"]
        head = "\r\n".join([*lines, "Content-Type: application/json", "", ""]).encode()
        sent = head + content[: int(len(content) * part)]
        reader, writer = await asyncio.open_connection(self.http.base_url.host, self.http.base_url.port)
        writer.write(sent)
        await writer.drain()
        if self.world.is_lucky(0.3):
            with suppress(TimeoutError, ConnectionError):
                await asyncio.wait_for(reader.read(1), 0.05)
        else:
            await asyncio.sleep(self.world.chance.random() * 0.02)
        if self.world.is_lucky(0.5):
            reset_at_close(writer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


def reset_at_close(writer: asyncio.StreamWriter) -> None:
    """Let the connection end with RST instead of FIN."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def authorization(token: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


def body_of(response: httpx.Response) -> Any:
    """The JSON body; what is no JSON is text."""
    try:
        return response.json() if response.content else {}
    except ValueError:
        return response.text
