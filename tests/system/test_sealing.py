"""Sealers as processes, killed again and again while many write: every committed entry gets its place, once."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select

from app.core.clock import new_id
from app.core.config import Settings
from app.core.db.engine import Database
from app.core.db.entity import DatabaseRole
from app.main import open_database
from app.modules.audit.sealer.logs import Log
from tests.fixtures.servers import environment_of
from tests.modules.audit.sealer.sealed import (
    add_changes,
    change_values,
    check_seal,
    entry_ids,
    past_the_application,
    read_all,
    sealed_ids,
)
from tests.roles import as_role

ROOT = Path(__file__).parents[2]
changes = Log.changes.table
WRITERS = 16
SECONDS = float(os.environ.get("SEALING_SECONDS", "12"))
"""How long is written; `make torture` takes ten minutes."""
LONG_SECONDS = min(60.0, SECONDS * 0.7)
"""How long one transaction stays open."""
TICK = {"AUDIT__TICK": "0.1"}
pytestmark = pytest.mark.timeout(SECONDS + 120)


def start(settings: Settings, *command: str) -> "subprocess.Popen[str]":
    role: dict[str, DatabaseRole] = {"seal": "sealer", "verify": "auditor"}
    environment = {**os.environ, **environment_of(as_role(settings, role[command[0]])), **TICK}
    return subprocess.Popen(
        [sys.executable, "-m", "app", *command],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def kill(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.communicate()


def run(settings: Settings, *command: str) -> tuple[int, str]:
    process = start(settings, *command)
    printed, _ = process.communicate(timeout=60)
    return process.returncode, printed


@asynccontextmanager
async def database_of(settings: Settings) -> AsyncIterator[Database]:
    database = open_database(settings)
    try:
        yield database
    finally:
        await database.dispose()


async def wait_until_sealed(database: Database) -> None:
    for _ in range(300):
        if len(await sealed_ids(database)) == len(await entry_ids(database)):
            return
        await asyncio.sleep(0.1)


async def test_a_sealer_seals_until_it_is_told_to_stop(settings: Settings) -> None:
    sealer = start(settings, "seal")
    try:
        async with database_of(settings) as database:
            await add_changes(database, 30)
            await wait_until_sealed(database)
            sealer.send_signal(signal.SIGTERM)
            printed, _ = sealer.communicate(timeout=30)
            assert (sealer.returncode, printed) == (0, "The sealer has stopped.\n")
            await check_seal(database)
            code, report = run(settings, "verify")
            assert (code, report.splitlines()[-1]) == (0, "The logs are what was sealed.")
    finally:
        kill(sealer)


async def test_a_verification_that_cannot_tell_says_so(settings: Settings, tmp_path: Path) -> None:
    code, report = run(settings, "verify")
    assert code == 2, report
    assert "cannot tell: it was never sealed" in report

    code, report = run(settings, "verify", "--checkpoint", str(tmp_path / "missing"))
    assert code == 2, report

    absent = settings.model_copy(
        update={"database_url": type(settings.database_url)("postgresql+asyncpg://127.0.0.1:9/x")}
    )
    assert run(absent, "verify")[0] == 2
    assert run(settings, "verify", "--unknown")[0] == 2


class Writers:
    """Transactions that add entries to few items, in a random order, with pauses; one in ten is rolled back."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.end = time.monotonic() + SECONDS
        self.items = [new_id() for _ in range(6)]
        self.locks = {item: asyncio.Lock() for item in self.items}
        self.written: dict[UUID, list[int]] = {item: [] for item in self.items}
        """The numbers of committed entries of each item, in the order of their commits."""

    async def run(self) -> None:
        await asyncio.gather(self.write_slowly(), *(self.write(number) for number in range(WRITERS)))

    async def write(self, seed: int) -> None:
        chance = random.Random(seed)
        async with past_the_application(self.database) as connection:
            while time.monotonic() < self.end:
                item = chance.choice(self.items)
                async with self.locks[item]:  # as the lock of its row keeps the writers of an item apart
                    numbers = []
                    for _ in range(chance.randint(1, 4)):
                        added = changes.insert().values(change_values(entity_id=str(item))).returning(changes.c.id)
                        numbers.append((await connection.execute(added)).scalar_one())
                        await asyncio.sleep(chance.random() * 0.02)
                    if chance.random() < 0.1:
                        await connection.rollback()
                        continue
                    await connection.commit()
                    self.written[item] += numbers

    async def write_slowly(self) -> None:
        """One transaction that stays open almost to the end."""
        async with past_the_application(self.database) as connection:
            await connection.execute(changes.insert().values(change_values()))
            await asyncio.sleep(LONG_SECONDS)
            await connection.commit()


class Readers:
    """Read the log while it grows: one by places, one by numbers."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.by_place: list[int] = []
        self.by_number: list[int] = []

    async def run(self, writing: "asyncio.Task[None]") -> None:
        while not writing.done():
            await self.read()
            await asyncio.sleep(0.05)

    async def read(self) -> None:
        self.by_place += (await sealed_ids(self.database))[len(self.by_place) :]
        last = self.by_number[-1] if self.by_number else 0
        newer = await read_all(self.database, select(changes.c.id).where(changes.c.id > last).order_by(changes.c.id))
        self.by_number += [row.id for row in newer]


async def kill_repeatedly(settings: Settings, writing: "asyncio.Task[None]") -> int:
    """Two sealers, of which one is killed from time to time, and replaced."""
    sealers = [start(settings, "seal"), start(settings, "seal")]
    kills = 0
    try:
        while not writing.done():
            await asyncio.wait({writing}, timeout=random.uniform(2, 4))
            kill(sealers[kills % 2])
            sealers[kills % 2] = start(settings, "seal")
            kills += 1
        async with database_of(settings) as database:
            await wait_until_sealed(database)
    finally:
        for sealer in sealers:
            kill(sealer)
    return kills


async def test_readers_of_the_order_miss_nothing_under_fire(settings: Settings) -> None:
    if settings.is_sqlite:
        pytest.skip("SQLite has one writer, which commits in the order of numbers")
    async with database_of(settings) as database:
        writers, readers = Writers(database), Readers(database)
        writing = asyncio.create_task(writers.run())
        _, kills = await asyncio.gather(readers.run(writing), kill_repeatedly(settings, writing))
        await writing
        await readers.read()
        committed = await entry_ids(database)

        assert kills >= 3
        assert sorted(readers.by_place) == committed
        assert len(set(readers.by_number)) < len(committed), "a reader by numbers misses what was committed late"
        places = {number: place for place, number in enumerate(readers.by_place)}
        for numbers in writers.written.values():
            assert [places[number] for number in numbers] == sorted(places[number] for number in numbers)
        await check_seal(database)
    assert run(settings, "verify")[0] == 0
