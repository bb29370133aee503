"""The database is killed under workers and started again: every job is done, and its effects happen once."""

import asyncio
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.config import Settings
from app.core.db.engine import Database
from tests.databases import Backend, Postgresql
from tests.people import SignedInAs
from tests.replicas import Postgres
from tests.system.test_kill_workers import (
    JOBS,
    WORKERS,
    ask_for_all,
    brands,
    changes,
    counts,
    jobs,
    start,
    wait_beyond,
)

RESTARTS = 2
pytestmark = [pytest.mark.postgresql, pytest.mark.timeout(300)]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server of its own, which loses nothing that was committed when it is killed."""
    folder = Path(tempfile.mkdtemp(prefix="attest-restarted-"))
    server = Postgres(folder, "synchronous_commit = on")
    server.initialize("-E", "UTF8")
    server.start()
    yield server
    server.stop(signal.SIGQUIT)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def backend(postgres: Postgres) -> Backend:
    return Postgresql(postgres.url())


async def test_every_job_is_done_once_though_the_database_is_killed(
    database: Database, settings: Settings, signed_in_as: SignedInAs, postgres: Postgres
) -> None:
    asked = await ask_for_all(database, signed_in_as)
    workers = [start(settings) for _ in range(WORKERS)]
    try:
        for _ in range(RESTARTS):
            done = (await counts(database, jobs.c.state))["succeeded"]
            await wait_beyond(database, done)
            assert (await counts(database, jobs.c.state))["succeeded"] < JOBS, "some are left"
            await asyncio.to_thread(postgres.stop, signal.SIGQUIT)  # as if it had crashed: nothing is written any more
            await asyncio.to_thread(postgres.start)
        await wait_beyond(database, JOBS - 1)
        assert [worker.poll() for worker in workers] == [None] * WORKERS, "workers outlive it"
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()

    assert await counts(database, jobs.c.state) == {"succeeded": JOBS}
    assert await counts(database, brands.c.created_by_id) == asked
    assert await counts(database, changes.c.actor_id, changes.c.entity == "brand") == asked
