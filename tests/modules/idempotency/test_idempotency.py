"""Idempotency keys: one effect for retries, encrypted answers, and permissions that are checked again."""

from datetime import timedelta
from typing import Any

from fastapi import FastAPI
from sqlalchemy import select, update

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.db.pruning import Pruner
from app.modules import prune_rules
from app.modules.idempotency.models import IdempotencyKey
from tests.people import SignedInAs


async def test_a_crash_before_the_commit_leaves_the_key_unused(database: Database, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:create", "tasks:read")

    async def crash(_session: Any) -> None:
        raise RuntimeError("the process dies here")

    database.hooks.before_commit.append(crash)
    failed = await person.post("/tasks", {"title": "once"}, headers={"Idempotency-Key": "k"})
    database.hooks.before_commit.remove(crash)
    retried = [await person.post("/tasks", {"title": "once"}, headers={"Idempotency-Key": "k"}) for _ in range(2)]

    assert [failed.status_code, *(answer.status_code for answer in retried)] == [500, 201, 201]
    assert retried[0].json() == retried[1].json()
    assert (await person.get("/tasks", params={"total": "true"})).json()["total"] == 1


async def test_a_stored_response_is_encrypted_and_expires(
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
    await Pruner(database, prune_rules(database.settings)).run()
    assert await database.read_session(job).all(select(table)) == []


async def test_a_replay_needs_the_permission_again(database: Database, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:create")
    admin = await signed_in_as(superuser=True)
    first = await person.post("/tasks", {"title": "once"}, headers={"Idempotency-Key": "k"})
    await admin.put(f"/users/{person.id}/roles", {"role_ids": []})

    again = await person.post("/tasks", {"title": "once"}, headers={"Idempotency-Key": "k"})

    assert (first.status_code, again.status_code, again.json()["code"]) == (201, 403, "permission-denied")


async def test_a_sign_in_takes_no_idempotency_key(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:read")
    headers = {"Idempotency-Key": "k"}

    refused = await person.post("/auth/token", data={"username": "a", "password": "b"}, headers=headers)
    ignored = await person.get("/tasks", headers=headers)

    assert (refused.status_code, refused.json()["code"], ignored.status_code) == (400, "bad-idempotency-key", 200)
