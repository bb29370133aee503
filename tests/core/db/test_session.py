"""Units of work and read sessions: all or nothing, one connection, one statement for a read."""

import gc
import weakref
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import select

from app.core.config import Settings
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.errors import Conflict
from app.main import create_app
from app.modules.audit.models import AuditChange
from app.modules.tasks.models import Task
from app.modules.tasks.schemas import TaskCreate
from app.modules.tasks.service import TaskService
from tests.core.db.rows import count
from tests.people import SignedInAs


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


async def test_a_second_connection_is_refused_while_one_is_held(database: Database, job: RequestContext) -> None:
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

    def note(statement: str, _values: Sequence[Any]) -> None:
        statements.append(statement)

    database.reader.listeners.append(note)
    one = await person.get(f"/tasks/{item['id']}")
    of_one = [s for s in statements if reads_tasks(s)]
    statements.clear()
    listed = await person.get("/tasks")
    of_list = [s for s in statements if reads_tasks(s)]

    assert (one.status_code, listed.status_code) == (200, 200)
    assert (len(of_one), len(of_list)) == (1, 1)
    assert of_one[0].startswith("SELECT task.id, task.version, task.created_at, task.updated_at, task.deleted_at")


def reads_tasks(statement: str) -> bool:
    """False for the statements of background tasks: the policy poll and the shipper of the access log."""
    return not any(table in statement for table in ("FROM policy_state", "audit_spool", "audit_access"))


async def test_a_stopped_application_leaves_no_database_in_memory(settings: Settings) -> None:
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        database = weakref.ref(app.state.database)

    del app
    gc.collect()

    assert database() is None
