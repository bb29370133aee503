"""A transaction that lost against another is run again, and its effect is there once."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import event, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlmodel import col

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.modules.idempotency.models import IdempotencyKey
from app.modules.tasks.models import Task
from tests.conftest import SignedInAs


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
async def test_the_victim_of_a_deadlock_is_run_again(database: Database, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:create", "tasks:update")
    first, second = [(await person.post("/tasks", {"title": title})).json()["id"] for title in ("a", "b")]
    operations = [{"id": task, "changes": {"description": "changed"}} for task in (first, second)]

    transactions = 0

    def count(*_: Any) -> None:
        nonlocal transactions
        transactions += 1

    async with database.engine.begin() as other:
        await other.exec_driver_sql("SET LOCAL deadlock_timeout = '10s'")  # so the request is the victim
        event.listen(database.session_class, "after_begin", count)
        lock = select(col(Task.id)).with_for_update()
        await other.execute(lock.where(col(Task.id) == second))
        request = asyncio.create_task(person.post("/tasks/bulk", {"update": operations}))
        await waiting_for_a_lock(database)
        await other.execute(lock.where(col(Task.id) == first))
    answer = await request
    event.remove(database.session_class, "after_begin", count)

    assert answer.status_code == 200, answer.text
    assert [item["version"] for item in answer.json()["updated"]] == [2, 2]
    assert transactions >= 2, "nobody was a victim"


async def waiting_for_a_lock(database: Database) -> None:
    statement = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    for _ in range(200):
        async with database.readers.connect() as connection:
            if (await connection.execute(statement)).scalar():
                return
        await asyncio.sleep(0.02)
    raise AssertionError("the request never waited")


class Lost(Exception):
    """What a driver says of a serialisation failure."""

    sqlstate = "40001"


@pytest.mark.parametrize(("failures", "status"), [(2, 201), (3, 503)])
async def test_a_serialisation_failure_at_commit_is_tried_three_times(
    database: Database, signed_in_as: SignedInAs, failures: int, status: int
) -> None:
    person = await signed_in_as("tasks:create", "tasks:read")
    left = failures

    def fail(_session: Any) -> None:
        nonlocal left
        if left:
            left -= 1
            raise DBAPIError("COMMIT", None, Lost())

    event.listen(database.session_class, "before_commit", fail)
    answer = await person.post("/tasks", {"title": "once"}, headers={"Idempotency-Key": "k"})
    event.remove(database.session_class, "before_commit", fail)

    assert answer.status_code == status, answer.text
    assert left == 0
    assert (await person.get("/tasks", params={"total": "true"})).json()["total"] == (1 if status == 201 else 0)


async def test_a_crash_before_the_commit_leaves_the_key_unused(database: Database, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:create", "tasks:read")

    def crash(_session: Any) -> None:
        raise RuntimeError("the process dies here")

    event.listen(database.session_class, "before_commit", crash)
    failed = await person.post("/tasks", {"title": "once"}, headers={"Idempotency-Key": "k"})
    event.remove(database.session_class, "before_commit", crash)
    retried = [await person.post("/tasks", {"title": "once"}, headers={"Idempotency-Key": "k"}) for _ in range(2)]

    assert [failed.status_code, *(answer.status_code for answer in retried)] == [500, 201, 201]
    assert retried[0].json() == retried[1].json()
    assert (await person.get("/tasks", params={"total": "true"})).json()["total"] == 1


async def test_a_stored_answer_is_sealed_and_forgotten_in_time(
    app: FastAPI, database: Database, job: RequestContext, signed_in_as: SignedInAs
) -> None:
    person = await signed_in_as("tasks:create", "tasks:read")
    table, headers = table_of(IdempotencyKey), {"Idempotency-Key": "k"}
    await person.post("/tasks", {"title": "a canary sings"}, headers=headers)
    rows = await database.read_session(job).all(select(table))
    assert len(rows) == 1
    assert not [value for value in rows[0] if isinstance(value, bytes) and b"canary" in value]

    async with database.unit_of_work(job) as session:
        await session.execute(update(table).values(created_at=now() - timedelta(hours=25)))
    again = await person.post("/tasks", {"title": "a canary sings"}, headers=headers)

    assert (again.status_code, "idempotency-replayed" in again.headers) == (201, False)
    assert (await person.get("/tasks", params={"total": "true"})).json()["total"] == 2
    async with database.unit_of_work(job) as session:
        await session.execute(update(table).values(created_at=now() - timedelta(hours=25)))
    await app.state.idempotency_store.prune()
    assert await database.read_session(job).all(select(table)) == []


async def test_a_replay_needs_the_permission_again(database: Database, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:create")
    admin = await signed_in_as(superuser=True)
    first = await person.post("/tasks", {"title": "once"}, headers={"Idempotency-Key": "k"})
    await admin.put(f"/users/{person.id}/roles", {"role_ids": []})

    again = await person.post("/tasks", {"title": "once"}, headers={"Idempotency-Key": "k"})

    assert (first.status_code, again.status_code, again.json()["code"]) == (201, 403, "permission-denied")


async def test_no_key_where_it_would_mean_nothing(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:read")
    headers = {"Idempotency-Key": "k"}

    refused = await person.post("/auth/token", data={"username": "a", "password": "b"}, headers=headers)
    ignored = await person.get("/tasks", headers=headers)

    assert (refused.status_code, refused.json()["code"], ignored.status_code) == (400, "bad-idempotency-key", 200)
