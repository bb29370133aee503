"""Kills the server with SIGKILL under a write load, again and again, and looks for lost or doubled writes.

Every acknowledged write must exist after the restart, with exactly one change entry and one access entry. Every write
whose response was lost is sent again with its idempotency key, and must then exist once.
"""

import argparse
import asyncio
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

from scripts.servers import PATIENCE_SECONDS, Server, migrate, signed_in, superuser

WRITERS = 8
UNDECIDED = {409, 503, 504}
"""The first request with this key is still under way, or the database or the audit log is away."""


@dataclass
class Result:
    """The acknowledged writes (task id by request id), the number sent again, and everything that was wrong."""

    tasks: dict[str, str] = field(default_factory=dict)
    unanswered: set[str] = field(default_factory=set)
    retried: int = 0
    complaints: list[str] = field(default_factory=list)

    @property
    def acknowledged_writes(self) -> int:
        return len(self.tasks)


async def run(environment: dict[str, str], rounds: int, seconds: float) -> Result:
    """Run rounds of load, kill and restart on a migrated database, then compare what is stored."""
    result = Result()
    server = Server(environment)
    writer = superuser(server)
    for _ in range(rounds):
        server.start()
        await load(server, writer, result, seconds * random.uniform(0.5, 1.5))
    server.start()
    try:
        await retry(server, writer, result)
        await compare(server, writer, result)
    finally:
        server.terminate()
    return result


async def load(server: Server, writer: dict[str, str], result: Result, seconds: float) -> None:
    """Send unanswered writes again, then write with several clients until the server is killed."""
    await retry(server, writer, result)
    async with signed_in(server, writer) as client:
        writers = [asyncio.create_task(write(client, result)) for _ in range(WRITERS)]
        await asyncio.sleep(seconds)
        server.kill()
        await asyncio.gather(*writers)


async def write(client: httpx.AsyncClient, result: Result) -> None:
    with suppress(httpx.TransportError):
        while True:
            request_id = uuid4().hex
            result.unanswered.add(request_id)
            response = await send(client, request_id, request_id)
            if response.status_code == httpx.codes.CREATED:
                result.tasks[request_id] = response.json()["id"]
                result.unanswered.discard(request_id)


async def send(client: httpx.AsyncClient, title: str, request_id: str) -> httpx.Response:
    headers = {"X-Request-ID": request_id, "Idempotency-Key": title}
    return await client.post("/tasks", json={"title": title}, headers=headers)


async def send_until_decided(client: httpx.AsyncClient, title: str) -> httpx.Response:
    """Send a write again while the server says that it cannot decide yet, for `PATIENCE_SECONDS`."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        response = await send(client, title, f"{title}-again")
        if response.status_code not in UNDECIDED or time.monotonic() > deadline:
            return response
        await asyncio.sleep(0.2)


async def retry(server: Server, writer: dict[str, str], result: Result) -> None:
    """Send the unanswered writes again."""
    async with signed_in(server, writer) as client:
        for title in sorted(result.unanswered):
            response = await send_until_decided(client, title)
            if response.status_code != httpx.codes.CREATED:
                result.complaints.append(f"the retry of {title} was answered with {response.status_code}")
            result.retried += 1
    result.unanswered.clear()


async def compare(server: Server, writer: dict[str, str], result: Result) -> None:
    """Compare the acknowledged writes with what is stored."""
    async with signed_in(server, writer) as client:
        titles = {item["id"]: item["title"] async for item in walk(client, "/tasks", {})}
        changes = Counter([row["request_id"] async for row in walk(client, "/audit/changes", {"entity": "task"})])
        created = {"path": "/api/v1/tasks", "status": 201}
        accesses = Counter([row["request_id"] async for row in walk(client, "/audit/access", created)])
    for request_id, task in result.tasks.items():
        if task not in titles:
            result.complaints.append(f"task {task} was acknowledged and is gone")
        if changes[request_id] != 1:
            result.complaints.append(f"task {task} has {changes[request_id]} change entries")
        if accesses[request_id] != 1:
            result.complaints.append(f"task {task} has {accesses[request_id]} access entries")
    result.complaints += [f"{title} is there {n} times" for title, n in Counter(titles.values()).items() if n != 1]
    if len(titles) != len(result.tasks) + result.retried:
        result.complaints.append(f"{len(titles)} tasks of {len(result.tasks)} answered and {result.retried} retried")
    if len(titles) != sum(changes.values()):
        result.complaints.append(f"{len(titles)} tasks have {sum(changes.values())} change entries")


async def walk(client: httpx.AsyncClient, path: str, params: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
    cursor = None
    while True:
        page = await client.get(path, params={**params, "limit": 100, **({"cursor": cursor} if cursor else {})})
        for item in page.raise_for_status().json()["items"]:
            yield item
        cursor = page.json()["next_cursor"]
        if cursor is None:
            return


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=2.0, help="load before each kill, about")
    parser.add_argument("--database-url", default=os.environ.get("DATABASE_URL"), help="default: a new SQLite file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        environment = migrate(folder, arguments.database_url)
        result = asyncio.run(run(environment, arguments.rounds, arguments.seconds))
    print(
        f"{arguments.rounds} kills, {result.acknowledged_writes} acknowledged and {result.retried} retried writes,"
        f" {len(result.complaints)} complaints"
    )
    for complaint in result.complaints[:20]:
        print(f"  {complaint}")
    return bool(result.complaints)


if __name__ == "__main__":
    sys.exit(main())
