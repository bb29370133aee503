"""The load client: prepared bytes over open connections, on uvloop, with the duration of each response.

It costs about 30 µs of CPU a request, so that one process loads servers of 10,000 requests a second; `Sample.client`
says how busy it was.
"""

import asyncio
import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import uvloop

from scripts.bench.client import NUMBER, Request, numbers

MARK = NUMBER.encode()
END_OF_HEAD = b"\r\n\r\n"
LENGTH = b"content-length:"
LAST_CHUNK = b"0\r\n\r\n"
PATIENCE_SECONDS = 30.0


@dataclass(frozen=True)
class Sample:
    """What one turn of load saw: seconds from request to response, each, and the CPU of the client."""

    latencies: list[float]
    elapsed: float
    client_cpu: float


class Connection(asyncio.Protocol):
    """One connection, which sends the next request as soon as it has the response to the one before."""

    def __init__(self, requests: Iterator[bytes], latencies: list[float]) -> None:
        self.requests = requests
        self.latencies = latencies
        self.end = 0.0
        self.buffer = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.transport: Any = None  # uvloop's are of no class of asyncio
        self.sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def start(self, end: float) -> None:
        """Send the first request; the last one is sent before `end`."""
        self.end = end
        self.send()

    def send(self) -> None:
        """Send the next request, or close the connection at the end of the turn."""
        if (now := time.perf_counter()) >= self.end:
            self.transport.close()
            return
        self.sent_at = now
        self.transport.write(next(self.requests))

    def data_received(self, data: bytes) -> None:
        self.buffer = self.buffer + data if self.buffer else data
        status = complete_status(self.buffer)
        if status is None:
            return
        self.latencies.append(time.perf_counter() - self.sent_at)
        if status >= 400:
            self.fail(RuntimeError(f"the server answered {status}: {self.buffer[-300:]!r}"))
            return
        self.buffer = b""
        self.send()

    def connection_lost(self, error: Exception | None) -> None:
        if time.perf_counter() < self.end:
            self.fail(error or RuntimeError("the server closed the connection"))
        elif not self.done.done():
            self.done.set_result(None)

    def fail(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)
        self.transport.abort()


def complete_status(response: bytes) -> int | None:
    """The status of a response; None while a part of it is missing."""
    head_end = response.find(END_OF_HEAD)
    if head_end < 0:
        return None
    head = response[:head_end].lower()
    start = head.find(LENGTH)
    if start < 0:
        is_complete = response.endswith(LAST_CHUNK)
    else:
        line_end = head.find(b"\r", start)
        length = int(head[start + len(LENGTH) : line_end if line_end >= 0 else None])
        is_complete = len(response) >= head_end + len(END_OF_HEAD) + length
    return int(head[9:12]) if is_complete else None


def encode_in_turn(requests: Sequence[Request]) -> Iterator[bytes]:
    """The bytes of the requests in turn, for ever, each with the next number in place of its placeholder."""
    prepared = [request.encode() for request in requests]
    if not any(MARK in data for data in prepared):
        return itertools.cycle(prepared)
    return (data.replace(MARK, b"%012d" % next(numbers)) for data in itertools.cycle(prepared))


async def run(port: int, requests: Sequence[Request], connections: int, seconds: float) -> Sample:
    queue, latencies = encode_in_turn(requests), list[float]()
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(seconds + PATIENCE_SECONDS):
        opened = [
            (await loop.create_connection(lambda: Connection(queue, latencies), "127.0.0.1", port))[1]
            for _ in range(connections)
        ]
        cpu, started = time.process_time(), time.perf_counter()
        try:
            for connection in opened:
                connection.start(started + seconds)
            await asyncio.gather(*(connection.done for connection in opened))
        finally:
            for connection in opened:
                connection.transport.abort()
    return Sample(latencies, time.perf_counter() - started, time.process_time() - cpu)


def load(port: int, requests: Sequence[Request], connections: int, seconds: float) -> Sample:
    """Send `requests` in turn over `connections` at once for `seconds`. Raises RuntimeError on an error."""
    return uvloop.run(run(port, requests, connections, seconds))
