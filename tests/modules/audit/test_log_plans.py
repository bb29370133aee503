"""What PostgreSQL reads for a question to the audit log: as much as the answer, or as a window, however long it is."""

import re
from uuid import UUID

import pytest
from sqlalchemy import text

from app.core.context import RequestContext
from app.core.db.connecting import create_engine
from app.core.db.engine import Database
from app.core.db.pagination import PageQuery
from app.core.db.repository import ReadRepository
from app.modules.audit.exports.repository import SealedEntries
from app.modules.audit.own.schemas import OwnChangeQuery
from app.modules.audit.own.service import OwnChangeService
from app.modules.audit.repository import ChangeRepository
from app.modules.audit.requests.repository import AccessRepository
from app.modules.audit.schemas import AccessQuery, ChangeQuery
from app.modules.audit.sealer.logs import Log
from app.modules.audit.service import TimelineService
from app.modules.audit.timeline.schemas import TimelineQuery
from tests.core.db.plans import Statement, statements_of
from tests.roles import as_owner

pytestmark = pytest.mark.parametrize("backend", ["postgresql"], indirect=True)

FILL = """
INSERT INTO audit_caller (id, salt, ip, created_at)
SELECT lpad(n::text, 32, '0')::uuid, '', CASE WHEN n = 41 THEN '192.0.2.1' ELSE '10.0.0.' || n % 4 END, now()
FROM generate_series(1, 41) n;
INSERT INTO audit_access (at, stored_at, format, request_id, actor_kind, caller_id, method, path, route, status,
                          duration_us, bytes_out, error_code, decision, is_replay, is_dry_run)
SELECT now() - n * interval '310 days' / 60000, now() + (60000 - n) * interval '90 days' / 60000, 2, 'r', 'anonymous',
       lpad((CASE WHEN n > 59997 THEN 41 ELSE n % 40 + 1 END)::text, 32, '0')::uuid, 'GET', '/tasks', '/tasks',
       CASE n % 10 WHEN 0 THEN 404 ELSE 200 END, 1, 1, CASE n % 10 WHEN 0 THEN 'not-found' END,
       CASE WHEN n < 59997 THEN 'tasks:read' END, false, false
FROM generate_series(1, 60000) n;
INSERT INTO audit_change (at, stored_at, format, request_id, actor_kind, source, action, entity, entity_id, changes,
                          redaction_version)
SELECT now() - n * interval '310 days' / 60000, now() + (60000 - n) * interval '90 days' / 60000, 2, 'r', 'anonymous',
       'hook', 'create', 'task', n::text,
       jsonb_build_object('title', jsonb_build_object('new', 1)), 'x'
FROM generate_series(1, 60000) n;
ANALYZE
"""
"""Entries of 310 days, of which the window is a tenth, in four partitions of both logs. The oldest requests have their
own address, and no rule admitted them."""


async def fill(database: Database) -> None:
    """Add the entries, and gather statistics."""
    async with create_engine(as_owner(database.settings)).begin() as connection:
        for statement in FILL.split(";"):
            await connection.execute(text(statement))


async def plan_of(database: Database, statement: Statement, mode: str) -> str:
    """What PostgreSQL did for a statement, with a plan for its values, or for any."""
    sql, values = statement
    async with create_engine(as_owner(database.settings)).connect() as connection:
        await connection.execute(text(f"SET plan_cache_mode = force_{mode}_plan"))
        explained = f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) {sql}"
        return "\n".join((await connection.exec_driver_sql(explained, values)).scalars())


def pages_read(plan: str) -> int:
    """How often the execution looked at a page of a table or index."""
    line = next(line for line in plan.splitlines() if "Buffers:" in line)
    return sum(int(count) for count in re.findall(r"(?:hit|read)=(\d+)", line))


ACCESS_IDS = ("actor_id", "owner_id", "subject_id", "item_id", "call_id", "session_id")
OF_FEW: list[PageQuery] = [
    *(AccessQuery(**{name: UUID(int=0)}) for name in ACCESS_IDS),
    AccessQuery(item_id=UUID(int=0), method="PUT"),
    AccessQuery(call_id=UUID(int=0), route="/unknown"),
    AccessQuery(ip="198.51.100.1"),
    AccessQuery(ip="192.0.2.1"),
    AccessQuery(request_id="unknown"),
    AccessQuery(error_code="unknown"),
    AccessQuery(route="/unknown"),
    AccessQuery(route="/unknown", actor_id=UUID(int=0)),
    AccessQuery(status_gte=500),
    AccessQuery(status=[503]),
    AccessQuery(decision_null=True),
    *(ChangeQuery(**{name: UUID(int=0)}) for name in ("actor_id", "owner_id", "call_id")),
    ChangeQuery(call_id=UUID(int=0), field="unknown"),
    ChangeQuery(entity="task", entity_id="7", field="unknown"),
]
OF_MANY: list[PageQuery] = [
    AccessQuery(),
    AccessQuery(error_code="not-found"),
    AccessQuery(route="/tasks"),
    ChangeQuery(),
]
IN_WINDOW: list[PageQuery] = [
    AccessQuery(path="/unknown"),
    AccessQuery(status=[418]),
    AccessQuery(method="PUT"),
    AccessQuery(decision="unknown"),
    AccessQuery(decision_null=False, reason="unknown"),
    AccessQuery(route="/unknown", reason="unknown", module="unknown"),
    AccessQuery(ip="10.0.0.1", path="/unknown"),
    ChangeQuery(field="unknown"),
    ChangeQuery(entity="tag"),
    ChangeQuery(entity="task", action="delete"),
    ChangeQuery(entity_id="unknown"),
]
LIMITS = [*((each, 60) for each in OF_FEW), *((each, 400) for each in OF_MANY), *((each, 1_300) for each in IN_WINDOW)]
"""The pages (8 KiB) that each question may look at. The logs have 4,000 with their indexes, in four partitions."""


async def test_a_question_reads_little_of_the_log(database: Database, job: RequestContext) -> None:
    """Regression: an unknown address, and a field that never changed, read the whole log, and ended in 504."""
    await fill(database)
    too_much = []

    for query, most in [*LIMITS, (AccessQuery(ip="10.0.0.1"), 3_000)]:
        kind: type[ReadRepository] = AccessRepository if isinstance(query, AccessQuery) else ChangeRepository
        with statements_of(database, str(kind.model.__tablename__)) as statements:
            await kind(database.read_session(job)).page(query)
        [statement] = statements
        for mode in ("custom", "generic"):
            plan = await plan_of(database, statement, mode)
            if pages_read(plan) > most:
                too_much.append((query.filters(), mode, pages_read(plan), plan))

    assert not too_much, "\n".join(map(str, [*too_much[0], *(found[:3] for found in too_much)]))


async def test_postgresql_knows_which_failures_a_route_has(database: Database) -> None:
    """Without statistics on route, status and code together, it expects each combination to be rare."""
    await fill(database)
    async with create_engine(as_owner(database.settings)).connect() as connection:
        sql = "EXPLAIN SELECT FROM audit_access WHERE route = '/tasks' AND status = 404 AND error_code = 'not-found'"
        plan = "\n".join((await connection.execute(text(sql))).scalars())

    [estimate, *_] = re.findall(r"rows=(\d+)", plan)
    assert 5_000 < int(estimate) < 7_000, plan


async def test_a_timeline_reads_little_of_the_logs(database: Database, job: RequestContext) -> None:
    await fill(database)

    with statements_of(database, "audit_access") as statements:
        await TimelineService(database.read_session(job)).page(UUID(int=0), TimelineQuery(keys=True))

    for mode in ("custom", "generic"):
        plan = await plan_of(database, statements[0], mode)
        assert pages_read(plan) <= 80, plan  # a first page of each index of each partition


async def test_own_changes_are_read_from_the_index_of_actors(database: Database, job: RequestContext) -> None:
    await fill(database)

    with statements_of(database, "audit_change") as statements:
        await OwnChangeService(database.read_session(job)).page(UUID(int=0), OwnChangeQuery())

    for mode in ("custom", "generic"):
        plan = await plan_of(database, statements[0], mode)
        assert pages_read(plan) <= 60, plan


async def test_the_second_page_reads_as_little_as_the_first(database: Database, job: RequestContext) -> None:
    """It compares each entry with the snapshot of the first page, for which no index may be chosen."""
    await fill(database)
    too_much = []

    for query, most in [*((each, 400) for each in OF_MANY), (AccessQuery(ip="10.0.0.1"), 3_000)]:
        kind: type[ReadRepository] = AccessRepository if isinstance(query, AccessQuery) else ChangeRepository
        rows = kind(database.read_session(job))
        first = await rows.page(query)
        with statements_of(database, str(kind.model.__tablename__)) as statements:
            await rows.page(query.model_copy(update={"cursor": first.next_cursor}))
        [statement] = statements
        assert "pg_visible_in_snapshot" in statement[0]
        for mode in ("custom", "generic"):
            plan = await plan_of(database, statement, mode)
            if pages_read(plan) > most:
                too_much.append((query.filters(), mode, pages_read(plan), plan))

    assert not too_much, "\n".join(map(str, too_much[0]))


RUNS = """
INSERT INTO audit_run (log, first_seq, first_id, length)
SELECT 'changes', 2 * n - 1, 2 * (n # 1) + (SELECT min(id) FROM audit_change), 2 FROM generate_series(1, 29990) n;
ANALYZE audit_run
"""
"""Runs of two entries, each pair of runs the other way round: the order of the log is not that of the numbers."""


async def test_an_export_reads_the_order_piece_by_piece(database: Database, job: RequestContext) -> None:
    await fill(database)
    async with create_engine(as_owner(database.settings)).begin() as connection:
        for statement in RUNS.split(";"):
            await connection.execute(text(statement))
    entries = SealedEntries(database.read_session(job), Log.changes, ChangeQuery(), 59_980, 1)

    seqs: list[int] = []
    with statements_of(database, "audit_change") as of_entries, statements_of(database, "audit_run") as of_order:
        await entries.begin()
        async for page in entries.pages():
            seqs += [row["seq"] for row in page]

    assert seqs == list(range(1, 59_981))
    for found in (*of_order[-3:], of_entries[60]):
        for mode in ("custom", "generic"):
            plan = await plan_of(database, found, mode)
            assert pages_read(plan) <= 6_000, plan
