"""Counts rows of tables."""

from typing import Any

from sqlalchemy import func, select

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of


async def count(database: Database, job: RequestContext, model: Any) -> int:
    return int(await database.read_session(job).value(select(func.count()).select_from(table_of(model))))
