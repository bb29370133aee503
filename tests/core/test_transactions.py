"""One request, one transaction: committed before the answer leaves, or not at all."""

from contextlib import suppress
from typing import Annotated, Any

import pytest
from fastapi import FastAPI
from pydantic import BaseModel
from sqlalchemy import event, func, select

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.errors import Conflict
from app.core.http.dependencies import transactional
from app.core.http.guards import public
from app.core.http.router import Router
from app.modules.audit.models import AuditChange
from app.modules.tasks.models import Task
from app.modules.tasks.schemas import TaskCreate
from app.modules.tasks.service import TaskService
from tests.conftest import SignedInAs


async def count(database: Database, job: RequestContext, model: Any) -> int:
    return int(await database.read_session(job).value(select(func.count()).select_from(table_of(model))))


async def test_a_failing_commit_is_not_a_201(database: Database, job: RequestContext, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:create")

    def fail(_session: Any) -> None:
        raise RuntimeError("disk full")

    event.listen(database.session_class, "before_commit", fail)
    answer = await person.post("/tasks", {"title": "lost"})
    event.remove(database.session_class, "before_commit", fail)

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


async def test_a_savepoint_rolls_back_alone(database: Database, job: RequestContext) -> None:
    before = await count(database, job, AuditChange)

    async with database.unit_of_work(job) as session:
        await TaskService(session).create(TaskCreate(title="kept"))
        with suppress(Conflict):
            async with session.begin_nested():
                await TaskService(session).create(TaskCreate(title="undone"))
                raise Conflict("no")

    assert await count(database, job, Task) == 1
    assert await count(database, job, AuditChange) == before + 1


async def test_a_failed_unit_of_work_leaves_nothing(database: Database, job: RequestContext) -> None:
    with suppress(Conflict):
        async with database.unit_of_work(job) as session:
            await TaskService(session).create(TaskCreate(title="undone"))
            raise Conflict("no")

    assert await count(database, job, Task) == 0


async def test_nobody_waits_for_a_second_connection_while_holding_one(database: Database, job: RequestContext) -> None:
    async with database.unit_of_work(job) as session:
        await TaskService(session).create(TaskCreate(title="holding"))

        with pytest.raises(RuntimeError, match="already holds a connection"):
            await database.read_session(job).value(select(1))
        with pytest.raises(RuntimeError, match="already holds a connection"):
            async with database.unit_of_work(job):
                pass


async def test_a_read_session_does_not_write(database: Database, job: RequestContext) -> None:
    with pytest.raises(TypeError, match="only reads"):
        await TaskService(database.read_session(job)).create(TaskCreate(title="no"))


async def test_a_database_without_an_audit_log_refuses_to_write(database: Database, job: RequestContext) -> None:
    bare = Database(database.settings)

    with pytest.raises(RuntimeError, match="no audit log"):
        async with bare.unit_of_work(job):
            pass

    await bare.dispose()


async def test_a_read_takes_one_statement(database: Database, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:read", "tasks:create")
    item = (await person.post("/tasks", {"title": "read me"})).json()
    await person.get(f"/tasks/{item['id']}")
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    event.listen(database.readers.sync_engine, "before_cursor_execute", note)
    one = await person.get(f"/tasks/{item['id']}")
    of_one = [s for s in statements if reads_tasks(s)]
    statements.clear()
    listed = await person.get("/tasks")
    of_list = [s for s in statements if reads_tasks(s)]

    assert (one.status_code, listed.status_code) == (200, 200)
    assert (len(of_one), len(of_list)) == (1, 1)
    assert of_one[0].startswith("SELECT task.id, task.version, task.created_at, task.updated_at, task.title")


def reads_tasks(statement: str) -> bool:
    """Leaves out what runs beside requests: the policy poll and the shipper."""
    return not any(table in statement for table in ("FROM policy_state", "audit_spool", "audit_access"))
