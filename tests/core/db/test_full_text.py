"""Full-text search finds the same on every database; PostgreSQL has an index for it."""

import pytest
from sqlalchemy import select, text

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.db.full_text import matches_search
from app.modules.brands.models import Brand
from tests.people import SignedInAs

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

    async with database.engine.connect() as connection:
        await connection.execute(text("ANALYZE brand"))
        await connection.execute(text("SET enable_seqscan = off"))
        sql = str(statement.compile(connection.sync_connection, compile_kwargs={"literal_binds": True}))
        plan = (await connection.exec_driver_sql(f"EXPLAIN {sql}")).scalars().all()

    assert "ix_brand_search_name_description" in "\n".join(plan)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_sqlite_walks_the_list_in_its_order(database: Database) -> None:
    sql = """EXPLAIN QUERY PLAN SELECT id FROM brand WHERE deleted_at IS NULL AND instr(words(name), ' lum') > 0
        ORDER BY created_at DESC, id DESC LIMIT 51"""

    async with database.readers.connect() as connection:
        plan = [row.detail for row in await connection.exec_driver_sql(sql)]

    assert plan == ["SCAN brand USING INDEX ix_brand_created_at_id"]
