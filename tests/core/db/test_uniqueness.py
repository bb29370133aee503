"""Unique values are found by reading as the database finds them by writing."""

from collections.abc import Iterator
from contextlib import closing
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlmodel import SQLModel

from app.core.clock import new_id
from app.core.context import RequestContext
from app.core.db.connecting import create_engine
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.db.uniqueness import INFO, SeenKeys, check_unique, unique_keys
from app.core.errors import AlreadyExists
from app.modules.categories.models import Category
from tests.roles import as_owner

PARENTS = [new_id(), new_id()]


@pytest.fixture
def seen() -> Iterator[SeenKeys]:
    with closing(SeenKeys()) as keys:
        yield keys


def category(name: str, parent: UUID | None = None) -> Category:
    return Category(name=name, parent_id=parent)


async def test_unique_values_are_compared_with_stored_rows_and_with_each_other(
    database: Database, job: RequestContext, seen: SeenKeys
) -> None:
    async with database.unit_of_work(job) as session:
        session.add_all([Category(id=parent, name=f"parent {parent}") for parent in PARENTS])
        await session.flush()
        session.add_all([category("Änderung"), category("child", PARENTS[0])])
    reader, table = database.read_session(job), table_of(Category)

    async def is_free(*rows: Category) -> bool:
        try:
            with seen.forget_on_error():
                await check_unique(reader, table, rows, seen)
        except AlreadyExists:
            return False
        return True

    assert not await is_free(category("ÄNDERUNG"))
    assert not await is_free(category("other", PARENTS[1]), category("Child", PARENTS[0]))
    assert not await is_free(category("twice"), category("TWICE"))
    assert await is_free(category("änderung", PARENTS[0]), category("child", PARENTS[1]), category("child"))
    assert not await is_free(category("CHILD", PARENTS[1]))
    assert await is_free(category("twice"), category("other", PARENTS[1]))


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_sqlite_reads_the_index_of_every_column(database: Database, job: RequestContext) -> None:
    (scoped,) = [key for key in unique_keys(table_of(Category)) if len(key.columns) == 2]
    statement = scoped.select(table_of(Category), [(PARENTS[0], "a"), (PARENTS[1], "b")])
    compiled = statement.compile(dialect=database.dialect, compile_kwargs={"literal_binds": True})

    async with create_engine(as_owner(database.settings)).connect() as connection:
        plan = str((await connection.execute(text(f"EXPLAIN QUERY PLAN {compiled}"))).all())

    assert plan.count("uq_category_name (parent_id=? AND name_folded=?)") == 2, plan


def test_every_unique_index_can_be_checked_by_reading() -> None:
    unknown = [
        index.name
        for table in SQLModel.metadata.tables.values()
        for index in table.indexes
        if index.unique and INFO not in index.info
    ]

    assert unknown == []
