"""Writes that the change log could not capture are refused."""

from typing import Any

import pytest
from sqlalchemy import DDL, delete, insert, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col

from app.core.clock import new_id
from app.core.context import RequestContext
from app.core.db.append_only import Removal
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.modules.audit.changes.write_guard import UnauditedWrite
from app.modules.audit.models import AuditAccess, AuditChange, AuditSubjectKey
from app.modules.audit.requests.models import AuditSpool
from app.modules.rbac.models import PolicyVersion
from app.modules.sessions.models import LoginAttempt
from app.modules.tasks.models import Task
from app.modules.users import User
from tests.core.db.rows import count
from tests.modules.audit.entries import add_task, change_entries

WRITES: list[Any] = [
    update(Task).values(title="bulk"),
    delete(Task),
    insert(Task).values(id=new_id(), title="x"),
    update(table_of(Task)).values(title="core"),
    delete(table_of(Task)),
    text("UPDATE task SET title = 'text'"),
    text("delete from Task"),
    text('INSERT INTO "task" (id) SELECT id FROM task'),
    text("WITH gone AS (SELECT 1) UPDATE task SET title = 'cte'"),
    text("/* quiet */ UPDATE /* very */ task SET title = 'comment'"),
    text("UPDATE\n\ttask\nSET title = 'space'"),
    text('update "main"."task" set title = 1'),
    update(User).values(is_superuser=True),
    text("UPDATE [task] SET title = 'bracket'"),
    text("UPDATE OR IGNORE task SET title = 'or'"),
    text("UPDATE main . task SET title = 'dot'"),
    text('UPDATE U&"\\\\0074ask" SET title = 1'),
    text("TRUNCATE login_attempt, user_role CASCADE"),
    text("COPY task FROM STDIN"),
    text("DROP TABLE task"),
    text('DELETE FROM"task"'),
    text('UPDATE"task"SET title = 1'),
    text("INSERT OR REPLACE INTO audit_change (id) VALUES (1)"),
    text("UPDATE audit_change SET actor_name = 'nobody'"),
    text("SELECT 1"),
    text("DELETE FROM task RETURNING id").columns(table_of(Task).c.id),
    select(delete(table_of(Task)).returning(table_of(Task).c.id).cte("gone")),
    insert(table_of(LoginAttempt)).from_select(["id"], update(Task).returning(col(Task.id)).cte("changed").select()),
    select(text("DELETE FROM task RETURNING id").columns(table_of(Task).c.id).cte("gone")),
    DDL("DROP TABLE task"),  # type: ignore[no-untyped-call]  # SQLAlchemy does not type it
    delete(AuditChange),
    delete(table_of(AuditAccess)),
    Removal(table_of(AuditChange)),
    update(LoginAttempt).values(is_successful=True),
    delete(table_of(LoginAttempt)),
    update(table_of(PolicyVersion)).values(actor_name="other"),
    delete(PolicyVersion),
    select(delete(table_of(PolicyVersion)).returning(table_of(PolicyVersion).c.id).cte("gone")),
    delete(AuditSubjectKey),
    delete(table_of(AuditSubjectKey)),
    Removal(table_of(AuditSubjectKey)),
    update(AuditSubjectKey).values(subject_id=new_id()),
    update(table_of(AuditSubjectKey)).values(wrapped_key=b"x", subject_id=new_id()),
    update(table_of(AuditSubjectKey)),
    delete(table_of(AuditSpool)),
    update(table_of(AuditSpool)).values(id="other"),
    insert(table_of(AuditSpool)).prefix_with("OR REPLACE").values(id="x", position=1),
    insert(table_of(LoginAttempt)).prefix_with("OR REPLACE").values(id=new_id()),
    sqlite.insert(table_of(LoginAttempt)).values(id=new_id()).on_conflict_do_update(set_={"is_successful": True}),
    postgresql.insert(table_of(PolicyVersion))
    .values(id=1)
    .on_conflict_do_update(index_elements=["id"], set_={"actor_name": "other"}),
]


@pytest.mark.parametrize("statement", WRITES, ids=str)
async def test_a_write_past_the_change_log_is_refused(database: Database, job: RequestContext, statement: Any) -> None:
    """Regression: bulk updates left no change entries."""
    await add_task(database, job)
    async with database.unit_of_work(job) as session:
        for execute in (session.execute, session.run, session.transaction.run):
            with pytest.raises(UnauditedWrite):
                await execute(statement)
            with pytest.raises(UnauditedWrite):
                await execute(statement)

    assert len(await change_entries(database, job, "task")) == 1


async def test_a_copy_to_an_audited_table_is_refused(database: Database, job: RequestContext) -> None:
    async with database.unit_of_work(job) as session:
        with pytest.raises(UnauditedWrite):
            await session.copy(table_of(Task), [{"id": new_id()}])


async def test_a_string_for_the_driver_is_refused_too(database: Database, job: RequestContext) -> None:
    async with database.unit_of_work(job) as session:
        await session.value(select(1))
        for execute in (session.execute, session.run, session.transaction.run):
            with pytest.raises(UnauditedWrite):
                await execute("UPDATE task SET title = 'raw'")  # type: ignore[arg-type]  # that is what is tested


async def test_reading_connections_do_not_write(database: Database, job: RequestContext) -> None:
    await add_task(database, job)
    reader = database.read_session(job)

    with pytest.raises(TypeError, match="selects only"):
        await reader.all(update(Task).values(title="core"))  # type: ignore[arg-type]  # that is what is tested
    with pytest.raises(TypeError, match="selects only"):
        await reader.all(text("UPDATE task SET title = 'text'"))  # type: ignore[arg-type]
    link = await database.reader.pool.take()
    with pytest.raises(Exception, match=r"read-?only"):
        await link.fetch("UPDATE task SET title = 'raw'", ())
    database.reader.pool.give(link)


async def test_the_write_guard_holds_after_a_flush_without_changes(database: Database, job: RequestContext) -> None:
    await add_task(database, job)
    async with database.unit_of_work(job) as session:
        task = (await session.execute(select(Task))).scalar_one()
        task.title = task.title
        await session.flush()
        with pytest.raises(UnauditedWrite):
            await session.execute(update(Task).values(title="bulk"))


@pytest.mark.parametrize("how", ["change", "remove"])
async def test_a_row_of_a_log_that_was_loaded_is_not_written_either(
    database: Database, job: RequestContext, how: str
) -> None:
    async with database.unit_of_work(job) as session:
        session.add(LoginAttempt(is_successful=False, request_id="r"))
    async with database.unit_of_work(job) as session:
        row = (await session.execute(select(LoginAttempt))).scalar_one()
        if how == "change":
            row.is_successful = True
        else:
            session.remove(row)
        with pytest.raises(UnauditedWrite, match="login_attempt"):
            await session.flush()
        session.expunge_all()
    assert await count(database, job, LoginAttempt) == 1
