"""Floods a server with wrong sign-ins, and measures the latency of other requests to the same process.

Two hundred clients guess in parallel, each another name, with the limits of addresses and names switched off, so that
only the hashing queue protects the process. Quiet and flooded times alternate; the result is the ratio of their p99.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from secrets import token_hex
from statistics import quantiles

from scripts.bench.client import Request, exchange
from scripts.processes import memory
from scripts.servers import Server, migrate, signed_in

ALLOWED = {401, 503}
MAX_GROWTH = 64
"""Mebibytes that a process may grow in a flood: connections and caches, not a queue without end."""


@dataclass
class Result:
    """Latencies in seconds of another endpoint, statuses of the flood, and the growth of the process in MiB."""

    quiet: list[float] = field(default_factory=list)
    flooded: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    growth: float = 0.0

    def line(self) -> str:
        quiet, flooded = p99(self.quiet), p99(self.flooded)
        return (
            f"p99 of GET /auth/me: {1000 * flooded:.1f} ms in the flood, {1000 * quiet:.1f} ms without, "
            f"ratio {flooded / quiet:.1f}; the flood got {dict(self.statuses)}; memory grew by {self.growth:.1f} MiB"
        )


def p99(times: list[float]) -> float:
    return quantiles(times, n=100)[98]


async def run(environment: dict[str, str], clients: int, seconds: float, rounds: int = 2) -> Result:
    """`rounds` times quiet and flooded, each for `seconds` / `rounds`."""
    result = Result()
    with Server(environment).start() as server:
        async with signed_in(server) as client:
            bearer = client.headers["Authorization"]
        await watch(server.port, bearer, [], 0.5)
        await flood(server.port, clients, Counter(), 0.5)
        before = memory(server.worker).now
        for _ in range(rounds):
            await watch(server.port, bearer, result.quiet, seconds / rounds)
            await asyncio.gather(
                flood(server.port, clients, result.statuses, seconds / rounds),
                watch(server.port, bearer, result.flooded, seconds / rounds),
            )
        result.growth = memory(server.worker).now - before
        server.terminate()
    return result


async def watch(port: int, bearer: str, times: list[float], seconds: float) -> None:
    """Send one cheap request after the other."""
    data = Request("GET", "/api/v1/auth/me", (("Authorization", bearer),)).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        started = time.monotonic()
        status = await exchange(reader, writer, data)
        if status != 200:
            raise RuntimeError(f"the other endpoint answered {status}")
        times.append(time.monotonic() - started)
        await asyncio.sleep(0.005)
    writer.close()


async def flood(port: int, clients: int, statuses: Counter[int], seconds: float) -> None:
    end = time.monotonic() + seconds
    await asyncio.gather(*(guess(port, statuses, end) for _ in range(clients)))


async def guess(port: int, statuses: Counter[int], end: float) -> None:
    """One client, which ignores Retry-After and pauses between requests."""
    form = ("Content-Type", "application/x-www-form-urlencoded")
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.monotonic() < end:
        body = f"username={token_hex(8)}&password=wrong".encode()
        statuses[await exchange(reader, writer, Request("POST", "/api/v1/auth/token", (form,), body).encode())] += 1
        await asyncio.sleep(0.25)
    writer.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--database-url", default=os.environ.get("DATABASE_URL"), help="default: a new SQLite file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        environment = migrate(folder, arguments.database_url)
        result = asyncio.run(run(environment, arguments.clients, arguments.seconds))
    print(result.line())
    return bool(set(result.statuses) - ALLOWED) or result.growth > MAX_GROWTH


if __name__ == "__main__":
    sys.exit(main())
