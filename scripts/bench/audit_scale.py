"""Asks an auditor's questions of a log of millions of entries, over HTTP: `make audit-scale`.

Entries are inserted by SQL, and sealed by `python -m app seal`. Each question is asked many times in turns with the
others: for its first page, and for a page far behind it. Then the log is verified by `python -m app verify`, and the
months before this one are archived by `python -m app archive`.
"""

import argparse
import asyncio
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, NamedTuple

import asyncpg
import httpx

from scripts.bench.audit_rows import CHUNK, LOADS, SETUP, SPLIT, values_of
from scripts.bench.databases import new_database, postgresql
from scripts.bench.figures import markdown
from scripts.servers import ROOT, Server, migrate, signed_in
from tests.databases import URL_VARIABLE

PAGES = 20
"""How far behind the first page the other one is."""
LIMIT = 100
POLL_SECONDS = 0.2


class Question(NamedTuple):
    """What an auditor asks."""

    words: str
    path: str
    parameters: Mapping[str, Any] = MappingProxyType({})
    has_pages: bool = True


def questions(changes: int) -> Iterator[Question]:
    """The questions, with values that are in the log, and with values that are not."""
    for has, find in (("known", values_of(changes)), ("unknown", values_of(0))):
        yield Question(f"changes by a {has} actor", "/audit/changes", {"actor_id": find.actor})
        yield Question(f"changes of a {has} item", "/audit/changes", {"entity": "task", "entity_id": find.item})
        yield Question(f"changes of a {has} field", "/audit/changes", {"field": find.field})
        yield Question(f"changes of a {has} call", "/audit/changes", {"call_id": find.call})
        yield Question(f"requests by a {has} actor", "/audit/access", {"actor_id": find.actor})
        yield Question(f"requests from a {has} address", "/audit/access", {"ip": find.ip})
        yield Question(f"requests about a {has} item", "/audit/access", {"item_id": find.item})
        yield Question(f"sign-ins as a {has} user", "/audit/access", {"subject_id": find.actor})
        yield Question(f"requests with a {has} error code", "/audit/access", {"error_code": find.error_code})
        yield Question(f"requests to a {has} route", "/audit/access", {"route": find.route})
        yield Question(f"requests with a {has} id", "/audit/access", {"request_id": find.request})
        yield Question(f"timeline of a {has} actor", f"/audit/actors/{find.actor}/timeline")
    yield Question("newest changes", "/audit/changes")
    yield Question("newest requests", "/audit/access")
    yield Question("hidden items", "/audit/changes", {"action": "delete"})
    yield Question("items brought back", "/audit/changes", {"action": "restore"})
    yield Question("crashes", "/audit/access", {"status_gte": 500})
    yield Question("requests below a path", "/audit/access", {"path": "/api/v1/tasks/0"})
    yield Question("requests below an unknown path", "/audit/access", {"path": "/unknown"}, has_pages=False)
    yield Question("one call", f"/audit/calls/{values_of(changes).call}", has_pages=False)
    yield Question("feed from the middle", "/audit/feed", {"after": changes // 2}, has_pages=False)
    yield Question("proof of an entry", f"/audit/proofs/changes/{changes // 2}", has_pages=False)
    yield Question("status", "/audit/status", has_pages=False)


async def load(connection: "asyncpg.Connection[Any]", changes: int) -> None:
    """Insert `changes` change entries and three times as many access entries, over the last 32 days."""
    month = f"{datetime.now(UTC):%Y_%m}"
    for log in ("audit_change", "audit_access"):
        await connection.execute(SPLIT.format(table=log, month=month))
    await connection.execute(SETUP)
    for statement, times in LOADS:
        for first in range(0, changes * times, CHUNK):
            last = min(first + CHUNK, changes * times)
            await connection.execute(statement, first + 1, last, changes * times, timeout=3600)
    for table in ("audit_change", "audit_access", "audit_caller"):
        await connection.execute(f"VACUUM ANALYZE {table}", timeout=3600)


@contextmanager
def measure_processes(words: str, entries: int) -> Iterator[None]:
    """Print how many entries a second the processes handled that the block starts, and the memory of the largest."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    yield
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    memory = after.ru_maxrss / 1024
    rate, each = entries / wall, cpu / entries * 1e6
    print(f"{words} {entries:,}: {rate:,.0f} entries/s, {each:.0f} µs CPU each, at most {memory:.0f} MB", flush=True)


async def seal(connection: "asyncpg.Connection[Any]", environment: dict[str, str], entries: int) -> None:
    """Seal everything with `python -m app seal`. Raises RuntimeError if it ends before that."""
    command, quiet = (sys.executable, "-m", "app", "seal"), asyncio.subprocess.DEVNULL
    sealer = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment, stdout=quiet, stderr=quiet)
    sealed = """SELECT coalesce(sum(size), 0) FROM (SELECT log, max(size) AS size FROM audit_checkpoint GROUP BY log) s
        WHERE NOT EXISTS (SELECT FROM audit_seal WHERE sealed_snapshot IS NULL)"""  # an epoch has begun
    while await connection.fetchval(sealed) < entries:
        if sealer.returncode is not None:
            raise RuntimeError("the sealer ended")
        await asyncio.sleep(POLL_SECONDS)
    sealer.terminate()
    await sealer.wait()


async def command(environment: dict[str, str], *words: str) -> None:
    """Run `python -m app WORDS`. Raises subprocess.CalledProcessError."""
    called = (sys.executable, "-m", "app", *words)
    await asyncio.to_thread(subprocess.run, called, cwd=ROOT, env=environment, check=True, stderr=subprocess.DEVNULL)


async def count_before(connection: "asyncpg.Connection[Any]", month: str) -> int:
    """How many entries of both logs were stored before a month such as 2026-01."""
    counted = """SELECT (SELECT count(*) FROM audit_change WHERE stored_at < ended)
        + (SELECT count(*) FROM audit_access WHERE stored_at < ended) FROM to_timestamp($1, 'YYYY-MM') ended"""
    return int(await connection.fetchval(counted, month, timeout=600))


async def find_far_page(client: httpx.AsyncClient, question: Question) -> dict[str, Any]:
    """The parameters of a page far behind the first, or of the last one."""
    parameters = {**question.parameters, "limit": LIMIT}
    for _ in range(PAGES if question.has_pages else 0):
        response = (await client.get(question.path, params=parameters)).raise_for_status()
        cursor = response.json()["next_cursor"]
        if cursor is None:
            break
        parameters = {**parameters, "cursor": cursor}
    return parameters


async def ask(client: httpx.AsyncClient, path: str, parameters: dict[str, Any]) -> float:
    """Milliseconds of one answer. Raises httpx.HTTPStatusError."""
    started = time.perf_counter()
    (await client.get(path, params=parameters)).raise_for_status()
    return (time.perf_counter() - started) * 1000


async def ask_all(client: httpx.AsyncClient, changes: int, rounds: int) -> str:
    """Ask every question in turns. Returns a table of the times."""
    calls: dict[tuple[str, str], Callable[[], Awaitable[float]]] = {}
    for question in questions(changes):
        pages = {"first": {**question.parameters, **({"limit": LIMIT} if question.has_pages else {})}}
        if question.has_pages:
            pages["far"] = await find_far_page(client, question)
        for page, parameters in pages.items():
            calls[question.words, page] = lambda path=question.path, at=parameters: ask(client, path, at)  # type: ignore[misc]
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    for _ in range(rounds):
        for key in random.sample(sorted(calls), len(calls)):
            times[key].append(await calls[key]())
    rows = [
        [words, page, f"{statistics.median(found):.1f}", f"{max(found):.1f}"]
        for (words, page), found in sorted(times.items(), key=lambda item: -max(item[1]))
    ]
    return markdown(["question", "page", "median ms", f"slowest of {rounds}"], rows)


async def run(url: str, folder: str, changes: int, rounds: int) -> None:
    environment = migrate(folder, url) | {"AUDIT__SEALER": "apart", "DATABASE__JOB_SECONDS": "3600"}
    everything = {**os.environ, **environment}
    connection = await asyncpg.connect(url.replace("+asyncpg", ""), server_settings={"jit": "off"})
    started = time.perf_counter()
    await load(connection, changes)
    print(
        f"{changes:,} changes and {changes * 3:,} requests stored in {time.perf_counter() - started:.0f} s", flush=True
    )
    with measure_processes("sealed", changes * 4):
        await seal(connection, everything, changes * 4)
    with Server(environment) as server:
        async with signed_in(server, timeout=60) as client:
            print(await ask_all(client, changes, rounds), flush=True)
    with measure_processes("verified", changes * 4):
        await command(everything, "verify")
    month = f"{datetime.now(UTC):%Y-%m}"
    with measure_processes("archived", await count_before(connection, month)):
        await command(everything, "archive", "--before", month)
    await connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--changes", type=int, default=10_000_000, help="change entries; three times as many requests")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument(
        "--database-url", default=os.environ.get(URL_VARIABLE), help="a PostgreSQL server; default: an embedded one"
    )
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        postgresql(options.database_url) as backend,
        new_database(backend, "audit_scale") as url,
    ):
        asyncio.run(run(url, folder, options.changes, options.rounds))


if __name__ == "__main__":
    main()
