"""Imports a large file and measures how long others wait meanwhile for a sign-in and for a write.

An import must stop neither on SQLite, where all who write share one connection.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import httpx

from scripts.servers import Server, migrate, signed_in, superuser

Call = Callable[[], Awaitable[httpx.Response]]


@dataclass
class Waits:
    """How long others waited for one kind of request, in seconds, and how many were refused."""

    name: str
    seconds: list[float] = field(default_factory=list)
    refused: int = 0

    def line(self) -> str:
        ordered = sorted(self.seconds)
        p99 = ordered[int(len(ordered) * 0.99)] if ordered else float("nan")
        median = statistics.median(ordered) if ordered else float("nan")
        return f"{self.name:<10} {len(ordered):>6} {self.refused:>8} {median * 1000:>10.0f} {p99 * 1000:>8.0f}"


async def run(server: Server, rows: int) -> tuple[float, list[Waits]]:
    """Import `rows` rows and make requests meanwhile. Returns the seconds of the import, and the waits of others."""
    content = b"".join(b'{"name": "brand %d"}\n' % number for number in range(rows))
    headers = {"Content-Type": "application/x-ndjson"}
    other = superuser(server)  # whose sign-ins end no session of the one who imports
    async with signed_in(server, timeout=900) as client:
        began = time.perf_counter()
        importing = asyncio.create_task(client.post("/brands/import", content=content, headers=headers))
        waits = await asyncio.gather(
            repeat("sign-in", lambda: client.post("/auth/token", data=other), importing),
            repeat("write", lambda: client.post("/tasks", json={"title": "meanwhile"}), importing),
            repeat("read", lambda: client.get("/tasks", params={"limit": 20}), importing),
        )
        (await importing).raise_for_status()
        return time.perf_counter() - began, list(waits)


async def repeat(name: str, call: Call, importing: "asyncio.Task[httpx.Response]") -> Waits:
    """Make the same request again and again until the import ends."""
    waits = Waits(name)
    while not importing.done():
        began = time.perf_counter()
        response = await call()
        waits.seconds.append(time.perf_counter() - began)
        waits.refused += not response.is_success
        await asyncio.sleep(0.05)
    return waits


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--database-url", default=os.environ.get("DATABASE_URL"), help="default: a new SQLite file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Server(migrate(folder, arguments.database_url)) as server:
        seconds, waits = asyncio.run(run(server, arguments.rows))
    print(f"{arguments.rows} rows in {seconds:.1f} s")
    print(f"{'others':<10} {'count':>6} {'refused':>8} {'median ms':>10} {'p99 ms':>8}")
    for each in waits:
        print(each.line())
    return int(any(each.refused for each in waits))


if __name__ == "__main__":
    sys.exit(main())
