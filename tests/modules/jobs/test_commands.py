"""`python -m app jobs` and `doctor`: jobs, and what is wrong with them, for who has a terminal."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, update
from typer.testing import CliRunner, Result

from app import cli
from app.core.clock import now
from app.core.config import Settings
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.runtime import logging
from app.modules.jobs.models import Job, JobQueue
from tests.modules.jobs.kinds import ask, context_of, give_up, make_brand, run_all
from tests.people import SignedInAs

queue = table_of(JobQueue)
Command = Callable[..., Result]


@pytest.fixture
def command(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Command:
    """A command, in a thread: it has an event loop of its own."""
    monkeypatch.setattr(cli, "settings", lambda: settings)
    monkeypatch.setattr(logging, "configure", lambda *_: None)

    def invoke(*arguments: str) -> Result:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(CliRunner().invoke, cli.cli, arguments).result()

    return invoke


async def break_all(database: Database, lost: UUID, unknown: UUID, late: UUID) -> None:
    """Leave three jobs as a restored backup or an older version of the application would."""
    async with database.unit_of_work(RequestContext.for_job("test")) as session:
        await session.execute(delete(queue).where(queue.c.id == lost))
        await session.execute(update(queue).where(queue.c.id == late).values(run_at=now() - timedelta(hours=1)))
        job = await session.load(Job, unknown)
        assert job is not None
        job.kind = "tests.gone"


async def test_jobs_are_listed_and_shown(database: Database, signed_in_as: SignedInAs, command: Command) -> None:
    person = await signed_in_as("brands:create")
    assert command("jobs", "list").stdout == "There are no such jobs.\n"
    first = await ask(database, context_of(person.id), make_brand, "Acme")
    await run_all(database)
    second = await ask(database, context_of(person.id), make_brand, "Bolt")

    listed = command("jobs", "list")
    queued = command("jobs", "list", "--state", "queued", "--kind", "tests.make")
    shown = command("jobs", "show", str(first))
    none = command("jobs", "show", str(uuid4()))

    assert [line.split()[:4] for line in listed.stdout.splitlines()] == [
        [str(second), "queued", "tests.make", "0"],
        [str(first), "succeeded", "tests.make", "1"],
    ]
    assert [line.split()[0] for line in queued.stdout.splitlines()] == [str(second)]
    document = json.loads(shown.stdout)
    assert (document["id"], document["state"], document["result"]) == (str(first), "succeeded", {"brands": 1})
    assert document["created_by"]["id"] == str(person.id)
    assert (none.exit_code, none.stdout.startswith("Refused: ")) == (1, True)


async def test_jobs_are_cancelled_and_tried_again(
    database: Database, signed_in_as: SignedInAs, command: Command
) -> None:
    person = await signed_in_as("brands:create")
    failed = await ask(database, context_of(person.id), give_up, "Acme")
    await run_all(database)
    waits = await ask(database, context_of(person.id), make_brand, "Bolt")

    again = command("jobs", "retry", str(failed))
    cancelled = command("jobs", "cancel", str(waits))
    refused = command("jobs", "cancel", str(waits))

    assert (again.exit_code, again.stdout.split()[:2]) == (0, [str(failed), "queued"])
    assert (cancelled.exit_code, cancelled.stdout.split()[:2]) == (0, [str(waits), "cancelled"])
    assert (refused.exit_code, refused.stdout) == (1, "Refused: The job is cancelled.\n")
    assert await run_all(database) == 1, "the one that was tried again"


async def test_the_doctor_finds_what_no_worker_will_run(
    database: Database, signed_in_as: SignedInAs, command: Command
) -> None:
    person = await signed_in_as("brands:create")
    lost, unknown, late, _ = [await ask(database, context_of(person.id), make_brand, name) for name in "ABCD"]
    well = command("doctor")

    await break_all(database, lost, unknown, late)
    ill = command("doctor")

    assert (well.exit_code, well.stdout) == (0, "All is well.\n")
    assert ill.exit_code == 1
    assert [line.partition(", the first since")[0] for line in ill.stdout.splitlines()] == [
        f"{lost}: it is queued and not in the queue; ask for it anew",
        "queue default: 1 jobs wait for a worker",
        "kind tests.gone: 1 jobs wait, and no module declares it",
    ]
