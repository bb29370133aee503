"""Schedulers as processes, killed again and again: each tick asks for its job exactly once."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from app.core.config import Settings
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.modules.jobs.models import Job
from app.modules.jobs.schedules.models import JobSchedule, JobScheduleTick
from tests.fixtures.servers import environment_of

ROOT = Path(__file__).parents[2]
SCHEDULERS = 3
TICKS = int(os.environ.get("TICKS", "6"))
KILLS = int(os.environ.get("KILLS", "3"))
"""`make kill-workers` waits for more ticks, and kills 30 times."""
PATIENCE_SECONDS = 90 + 3 * KILLS + 2 * TICKS
SECOND = timedelta(seconds=1)
jobs, schedules, ticks = table_of(Job), table_of(JobSchedule), table_of(JobScheduleTick)
pytestmark = pytest.mark.timeout(2 * PATIENCE_SECONDS + 60)


def start(settings: Settings, output: int = subprocess.DEVNULL, **environment: str) -> "subprocess.Popen[str]":
    """A scheduler on the database of the test, with a schedule that ticks each second."""
    command = [sys.executable, "-m", "tests.modules.jobs.scheduled", "scheduler"]
    environment = {**os.environ, **environment_of(settings), **environment}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.DEVNULL, text=True)


async def asked(database: Database) -> list[datetime]:
    """The ticks whose jobs were asked for, in their order."""
    session = database.read_session(RequestContext.for_job("test"))
    rows = await session.all(select(jobs.c.once).where(jobs.c.kind == "tests.tick"))
    return sorted(datetime.fromisoformat(row.once.removeprefix("tick/tests.second/")) for row in rows)


async def wait_for(database: Database, count: int) -> None:
    """Wait until so many ticks have asked for their jobs."""
    for _ in range(5 * PATIENCE_SECONDS):
        if len(await asked(database)) >= count:
            return
        await asyncio.sleep(0.2)
    raise AssertionError(f"there are {len(await asked(database))} ticks, and not {count}")


async def test_each_tick_asks_once_whoever_is_killed(database: Database, settings: Settings) -> None:
    schedulers = [start(settings) for _ in range(SCHEDULERS)]
    try:
        for kill in range(KILLS):
            await wait_for(database, 1 + kill * TICKS // KILLS)
            await asyncio.sleep(2 * random.random())
            victim = random.randrange(SCHEDULERS)
            schedulers[victim].kill()
            schedulers[victim].wait()
            schedulers[victim] = start(settings)
        await wait_for(database, TICKS)
    finally:
        for scheduler in schedulers:
            scheduler.kill()
            scheduler.wait()

    made = await asked(database)
    session = database.read_session(RequestContext.for_job("test"))
    row = await session.first(select(ticks).join(schedules, schedules.c.id == ticks.c.id))
    assert row is not None
    assert Counter(made) == {made[0] + number * SECOND: 1 for number in range(len(made))}, "none twice, and no gap"
    assert (row.last_at, row.next_at) == (made[-1], made[-1] + SECOND)


@pytest.mark.parametrize("is_on", [True, False])
async def test_a_scheduler_ends_when_it_is_told_to(database: Database, settings: Settings, is_on: bool) -> None:
    scheduler = start(settings, subprocess.PIPE, JOBS__SCHEDULER=str(is_on).lower())
    try:
        session = database.read_session(RequestContext.for_job("test"))
        for _ in range(5 * PATIENCE_SECONDS):
            if await session.first(select(schedules)):
                break
            await asyncio.sleep(0.2)
        if is_on:
            await wait_for(database, 1)
        scheduler.send_signal(signal.SIGTERM)
        printed, _ = await asyncio.to_thread(scheduler.communicate, timeout=30)
    finally:
        scheduler.kill()

    assert (scheduler.returncode, printed) == (0, "The scheduler has stopped.\n")
    assert bool(await asked(database)) is is_on
