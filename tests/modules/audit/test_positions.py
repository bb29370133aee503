"""Positions of spool files are removed when they are old, but never those of files that still exist."""

from datetime import timedelta

import httpx
from fastapi import FastAPI
from sqlalchemy import insert, select, update

from app.core.clock import new_id, now
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.modules.audit.requests.models import AuditSpool
from tests.core.db.pruning import prune
from tests.core.db.triggers import execute_without_triggers
from tests.modules.audit.entries import access_entries

positions = table_of(AuditSpool)


async def test_a_quiet_process_keeps_its_position(
    app: FastAPI, client: httpx.AsyncClient, database: Database, job: RequestContext
) -> None:
    """Without its position the file would be shipped again from its beginning."""
    await client.get("/nothing", headers={"X-Request-ID": "first"})
    await access_entries(app)
    long_ago = now() - timedelta(days=database.settings.retention.spool_days + 1)
    gone = [{"id": str(new_id()), "position": 7, "at": long_ago} for _ in range(5)]
    async with database.unit_of_work(job) as session:
        await session.execute(insert(positions), gone)
    await execute_without_triggers(database.settings, positions.name, update(positions).values(at=long_ago))

    await prune(database)

    left = await database.read_session(job).all(select(positions))
    assert [row.id for row in left] == [app.state.access_log.spool.id]
    await client.get("/nothing", headers={"X-Request-ID": "second"})
    shipped = [row.request_id for row in await access_entries(app)]
    assert (shipped.count("first"), shipped.count("second")) == (1, 1)
