"""The summary of jobs: what waits for how long, what runs, and how the jobs of the last day ended."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import update

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.jobs import enqueue
from app.modules.jobs.models import JobQueue
from tests.modules.jobs.kinds import Wanted, ask, context_of, give_up, make_as_system, make_brand, run_all
from tests.people import Person, SignedInAs

StepClock = Callable[[timedelta], None]
NOTHING = {"queued": 0, "running": 0, "succeeded": 0, "failed": 0, "cancelled": 0}
queue = table_of(JobQueue)


async def summary_of(person: Person) -> dict[str, Any]:
    answer = await person.get("/jobs/summary")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def lease(database: Database, id: UUID, until: datetime) -> None:
    """Let a worker have a job until an instant."""
    async with database.unit_of_work(RequestContext.for_job("test")) as session:
        await session.execute(update(queue).where(queue.c.id == id).values(leased_until=until))


async def ask_later(database: Database, context: RequestContext, seconds: float) -> UUID:
    async with database.unit_of_work(context) as session:
        return await enqueue(session, make_as_system, Wanted(name="Later"), after=seconds)


async def test_without_jobs_all_counts_are_zero(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("jobs:read")

    found = await summary_of(person)

    assert {name: found[name] for name in NOTHING} == NOTHING
    assert (found["lag_seconds"], found["queues"], found["kinds"]) == (None, [], [])
    begin, end = (datetime.fromisoformat(found[name]) for name in ("since", "at"))
    assert end - begin == timedelta(days=1)


async def test_jobs_are_counted_by_kind_and_queue(
    database: Database, signed_in_as: SignedInAs, step_clock: StepClock
) -> None:
    maker, person = await signed_in_as("brands:create"), await signed_in_as("jobs:read")
    context = context_of(maker.id)
    for kind, name in ((make_brand, "Acme"), (make_brand, "Bolt"), (give_up, "Never")):
        await ask(database, context, kind, name)
    await run_all(database)
    await ask(database, context, make_brand, "Due")
    running, lost = [await ask(database, context, make_as_system, name) for name in ("Runs", "Lost")]
    await ask_later(database, context, 7200)
    step_clock(timedelta(minutes=10))
    await lease(database, running, now() + timedelta(minutes=1))
    await lease(database, lost, now() - timedelta(minutes=1))

    found = await summary_of(person)

    assert {name: found[name] for name in NOTHING} == NOTHING | {
        "queued": 3,
        "running": 1,
        "succeeded": 2,
        "failed": 1,
    }
    assert 600 <= found["lag_seconds"] < 660
    [counted] = found["queues"]
    assert counted == {
        "queue": "default",
        "due": 2,
        "later": 1,
        "running": 1,
        "lag_seconds": found["lag_seconds"],
    }
    assert found["kinds"] == [
        {"kind": "tests.give-up"} | NOTHING | {"failed": 1},
        {"kind": "tests.make"} | NOTHING | {"queued": 1, "succeeded": 2},
        {"kind": "tests.make-as-system"} | NOTHING | {"queued": 2, "running": 1},
    ]


async def test_a_job_whose_worker_died_waits_since_its_lease_ended(
    database: Database, signed_in_as: SignedInAs, step_clock: StepClock
) -> None:
    maker = await signed_in_as("brands:create")
    lost = await ask(database, context_of(maker.id), make_as_system, "Lost")
    step_clock(timedelta(hours=1))
    await lease(database, lost, now() - timedelta(minutes=1))
    person = await signed_in_as("jobs:read")

    assert 60 <= (await summary_of(person))["lag_seconds"] < 120


async def test_what_ended_more_than_a_day_ago_is_not_counted(
    database: Database, signed_in_as: SignedInAs, step_clock: StepClock
) -> None:
    person = await signed_in_as("jobs:read", "brands:create")
    await ask(database, context_of(person.id), give_up, "Never")
    await run_all(database)
    before = await summary_of(person)
    step_clock(timedelta(days=1, minutes=1))
    later = await signed_in_as("jobs:read")

    after = await summary_of(later)

    assert (before["failed"], len(before["kinds"])) == (1, 1)
    assert (after["failed"], after["kinds"]) == (0, [])


async def test_only_readers_of_jobs_see_it(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("brands:create")

    answer = await person.get("/jobs/summary")

    assert (answer.status_code, answer.json()["code"]) == (403, "permission-denied")
