"""Imports a hundred thousand rows and exports a million: `python -m scripts.bench.files` prints rate and memory.

The rows that are exported and were not imported are inserted by SQL, because only the files are measured.
"""

import argparse
import asyncio
import json
import os
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator

import asyncpg
import httpx

from scripts.processes import memory
from scripts.servers import Server, migrate, signed_in

ROW = {"title": "Count the lamps in hall two", "description": "before noon", "priority": "high"}
KINDS = ("text/csv", "application/x-ndjson")
POSTGRESQL = """INSERT INTO task (id, created_at, updated_at, version, title, description, status, priority)
    SELECT gen_random_uuid(), now() - n * interval '1 second', now(), 1,
    'Count the lamps in hall ' || n, 'before noon', 'todo', 'high' FROM generate_series(1, $1) n"""
SQLITE = """WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
    INSERT INTO task (id, created_at, updated_at, version, title, description, status, priority)
    SELECT lower(hex(randomblob(16))), datetime('now', '-' || n || ' seconds') || '.000000',
    datetime('now') || '.000000', 1, 'Count the lamps in hall ' || n, 'before noon', 'todo', 'high' FROM numbers"""


async def insert_rows(url: str, count: int) -> None:
    if url.startswith("sqlite"):
        with sqlite3.connect(url.partition(":///")[2]) as file:
            file.execute(SQLITE, (count,))
        return
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    await connection.execute(POSTGRESQL, count, timeout=600)
    await connection.execute("ANALYZE task")
    await connection.close()


async def lines(count: int) -> AsyncIterator[bytes]:
    line = json.dumps(ROW).encode() + b"\n"
    for _ in range(0, count, 1000):
        yield line * 1000


async def load(server: Server, client: httpx.AsyncClient, count: int) -> None:
    memory(server.worker, begin_anew=True)
    started = time.perf_counter()
    headers = {"Content-Type": "application/x-ndjson"}
    response = await client.post("/tasks/import", content=lines(count), headers=headers)
    created = response.raise_for_status().json()["created"]
    elapsed = time.perf_counter() - started
    used = memory(server.worker)
    print(f"in  {created:9} rows  {created / elapsed:8.0f}/s  {elapsed:6.1f} s  {used}")


async def unload(server: Server, client: httpx.AsyncClient, kind: str) -> None:
    memory(server.worker, begin_anew=True)
    started, rows, size = time.perf_counter(), 0, 0
    async with client.stream("GET", "/tasks", headers={"Accept": kind}) as response:
        response.raise_for_status()
        async for chunk in response.aiter_bytes():
            rows += chunk.count(b"\n")
            size += len(chunk)
    elapsed = time.perf_counter() - started
    used = memory(server.worker)
    rate = f"{rows:9} rows  {rows / elapsed:8.0f}/s  {elapsed:6.1f} s  {used}"
    print(f"out {rate}  {size / 1e6:.0f} MB {kind}")


async def run(server: Server, arguments: argparse.Namespace) -> None:
    async with signed_in(server, timeout=3600) as client:
        await load(server, client, arguments.imported)
        await insert_rows(server.environment["DATABASE_URL"], arguments.rows - arguments.imported)
        for kind in KINDS:
            await unload(server, client, kind)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--imported", type=int, default=100_000, help="rows of the import")
    parser.add_argument("--database-url", default=os.environ.get("DATABASE_URL"), help="default: a new SQLite file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        environment = {**migrate(folder, arguments.database_url), "AUTH__ACCESS_TTL": "7200"}
        with Server(environment) as server:
            asyncio.run(run(server, arguments))


if __name__ == "__main__":
    main()
