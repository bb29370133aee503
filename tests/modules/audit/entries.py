"""Reads the entries of the audit log, and makes changes that leave entries."""

from typing import Any

from fastapi import FastAPI
from sqlalchemy import select

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.db.session import AnyRow
from app.modules.audit.models import AuditAccess, AuditChange
from app.modules.tasks.models import Task

access = table_of(AuditAccess)


async def access_entries(app: FastAPI) -> list[AnyRow]:
    await app.state.access_log.flush()
    statement = select(access).order_by(access.c.id)
    return list(await app.state.database.read_session(RequestContext()).all(statement))


changes_table = table_of(AuditChange)


async def change_entries(database: Database, job: RequestContext, entity: str) -> list[AnyRow]:
    statement = select(changes_table).where(changes_table.c.entity == entity).order_by(changes_table.c.id)
    return list(await database.read_session(job).all(statement))


async def add_task(database: Database, job: RequestContext, **values: Any) -> Task:
    async with database.unit_of_work(job) as session:
        task = Task(**{"title": "first", **values})
        session.add(task)
    return task
