"""Sends many mixed requests to a fresh process and prints its memory now and then: it must stay flat."""

import argparse
import asyncio
import itertools
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator

from scripts.bench.client import NUMBER, Request, exchange, numbers
from scripts.processes import cpu_seconds, memory, proportional_memory
from scripts.servers import Server, migrate, signed_in, superuser

CONNECTIONS = 16
MAX_GROWTH = 32
"""Mebibytes that a process may grow after the first tenth of the requests."""


async def run(environment: dict[str, str], count: int) -> float:
    """Send `count` requests and print ten figures. Returns the growth after the first of them, in MiB."""
    began = time.monotonic()
    with Server(environment).start() as server:
        cpu = sum(cpu_seconds(pid) for pid in server.processes)
        print(f"first answer after {time.monotonic() - began:.1f} s, {cpu:.1f} s CPU")
        credentials = superuser(server)
        statuses: Counter[int] = Counter()
        figures = [memory(server.worker).now]
        print(f"{0:8} requests {figures[0]:7.1f} MiB, PSS {proportional_memory(server.worker):.1f} MiB")
        for tenth in range(1, 11):
            async with signed_in(server, credentials) as client:  # again: an access token ends before the last request
                task = (await client.post("/tasks", json={"title": "soaked"})).raise_for_status().json()
                mix = list(requests_of(client.headers["Authorization"], task["id"]))
            await send(server.port, mix, count // 10, statuses)
            figures.append(memory(server.worker).now)
            share = proportional_memory(server.worker)
            print(f"{tenth * count // 10:8} requests {figures[-1]:7.1f} MiB, PSS {share:.1f} MiB", flush=True)
        server.terminate()
    print(", ".join(f"{number} × {status}" for status, number in sorted(statuses.items())))
    return figures[-1] - figures[1]


def requests_of(bearer: str, task: str) -> Iterator[bytes]:
    """Reads, writes, refusals and mistakes, as often as they are listed."""
    json_headers = (("Authorization", bearer), ("Content-Type", "application/json"))
    refresh = json.dumps({"refresh_token": NUMBER}).encode()
    title = json.dumps({"title": f"task {NUMBER}"}).encode()
    reads = ["/api/v1/tasks?limit=20", f"/api/v1/tasks/{task}", "/api/v1/auth/me", "/api/v1/products?limit=10"]
    reads += [f"/api/v1/tasks?q={NUMBER}", f"/api/v1/nothing/{NUMBER}", "/api/v1/audit/changes?limit=5"]
    for path in reads:
        yield Request("GET", path, json_headers).encode()
    yield Request("GET", "/api/v1/tasks").encode()
    yield Request("POST", "/api/v1/tasks", json_headers, title).encode()
    yield Request("POST", "/api/v1/tasks", (*json_headers, ("Idempotency-Key", NUMBER)), title).encode()
    yield Request("PATCH", f"/api/v1/tasks/{task}", json_headers, title).encode()
    yield Request("POST", "/api/v1/tasks", json_headers, b'{"nothing": 1}').encode()
    yield Request("POST", "/api/v1/auth/token/refresh", json_headers, refresh).encode()


async def send(port: int, mix: list[bytes], count: int, statuses: Counter[int]) -> None:
    """Send `count` requests of the mix, over several connections."""
    turns = itertools.islice(itertools.cycle(mix), count)
    mark = NUMBER.encode()

    async def send_in_turn() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in turns:
            statuses[await exchange(reader, writer, request.replace(mark, b"%012d" % next(numbers)))] += 1
        writer.close()

    await asyncio.gather(*(send_in_turn() for _ in range(CONNECTIONS)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=200_000)
    parser.add_argument("--database-url", default=os.environ.get("DATABASE_URL"), help="default: a new SQLite file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        growth = asyncio.run(run(migrate(folder, arguments.database_url), arguments.requests))
    print(f"grew by {growth:.1f} MiB after the first tenth")
    return growth > MAX_GROWTH


if __name__ == "__main__":
    sys.exit(main())
