"""Writes that the change log could not capture are refused."""

from typing import Any

import pytest
from sqlalchemy import DDL, delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlmodel import col

from app.core.clock import new_id
from app.core.context import RequestContext
from app.core.db.connecting import create_engine
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.modules.audit.changes.write_guard import UnauditedWrite
from app.modules.audit.models import AuditAccess, AuditChange
from app.modules.sessions.models import LoginAttempt
from app.modules.tasks.models import Task
from app.modules.users import User
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


@pytest.mark.parametrize("table", ["audit_change", "audit_access"])
@pytest.mark.parametrize("verb", ["UPDATE {} SET request_id = 'x'", "DELETE FROM {}", "OVERWRITE"])
async def test_the_database_refuses_to_change_audit_entries(
    database: Database, job: RequestContext, table: str, verb: str
) -> None:
    """Triggers refuse it also without our own check, as for another program."""
    if verb == "OVERWRITE":
        verb = "REPLACE INTO {} SELECT * FROM {}" if database.is_sqlite else "TRUNCATE {}"
    await add_task(database, job)
    async with create_engine(database.settings).connect() as connection:
        if table == "audit_access":
            await connection.exec_driver_sql(
                "INSERT INTO audit_access (at, format, request_id, actor_kind, method, path, status, duration_us,"
                " bytes_out, is_replay, is_dry_run)"
                " VALUES (CURRENT_TIMESTAMP, 2, 'r', 'system', 'GET', '/', 200, 1, 1, FALSE, FALSE)"
            )
        with pytest.raises(DBAPIError, match="can only be added to"):
            await connection.exec_driver_sql(verb.replace("{}", table))
