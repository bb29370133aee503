"""Attacks with ordinary requests: handshakes, paths that do not exist, and forwarding headers."""

import asyncio
import secrets
from collections import Counter
from collections.abc import Iterator

from scripts.attack.observer import Outcome
from scripts.bench.client import Request, exchange
from scripts.servers import Server

UPGRADE = (
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
)
FORM = ("Content-Type", "application/x-www-form-urlencoded")
CLIENTS = 16


async def unknown_paths(server: Server) -> Outcome:
    """5,000 requests for paths that do not exist, from one address."""
    return await send_all(server.port, (Request("GET", f"/nothing/{number}") for number in range(5000)), CLIENTS)


async def wrong_methods(server: Server) -> Outcome:
    """5,000 requests with a method that the path does not know."""
    return await send_all(server.port, (Request("PUT", "/api/v1/auth/token") for _ in range(5000)), CLIENTS)


async def documents(server: Server) -> Outcome:
    """500 requests for the OpenAPI document."""
    return await send_all(server.port, (Request("GET", "/openapi.json") for _ in range(500)), CLIENTS)


async def handshakes(server: Server) -> Outcome:
    """100 handshakes of a WebSocket on a path that needs a permission."""
    return await send_all(server.port, (Request("GET", "/api/v1/tasks", UPGRADE) for _ in range(100)), 1)


async def forwarded_ports(server: Server) -> Outcome:
    """40 wrong sign-ins through a trusted proxy, each with another port behind the same address."""

    def guesses() -> Iterator[Request]:
        address = f"198.51.100.{secrets.randbelow(256)}"
        for number in range(40):
            forwarded = ("X-Forwarded-For", f"{address}:{4711 + number}")
            body = f"username=guess-{number}&password=wrong".encode()
            yield Request("POST", "/api/v1/auth/token", (FORM, forwarded), body)

    return await send_all(server.port, guesses(), 1)


async def send_all(port: int, requests: Iterator[Request], clients: int) -> Outcome:
    """Send every request over `clients` connections, and count the statuses."""
    statuses: Counter[int | str] = Counter()

    async def send() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in requests:
            try:
                statuses[await exchange(reader, writer, request.encode())] += 1
            except (OSError, asyncio.IncompleteReadError):  # some servers close after a refusal
                statuses["closed"] += 1
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()

    await asyncio.gather(*(send() for _ in range(clients)))
    return Outcome(", ".join(f"{count} × {status}" for status, count in statuses.most_common()), statuses.total())


ATTACKS = {
    "6 WebSocket handshakes": handshakes,
    "10 unknown paths, 5,000": unknown_paths,
    "10 wrong methods, 5,000": wrong_methods,
    "10 OpenAPI document, 500": documents,
    "14 sign-ins from changing ports": forwarded_ports,
}
