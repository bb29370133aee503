"""Times every list of tasks and products while their tables grow, and prints the plan of each: `make bench-growth`.

Lists run as the repositories run them, on PostgreSQL: the server of TEST_DATABASE_URL, or an embedded one. Rows are
inserted by SQL, because only reading is measured.
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
from pydantic import SecretStr

from app.core.config import DatabaseSettings, Environment, Settings
from app.core.context import RequestContext
from app.core.db import migrations
from app.core.db.connecting import create_engine
from app.core.db.driver.reader import Reader
from app.core.db.engine import Database
from app.core.db.pagination import EntityQuery
from app.core.db.repository import ReadRepository
from app.core.errors import Problem
from app.modules.products.repository import ProductRepository
from app.modules.products.schemas import ProductQuery
from app.modules.tasks.repository import TaskRepository
from app.modules.tasks.schemas import TaskQuery
from tests.databases import URL_VARIABLE, EmbeddedServer, Postgresql

DEEP = "half-way"
STATEMENT_LIMIT_MS = 60_000
JOB_SECONDS = 600.0
"""Longer than a server waits, so that the time of what would be cut is seen."""

LOAD = {
    "task": """INSERT INTO task (id, created_at, updated_at, version, deleted_at, title, search_words, status,
        priority, due_date) SELECT id, created_at, updated_at, 1, deleted_at, words, words::tsvector,
        CASE WHEN n % 1000 = 1 THEN 'cancelled' WHEN n % 2 = 0 THEN 'done' ELSE 'todo' END, 'normal',
        CASE WHEN n % 2 = 0 THEN date '2026-01-01' + n % 1000 END FROM numbered($1, $2)""",
    "product": """INSERT INTO product (id, created_at, updated_at, version, deleted_at, name, search_words, sku,
        sku_folded, price, currency, stock, status, brand_id)
        SELECT id, created_at, updated_at, 1, deleted_at, words, words::tsvector, 'P-' || n, 'p-' || n, n % 1000, 'EUR',
        n % 50, 'active', (SELECT id FROM brand WHERE name = 'brand ' || n % 100) FROM numbered($1, $2)""",
}
NUMBERED = """CREATE FUNCTION numbered(first int, last int, OUT n int, OUT id uuid, OUT created_at timestamptz,
    OUT updated_at timestamptz, OUT deleted_at timestamptz, OUT words text) RETURNS SETOF record LANGUAGE sql AS $$
    SELECT n, gen_random_uuid(), now() - interval '30 days' + n * interval '1 second', now() - n * interval '1 second',
    CASE WHEN n % 100 = 3 THEN now() END, 'lamp ' || CASE WHEN n % 5 = 0 THEN 'brass ' ELSE '' END
    || CASE WHEN n % 1000 = 7 THEN 'teak ' ELSE '' END || CASE WHEN n = 7 THEN 'zebra ' ELSE '' END
    || CASE WHEN n < 5000 THEN 'walnut ' ELSE '' END || n FROM generate_series(first, last) n $$"""
"""`lamp` is in every row, `brass` in a fifth, `teak` in a thousandth, `zebra` in one, `walnut` in the 5,000 oldest."""
BRANDS = """INSERT INTO brand (id, created_at, updated_at, version, name, name_folded)
    SELECT gen_random_uuid(), now(), now(), 1, 'brand ' || n, 'brand ' || n FROM generate_series(0, 99) n"""

SEARCHES = ("xylophone", "zebra", "teak", "brass", "lamp", "walnut")
SHARED: list[dict[str, Any]] = [
    {},
    {"offset": 10_000},
    {"deleted": "only"},
    {"total": True},
    {"total": "exact"},
    *({"q": word} for word in SEARCHES),
    {"q": "xylophone", "total": True},
    {"q": "lamp", "total": True},
    {"q": "brass", "sort": "updated_at"},
]
FILTERS: dict[type[EntityQuery], list[dict[str, Any]]] = {
    TaskQuery: [
        {"status": ["cancelled"]},
        {"status": ["in_progress"]},
        {"status": ["todo"]},
        {"priority": ["urgent"]},
        {"due_date_gte": "2028-09-01"},
        {"due_date_gte": "2028-09-01", "sort": "due_date"},
        {"status": ["todo"], "q": "xylophone"},
        {"sort": "title,-created_at"},
    ],
    ProductQuery: [
        {"status": ["draft"]},
        {"brand_id": [str(uuid4())]},
        {"price_gte": "998", "currency": ["EUR"]},
        {"price_gte": "998", "currency": ["EUR"], "sort": "price"},
        {"status_not": ["active"]},
        {"brand_id_null": False, "sort": "-stock"},
        {"sort": "stock,name"},
    ],
}


def cases(query: type[EntityQuery]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Names and parameters of the lists to time."""
    sorts = [{"sort": f"{sign}{field}"} for field in query.sortable for sign in ("", "-")]
    for values in [*SHARED, *FILTERS[query], *sorts]:
        yield "&".join(f"{name}={value}" for name, value in values.items()) or "first page", values
    for values in [{}, *sorts, {"sort": ",".join(query.sortable[:1:-1])}]:
        yield f"{values.get('sort', query.default_sort)} {DEEP}", values


@contextmanager
def record(reader: Reader) -> Iterator[list[tuple[str, Any]]]:
    """The statements that run in the block, with their parameters."""
    found: list[tuple[str, Any]] = []

    def note(sql: str, parameters: Any) -> None:
        found.append((sql, parameters))

    reader.listeners.append(note)
    try:
        yield found
    finally:
        reader.listeners.remove(note)


class Bench:
    """The lists of one database."""

    def __init__(self, database: Database, repeat: int) -> None:
        self.database = database
        self.repeat = repeat

    def rows(self, kind: type[ReadRepository]) -> ReadRepository:
        return kind(self.database.read_session(RequestContext.for_job("bench")))

    async def time(self, kind: type[ReadRepository], query: EntityQuery) -> tuple[str, list[str]]:
        """The median in milliseconds, or the error; and the plans of its statements."""
        times = []
        with record(self.database.reader) as statements:
            for _ in range(self.repeat):
                started = time.perf_counter()
                try:
                    await self.rows(kind).page(query)
                except Problem as error:
                    return type(error).__name__, [await self.plan(*statement) for statement in statements]
                times.append((time.perf_counter() - started) * 1000)
        once = statements[: len(statements) // self.repeat]
        return f"{statistics.median(times):.1f}", [await self.plan(*statement) for statement in once]

    async def plan(self, sql: str, parameters: Any) -> str:
        async with create_engine(self.database.settings).connect() as connection:
            lines = await connection.exec_driver_sql(f"EXPLAIN {sql}", tuple(parameters))
            return "\n".join(f"    {line}" for (line,) in lines)

    async def half_way(self, kind: type[ReadRepository], query: EntityQuery, rows: int) -> EntityQuery:
        """`query` at the cursor in the middle of the list, however far that is."""
        page = await self.rows(kind).page(query.model_copy(update={"offset": rows // 2}))
        return query.model_copy(update={"cursor": page.next_cursor})

    async def run(self, rows: int) -> dict[str, str]:
        """Time every list and print its plan. Returns the times."""
        results: dict[str, str] = {}
        for kind, schema in ((TaskRepository, TaskQuery), (ProductRepository, ProductQuery)):
            for name, values in cases(schema):
                query: EntityQuery = schema(**values)
                if name.endswith(DEEP):
                    query = await self.half_way(kind, query, rows)
                label = f"{kind.model.__tablename__}: {name}"
                results[label], plans = await self.time(kind, query)
                print(f"\n{rows} rows, {label}: {results[label]} ms", *plans, sep="\n")
        return results


async def load(url: str, first: int, last: int, tables: Iterable[str] = LOAD) -> None:
    """Insert the rows `first` to `last` of each of `tables`, and gather statistics."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""), server_settings={"jit": "off"})
    if first == 1:
        await connection.execute(NUMBERED)
        await connection.execute(BRANDS)
    for table in tables:
        await connection.execute(LOAD[table], first, last, timeout=3600)
        await connection.execute(f"VACUUM ANALYZE {table}", timeout=3600)
    await connection.close()


async def grow(settings: Settings, sizes: list[int], repeat: int) -> None:
    database, loaded = Database(settings), 0
    results: dict[int, dict[str, str]] = {}
    for size in sorted(sizes):
        await load(settings.database_url.get_secret_value(), loaded + 1, size)
        loaded, results[size] = size, await Bench(database, repeat).run(size)
    await database.dispose()
    print(f"\n{'milliseconds (median)':48}", *(f"{size:>12}" for size in results))
    for name in next(iter(results.values())):
        print(f"{name:48}", *(f"{found[name]:>12}" for found in results.values()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000], help="sizes of each table")
    parser.add_argument("--repeat", type=int, default=5)
    arguments = parser.parse_args()
    server = None if URL_VARIABLE in os.environ else EmbeddedServer()
    if server:
        os.environ[URL_VARIABLE] = server.url
    backend, name = Postgresql(), f"growth_{uuid4().hex}"
    try:
        with tempfile.TemporaryDirectory() as folder:
            settings = Settings(
                _env_file=None,
                environment=Environment.test,
                database_url=SecretStr(backend.create(name)),
                database=DatabaseSettings(statement_timeout_ms=STATEMENT_LIMIT_MS, job_seconds=JOB_SECONDS),
                state_dir=Path(folder),
            )
            migrations.upgrade(settings)
            asyncio.run(grow(settings, arguments.rows, arguments.repeat))
    finally:
        backend.drop(name)
        if server:
            server.stop()


if __name__ == "__main__":
    main()
