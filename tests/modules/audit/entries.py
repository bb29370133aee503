"""Reads the entries of the audit log, and makes changes that leave entries."""

from typing import Any

from fastapi import FastAPI
from sqlalchemy import Table, func, select

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.db.session import AnyRow, AnySelect
from app.modules.audit.models import AuditAccess, AuditCaller, AuditChange
from app.modules.tasks.models import Task

access, changes_table, callers = table_of(AuditAccess), table_of(AuditChange), table_of(AuditCaller)


async def access_entries(app: FastAPI) -> list[AnyRow]:
    await app.state.access_log.flush()
    statement = select_with_callers(access).order_by(access.c.id)
    return list(await app.state.database.read_session(RequestContext()).all(statement))


async def change_entries(database: Database, job: RequestContext, entity: str) -> list[AnyRow]:
    statement = select_with_callers(changes_table).where(changes_table.c.entity == entity)
    return list(await database.read_session(job).all(statement.order_by(changes_table.c.id)))


async def stored_callers(database: Database) -> list[AnyRow]:
    statement = select(callers).order_by(callers.c.created_at, callers.c.id)
    return list(await database.read_session(RequestContext()).all(statement))


def select_with_callers(log: Table) -> AnySelect:
    """The entries of a log with the names, addresses and user agents of their callers."""
    own = [column for column in log.columns if column.name != "actor_name"]
    name = func.coalesce(log.c.actor_name, callers.c.name).label("actor_name")
    called = log.outerjoin(callers, log.c.caller_id == callers.c.id)
    return select(*own, name, callers.c.ip, callers.c.user_agent).select_from(called)


async def add_task(database: Database, job: RequestContext, **values: Any) -> Task:
    async with database.unit_of_work(job) as session:
        task = Task(**{"title": "first", **values})
        session.add(task)
    return task
