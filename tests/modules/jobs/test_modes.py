"""What holds in every mode: with the table alone, and with each broker that tells workers of jobs."""

import asyncio
import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from app.core.config import JobSettings, Settings
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.jobs import enqueue
from app.core.outgoing import Outgoing
from app.modules.jobs.running.receiving import run_jobs
from tests.brokers import Broker
from tests.fixtures.brokers import MODES
from tests.fixtures.servers import environment_of
from tests.modules.jobs.kinds import Wanted, ask, context_of, make_as_system, make_brand, make_for_a_minute, wait
from tests.modules.jobs.workers import (
    SOON_SECONDS,
    Working,
    brands,
    jobs,
    queue,
    rows,
    until,
    until_in,
    until_running,
    workers_on,
)
from tests.people import SignedInAs

ROOT = Path(__file__).parents[3]
CONTEXT = RequestContext.for_job("test")
pytestmark = [pytest.mark.parametrize("mode", MODES), pytest.mark.timeout(120)]


@pytest.fixture
def settings(settings: Settings, job_settings: JobSettings) -> Settings:
    """The settings of the application in the mode: it tells workers of the jobs for which it asks."""
    return settings.model_copy(update={"jobs": job_settings})


@pytest.fixture
def working(database: Database, broker: Broker | None) -> Working:
    return workers_on(database, broker)


def ask_and_die(settings: Settings, name: str) -> int:
    """Ask for a job in a process that is killed after the commit. Returns its exit code."""
    command = [sys.executable, "-m", "tests.modules.jobs.asker", name]
    environment = {**os.environ, **environment_of(settings)}
    return subprocess.run(command, cwd=ROOT, env=environment, check=False, timeout=60).returncode


async def test_a_job_runs_once_and_soon(database: Database, working: Working, signed_in_as: SignedInAs) -> None:
    maker, auditor = await signed_in_as("brands:create"), await signed_in_as(superuser=True)

    async with working():
        asked = [await ask(database, context_of(maker.id), make_brand, f"Brand {n}") for n in range(20)]
        for each in asked:
            await until_in(database, each, "succeeded")
    made = await rows(database, brands)
    entries = (await auditor.get("/audit/changes?entity=brand&limit=100")).json()["items"]

    assert sorted(row.name for row in made) == sorted(f"Brand {n}" for n in range(20))
    assert [entry["actor_id"] for entry in entries] == [str(maker.id)] * 20
    assert {row.attempts for row in await rows(database, jobs)} == {1}


async def test_what_was_rolled_back_runs_never(database: Database, working: Working, signed_in_as: SignedInAs) -> None:
    maker = await signed_in_as("brands:create")

    async def ask_and_fail() -> None:
        async with database.unit_of_work(context_of(maker.id)) as session:
            await enqueue(session, make_brand, Wanted(name="Never"))
            await session.flush()
            raise ZeroDivisionError

    async with working():
        with pytest.raises(ZeroDivisionError):
            await ask_and_fail()
        last = await ask(database, context_of(maker.id), make_brand, "Acme")
        await until_in(database, last, "succeeded")

    assert [row.name for row in await rows(database, brands)] == ["Acme"]


async def test_a_job_runs_although_its_process_was_killed_after_the_commit(
    database: Database, settings: Settings, working: Working
) -> None:
    code = await asyncio.to_thread(ask_and_die, settings, "Acme")
    (asked,) = await rows(database, jobs)

    async with working():
        await until_in(database, asked.id, "succeeded")

    assert (code, asked.state) == (-signal.SIGKILL, "queued")
    assert [row.name for row in await rows(database, brands)] == ["Acme"]


async def test_workers_are_told_of_what_a_killed_process_asked_for(
    database: Database, settings: Settings, working: Working
) -> None:
    async with working():
        await asyncio.to_thread(ask_and_die, settings, "Acme")
        (asked,) = await rows(database, jobs)
        await until_in(database, asked.id, "succeeded")


async def test_later_jobs_and_attempts(database: Database, working: Working, signed_in_as: SignedInAs) -> None:
    maker = await signed_in_as("brands:create")

    async with working():
        later = await ask(database, context_of(maker.id), make_brand, "Later", after=1.5)
        tried = await ask(database, context_of(maker.id), make_brand, "Tried", fails=2)
        lost = await ask(database, context_of(maker.id), make_brand, "Lost", fails=9)
        after = await until_in(database, later, "succeeded")
        again = await until_in(database, tried, "succeeded")
        failed = await until_in(database, lost, "failed")

    assert after.ended_at - after.run_at < timedelta(seconds=SOON_SECONDS)
    assert after.ended_at > after.run_at
    assert (again.attempts, failed.attempts, failed.error) == (3, 3, "Retry")
    assert sorted(row.name for row in await rows(database, brands)) == ["Later", "Tried"]


async def test_the_table_says_which_job_is_first(
    database: Database, working: Working, signed_in_as: SignedInAs
) -> None:
    """A broker hears of jobs in the order in which they were asked for."""
    maker = await signed_in_as("brands:create")
    asked = {rank: await ask(database, context_of(maker.id), make_brand, f"Brand {rank}") for rank in (9, 5, 0, -3)}
    async with database.unit_of_work(CONTEXT) as session:
        for rank, each in asked.items():
            (row,) = await session.all(select(queue).where(queue.c.id == each))
            moved = {"rank": row.run_at + timedelta(minutes=rank)}
            await session.execute(update(queue).where(queue.c.id == each).values(moved))

    async with working(concurrency=1):
        for each in asked.values():
            await until_in(database, each, "succeeded")

    ended = sorted(await rows(database, jobs), key=lambda row: row.ended_at)
    assert [row.id for row in ended] == [asked[rank] for rank in (-3, 0, 5, 9)]


async def test_a_running_job_is_cancelled_within_five_seconds(
    database: Database, working: Working, signed_in_as: SignedInAs
) -> None:
    maker = await signed_in_as("brands:create")
    kind = make_for_a_minute if database.is_sqlite else wait  # SQLite has one writer: only what has not written yet

    async with working():
        asked = await ask(database, context_of(maker.id), kind, "Acme")
        await until_running(database, asked)
        told = await maker.post(f"/jobs/{asked}/cancel")
        await until_in(database, asked, "cancelled", 5)

    assert told.status_code == 200
    assert await rows(database, brands) == await rows(database, queue) == []


async def test_a_worker_that_stops_loses_no_attempt(
    database: Database, working: Working, signed_in_as: SignedInAs
) -> None:
    maker = await signed_in_as("brands:create")
    async with working():
        asked = await ask(database, context_of(maker.id), make_for_a_minute, "Acme")
        await until_running(database, asked)

    (row,) = await rows(database, queue)
    assert (row.attempt, row.leased_until, await rows(database, brands)) == (0, None, [])


async def test_a_place_that_is_free_gets_the_job(
    database: Database, working: Working, signed_in_as: SignedInAs
) -> None:
    """A worker without a free place does not keep hints from those that have one."""
    maker = await signed_in_as("brands:create")
    async with working(concurrency=1), working(concurrency=2):
        blocked = [await ask(database, context_of(maker.id), make_for_a_minute, f"Minute {n}") for n in range(2)]
        for each in blocked:
            await until_running(database, each)
        for number in range(5):
            asked = await ask(database, context_of(maker.id), make_brand, f"Brand {number}")
            await until_in(database, asked, "succeeded")


async def test_a_worker_is_told_of_its_queues(database: Database, working: Working, signed_in_as: SignedInAs) -> None:
    maker = await signed_in_as("brands:create")
    async with working(queues=("default", "other")), working(queues=("unused",)):
        for number, name in enumerate(("other", "default", "other")):
            async with database.unit_of_work(context_of(maker.id)) as session:
                asked = await enqueue(session, make_brand, Wanted(name=f"Brand {number}"), after=0.5)
                await session.execute(update(queue).where(queue.c.id == asked).values(queue=name))
            await until_in(database, asked, "succeeded")


async def test_repeated_forged_and_foreign_messages_do_no_harm(
    database: Database, working: Working, broker: Broker | None, signed_in_as: SignedInAs
) -> None:
    if broker is None:
        pytest.skip("the table has no messages")
    maker = await signed_in_as("brands:create")
    later = await ask(database, context_of(maker.id), make_brand, "Later", after=3600)

    async with working():
        first = await ask(database, context_of(maker.id), make_brand, "First")
        await until_in(database, first, "succeeded")
        known = [str(each).encode() for each in (first, later, uuid4())] * 3
        await broker.send(
            *known, b"", b"\xff\x00", b'{"task_name": "run", "args": ["' + known[0] + b'"]}', b"x" * 100_000
        )
        second = await ask(database, context_of(maker.id), make_brand, "Second")
        await until_in(database, second, "succeeded")

        async def is_empty() -> bool:
            return await broker.count() == 0

        await until(is_empty)

    assert sorted(row.name for row in await rows(database, brands)) == ["First", "Second"]
    assert {row.attempts for row in await rows(database, jobs, jobs.c.id != later)} == {1}
    assert [(row.id, row.attempt) for row in await rows(database, queue)] == [(later, 0)]


async def test_a_job_of_which_no_worker_was_told_runs_later(
    database: Database, working: Working, signed_in_as: SignedInAs
) -> None:
    maker = await signed_in_as("brands:create")

    async with working(sweep_seconds=1):
        async with database.unit_of_work(context_of(maker.id)) as session:
            asked = await enqueue(session, make_as_system, Wanted(name="Acme"))
            await session.execute(update(queue).where(queue.c.id == asked).values(hint_at=None))
        await until_in(database, asked, "succeeded")


async def test_a_receiver_that_dies_ends_its_process(database: Database) -> None:
    ended, outgoing = asyncio.Event(), Outgoing(database.settings.outgoing)

    async with run_jobs(database, outgoing, database.settings.jobs, ended.set, lambda _stop: None):
        await asyncio.sleep(0.2)  # what has not begun is cancelled without a trace
        (receiving,) = [task for task in asyncio.all_tasks() if task.get_name() == "jobs"]
        receiving.cancel()
        await asyncio.wait_for(ended.wait(), SOON_SECONDS)

    assert receiving.cancelled()


async def test_a_hint_that_finds_a_locked_row_is_not_lost(
    database: Database, working: Working, broker: Broker | None
) -> None:
    """Regression: the relay locks rows for a moment, and a worker passes rows that are locked."""
    if broker is None or database.is_sqlite:
        pytest.skip("only PostgreSQL locks rows, and only a broker sends hints")

    async with working(poll_seconds=1):
        async with database.unit_of_work(CONTEXT) as session:
            asked = await enqueue(session, make_as_system, Wanted(name="Acme"))
            await session.execute(update(queue).where(queue.c.id == asked).values(hint_at=None))
        async with database.unit_of_work(CONTEXT) as session:
            await session.all(select(queue).with_for_update())
            await broker.send(str(asked).encode())
            await asyncio.sleep(0.5)
        await until_in(database, asked, "succeeded")
