"""What a database reads for changes of a field or an action: hours that have some, however many entries there are."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from app.core.context import RequestContext
from app.core.db.connecting import create_engine
from app.core.db.engine import Database
from app.modules.audit.hours.repository import HourlyChangeRepository
from app.modules.audit.schemas import ChangeQuery
from app.modules.audit.sealer.logs import Log
from tests.core.db.plans import Statement, explain_without_sorting
from tests.modules.audit.sealer.sealed import change_values, run_sql, seal_all, sealer_of
from tests.modules.audit.test_log_plans import pages_read
from tests.roles import as_owner

FILL = """
INSERT INTO audit_change (at, stored_at, format, request_id, actor_kind, source, action, entity, entity_id, changes,
                          redaction_version)
SELECT now() - n * interval '30 days' / 30000, now(), 2, 'r', 'anonymous', 'hook',
       CASE WHEN n % 6000 = 1 THEN 'delete' ELSE 'update' END, 'task', n::text,
       jsonb_build_object(CASE WHEN n % 5000 = 0 THEN 'sku' ELSE 'title' END, jsonb_build_object('new', 1)), 'x'
FROM generate_series(1, 30000) n"""
"""Changes of thirty days; six of a rare field, five of a rare action."""
UNSEALED = 3
QUESTIONS = [
    (ChangeQuery(field="title"), 600, 100),
    (ChangeQuery(field="sku"), 150, 6 + UNSEALED),
    (ChangeQuery(field="absent"), 60, 0),
    (ChangeQuery(action="update"), 600, 100),
    (ChangeQuery(action="delete"), 150, 5),
    (ChangeQuery(action="restore"), 60, 0),
]
"""Questions, the pages (8 KiB) that each may look at, and what is on its first page. The window has 1,200 and more."""


async def ask(database: Database, job: RequestContext, query: ChangeQuery) -> tuple[Statement, ChangeQuery, int]:
    """The statement of a page, the query of the next one, and the number of entries."""
    found: list[Statement] = []

    def note(sql: str, values: Any) -> None:
        if "audit_change_hour" in sql:
            found.append((sql, tuple(values)))

    database.reader.listeners.append(note)
    page = await HourlyChangeRepository(database.read_session(job)).page(query)
    database.reader.listeners.remove(note)
    return found[0], ChangeQuery(**query.model_dump(exclude_unset=True) | {"cursor": page.next_cursor}), len(page.items)


def literal_of(value: Any) -> str:
    """A value of a parameter, as SQL text."""
    if isinstance(value, int):
        return str(value)
    return f"'{{{','.join(value)}}}'" if isinstance(value, list) else f"'{value}'"


async def explain_prepared(database: Database, statement: Statement, mode: str) -> str:
    """What PostgreSQL did for a prepared statement, with a plan for its values, or for any."""
    sql, values = statement
    async with create_engine(as_owner(database.settings)).connect() as connection:
        await connection.execute(text(f"SET plan_cache_mode = force_{mode}_plan"))
        await connection.exec_driver_sql(f"PREPARE asked AS {sql}")
        execute = f"EXECUTE asked ({', '.join(map(literal_of, values))})"
        explained = await connection.exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) {execute}")
        return "\n".join(explained.scalars())


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
async def test_a_question_after_a_kind_reads_the_hours_that_have_it(database: Database, job: RequestContext) -> None:
    """Regression: no index has the names of fields, or the actions, so that it read all entries of its window."""
    await run_sql(database, text(FILL))
    await seal_all(sealer_of(database))
    values = [change_values(changes={field: {"new": 1}}) for field in ("title", "sku")]
    await run_sql(database, *(Log.changes.table.insert().values(each) for each in values * UNSEALED), text("ANALYZE"))

    for question, most, count_of_first in QUESTIONS:
        query = question.model_copy(update={"limit": 100})
        for _ in range(4):
            statement, query, count = await ask(database, job, query)
            for mode in ("custom", "generic"):
                plan = await explain_prepared(database, statement, mode)
                assert pages_read(plan) <= most, plan
            assert count == count_of_first
            if query.cursor is None:
                break


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
@pytest.mark.parametrize("sort", ["-at", "at"])
async def test_sqlite_looks_for_entries_in_each_hour(database: Database, job: RequestContext, sort: str) -> None:
    for hours in range(40):
        at = datetime.now(UTC) - timedelta(hours=hours)
        await run_sql(database, Log.changes.table.insert().values(change_values(at=at)))
    await seal_all(sealer_of(database))

    statement, *_ = await ask(database, job, ChangeQuery(field="title", limit=10, sort=sort))

    plan = await explain_without_sorting(database, *statement)
    _, sealed, *_ = plan.split("CO-ROUTINE")
    tables = [line for line in sealed.splitlines() if line.startswith(("SEARCH", "SCAN"))]
    assert "audit_change_hour USING INDEX" in tables[0], plan
    assert "(parameter=? AND value=? AND hour>? AND hour<?)" in tables[0], plan
    assert any("audit_change USING INDEX ix_audit_change_at_id (at>? AND at<?)" in line for line in tables), plan
    assert "RIGHT PART OF ORDER BY" in sealed, plan
