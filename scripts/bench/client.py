"""A small HTTP/1.1 load client: prepared bytes over open connections, so that it measures the server and not itself."""

import asyncio
import itertools
from dataclasses import dataclass

NUMBER = "#" * 12
"""A placeholder in a request. Each time the request is sent, another number takes its place."""
numbers = itertools.count(1)


@dataclass(frozen=True)
class Request:
    """One prepared request."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def encode(self) -> bytes:
        lines = [f"{self.method} {self.path} HTTP/1.1", "Host: bench", f"Content-Length: {len(self.body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes) -> int:
    """Send one request and read its response; returns the status."""
    writer.write(data)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    start = head.index(b"content-length:") + len(b"content-length:")
    await reader.readexactly(int(head[start : head.index(b"\r\n", start)]))
    return int(head[9:12])
