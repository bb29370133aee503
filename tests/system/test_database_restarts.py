"""The database is killed under workers and started again: every job is done, and its effects happen once."""

import asyncio
import signal

import pytest

from app.core.config import Settings
from app.core.db.engine import Database
from tests.own_servers import DURABLE, OwnServer
from tests.people import SignedInAs
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
pytestmark = [pytest.mark.parametrize("backend", [DURABLE], indirect=True), pytest.mark.timeout(300)]


async def test_every_job_is_done_once_though_the_database_is_killed(
    database: Database, settings: Settings, signed_in_as: SignedInAs, backend: OwnServer
) -> None:
    asked = await ask_for_all(database, signed_in_as)
    workers = [start(settings) for _ in range(WORKERS)]
    try:
        for _ in range(RESTARTS):
            done = (await counts(database, jobs.c.state))["succeeded"]
            await wait_beyond(database, done)
            assert (await counts(database, jobs.c.state))["succeeded"] < JOBS, "some are left"
            await asyncio.to_thread(
                backend.server.stop, signal.SIGQUIT
            )  # as if it had crashed: nothing is written any more
            await asyncio.to_thread(backend.server.start)
        await wait_beyond(database, JOBS - 1)
        assert [worker.poll() for worker in workers] == [None] * WORKERS, "workers outlive it"
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()

    assert await counts(database, jobs.c.state) == {"succeeded": JOBS}
    assert await counts(database, brands.c.created_by_id) == asked
    assert await counts(database, changes.c.actor_id, changes.c.entity == "brand") == asked
