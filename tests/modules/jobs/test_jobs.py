"""Jobs: asked for in a transaction, run once with what their caller may do by then, and shown by the API."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, literal, select, update

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.jobs import Work, enqueue, job
from app.modules.brands.models import Brand
from app.modules.brands.schemas import BrandCreate
from app.modules.brands.service import BrandService
from app.modules.jobs.models import Job, JobQueue
from app.modules.users import User
from tests.modules.jobs.kinds import (
    Wanted,
    ask,
    break_down,
    context_of,
    give_up,
    make_as_system,
    make_brand,
    make_in_steps,
    run_all,
    take_too_long,
    wait,
    worker_of,
)
from tests.people import Person, SignedInAs

brands, users, queue, jobs = table_of(Brand), table_of(User), table_of(JobQueue), table_of(Job)


async def names_of(database: Database) -> list[str]:
    """The brands that jobs have made."""
    rows = await database.read_session(RequestContext.for_job("test")).all(select(brands.c.name).order_by("name"))
    return [row.name for row in rows]


async def count(database: Database, table: Any) -> int:
    found: int = await database.read_session(RequestContext.for_job("test")).value(
        select(func.count()).select_from(table)
    )
    return found


async def job_of(person: Person, id: UUID) -> dict[str, Any]:
    answer = await person.get(f"/jobs/{id}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def until(person: Person, id: UUID, state: str) -> None:
    """Wait until a job is in a state."""
    for _ in range(200):
        if (await job_of(person, id))["state"] == state:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"the job is not {state}")


async def entries_of(person: Person, id: UUID | str) -> list[dict[str, Any]]:
    """The change entries of an item, from the first."""
    answer = await person.get(f"/audit/changes?entity_id={id}&limit=100")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items[::-1]


async def test_a_job_runs_once_as_who_asked(database: Database, signed_in_as: SignedInAs) -> None:
    maker, auditor = await signed_in_as("brands:create"), await signed_in_as(superuser=True)
    asked = await ask(database, context_of(maker.id), make_brand, "Acme")

    before = await job_of(maker, asked)
    attempts = await run_all(database)
    done = await job_of(maker, asked)
    (made,) = (await auditor.get("/brands")).json()["items"]
    entries = await entries_of(auditor, asked)

    assert (before["state"], before["attempt"], before["request_id"]) == ("queued", 0, "ask")
    assert attempts == 1
    assert (done["state"], done["result"], done["attempts"], done["error"]) == ("succeeded", {"brands": 1}, 1, None)
    assert done["created_by"]["id"] == made["created_by"]["id"] == str(maker.id)
    assert [(entry["action"], entry["actor_id"]) for entry in entries] == [
        ("create", str(maker.id)),
        ("update", str(maker.id)),
    ]
    assert "Acme" not in str(entries), "what a job is about is not in the log in clear"
    assert await count(database, queue) == 0


async def test_a_rolled_back_transaction_asks_for_nothing(database: Database, signed_in_as: SignedInAs) -> None:
    maker = await signed_in_as("brands:create")

    async def ask_and_fail() -> None:
        async with database.unit_of_work(context_of(maker.id)) as session:
            await enqueue(session, make_brand, Wanted(name="Acme"))
            await session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await ask_and_fail()

    assert await run_all(database) == 0
    assert await count(database, jobs) == 0


async def test_what_a_failed_attempt_wrote_is_undone(database: Database, signed_in_as: SignedInAs) -> None:
    maker = await signed_in_as("brands:create")
    tried = await ask(database, context_of(maker.id), make_brand, "Acme", fails=2)
    lost = await ask(database, context_of(maker.id), make_brand, "Never", fails=9)

    attempts = await run_all(database)

    assert attempts == 3 + 3
    assert (await job_of(maker, tried))["attempts"] == 3
    failed = await job_of(maker, lost)
    assert (failed["state"], failed["error"], failed["attempts"]) == ("failed", "Retry", 3)
    assert await names_of(database) == ["Acme"]


async def test_a_job_may_do_what_its_caller_may_when_it_runs(database: Database, signed_in_as: SignedInAs) -> None:
    maker, admin = await signed_in_as("brands:create"), await signed_in_as(superuser=True)
    other = await signed_in_as("brands:create")
    denied = await ask(database, context_of(maker.id), make_brand, "Denied")
    lost = await ask(database, context_of(other.id), make_brand, "Lost")
    system = await ask(database, context_of(other.id), make_as_system, "System")
    assert (await admin.put(f"/users/{maker.id}/roles", {"role_ids": []})).status_code == 200
    assert (await admin.patch(f"/users/{other.id}", {"is_active": False})).status_code == 200

    await run_all(database)

    assert (await job_of(admin, denied))["error"] == "permission-denied"
    assert (await job_of(admin, lost))["error"] == "actor-lost"
    assert (await job_of(admin, system))["state"] == "succeeded"
    assert await names_of(database) == ["System"]
    (made,) = (await admin.get("/brands")).json()["items"]
    assert made["created_by"] is None
    (entry,) = await entries_of(admin, made["id"])
    assert (entry["actor_kind"], entry["actor_name"]) == ("system", "job/tests.make-as-system")


async def test_a_job_does_no_more_than_its_key(database: Database, signed_in_as: SignedInAs) -> None:
    maker = await signed_in_as("brands:create", "brands:update")
    keys = [
        (await maker.post("/auth/api-keys", {"name": name, "scopes": [f"brands:{name}", "brands:read"]})).json()["id"]
        for name in ("create", "update", "create")
    ]
    made, denied, lost = [
        await ask(database, context_of(maker.id, api_key_id=UUID(key)), make_brand, f"Brand {number}")
        for number, key in enumerate(keys)
    ]
    assert (await maker.delete(f"/auth/api-keys/{keys[2]}")).status_code == 204

    await run_all(database)

    assert await names_of(database) == ["Brand 0"]
    assert [(await job_of(maker, each))["error"] for each in (made, denied, lost)] == [
        None,
        "permission-denied",
        "actor-lost",
    ]


async def test_the_same_is_asked_for_once(database: Database, signed_in_as: SignedInAs) -> None:
    maker = await signed_in_as("brands:create")

    ids = await asyncio.gather(
        *(ask(database, context_of(maker.id), make_brand, f"Brand {n}", once="monthly/2026-11") for n in range(5))
    )
    await run_all(database)
    later = await ask(database, context_of(maker.id), make_brand, "Later", once="monthly/2026-11")

    assert len({*ids, later}) == 1
    assert await count(database, brands) == 1


async def test_names_that_begin_alike_do_not_wait_for_each_other(database: Database, signed_in_as: SignedInAs) -> None:
    """Regression: the lock for a name was that for its first four characters."""
    if database.is_sqlite:
        pytest.skip("SQLite has one writer")
    maker = await signed_in_as("brands:create")
    is_asked, is_over = asyncio.Event(), asyncio.Event()

    async def ask_and_wait() -> None:
        async with database.unit_of_work(context_of(maker.id)) as session:
            await enqueue(session, make_brand, Wanted(name="First"), once="monthly/2026-11")
            await session.flush()
            is_asked.set()
            await is_over.wait()

    first = asyncio.create_task(ask_and_wait())
    try:
        await is_asked.wait()
        await asyncio.wait_for(ask(database, context_of(maker.id), make_brand, "Second", once="monthly/2026-12"), 2)
    finally:
        is_over.set()
        await first

    assert await count(database, jobs) == 2


async def test_a_later_job_waits(database: Database, signed_in_as: SignedInAs) -> None:
    maker = await signed_in_as("brands:create")
    await ask(database, context_of(maker.id), make_brand, "Later", after=3600)

    assert await run_all(database) == 0


async def test_errors_say_what_failed_and_no_value(
    database: Database, signed_in_as: SignedInAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.modules.jobs.running.endings.delay_after", lambda _attempt: 0)
    maker = await signed_in_as("brands:create", "brands:read")
    broken = await ask(database, context_of(maker.id), break_down, "a secret name")
    given_up = await ask(database, context_of(maker.id), give_up, "Acme")
    taken = [await ask(database, context_of(maker.id), make_brand, "Twice") for _ in range(2)]
    slow = await ask(database, context_of(maker.id), take_too_long, "Slow")

    assert await run_all(database) == 2 + 1 + 2 + 1

    errors = [(await job_of(maker, each))["error"] for each in (broken, given_up, *taken, slow)]
    assert errors == ["ValueError", "no-such-thing", None, "already-exists", "TimeoutError"]


async def test_steps_are_kept_where_a_later_one_fails(database: Database, signed_in_as: SignedInAs) -> None:
    maker = await signed_in_as("brands:create")
    asked = await ask(database, context_of(maker.id), make_in_steps, "Acme", fails=1)

    await run_all(database)

    assert await names_of(database) == ["Acme first 1", "Acme first 2", "Acme second 2"]
    assert (await job_of(maker, asked))["result"] == {"brands": 2}


async def test_an_attempt_that_lost_its_lease_changes_nothing(database: Database, signed_in_as: SignedInAs) -> None:
    maker = await signed_in_as("brands:create")
    asked = await ask(database, context_of(maker.id), make_brand, "Acme")
    slow, quick = worker_of(database), worker_of(database)
    claim = await slow.claim()
    assert claim is not None
    async with database.unit_of_work(RequestContext.for_job("test")) as session:
        await session.execute(update(queue).values(leased_until=claim.run_at))

    assert await quick.run_next()
    await slow.run(claim)

    done = await job_of(maker, asked)
    assert (done["state"], done["attempts"]) == ("succeeded", 2)
    assert await names_of(database) == ["Acme"]


async def test_cancelling(database: Database, signed_in_as: SignedInAs) -> None:
    maker, other = await signed_in_as("brands:create"), await signed_in_as("brands:create")
    waiting = await ask(database, context_of(maker.id), make_brand, "Waiting", after=60)

    assert (await other.post(f"/jobs/{waiting}/cancel")).status_code == 404
    cancelled = await maker.post(f"/jobs/{waiting}/cancel")
    again = await maker.post(f"/jobs/{waiting}/cancel")

    assert cancelled.json()["state"] == "cancelled"
    assert (again.status_code, again.json()["code"]) == (409, "job-ended")
    assert await count(database, queue) == 0


tells: list[Callable[[UUID], Awaitable[Any]]] = []
"""What is called between the steps of the next job."""


@job("tests.told", Wanted, requires="brands:create", in_steps=True)
async def make_and_tell(work: Work, data: Wanted) -> None:
    """Make a brand in each of two steps, and tell somebody between them."""
    async with work.step() as session:
        await BrandService(session).create(BrandCreate(name=f"{data.name} first"))
    await tells.pop()(work.id)
    async with work.step() as session:
        await BrandService(session).create(BrandCreate(name=f"{data.name} second"))


async def test_a_job_that_is_cancelled_between_steps_ends_with_the_next(
    database: Database, signed_in_as: SignedInAs
) -> None:
    """Regression: the worker took its lease for lost, and the job was shown as running until the lease had ended."""
    maker = await signed_in_as("brands:create")
    asked = await ask(database, context_of(maker.id), make_and_tell, "Acme")

    tells.append(lambda told: maker.post(f"/jobs/{told}/cancel"))
    await run_all(database)

    assert (await job_of(maker, asked))["state"] == "cancelled"
    assert await names_of(database) == ["Acme first"]
    assert await count(database, queue) == 0


async def test_a_running_job_is_cancelled_and_undone(database: Database, signed_in_as: SignedInAs) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite has one writer: a job in one transaction cannot be told anything before its end")
    maker = await signed_in_as("brands:create")
    asked = await ask(database, context_of(maker.id), wait, "Acme")
    worker = worker_of(database)
    running = asyncio.create_task(worker.run_next())
    await until(maker, asked, "running")

    told = await maker.post(f"/jobs/{asked}/cancel")
    await worker.renew()
    await running

    assert told.json()["state"] == "running"
    assert (await job_of(maker, asked))["state"] == "cancelled"
    assert await names_of(database) == []
    assert await count(database, queue) == 0


@job("tests.hold", Wanted, requires="brands:create")
async def hold_connection(work: Work, _data: Wanted) -> None:
    """Hold a connection until the worker is told to stop."""
    await work.session.value(select(literal(1)))
    await asyncio.sleep(60)


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
async def test_leases_are_renewed_while_jobs_have_all_connections(database: Database, signed_in_as: SignedInAs) -> None:
    """Regression: what renews them waited for a connection too, and then jobs that ran were another worker's."""
    maker = await signed_in_as("brands:create")
    number = database.settings.database.writers
    asked = [await ask(database, context_of(maker.id), hold_connection, "") for _ in range(number)]
    worker, held = worker_of(database), database.writers.pool.free
    running = [asyncio.create_task(worker.run_next()) for _ in asked]
    while len(worker.running) < number or not held.locked():  # noqa: ASYNC110  # of many tasks
        await asyncio.sleep(0.02)
    before = [await job_of(maker, each) for each in asked]

    (renewed,) = await asyncio.gather(worker.renew(), return_exceptions=True)
    after = [await job_of(maker, each) for each in asked]
    worker.stop_all()
    await asyncio.gather(*running)

    assert renewed is False
    assert all(new["leased_until"] > old["leased_until"] for old, new in zip(before, after, strict=True))


async def test_a_job_that_was_claimed_when_its_worker_stopped_loses_no_attempt(
    database: Database, signed_in_as: SignedInAs
) -> None:
    """Regression: a job whose attempt began after all others were told to stop was left to the end of its lease."""
    maker = await signed_in_as("brands:create")
    await ask(database, context_of(maker.id), make_brand, "Acme")
    worker = worker_of(database)
    claim = await worker.claim()
    assert claim is not None

    worker.stop_all()
    await worker.run(claim)

    row = await database.read_session(RequestContext.for_job("test")).first(select(queue))
    assert row is not None
    assert (row.attempt, row.leased_until, await names_of(database)) == (0, None, [])


async def test_a_failed_job_is_tried_again(database: Database, signed_in_as: SignedInAs) -> None:
    maker = await signed_in_as("brands:create")
    asked = await ask(database, context_of(maker.id), make_brand, "Acme", fails=3)
    await run_all(database)
    early = await job_of(maker, asked)
    assert early["state"] == "failed"

    retried = await maker.post(f"/jobs/{asked}/retry")
    again = await maker.post(f"/jobs/{asked}/retry")

    assert (retried.status_code, retried.json()["state"]) == (200, "queued")
    assert (again.status_code, again.json()["code"]) == (409, "job-not-failed")
    assert await run_all(database) == 3


async def test_everybody_sees_own_jobs_and_some_see_all(database: Database, signed_in_as: SignedInAs) -> None:
    maker, other = await signed_in_as("brands:create"), await signed_in_as("brands:create")
    reader = await signed_in_as("jobs:read")
    own = [await ask(database, context_of(maker.id), make_brand, f"Brand {n}") for n in range(2)]
    await ask(database, context_of(other.id), make_brand, "Other", after=60)
    await run_all(database)

    async def ids(person: Person, query: str = "") -> set[str]:
        return {item["id"] for item in (await person.get(f"/jobs{query}")).json()["items"]}

    assert await ids(maker) == {str(each) for each in own}
    assert len(await ids(reader)) == 3
    assert await ids(reader, "?state=succeeded&kind=tests.make") == {str(each) for each in own}
    assert len(await ids(reader, "?state=queued")) == 1
    assert await ids(reader, "?state=running") == set()
    assert (await other.get(f"/jobs/{own[0]}")).status_code == 404
    assert (await reader.post(f"/jobs/{own[0]}/cancel")).status_code == 404
    assert (await reader.get(f"/jobs/{uuid4()}")).status_code == 404


async def test_what_a_job_is_about_is_dropped_with_the_person(database: Database, signed_in_as: SignedInAs) -> None:
    root, other, maker = await signed_in_as(superuser=True), await signed_in_as(), await signed_in_as("brands:create")
    about = await ask(database, context_of(maker.id), make_brand, f"Brand of {other.username}")
    kept = await ask(database, context_of(maker.id), make_brand, "Acme")

    erased = await root.post(f"/users/{other.id}/erase", headers={"Audit-Reason": "asked"})
    await run_all(database)

    assert erased.status_code in (200, 204), erased.text
    assert (await job_of(maker, about))["error"] == "content-erased"
    assert (await job_of(maker, kept))["state"] == "succeeded"
    assert (await maker.post(f"/jobs/{about}/retry")).json()["code"] == "job-not-failed"
