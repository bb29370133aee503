"""A small HTTP/1.1 load client: prepared bytes over open connections, so that it measures the server and not itself."""

import asyncio
import itertools
import time
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


async def load(port: int, request: Request, connections: int, seconds: float) -> int:
    """Send `request` over `connections` at once for `seconds`; returns the number of responses. Raises on an error."""
    end = time.perf_counter() + seconds
    return sum(await asyncio.gather(*(one(port, request, end) for _ in range(connections))))


async def one(port: int, request: Request, end: float) -> int:
    data, mark = request.encode(), NUMBER.encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answered = 0
    try:
        while time.perf_counter() < end:
            status = await exchange(reader, writer, data.replace(mark, b"%012d" % next(numbers)))
            if status >= 400:
                raise RuntimeError(f"the server answered {status}")
            answered += 1
    finally:
        writer.close()
    return answered


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes) -> int:
    """Send one request and read its response; returns the status."""
    writer.write(data)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    start = head.index(b"content-length:") + len(b"content-length:")
    await reader.readexactly(int(head[start : head.index(b"\r\n", start)]))
    return int(head[9:12])
