"""The plans of lists: each page is read from an index, in its order, however long the table is."""

import re
from datetime import date, timedelta
from typing import Any, Literal
from uuid import uuid4

import pytest
from sqlalchemy import text

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.connecting import create_engine
from app.core.db.engine import Database
from app.core.db.pagination import MAX_COUNTED, EntityQuery
from app.core.db.repository import ReadRepository
from app.modules.products.repository import ProductRepository
from app.modules.products.schemas import ProductQuery
from app.modules.tasks.models import Task
from app.modules.tasks.repository import TaskRepository
from app.modules.tasks.schemas import TaskQuery
from tests.core.db.plans import explain_execution, explain_without_sorting, statements_of
from tests.roles import as_owner

KINDS: dict[type[ReadRepository], type[EntityQuery]] = {TaskRepository: TaskQuery, ProductRepository: ProductQuery}
SORTS = [(kind, f"{sign}{field}") for kind, query in KINDS.items() for field in query.sortable for sign in ("", "-")]
ROWS = 400


async def add_tasks(database: Database, job: RequestContext) -> None:
    """Add tasks, half of them without a due date, and gather statistics."""
    async with database.unit_of_work(job) as session:
        for n in range(ROWS):
            due = date(2030, 1, 1) + timedelta(days=n) if n % 2 else None
            session.add(Task(title=f"task {n}", due_date=due))
    async with create_engine(as_owner(database.settings)).begin() as connection:
        await connection.execute(text("ANALYZE"))


async def plans(database: Database, job: RequestContext, kind: type[ReadRepository], query: EntityQuery) -> list[str]:
    """The plans of the statements of a page."""
    with statements_of(database, str(kind.model.__tablename__)) as statements:
        await kind(database.read_session(job)).page(query)
    return [await explain_without_sorting(database, sql, values) for sql, values in statements]


async def cursor_at(database: Database, job: RequestContext, sort: str, offset: int) -> str | None:
    page = await TaskRepository(database.read_session(job)).page(TaskQuery(sort=sort, offset=offset, limit=1))
    return page.next_cursor


OPTIONS = ("status", "priority")
"""Fields that are sorted option by option, each in the order of the index for its filter."""


def index_of(kind: type[ReadRepository], sort: str) -> str:
    field = sort.removeprefix("-")
    columns = {"price": "currency_price", **{each: f"{each}_created_at" for each in OPTIONS}}
    return f"ix_{kind.model.__tablename__}_{columns.get(field, field)}_id"


@pytest.mark.parametrize(("kind", "sort"), SORTS, ids=lambda value: getattr(value, "__name__", value))
async def test_a_sorted_list_reads_its_index_in_order(
    database: Database, job: RequestContext, kind: type[ReadRepository], sort: str
) -> None:
    """Regression: `sort=due_date` sorted the whole table, because `IS NULL` stood in its ORDER BY."""
    [plan] = await plans(database, job, kind, KINDS[kind](sort=sort))

    assert index_of(kind, sort) in plan
    assert "Seq Scan on task" not in plan, plan
    assert "Seq Scan on product" not in plan, plan
    # Two ranges, of rows with a due date and without, are a page each when they are put together.
    sorts = 0
    if sort.endswith("due_date"):
        sorts = 2 if database.is_sqlite else 1
    elif sort.endswith(OPTIONS):
        sorts = 1 if database.is_sqlite else 2  # the page, and the page with its names
    assert plan.count("Sort Key") + plan.count("TEMP B-TREE") == sorts, plan


FILTERS: list[tuple[type[ReadRepository], type[EntityQuery], str]] = [
    *((TaskRepository, TaskQuery, name) for name in ("status", "priority", "assignee_id")),
    *((ProductRepository, ProductQuery, name) for name in ("status", "brand_id", "category_id")),
]
VALUES: dict[str, Any] = {"status": ["cancelled"], "priority": ["urgent"]}


@pytest.mark.parametrize(("kind", "schema", "name"), FILTERS, ids=lambda value: getattr(value, "__name__", value))
async def test_a_filtered_list_reads_its_index_in_order(
    database: Database, job: RequestContext, kind: type[ReadRepository], schema: type[EntityQuery], name: str
) -> None:
    """Regression: a priority that no task has was looked for in the whole table."""
    value = ["draft"] if schema is ProductQuery and name == "status" else VALUES.get(name, [uuid4()])

    [plan] = await plans(database, job, kind, schema(**{name: value}))

    assert f"ix_{kind.model.__tablename__}_{name}_created_at_id" in plan, plan
    assert "Sort Key" not in plan, plan
    assert "TEMP B-TREE" not in plan, plan


@pytest.mark.parametrize("values", [{"status": ["todo", "done", "todo"]}, {"status_not": ["cancelled"]}])
async def test_any_of_several_options_is_read_option_by_option(
    database: Database, job: RequestContext, values: dict[str, Any]
) -> None:
    """All tasks with one of the options would have to be sorted to find the newest."""
    [plan] = await plans(database, job, TaskRepository, TaskQuery.model_validate(values))

    count = len(set(values.get("status", ["todo", "in_progress", "done"])))
    assert plan.count("ix_task_status_created_at_id") == count, plan
    assert "TEMP B-TREE" not in plan, "the first of each, merged"
    assert plan.count("Sort Key") == (0 if database.is_sqlite else 1), plan


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
async def test_rows_without_a_value_are_read_in_the_order_of_the_next_field(
    database: Database, job: RequestContext
) -> None:
    """Regression: where many tasks have no due date, all of them were sorted by the second field."""
    await add_tasks(database, job)

    [plan] = await plans(database, job, TaskRepository, TaskQuery(sort="due_date,title"))

    assert "ix_task_title_id" in plan, plan


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
async def test_names_are_joined_with_the_rows_of_a_page(database: Database, job: RequestContext) -> None:
    """Regression: a plan made while the table was small, which sorts all rows, joined each of them with three names."""
    await add_tasks(database, job)
    with statements_of(database, "task") as statements:
        await TaskRepository(database.read_session(job)).page(TaskQuery(limit=50))

    [(sql, values)] = statements
    plan = await explain_execution(database, sql, values, without=("indexscan", "bitmapscan"))
    joined = re.findall(r"(?:Join|Nested Loop).*actual rows=(\d+)", plan)

    assert len(joined) == 3, plan
    assert {int(number) for number in joined} == {51}, plan


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
async def test_the_plan_of_a_usual_page_is_kept(database: Database, job: RequestContext) -> None:
    """Regression: with a parameter in LIMIT every page was planned anew, which took twice as long as to read it."""
    await add_tasks(database, job)
    with statements_of(database, "task") as statements:
        await TaskRepository(database.read_session(job)).page(TaskQuery(limit=50))

    [(sql, values)] = statements
    async with create_engine(as_owner(database.settings)).connect() as connection:
        await connection.exec_driver_sql(f"PREPARE page AS {sql}", values)
        for _ in range(10):
            await connection.execute(text("EXECUTE page"))
        plans = "SELECT custom_plans, generic_plans FROM pg_prepared_statements WHERE name = 'page'"
        custom, generic = (await connection.execute(text(plans))).one()

    assert (values, custom) == ((), 0)
    assert generic >= 10


@pytest.mark.parametrize("total", [True, "exact"])
async def test_a_total_reads_as_many_rows_as_it_counts(
    database: Database, job: RequestContext, total: bool | Literal["exact"]
) -> None:
    """Regression: `total=true` read the whole table, however long."""
    with statements_of(database, "task") as statements:
        await TaskRepository(database.read_session(job)).page(TaskQuery(total=total))

    (count, values), _ = statements
    limit = MAX_COUNTED + 1
    assert "count(*)" in count
    assert ("LIMIT" in count and limit in values) == (total is True)


@pytest.mark.parametrize("sort", ["title", "-title", "due_date", "-due_date", "title,-created_at"])
@pytest.mark.parametrize("offset", [ROWS // 4, ROWS * 3 // 4])
async def test_a_page_far_down_begins_at_its_position(
    database: Database, job: RequestContext, sort: str, offset: int
) -> None:
    """Regression: after a cursor into a nullable or a mixed order all rows before it were read and thrown away."""
    await add_tasks(database, job)
    cursor = await cursor_at(database, job, sort, offset)

    [plan] = await plans(database, job, TaskRepository, TaskQuery(sort=sort, cursor=cursor))

    field = sort.split(",", maxsplit=1)[0]
    lines = [line for line in plan.splitlines() if index_of(TaskRepository, field) in line]
    assert lines, plan
    if database.is_sqlite:
        assert all("SEARCH" in line and "(" in line for line in lines), plan
    else:
        assert plan.count("Index Cond") == len(lines), plan


@pytest.mark.parametrize("sort", ["created_at", "-created_at"])
async def test_a_page_begins_at_its_cursor_and_not_at_the_edge_of_a_filter(
    database: Database, job: RequestContext, sort: str
) -> None:
    """Regression: the index was read from the edge on. Both databases begin at the bound that stands first."""
    await add_tasks(database, job)
    edges = {"created_at_gte": now() - timedelta(days=1), "created_at_lt": now() + timedelta(days=1)}
    tasks = TaskRepository(database.read_session(job))
    first = await tasks.page(TaskQuery(sort=sort, limit=1, **edges))

    with statements_of(database, "task") as statements:
        second = await tasks.page(TaskQuery(sort=sort, limit=1, cursor=first.next_cursor, **edges))

    [(sql, _)] = statements
    assert second.items[0].id != first.items[0].id
    assert sql.index("(task.created_at, task.id)") < min(map(sql.index, ("task.created_at >=", "task.created_at <")))
