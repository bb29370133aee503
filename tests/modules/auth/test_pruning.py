"""Counters of attempts are kept for as long as they may count."""

from datetime import timedelta

from sqlalchemy import insert, select

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.modules.auth.models import SignInCounter
from tests.core.db.pruning import prune


async def test_counters_of_changed_emails_are_kept_longer(database: Database, job: RequestContext) -> None:
    table = table_of(SignInCounter)
    ages = {"identifier:a": 3, "address:b": 3, "email:c": 3, "email:d": 31, "address:e": 1}
    rows = [{"id": name, "failures": 1, "updated_at": now() - timedelta(days=days)} for name, days in ages.items()]
    async with database.unit_of_work(job) as session:
        await session.execute(insert(table), rows)

    await prune(database)

    kept = await database.read_session(job).all(select(table.c.id).order_by(table.c.id))
    assert [row.id for row in kept] == ["address:e", "email:c"]
