"""Violated constraints, lock timeouts and lost connections become problems with a clear status."""

import asyncio
from collections.abc import AsyncIterator
from contextvars import Context
from typing import Any

import pytest
from sqlalchemy import CheckConstraint, text, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import Field

from app.core.config import DatabaseSettings, Settings
from app.core.context import RequestContext
from app.core.db.connecting import create_engine
from app.core.db.entity import Bookkeeping, table_of
from app.core.db.integrity import to_problem
from app.core.errors import Problem
from app.main import open_database
from app.modules.rbac.models import PolicyState
from tests.roles import as_owner


class Shelf(Bookkeeping, table=True):
    __tablename__ = "shelf_of_a_test"
    not_audited = "exists for these tests only"
    __table_args__ = (CheckConstraint("stock >= 0", name="stock", info={"field": "stock"}),)

    id: int = Field(primary_key=True)
    stock: int = 0
    label: str = Field(max_length=3)
    above_id: int | None = Field(default=None, foreign_key="shelf_of_a_test.id")


@pytest.fixture
async def connection(settings: Settings) -> AsyncIterator[AsyncConnection]:
    """A plain connection to a database with a table of shelves, one above another."""
    async with create_engine(as_owner(settings)).connect() as connection:
        await connection.run_sync(table_of(Shelf).create)
        await connection.execute(text("INSERT INTO shelf_of_a_test VALUES (1, 0, 'a', NULL), (2, 0, 'b', 1)"))
        await connection.commit()
        yield connection


@pytest.mark.parametrize(
    ("statement", "status", "code", "pointer"),
    [
        ("INSERT INTO shelf_of_a_test VALUES (3, -1, 'c', NULL)", 422, "invalid-fields", "/body/stock"),
        ("INSERT INTO shelf_of_a_test VALUES (3, 0, 'c', 99)", 422, "invalid-fields", "/body/above_id"),
        ("INSERT INTO shelf_of_a_test VALUES (1, 0, 'c', NULL)", 409, "already-exists", None),
        ("DELETE FROM shelf_of_a_test WHERE id = 1", 409, "in-use", None),
    ],
)
async def test_a_violated_constraint_becomes_a_problem(
    connection: AsyncConnection, statement: str, status: int, code: str, pointer: str | None
) -> None:
    problem = await refused(connection, statement)

    assert (problem.status, problem.code) == (status, code)
    if pointer and connection.dialect.name == "postgresql":
        assert problem.errors is not None
        assert problem.errors[0]["pointer"] == pointer
    assert "shelf_of_a_test" not in problem.detail


async def refused(connection: AsyncConnection, statement: str, **values: Any) -> Problem:
    with pytest.raises(SQLAlchemyError) as error:
        await connection.execute(text(statement), values)
    await connection.rollback()
    problem = to_problem(error.value)
    assert problem is not None
    return problem


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
@pytest.mark.parametrize("statement", ["INSERT INTO shelf_of_a_test VALUES (3, 0, 'long', NULL)", "SELECT 1 / 0"])
async def test_a_value_that_cannot_be_stored_is_a_client_error(connection: AsyncConnection, statement: str) -> None:
    problem = await refused(connection, statement)

    assert (problem.status, problem.code) == (422, "invalid-fields")


async def test_a_faulty_statement_is_no_client_error(connection: AsyncConnection) -> None:
    with pytest.raises(SQLAlchemyError) as error:
        await connection.execute(text("SELECT nothing FROM nowhere"))

    problem = to_problem(error.value)

    assert problem is None or connection.dialect.name == "sqlite"


async def test_a_lock_that_is_not_given_up_is_a_503(settings: Settings) -> None:
    patient = settings.model_copy(update={"database": DatabaseSettings(lock_timeout_ms=100)})
    first, second = open_database(patient), open_database(patient)
    job = RequestContext.for_job("test")
    lock = update(table_of(PolicyState)).values(version=table_of(PolicyState).c.version)
    async with first.unit_of_work(job) as session:
        await session.execute(lock)

        async def blocked() -> Problem:
            with pytest.raises(SQLAlchemyError) as error:
                async with second.unit_of_work(job) as other:
                    await other.execute(lock)
            found = to_problem(error.value)
            assert found is not None
            return found

        problem = await asyncio.create_task(blocked(), context=Context())

    assert (problem.status, problem.code) == (503, "unavailable")
    assert problem.extra_headers["Retry-After"] == "1"
    await first.dispose()
    await second.dispose()
