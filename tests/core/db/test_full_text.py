"""Full-text search finds the same on every database; PostgreSQL has an index for it."""

import re
from datetime import date

import asyncpg
import pytest
from sqlalchemy import select, text

from app.core.context import RequestContext
from app.core.db import full_text
from app.core.db.connecting import create_engine
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.db.full_text import matches_search
from app.modules.brands.models import Brand
from app.modules.tasks.models import Task
from app.modules.tasks.repository import TaskRepository
from app.modules.tasks.schemas import TaskQuery
from tests.core.db.plans import explain_execution, statements_of
from tests.core.db.test_pagination import walk
from tests.people import SignedInAs
from tests.roles import as_owner

NAMES = ("Lumen-12 GmbH", "Müller & Söhne", "ÅNGSTRÖM", "50% off_sale", "O'Hara", "x" * 200, "Eck–Bank «oak»\u00a0d’Or")
FOUND = {
    "lum": ["Lumen-12 GmbH"],
    "LUMEN gm": ["Lumen-12 GmbH"],
    "lumen-1": ["Lumen-12 GmbH"],
    "12": ["Lumen-12 GmbH"],
    "umen": [],
    "mül": ["Müller & Söhne"],
    "söh MÜ": ["Müller & Söhne"],
    "ångs": ["ÅNGSTRÖM"],
    "off sale": ["50% off_sale"],
    "hara": ["O'Hara"],
    "o'h": ["O'Hara"],
    "bank oak or": ["Eck–Bank «oak»\u00a0d’Or"],
    "«oak": ["Eck–Bank «oak»\u00a0d’Or"],
    "lum mül": [],
    "' | x": ["x" * 200],
    "!!": [],
    "\\": [],
    ":*": [],
}


@pytest.mark.parametrize(("q", "names"), FOUND.items())
async def test_every_search_word_begins_a_word_of_the_text(
    database: Database, job: RequestContext, signed_in_as: SignedInAs, q: str, names: list[str]
) -> None:
    async with database.unit_of_work(job) as session:
        session.add_all([Brand(name=name) for name in NAMES])
    person = await signed_in_as("brands:read")

    answer = await person.get("/brands", params={"q": q})

    assert answer.status_code == 200, answer.text
    assert [item["name"] for item in answer.json()["items"]] == names


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
async def test_postgresql_reads_the_index(database: Database, job: RequestContext) -> None:
    async with database.unit_of_work(job) as session:
        session.add_all([Brand(name=f"brand {n}") for n in range(2000)])
    table = table_of(Brand)
    statement = select(table.c.id).where(matches_search(table, "brand 17", is_sqlite=False))

    async with create_engine(as_owner(database.settings)).connect() as connection:
        await connection.execute(text("ANALYZE brand"))
        await connection.execute(text("SET enable_seqscan = off"))
        sql = str(statement.compile(connection.sync_connection, compile_kwargs={"literal_binds": True}))
        plan = (await connection.exec_driver_sql(f"EXPLAIN {sql}")).scalars().all()

    assert "ix_brand_search_name_description" in "\n".join(plan)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_sqlite_walks_the_list_in_its_order(database: Database) -> None:
    sql = """EXPLAIN QUERY PLAN SELECT id FROM brand WHERE deleted_at IS NULL AND instr(search_words, ' lum') > 0
        ORDER BY created_at DESC, id DESC LIMIT 51"""

    async with create_engine(as_owner(database.settings)).connect() as connection:
        plan = [row.detail for row in await connection.exec_driver_sql(sql)]

    assert plan == ["SCAN brand USING INDEX ix_brand_created_at_id"]


@pytest.mark.parametrize("nearby", [1, 3, 7, 100])
@pytest.mark.parametrize("sort", ["title", "-due_date", "due_date,-title"])
async def test_a_search_has_the_same_pages_however_near_its_matches_are(
    database: Database,
    job: RequestContext,
    signed_in_as: SignedInAs,
    monkeypatch: pytest.MonkeyPatch,
    sort: str,
    nearby: int,
) -> None:
    monkeypatch.setattr(full_text, "NEARBY", nearby)
    async with database.unit_of_work(job) as session:
        for n in range(20):
            due = date(2030, 1, 1 + n % 3) if n % 2 else None
            session.add(Task(title=f"{'lamp' if n % 3 else 'chair'} {n:02}", due_date=due))
    person = await signed_in_as("tasks:read")
    every = await walk(person, 100, sort=sort)

    for word, rows in {"lamp": 13, "chair": 7, "chair 0": 4, "chair 03": 1, "sofa": 0}.items():
        first, *others = word.split()
        wanted = [t["id"] for t in every if t["title"].startswith(first) and all(f" {o}" in t["title"] for o in others)]
        found = await walk(person, 2, sort=sort, q=word)
        assert [item["id"] for item in found] == wanted
        assert len(found) == rows
        skipped = await person.get("/tasks", params={"q": word, "sort": sort, "offset": 3, "limit": 2, "total": "true"})
        assert [item["id"] for item in skipped.json()["items"]] == wanted[3:5]
        assert skipped.json()["total"] == rows


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    ("q", "total"), [("sofa", False), ("sofa", True), ("chair", False), ("old", False), ("lamp", False)]
)
async def test_a_search_reads_few_rows_whatever_matches(
    database: Database, job: RequestContext, monkeypatch: pytest.MonkeyPatch, q: str, total: bool
) -> None:
    """Regression: PostgreSQL walked the whole list, computing the words of each row, to rare or to old matches."""
    monkeypatch.setattr(full_text, "NEARBY", 50)
    rows = """INSERT INTO task (id, created_at, updated_at, version, status, priority, title, search_words)
        SELECT gen_random_uuid(), now() + n * interval '1 second', now(), 1, 'todo', 'normal', words, words::tsvector
        FROM generate_series(1, 30000) n, LATERAL concat_ws(
        ' ', CASE n WHEN 7 THEN 'chair' ELSE 'lamp' END, n, CASE WHEN n < 5000 THEN 'old' END) words"""
    connection = await asyncpg.connect(
        as_owner(database.settings).database_url.get_secret_value().replace("+asyncpg", "")
    )
    await connection.execute(rows)
    await connection.execute("VACUUM ANALYZE task")  # it takes up what the index has in a list until then
    await connection.close()

    with statements_of(database, "task") as statements:
        page = await TaskRepository(database.read_session(job)).page(TaskQuery(q=q, limit=1, total=total))

    assert len(page.items) == (0 if q == "sofa" else 1)
    for sql, values in statements:
        plan = await explain_execution(database, sql, values)
        removed = [int(n) for n in re.findall(r"Rows Removed by Filter: (\d+)", plan)]
        assert max(removed, default=0) <= 50, plan
        assert "ix_task_search_title_description" in plan, plan
