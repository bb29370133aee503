"""Many imports at once: they leave connections to their worker, and to everybody else."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from app.core.db.engine import Database
from app.core.db.unit_of_work.change import Change
from tests.modules.jobs.kinds import worker_of
from tests.modules.transfers.test_interruptions import run_next_attempt
from tests.modules.transfers.test_transfers import job_of, names, send
from tests.people import SignedInAs


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
async def test_imports_by_jobs_leave_connections_to_others(database: Database, signed_in_as: SignedInAs) -> None:
    """Regression: they took all connections that write, also that by which their worker renews their leases."""
    person = await signed_in_as("brands:create", "tags:create")
    answers = [await send(person, f"name\nbrand {number}\n") for number in range(database.settings.database.writers)]
    holding, go_on = [], asyncio.Event()

    async def hold(_session: Any, changes: Sequence[Change]) -> None:
        if any(change.table.name == "brand" for change in changes):
            holding.append(changes)
            await go_on.wait()

    database.hooks.before_write.append(hold)
    worker = worker_of(database)
    running = [asyncio.create_task(worker.run_next()) for _ in answers]
    while len(holding) + sum(task.done() for task in running) < len(running):  # noqa: ASYNC110  # of many tasks
        await asyncio.sleep(0.02)
    (renewed,) = await asyncio.gather(worker.renew(), return_exceptions=True)
    others = await worker.run_next()
    written = await person.post("/tags", {"name": "meanwhile"})
    go_on.set()
    await asyncio.gather(*running)
    while len(await names(person)) < len(answers):
        await run_next_attempt(database)

    assert (renewed, others, written.status_code) == (False, False, 201), written.text
    jobs = [await job_of(person, answer) for answer in answers]
    assert [(job["state"], job["attempts"]) for job in jobs] == [("succeeded", 1)] * len(answers)
