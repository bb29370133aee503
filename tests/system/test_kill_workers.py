"""Workers as processes, killed again and again: every job that was asked for is done, and its effects happen once."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from sqlalchemy import func, select

from app.core.config import JobSettings, Settings
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.modules.audit.models import AuditChange
from app.modules.brands.models import Brand
from app.modules.jobs.models import Job, JobQueue
from tests.databases import BACKENDS
from tests.fixtures.brokers import MODES
from tests.fixtures.servers import environment_of
from tests.modules.jobs.kinds import ask, context_of, make_for_a_minute, make_slowly
from tests.people import SignedInAs

ROOT = Path(__file__).parents[2]
WORKERS = 2
JOBS = int(os.environ.get("ASKED", "60"))
KILLS = int(os.environ.get("KILLS", "4"))
"""`make kill-workers` asks for 1,000 jobs and kills 30 times, in one mode if MODE names it."""
TRIED = [("postgresql", mode) for mode in MODES] + [("sqlite", "table")]
if MODE := os.environ.get("MODE"):
    TRIED = [(backend, MODE) for backend in BACKENDS]
PATIENCE_SECONDS = 60 + 2 * KILLS + JOBS
LEASE = {
    "JOBS__LEASE_SECONDS": "3",
    "JOBS__POLL_SECONDS": "0.1",
    "JOBS__SWEEP_SECONDS": "3",
    "JOBS__CONCURRENCY": "4",
}
brands, jobs, queue, changes = table_of(Brand), table_of(Job), table_of(JobQueue), table_of(AuditChange)
pytestmark = [
    pytest.mark.timeout(PATIENCE_SECONDS + 60),
    pytest.mark.parametrize(("backend", "mode"), TRIED, indirect=["backend"]),
]


@pytest.fixture
def settings(settings: Settings, job_settings: JobSettings) -> Settings:
    """The settings of the application in the mode."""
    return settings.model_copy(update={"jobs": job_settings})


def start(settings: Settings, output: int = subprocess.DEVNULL, **environment: str) -> "subprocess.Popen[str]":
    """A worker on the database of the test."""
    command = [sys.executable, "-m", "tests.modules.jobs.process", "worker"]
    environment = {**os.environ, **environment_of(settings), **LEASE, **environment}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.DEVNULL, text=True)


async def ask_for_all(database: Database, signed_in_as: SignedInAs) -> Counter[Any]:
    """Ask for jobs as two users; how many of each."""
    people = [await signed_in_as("brands:create") for _ in range(2)]
    for number in range(JOBS):
        await ask(database, context_of(people[number % 2].id), make_slowly, f"Brand {number}")
    return Counter({people[0].id: JOBS - JOBS // 2, people[1].id: JOBS // 2})


async def wait_beyond(database: Database, done: int) -> None:
    """Wait until more than `done` jobs have succeeded, or all."""
    for _ in range(5 * PATIENCE_SECONDS):
        found = (await counts(database, jobs.c.state))["succeeded"]
        if found > done or found == JOBS:
            return
        await asyncio.sleep(0.2)
    raise AssertionError(f"of {JOBS} jobs {found} are done")


async def counts(database: Database, column: Any, *conditions: Any) -> Counter[Any]:
    """How often each value of a column is there, in rows that fulfil the conditions."""
    session = database.read_session(RequestContext.for_job("test"))
    counted = select(column, func.count()).where(*conditions).group_by(column)
    return Counter(dict(map(tuple, await session.all(counted))))


async def test_every_job_is_done_once_whoever_is_killed(
    database: Database, settings: Settings, signed_in_as: SignedInAs
) -> None:
    asked, began = await ask_for_all(database, signed_in_as), monotonic()
    workers = [start(settings) for _ in range(WORKERS)]
    try:
        for _ in range(KILLS):
            done = (await counts(database, jobs.c.state))["succeeded"]
            await wait_beyond(database, done)
            await asyncio.sleep(random.random())
            victim = random.randrange(WORKERS)
            workers[victim].kill()
            workers[victim].wait()
            workers[victim] = start(settings)
        await wait_beyond(database, JOBS - 1)
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()

    assert await counts(database, jobs.c.state) == {"succeeded": JOBS}
    assert await counts(database, brands.c.created_by_id) == asked
    assert await counts(database, changes.c.actor_id, changes.c.entity == "brand") == asked
    assert len(await counts(database, brands.c.name)) == JOBS
    attempts = sum(number * found for number, found in (await counts(database, jobs.c.attempts)).items())
    print(f"{JOBS} jobs, {KILLS} kills, {attempts} attempts, {monotonic() - began:.1f} s")  # noqa: T201  # `make kill-workers` shows it


async def test_a_worker_that_is_told_to_stop_loses_no_attempt(
    database: Database, settings: Settings, signed_in_as: SignedInAs
) -> None:
    maker = await signed_in_as("brands:create")
    asked = await ask(database, context_of(maker.id), make_for_a_minute, "Acme")
    worker = start(settings, subprocess.PIPE, JOBS__DRAIN_SECONDS="0")
    try:
        session = database.read_session(RequestContext.for_job("test"))
        for _ in range(5 * PATIENCE_SECONDS):
            row = await session.first(select(queue).where(queue.c.id == asked))
            assert row is not None
            if row.attempt:
                break
            await asyncio.sleep(0.2)
        worker.send_signal(signal.SIGTERM)
        printed, _ = await asyncio.to_thread(worker.communicate, timeout=30)
    finally:
        worker.kill()

    after = await session.first(select(queue).where(queue.c.id == asked))
    assert (worker.returncode, printed) == (0, "The worker has stopped.\n")
    assert after is not None
    assert (after.attempt, after.leased_until) == (0, None)
    assert await counts(database, brands.c.name) == {}
