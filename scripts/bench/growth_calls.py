"""Times a get, a list and a create of a task over HTTP while its table grows to ten million rows.

`make bench-growth-calls`. Rows are inserted by SQL; a server of its own answers, with everything switched on. The
three calls take turns, and a get asks for another row each time.
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence

import asyncpg
import httpx

from scripts.bench.databases import new_database, postgresql
from scripts.bench.figures import markdown, percentile
from scripts.bench.growth import load
from scripts.servers import UNLIMITED, Server, migrate, signed_in
from tests.databases import URL_VARIABLE

SLOWEST = 0.99
SPARE = 100
"""How many times more rows are sampled than are asked for. They come by pages of the table."""
WARM_UP = 20
"""Rounds that are not counted."""


async def time_calls(client: httpx.AsyncClient, ids: Sequence[str]) -> dict[str, list[float]]:
    """Milliseconds of each call, once for each of `ids`. Raises httpx.HTTPStatusError."""
    times: dict[str, list[float]] = defaultdict(list)
    for number, task in enumerate(ids):
        calls = {
            "get": client.build_request("GET", f"/tasks/{task}"),
            "list": client.build_request("GET", "/tasks"),
            "create": client.build_request("POST", "/tasks", json={"title": f"one more {number}"}),
        }
        for name, request in calls.items():
            started = time.perf_counter()
            (await client.send(request)).raise_for_status()
            times[name].append((time.perf_counter() - started) * 1000)
    return {name: found[WARM_UP:] for name, found in times.items()}


async def choose(url: str, size: int, count: int) -> list[str]:
    """The ids of `count` tasks of `size`, anywhere in the table."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    chosen = "SELECT id::text FROM task TABLESAMPLE SYSTEM ($1) WHERE deleted_at IS NULL ORDER BY random() LIMIT $2"
    rows = await connection.fetch(chosen, min(100.0, 100 * SPARE * count / size), count)
    await connection.close()
    return [row["id"] for row in rows]


async def grow(folder: str, url: str, sizes: Sequence[int], rounds: int) -> str:
    """Load and time in turns. Returns a table of the times."""
    environment, loaded, rows = migrate(folder, url) | UNLIMITED, 0, []
    for size in sorted(sizes):
        await load(url, loaded + 1, size, ["task"])
        loaded = size
        with Server(environment) as server:
            async with signed_in(server, timeout=60) as client:
                times = await time_calls(client, await choose(url, size, rounds + WARM_UP))
        figures = [(statistics.median(found), percentile(found, SLOWEST)) for found in times.values()]
        rows.append([f"{size:,}", *(f"{median:.1f} ({slowest:.1f})" for median, slowest in figures)])
        print(rows[-1], flush=True)
    return markdown(["tasks", *times], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 1_000_000, 10_000_000])
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument(
        "--database-url", default=os.environ.get(URL_VARIABLE), help="a PostgreSQL server; default: an embedded one"
    )
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        postgresql(options.database_url) as backend,
        new_database(backend, "growth_calls") as url,
    ):
        print(asyncio.run(grow(folder, url, options.rows, options.rounds)))


if __name__ == "__main__":
    main()
