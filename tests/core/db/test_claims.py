"""What a unit of work reads before its transaction must hold when it writes, or all of it is run again."""

import asyncio
from contextvars import Context
from decimal import Decimal
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.orm.exc import StaleDataError

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.db.references import check_references
from app.core.errors import Invalid
from app.modules.brands.models import Brand
from app.modules.products.models import Product
from app.modules.tasks.models import Task
from tests.core.db.rows import count
from tests.core.db.test_unit_of_work import found, statements_of
from tests.modules.audit.entries import add_task, change_entries
from tests.people import SignedInAs


async def change_meanwhile(database: Database, job: RequestContext, model: type[Task | Brand], id: UUID) -> None:
    """Change a row as another process does, in a task of its own."""

    async def change() -> None:
        async with database.unit_of_work(job) as session:
            row = await found(session, model, id)
            row.description = "of another"

    await asyncio.create_task(change(), context=Context())


async def hide_meanwhile(database: Database, job: RequestContext, id: UUID) -> None:
    async def hide() -> None:
        async with database.unit_of_work(job) as session:
            (await found(session, Brand, id)).deleted_at = now()

    await asyncio.create_task(hide(), context=Context())


async def test_a_row_is_loaded_and_changed_without_a_transaction_around(
    database: Database, job: RequestContext
) -> None:
    task = await add_task(database, job, title="first")
    with statements_of(database) as sent:
        async with database.unit_of_work(job, is_repeatable=True) as session:
            (await found(session, Task, task.id)).title = "second"
            assert sent == []

    assert sent[0].split()[0] == ("BEGIN" if database.is_sqlite else "WITH")
    assert len(sent) == (4 if database.is_sqlite else 1)


@pytest.mark.parametrize("asks_before", [False, True], ids=["at the end", "at a statement"])
async def test_a_loaded_row_that_another_changed_is_stale(
    database: Database, job: RequestContext, *, asks_before: bool
) -> None:
    task = await add_task(database, job, title="first")

    async def change() -> None:
        async with database.unit_of_work(job, is_repeatable=True) as session:
            (await found(session, Task, task.id)).title = "lost"
            await change_meanwhile(database, job, Task, task.id)
            if asks_before:
                await session.value(select(1))

    with pytest.raises(StaleDataError):
        await change()

    entries = await change_entries(database, job, "task")
    assert [entry.changes.get("title") for entry in entries] == [{"new": "first"}, None]


async def test_a_loaded_row_that_stays_as_it_is_holds_too(database: Database, job: RequestContext) -> None:
    """Who loads a row to decide something writes another only while that row is as it was."""
    decides, changes = [await add_task(database, job, title=title) for title in ("decides", "changes")]

    async def change() -> None:
        async with database.unit_of_work(job, is_repeatable=True) as session:
            await found(session, Task, decides.id)
            (await found(session, Task, changes.id)).title = "lost"
            await session.flush()
            await change_meanwhile(database, job, Task, decides.id)

    with pytest.raises(StaleDataError):
        await change()

    async with database.unit_of_work(job) as session:
        assert (await found(session, Task, changes.id)).title == "changes"


async def test_a_target_that_was_hidden_after_it_was_read_is_refused(database: Database, job: RequestContext) -> None:
    async with database.unit_of_work(job) as session:
        brand = Brand(name="first")
        session.add(brand)

    async def add_product(*, is_repeatable: bool, hides: bool) -> None:
        product = Product(sku="a", name="a", brand_id=brand.id, price=Decimal(1), currency="EUR")
        async with database.unit_of_work(job, is_repeatable=is_repeatable) as session:
            await check_references(session, table_of(Product), [product])
            session.add(product)
            await session.flush()
            if hides:
                await hide_meanwhile(database, job, brand.id)

    with pytest.raises(StaleDataError):
        await add_product(is_repeatable=True, hides=True)
    for is_repeatable in (True, False):
        with pytest.raises(Invalid):
            await add_product(is_repeatable=is_repeatable, hides=False)

    assert await count(database, job, Product) == 0


async def test_a_row_that_is_loaded_in_a_transaction_is_locked(database: Database, job: RequestContext) -> None:
    task = await add_task(database, job)
    with statements_of(database) as sent:
        async with database.unit_of_work(job, is_repeatable=True) as session:
            await session.value(select(1))
            await found(session, Task, task.id)
            assert session.claims == []

    assert len([sql for sql in sent if sql.startswith("SELECT task.id")]) == 1


async def test_parallel_changes_of_one_item_all_succeed(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:create", "tasks:update")
    task = (await person.post("/tasks", {"title": "0"})).json()

    answers = await asyncio.gather(*(person.patch(f"/tasks/{task['id']}", {"title": f"{n + 1}"}) for n in range(24)))

    assert {answer.status_code for answer in answers} == {200}
    assert sorted(answer.json()["version"] for answer in answers) == list(range(2, 26))


async def test_a_race_by_version_has_one_winner(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:create", "tasks:update")
    task = (await person.post("/tasks", {"title": "0"})).json()

    async def patch(title: str) -> httpx.Response:
        return await person.patch(f"/tasks/{task['id']}", {"title": title}, headers={"If-Match": '"1"'})

    answers = await asyncio.gather(*(patch(f"title {n}") for n in range(12)))

    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 11
