"""Reads on the driver: the rows of SQLAlchemy's own execution, and connections that break, hang or are given up."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import bindparam, column, func, insert, literal, select, table, tuple_, union_all
from sqlalchemy.exc import SQLAlchemyError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.core.clock import new_id, now
from app.core.config import DatabaseSettings, Settings
from app.core.context import Principal, RequestContext
from app.core.db.connecting import create_engine
from app.core.db.driver.shapes import Shape
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.db.field_rules import rules_of
from app.core.db.integrity import to_problem
from app.core.db.repository import ReadRepository
from app.core.db.row_access import scoped_modules
from app.core.db.session import ReadSession
from app.core.errors import DatabaseUnavailable
from app.main import open_database
from app.modules.audit.models import AuditChange
from app.modules.products.models import Product
from app.modules.tasks.models import Task, TaskStatus
from tests.fixtures.reads import differences
from tests.roles import as_owner

TASK, PRODUCT, CHANGE = table_of(Task), table_of(Product), table_of(AuditChange)


def repositories(kind: type[ReadRepository] = ReadRepository) -> Iterator[type[ReadRepository]]:
    """Every repository of the application."""
    for found in kind.__subclasses__():
        yield from repositories(found)
        if found.__module__.startswith("app.modules.") and hasattr(found, "read"):
            yield found


only_postgresql = pytest.mark.parametrize("backend", ["postgresql"], indirect=True)


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    """A database with one reading connection, without an application that would use it."""
    database = open_database(settings.model_copy(update={"database": DatabaseSettings(readers=1, pool_timeout=1)}))
    yield database
    await database.dispose()


@pytest.fixture
def reader(database: Database, job: RequestContext) -> ReadSession:
    return database.read_session(job)


STATEMENTS: list[Any] = [
    select(TASK).order_by(TASK.c.title),
    select(Task).order_by(TASK.c.title),
    select(PRODUCT),
    select(CHANGE).order_by(CHANGE.c.id),
    select(TASK.c.id, PRODUCT.c.id).join(PRODUCT, TASK.c.id != PRODUCT.c.id).order_by(TASK.c.title),
    select(TASK.c.title).where(TASK.c.status.in_([TaskStatus.todo, TaskStatus.done])).order_by(TASK.c.title),
    select(TASK.c.title).where(TASK.c.status.in_([])),
    select(TASK.c.title).where(
        tuple_(TASK.c.title, TASK.c.status).in_([("t0", TaskStatus.todo), ("t2", TaskStatus.todo)])
    ),
    select(TASK.c.title)
    .where(TASK.c.created_at <= now() + timedelta(days=1))
    .order_by(TASK.c.title)
    .limit(1)
    .offset(1),
    select(PRODUCT.c.price * 2, func.sum(PRODUCT.c.price), func.avg(PRODUCT.c.stock)).group_by(PRODUCT.c.price),
    select(func.count()).select_from(TASK).where(TASK.c.title == bindparam("title", "t0", literal_execute=True)),
    select(union_all(select(TASK.c.title), select(PRODUCT.c.name)).subquery()).order_by("title"),
    union_all(select(TASK.c.title), select(PRODUCT.c.name)).order_by("title"),
    select(literal(datetime(2026, 1, 1, tzinfo=UTC), TASK.c.created_at.type), literal(None), literal("a\\'b")),
    select(TASK.c.title).where(TASK.c.title == bindparam("given")).params(given="t1"),
]


async def fill(database: Database, job: RequestContext) -> None:
    async with database.unit_of_work(job) as session:
        session.add_all([Task(title=f"t{n}", status=list(TaskStatus)[n % 3]) for n in range(4)])
        session.add(Product(sku="s", name="p", price=Decimal("12.3456"), currency="EUR"))


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda statement: str(statement)[:60])
async def test_rows_equal_those_of_sqlalchemy(
    database: Database, reader: ReadSession, job: RequestContext, statement: Any
) -> None:
    await fill(database, job)

    for _ in range(2):
        found = await reader.all(statement)
        async with create_engine(as_owner(database.settings)).connect() as connection:
            expected = (await connection.execute(statement)).all()
        assert found == expected
        assert [[type(value) for value in row] for row in found] == [[type(value) for value in row] for row in expected]
        assert [(row._fields, dict(row._mapping)) for row in found] == [(r._fields, dict(r._mapping)) for r in expected]


async def test_values_are_no_part_of_a_shape(database: Database, reader: ReadSession, job: RequestContext) -> None:
    await fill(database, job)
    database.reader.shapes.known.clear()  # shared with other tests

    found = [await reader.value(select(TASK.c.title).where(TASK.c.title == f"t{n}")) for n in range(4)]
    several = [await reader.all(select(TASK.c.id).where(TASK.c.title.in_(["t0", "t1", "t2"][:n]))) for n in range(4)]

    assert found == ["t0", "t1", "t2", "t3"]
    assert [len(rows) for rows in several] == [0, 1, 2, 3]
    assert len(database.reader.shapes.known) == 2


async def test_a_column_is_found_by_name_and_by_itself(
    database: Database, reader: ReadSession, job: RequestContext
) -> None:
    await fill(database, job)
    row = await reader.first(select(TASK.c.id, TASK.c.title.label("name")).where(TASK.c.title == "t2"))
    assert row is not None

    assert (row.name, row[1], row._mapping["name"], row._mapping[TASK.c.id]) == ("t2", "t2", "t2", row.id)
    with pytest.raises(AttributeError, match="title"):
        _ = row.title


async def test_a_reader_runs_selects_only(database: Database, reader: ReadSession) -> None:
    sent: list[str] = []
    database.reader.listeners.append(lambda sql, _values: sent.append(sql))
    hidden = insert(TASK).values(id=new_id(), title="cte").returning(TASK.c.id).cte()

    for statement in (
        insert(TASK),
        TASK.update(),
        TASK.delete(),
        func.now(),
        select(hidden),
        select(TASK.c.id).where(TASK.c.id.in_(select(hidden.c.id))),
    ):
        with pytest.raises(TypeError, match="selects only"):
            await reader.all(statement)  # type: ignore[arg-type]  # that is what is tested
    assert sent == []


async def test_a_value_that_is_none_of_its_type_is_a_client_error(reader: ReadSession) -> None:
    with pytest.raises(StatementError) as naive:
        await reader.all(select(TASK.c.id).where(TASK.c.created_at == datetime(2026, 1, 1)))  # noqa: DTZ001  # tested
    with pytest.raises(SQLAlchemyError) as huge:
        await reader.all(select(TASK.c.id).where(TASK.c.version == 2**70))

    for error in (naive, huge):
        problem = to_problem(error.value)
        assert problem is not None
        assert problem.status == 422
    assert await reader.value(select(literal(1))) == 1


async def test_values_are_in_no_error(reader: ReadSession) -> None:
    with pytest.raises(SQLAlchemyError) as error:
        await reader.all(select(func.nothing_of_that_name(literal("canary"))))

    assert "canary" not in str(error.value)
    assert await reader.value(select(literal(1))) == 1


async def test_a_reader_waits_for_a_connection_and_gives_up(database: Database, reader: ReadSession) -> None:
    link = await database.reader.pool.take()
    with pytest.raises(PoolTimeout) as error:
        await reader.value(select(literal(1)))
    waiting = asyncio.create_task(reader.value(select(literal(1))))
    await asyncio.sleep(0)
    database.reader.pool.give(link)

    problem = to_problem(error.value)
    assert problem is not None
    assert (problem.status, problem.code) == (503, "database-unavailable")
    assert await waiting == 1


async def test_a_connection_that_comes_back_after_the_end_is_closed(settings: Settings) -> None:
    database = open_database(settings)
    link = await database.reader.pool.take()

    await database.dispose()
    database.reader.pool.give(link)
    (closing,) = database.reader.pool.closing
    await closing

    assert database.reader.pool.idle == []


async def test_connections_from_before_a_deadline_are_replaced(database: Database, reader: ReadSession) -> None:
    await reader.value(select(literal(1)))
    (before,) = database.reader.pool.idle
    await reader.value(select(literal(1)))
    assert database.reader.pool.idle == [before]

    with pytest.raises(DatabaseUnavailable):
        async with database.deadline(0.01):
            await asyncio.Event().wait()
    await reader.value(select(literal(1)))

    (after,) = database.reader.pool.idle
    assert after is not before


async def run_for_long(reader: ReadSession) -> None:
    """A statement that does not end by itself."""
    numbers = select(literal(1).label("n")).cte("numbers", recursive=True)
    endless = numbers.union_all(select(numbers.c.n + 1))
    await reader.value(select(func.max(endless.c.n)))


async def begin(database: Database, work: Callable[[], Awaitable[None]]) -> "asyncio.Task[None]":
    """Start `work` and wait until it has sent its statement."""
    sent = asyncio.Event()
    database.reader.listeners.append(lambda _sql, _values: sent.set())
    task = asyncio.ensure_future(work())
    await sent.wait()
    await asyncio.sleep(0.2)
    return task


async def test_the_connection_of_a_cancelled_read_is_closed(
    database: Database, reader: ReadSession, job: RequestContext
) -> None:
    await reader.value(select(literal(1)))
    (before,) = database.reader.pool.idle

    task = await begin(database, lambda: run_for_long(reader))
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert await reader.value(select(literal(1))) == 1

    (after,) = database.reader.pool.idle
    assert after is not before
    if not reader.is_sqlite:
        assert await running(reader) == 0, "the server goes on with the statement"


async def running(reader: ReadSession) -> int:
    """The statements of other connections that the server runs."""
    activity = table("pg_stat_activity", column("pid"), column("state"), column("datname"), column("backend_type"))
    others = select(func.count()).where(
        activity.c.state == "active",
        activity.c.backend_type == "client backend",
        activity.c.datname == func.current_database(),
        activity.c.pid != func.pg_backend_pid(),
    )
    return int(await reader.value(others))


@only_postgresql
async def test_a_connection_that_breaks_is_a_503_and_the_next_one_works(
    database: Database, reader: ReadSession
) -> None:
    mine = await reader.value(select(func.pg_backend_pid()))
    other = open_database(database.settings)

    task = await begin(database, lambda: run_for_long(reader))
    await other.read_session(RequestContext()).value(select(func.pg_terminate_backend(mine)))
    with pytest.raises(SQLAlchemyError) as error:
        await task

    problem = to_problem(error.value)
    assert problem is not None
    assert (problem.status, problem.code) == (503, "database-unavailable")
    assert await reader.value(select(func.pg_backend_pid())) != mine
    await other.dispose()


@only_postgresql
async def test_a_connection_that_breaks_while_idle_is_replaced(database: Database, reader: ReadSession) -> None:
    mine = await reader.value(select(func.pg_backend_pid()))
    (link,) = database.reader.pool.idle
    other = open_database(database.settings)
    await other.read_session(RequestContext()).value(select(func.pg_terminate_backend(mine)))
    while link.is_open():  # noqa: ASYNC110  # asyncpg has no event for it
        await asyncio.sleep(0.01)

    assert await reader.value(select(func.pg_backend_pid())) != mine
    await other.dispose()


async def test_a_row_that_differs_is_noticed(
    database: Database, reader: ReadSession, job: RequestContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The comparison that all tests make can fail."""
    await fill(database, job)
    monkeypatch.setattr(Shape, "describe", lambda shape, _codes: setattr(shape, "is_described", True))
    database.reader.shapes.known.clear()
    statement = select(TASK.c.status, TASK.c.title.label("noticed"))

    await reader.all(statement)

    assert [text for text in differences if "noticed" in text] == differences
    assert len(differences) == 1
    differences.clear()


KEEPING = [kind for kind in sorted(repositories(), key=str) if kind.build_once is ReadRepository.build_once]


@pytest.mark.parametrize("kind", KEEPING, ids=str)
def test_a_prebuilt_select_is_that_of_every_instance(kind: type[ReadRepository]) -> None:
    """It may depend on the class and on what the caller may read only."""
    rows = frozenset(f"{module}:{action}" for module in scoped_modules() for action in ("read", "delete"))
    job, caller = RequestContext(), RequestContext(principal=Principal(new_id(), "blind", rows, now()))
    sessions: list[Any] = [
        SimpleNamespace(is_sqlite=is_sqlite, context=context)
        for is_sqlite, context in ((True, job), (False, job), (True, caller))
    ]
    one, other, blind = map(kind, sessions)

    assert one.select().compare(other.select())
    assert one.build_once("all", one.select) is other.build_once("all", other.select)
    is_masked = blind.build_once("all", blind.select) is not one.build_once("all", one.select)
    assert is_masked == bool(rules_of(one.table).read)
