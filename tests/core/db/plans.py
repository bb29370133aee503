"""The statements that a block runs, and the plans that databases make for them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import text

from app.core.db.connecting import create_engine
from app.core.db.engine import Database
from tests.roles import as_owner

Statement = tuple[str, tuple[Any, ...]]


@contextmanager
def statements_of(database: Database, table: str = "") -> Iterator[list[Statement]]:
    """The statements that read `table`, or any, in the block, with their values.

    The application runs statements by itself meanwhile, and they are among those of any table.
    """
    found: list[Statement] = []

    def note(sql: str, values: Sequence[Any]) -> None:
        if f"FROM {table}" in sql:
            found.append((sql, tuple(values)))

    database.reader.listeners.append(note)
    try:
        yield found
    finally:
        database.reader.listeners.remove(note)


async def explain_without_sorting(database: Database, sql: str, values: tuple[Any, ...]) -> str:
    """The plan of a statement. PostgreSQL neither sorts nor reads a whole table where it can do without."""
    async with create_engine(as_owner(database.settings)).connect() as connection:
        if database.is_sqlite:
            plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)
            return "\n".join(row.detail for row in plan)
        for method in ("seqscan", "sort", "incremental_sort", "hashjoin", "mergejoin"):
            await connection.execute(text(f"SET enable_{method} = off"))
        return "\n".join((await connection.exec_driver_sql(f"EXPLAIN {sql}", values)).scalars())


async def explain_execution(database: Database, sql: str, values: tuple[Any, ...], without: Sequence[str] = ()) -> str:
    """What PostgreSQL did for a statement: its own plan, `without` some methods, with the rows that were read."""
    async with create_engine(as_owner(database.settings)).connect() as connection:
        for method in without:
            await connection.execute(text(f"SET enable_{method} = off"))
        analyzed = f"EXPLAIN (ANALYZE, TIMING OFF) {sql}"
        return "\n".join((await connection.exec_driver_sql(analyzed, values)).scalars())
