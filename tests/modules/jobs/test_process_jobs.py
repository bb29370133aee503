"""Jobs of the process that asks: run at once, shown like all others, and ended with it."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import update

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.errors import Unavailable
from app.core.jobs import JobKind, NoData, enqueue
from app.core.jobs.kinds import kinds
from app.modules.jobs.models import JobQueue
from app.modules.jobs.running.in_process import ProcessJobs, run_process_jobs
from app.modules.jobs.running.worker import Worker
from tests.modules.jobs.kinds import Gated, context_of, make_in_process, run_all
from tests.people import Person, SignedInAs

queue = table_of(JobQueue)


@pytest.fixture
def database(app: FastAPI) -> Database:
    """The database of an application that runs."""
    found: Database = app.state.database
    return found


@pytest.fixture
def alone(database: Database) -> Iterator[Database]:
    """The database, without what runs jobs of the process of the application."""
    hooks = database.hooks
    kept = hooks.after_commit, hooks.hold_job
    hooks.after_commit, hooks.hold_job = [], None
    yield database
    hooks.after_commit, hooks.hold_job = kept


async def ask(database: Database, person: Person, gate: Path, name: str = "Acme") -> UUID:
    async with database.unit_of_work(context_of(person.id)) as session:
        return await enqueue(session, make_in_process, Gated(name=name, gate=gate))


async def until(person: Person, id: UUID, state: str) -> dict[str, Any]:
    """Wait until a job is in a state."""
    for _ in range(200):
        job: dict[str, Any] = (await person.get(f"/jobs/{id}")).json()
        if job["state"] == state:
            return job
        await asyncio.sleep(0.05)
    raise AssertionError(f"the job is {job['state']}")


async def test_it_runs_where_it_was_asked_for(database: Database, signed_in_as: SignedInAs, tmp_path: Path) -> None:
    """Without any worker: tests have none."""
    person, gate = await signed_in_as("brands:create"), tmp_path / "gate"

    asked = await ask(database, person, gate)
    running = await until(person, asked, "running")
    gate.touch()
    done = await until(person, asked, "succeeded")

    assert (running["attempt"], running["kind"]) == (1, "tests.own")
    assert done["result"] == {"brands": 1}
    assert (await person.get("/brands")).json()["items"][0]["name"] == "Acme"
    assert await run_all(database) == 0


async def test_what_is_rolled_back_does_not_run(database: Database, signed_in_as: SignedInAs, tmp_path: Path) -> None:
    person, gate = await signed_in_as("brands:create"), tmp_path / "gate"
    gate.touch()

    with suppress(KeyError):
        async with database.unit_of_work(context_of(person.id)) as session:
            await enqueue(session, make_in_process, Gated(name="Acme", gate=gate))
            raise KeyError
    await asyncio.sleep(0.2)

    assert (await person.get("/jobs")).json()["items"] == []
    assert (await person.get("/brands")).json()["items"] == []


async def test_one_is_cancelled_while_it_runs(database: Database, signed_in_as: SignedInAs, tmp_path: Path) -> None:
    person = await signed_in_as("brands:create")
    asked = await ask(database, person, tmp_path / "never")
    await until(person, asked, "running")

    assert (await person.post(f"/jobs/{asked}/cancel")).status_code == 200
    await until(person, asked, "cancelled")

    assert (await person.get("/brands")).json()["items"] == []


async def test_a_process_refuses_more_than_it_runs_at_once(
    database: Database, signed_in_as: SignedInAs, tmp_path: Path
) -> None:
    person, gate = await signed_in_as("brands:create"), tmp_path / "gate"
    most = database.settings.jobs.process_concurrency
    asked = [await ask(database, person, gate, f"brand {number}") for number in range(most)]

    with pytest.raises(Unavailable):
        await ask(database, person, gate, "one more")
    gate.touch()
    for each in asked:
        await until(person, each, "succeeded")
    await ask(database, person, gate, "one more")


async def test_a_process_that_stops_ends_its_jobs_and_says_so(
    app: FastAPI, alone: Database, signed_in_as: SignedInAs, tmp_path: Path
) -> None:
    person, database = await signed_in_as("brands:create"), alone
    settings = database.settings.jobs.model_copy(update={"drain_seconds": 0.1})

    async with run_process_jobs(database, app.state.outgoing, settings, fail_test):
        asked = await ask(database, person, tmp_path / "never")
        await until(person, asked, "running")
    ended = await until(person, asked, "failed")

    assert (ended["error"], ended["attempts"]) == ("process-stopped", 1)


async def test_a_process_that_stops_lets_them_end(
    app: FastAPI, alone: Database, signed_in_as: SignedInAs, tmp_path: Path
) -> None:
    person, database, gate = await signed_in_as("brands:create"), alone, tmp_path / "gate"

    async with run_process_jobs(database, app.state.outgoing, database.settings.jobs, fail_test):
        asked = await ask(database, person, gate)
        await until(person, asked, "running")
        asyncio.get_running_loop().call_later(0.3, gate.touch)

    assert (await person.get(f"/jobs/{asked}")).json()["state"] == "succeeded"


async def test_one_whose_process_was_killed_has_failed(
    app: FastAPI, database: Database, signed_in_as: SignedInAs
) -> None:
    """Another process records it, and does not run the job again."""
    person = await signed_in_as("brands:create")
    async with database.unit_of_work(context_of(person.id)) as session:
        session.hooks.hold_job, holding = ProcessJobs.hold.__get__(silent(app)), session.hooks.hold_job
        asked = await enqueue(session, make_in_process, Gated(name="Acme", gate=Path("/")))
        session.info.clear()  # what was held here is forgotten, as by a kill
        session.hooks.hold_job = holding
    async with database.unit_of_work(RequestContext.for_job("test")) as session:
        await session.execute(update(queue).values(leased_until=now() - timedelta(seconds=1)))

    ended = await until(person, asked, "failed")

    assert (ended["error"], (await person.get("/brands")).json()["items"]) == ("worker-lost", [])


def silent(app: FastAPI) -> ProcessJobs:
    """Jobs of a process that holds them, and runs none."""
    return ProcessJobs(Worker(app.state.database, app.state.outgoing, app.state.settings.jobs, fail_test))


def fail_test() -> None:
    raise AssertionError("the process would end")


async def test_it_has_one_attempt_and_begins_at_once(database: Database, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="attempts=1"):
        JobKind("tests.bad", NoData, kinds["tests.own"].handler, queue="process")
    with pytest.raises(ValueError, match="at once"):
        async with database.unit_of_work(RequestContext.for_job("test")) as session:
            await enqueue(session, make_in_process, Gated(name="Acme", gate=tmp_path), after=1)
