"""Measures the sealer and the verifier, in entries a second and CPU of this process: `python -m scripts.bench.seal`.

Entries are inserted by SQL, because only sealing is measured: in bulk, a few at a time, and when there are none.
"""

import argparse
import asyncio
import logging
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import uuid4

import structlog
from pydantic import SecretStr

from app.core.config import AuditSettings, Environment, Settings
from app.core.db import migrations
from app.core.db.engine import Database
from app.main import open_database
from app.modules.audit.sealer.logs import Log
from app.modules.audit.sealer.sealer import Sealer
from app.modules.audit.sealer.signers import load_signers
from app.modules.audit.verifier.command import verify_logs
from tests.databases import BACKENDS, Backend, EmbeddedServer, Postgresql
from tests.modules.audit.sealer.sealed import change_values, past_the_application, seal_all

FEW, TICKS = 5, 200
CHUNK = 5_000


async def add(database: Database, count: int) -> None:
    """Insert change entries."""
    async with past_the_application(database) as connection:
        for _ in range(0, count, CHUNK):
            rows = [change_values(stored_at=change_values()["at"]) for _ in range(min(CHUNK, count))]
            await connection.execute(Log.changes.table.insert(), rows)
        await connection.commit()


async def measure(name: str, count: int, work: Callable[[], Awaitable[object]]) -> None:
    """Print what `count` units of some work cost."""
    wall, cpu = time.perf_counter(), time.process_time()
    await work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{name:<34} {count / wall:>9,.0f} a second {cpu / count * 1e6:>8,.0f} µs CPU each")


async def run(settings: Settings, count: int) -> None:
    database = open_database(settings)
    sealer = Sealer(database, load_signers(settings))
    await seal_all(sealer)
    await add(database, count)
    await measure("entries sealed in bulk", count, lambda: seal_all(sealer))

    async def seal_a_few() -> None:
        for _ in range(TICKS):
            await add(database, FEW)
            await sealer.tick(Log.changes)

    async def add_a_few() -> None:
        for _ in range(TICKS):
            await add(database, FEW)

    async def tick_idly() -> None:
        for _ in range(TICKS):
            await sealer.tick(Log.changes)

    await measure(f"inserts of {FEW}, without a tick", TICKS, add_a_few)
    await seal_all(sealer)
    await measure(f"inserts of {FEW}, with a tick", TICKS, seal_a_few)
    await measure("ticks with nothing to do", TICKS, tick_idly)
    await measure("entries verified", count, lambda: verify_logs(database, [], [], 1))
    await database.dispose()


def run_on(backend: Backend, count: int) -> None:
    """Measure on a new database."""
    name = f"bench_{uuid4().hex}"
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            _env_file=None,
            environment=Environment.test,
            database_url=SecretStr(backend.create(name)),
            secret_key=SecretStr(uuid4().hex * 2),
            state_dir=Path(folder),
            audit=AuditSettings(sealer="apart"),
        )
        try:
            migrations.upgrade(settings)
            asyncio.run(run(settings, count))
        finally:
            backend.drop(name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=50_000)
    count = parser.parse_args().entries
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    print(f"SQLite, {count:,} entries")
    run_on(BACKENDS["sqlite"](), count)
    server = EmbeddedServer()
    try:
        print(f"PostgreSQL, {count:,} entries")
        run_on(Postgresql(server.url), count)
    finally:
        server.stop()


if __name__ == "__main__":
    main()
