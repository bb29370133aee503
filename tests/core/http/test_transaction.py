"""A request is one transaction: committed before the answer leaves, run again after a deadlock."""

import asyncio
from typing import Annotated, Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel
from sqlalchemy import column, func, select, table
from sqlalchemy.exc import DBAPIError
from sqlmodel import col

from app.core.context import RequestContext
from app.core.db.connecting import create_engine
from app.core.db.engine import Database
from app.core.http.dependencies import transactional
from app.core.http.guards import public
from app.core.http.router import Router
from app.modules.tasks.models import Task
from app.modules.tasks.schemas import TaskCreate
from app.modules.tasks.service import TaskService
from tests.core.db.rows import count
from tests.people import SignedInAs
from tests.roles import as_owner


async def test_a_failing_commit_is_not_a_201(database: Database, job: RequestContext, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:create")

    async def fail(_session: Any) -> None:
        raise RuntimeError("disk full")

    database.hooks.before_commit.append(fail)
    answer = await person.post("/tasks", {"title": "lost"})
    database.hooks.before_commit.remove(fail)

    assert answer.status_code == 500
    assert answer.json()["code"] == "internal-error"
    assert "disk full" not in answer.text
    assert await count(database, job, Task) == 0


async def test_an_answer_that_cannot_be_serialised_commits_nothing(
    app: FastAPI, database: Database, job: RequestContext, signed_in_as: SignedInAs
) -> None:
    class Impossible(BaseModel):
        nothing_has_this: int

    router = Router(prefix="/impossible")

    @router.post("", response_model=Impossible, dependencies=[public()])
    async def create(tasks: Annotated[TaskService, transactional(TaskService)]) -> Any:
        return await tasks.create(TaskCreate(title="half"))

    app.include_router(router, prefix="/api/v1")
    person = await signed_in_as()

    answer = await person.post("/impossible")

    assert answer.status_code == 500
    assert await count(database, job, Task) == 0


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
async def test_the_victim_of_a_deadlock_is_run_again(database: Database, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:create", "tasks:update")
    first, second = [(await person.post("/tasks", {"title": title})).json()["id"] for title in ("a", "b")]
    operations = [{"id": task, "changes": {"description": "changed"}} for task in (first, second)]

    transactions = 0

    async def count(*_: Any) -> None:
        nonlocal transactions
        transactions += 1

    async with create_engine(as_owner(database.settings)).begin() as other:
        await other.exec_driver_sql("SET LOCAL deadlock_timeout = '60s'")  # so the request is the victim
        database.hooks.after_begin.append(count)
        lock = select(col(Task.id)).with_for_update()
        await other.execute(lock.where(col(Task.id) == second))
        request = asyncio.create_task(person.post("/tasks/bulk", {"update": operations}))
        await wait_for_a_lock(database, request)
        await other.execute(lock.where(col(Task.id) == first))
    answer = await request
    database.hooks.after_begin.remove(count)

    assert answer.status_code == 200, answer.text
    assert [item["version"] for item in answer.json()["updated"]] == [2, 2]
    assert transactions >= 2, "the request was not the victim of a deadlock"


async def wait_for_a_lock(database: Database, request: "asyncio.Task[httpx.Response]") -> None:
    """Wait until the request waits for a lock."""
    activity = table("pg_stat_activity", column("datname"), column("wait_event_type"))
    waits = select(func.count()).select_from(activity).where(activity.c.datname == func.current_database())
    reader = database.read_session(RequestContext())
    while not request.done():
        if await reader.value(waits.where(activity.c.wait_event_type == "Lock")):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the request never waited")


class Lost(Exception):
    """A serialisation failure, as a driver reports it."""

    sqlstate = "40001"


@pytest.mark.parametrize(("failures", "status"), [(2, 201), (3, 503)])
async def test_a_serialisation_failure_at_commit_is_tried_three_times(
    database: Database, signed_in_as: SignedInAs, failures: int, status: int
) -> None:
    person = await signed_in_as("tasks:create", "tasks:read")
    left = failures

    async def fail(_session: Any) -> None:
        nonlocal left
        if left:
            left -= 1
            raise DBAPIError("COMMIT", None, Lost())

    database.hooks.before_commit.append(fail)
    answer = await person.post("/tasks", {"title": "once"}, headers={"Idempotency-Key": "k"})
    database.hooks.before_commit.remove(fail)

    assert answer.status_code == status, answer.text
    assert left == 0
    assert (await person.get("/tasks", params={"total": "true"})).json()["total"] == (1 if status == 201 else 0)
