"""Loads a server with many more clients than database connections, reads and writes mixed: nothing may stall.

A request that waited for a second connection while it holds one would stop the whole pool.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field

from scripts.bench.client import Request, exchange
from scripts.servers import Server, migrate, signed_in

POOL = 5
ALLOWED = {200, 201, 429, 503}
LONGEST = 20.0
"""The longest acceptable wait on two busy cores, in seconds."""


@dataclass
class Result:
    """The number of responses by status, and the longest wait in seconds."""

    statuses: Counter[int] = field(default_factory=Counter)
    slowest: float = 0.0

    @property
    def successful_calls(self) -> int:
        return sum(count for status, count in self.statuses.items() if status < 400)


async def run(environment: dict[str, str], connections: int, seconds: float) -> Result:
    """Load a server whose pools have five connections each. Raises OSError if a client is cut off."""
    result = Result()
    with Server({**environment, "DATABASE__READERS": str(POOL), "DATABASE__WRITERS": str(POOL)}).start() as server:
        async with signed_in(server) as client:
            bearer = ("Authorization", client.headers["Authorization"])
        end = time.monotonic() + seconds
        await asyncio.gather(*(call(server.port, bearer, result, number, end) for number in range(connections)))
        await call(server.port, bearer, result, number=1, end=time.monotonic() + 0.1)
        server.terminate()
    return result


async def call(port: int, bearer: tuple[str, str], result: Result, number: int, end: float) -> None:
    """One client: lists, every third request a write, every seventh a read of the audit log."""
    json = ("Content-Type", "application/json")
    create = Request("POST", "/api/v1/tasks", (bearer, json), b'{"title": "one of many"}').encode()
    audit = Request("GET", "/api/v1/audit/changes?limit=20", (bearer,)).encode()
    tasks = Request("GET", "/api/v1/tasks?limit=20", (bearer,)).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        while time.monotonic() < end:
            number += 1
            started = time.monotonic()
            data = create if number % 3 == 0 else audit if number % 7 == 0 else tasks
            result.statuses[await exchange(reader, writer, data)] += 1
            result.slowest = max(result.slowest, time.monotonic() - started)
    finally:
        writer.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, default=256)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--database-url", default=os.environ.get("DATABASE_URL"), help="default: a new SQLite file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        environment = migrate(folder, arguments.database_url)
        result = asyncio.run(run(environment, arguments.connections, arguments.seconds))
    print(
        f"{arguments.connections} connections, pools of {POOL}: {dict(result.statuses)}, slowest {result.slowest:.1f} s"
    )
    stalled = result.slowest > LONGEST or result.successful_calls < arguments.connections
    return bool(set(result.statuses) - ALLOWED) or stalled


if __name__ == "__main__":
    sys.exit(main())
