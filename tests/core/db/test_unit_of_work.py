"""The unit of work: what it finds changed, in what order it writes, and what it undoes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError, InvalidRequestError, PendingRollbackError
from sqlalchemy.orm.exc import StaleDataError
from sqlmodel import col

from app.core.clock import new_id, now
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.db.session import Session
from app.core.db.unit_of_work.change import Change
from app.core.db.unit_of_work.writes import AT_ONCE
from app.core.errors import Conflict
from app.modules.brands.models import Brand
from app.modules.tasks.models import Task
from app.modules.users.models import LastSignIn
from tests.core.db.rows import count
from tests.modules.audit.entries import add_task, change_entries
from tests.people import SignedInAs


@contextmanager
def statements_of(database: Database) -> Iterator[list[str]]:
    """The statements that units of work send in the block."""
    sent: list[str] = []

    def note(sql: str, _values: Any) -> None:
        sent.append(sql.split("\n", 1)[0])

    database.writers.listeners.append(note)
    try:
        yield sent
    finally:
        database.writers.listeners.remove(note)


async def load_all(session: Session) -> Sequence[Task]:
    return (await session.execute(select(Task).order_by(col(Task.title)))).scalars().all()


async def test_a_unit_that_changes_nothing_sends_nothing(database: Database, job: RequestContext) -> None:
    with statements_of(database) as sent:
        async with database.unit_of_work(job) as session:
            await session.flush()

    assert sent == []


async def test_a_value_that_is_set_to_itself_is_no_change(database: Database, job: RequestContext) -> None:
    await add_task(database, job, title="same")
    async with database.unit_of_work(job) as session:
        (task,) = await load_all(session)
        task.title = "other"
        assert session.has_changes()
        task.title = "same"
        assert not session.has_changes()

    assert [entry.action for entry in await change_entries(database, job, "task")] == ["create"]


async def test_a_statement_sees_what_was_changed_before_it(database: Database, job: RequestContext) -> None:
    async with database.unit_of_work(job) as session:
        session.add(Task(title="added"))
        (task,) = await load_all(session)
        task.title = "changed"
        titles = await session.all(select(col(Task.title)))

    assert [title for (title,) in titles] == ["changed"]
    assert (task.version, [entry.action for entry in await change_entries(database, job, "task")]) == (
        2,
        ["create", "update"],
    )


async def test_many_rows_take_as_many_statements_as_twenty(database: Database, job: RequestContext) -> None:
    lengths = []
    for number in (20, 50):
        with statements_of(database) as sent:
            async with database.unit_of_work(job) as session:
                session.add_all([Task(title=f"{number} {index}") for index in range(number)])
                await session.flush()
                tasks = await load_all(session)
                for task in tasks:
                    task.description = "all"
                await session.flush()
                for task in tasks:
                    session.remove(task)
        lengths.append(len(sent))

    assert lengths == [lengths[0]] * 2
    assert await count(database, job, Task) == 0
    assert len(await change_entries(database, job, "task")) == 70 * 3


@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize("verb", ["update", "delete"])
async def test_a_row_that_was_changed_meanwhile_is_stale(
    database: Database, job: RequestContext, number: int, verb: str
) -> None:
    for title in "abc"[:number]:
        await add_task(database, job, title=title)

    async def change_all() -> None:
        async with database.unit_of_work(job) as session:
            tasks = await load_all(session)
            for task in tasks:
                if verb == "update":
                    task.title += "x"
                else:
                    session.remove(task)
            session.loaded[Task, tasks[-1].id][1]["version"] = 7  # as if another had changed it

    with pytest.raises(StaleDataError):
        await change_all()

    async with database.unit_of_work(job) as session:
        assert [(task.title, task.version) for task in await load_all(session)] == [(t, 1) for t in "abc"[:number]]
    assert len(await change_entries(database, job, "task")) == number


async def test_tables_are_written_in_the_order_of_their_references(database: Database, job: RequestContext) -> None:
    from app.modules.products.models import Product  # noqa: PLC0415  # only here

    brand = Brand(name="first")
    product = Product(sku="a", name="second", brand_id=brand.id, price=Decimal(1), currency="EUR")
    async with database.unit_of_work(job) as session:
        session.add_all([product, brand])
    async with database.unit_of_work(job) as session:
        rows = [await found(session, Brand, brand.id), await found(session, Product, product.id)]
        for row in rows:
            session.remove(row)

    assert (await count(database, job, Brand), await count(database, job, Product)) == (0, 0)


async def found(session: Session, model: type[Any], id: object) -> Any:
    row = await session.load(model, id)
    assert row is not None
    return row


async def test_a_savepoint_gives_entities_back_their_values(database: Database, job: RequestContext) -> None:
    await add_task(database, job, title="kept")
    async with database.unit_of_work(job) as session:
        (task,) = await load_all(session)
        with suppress(Conflict):
            async with session.begin_nested():
                task.title = "undone"
                session.add(Task(title="undone too"))
                await session.flush()
                task.description = "not even written"
                raise Conflict("no")
        assert (task.title, task.description, task.version) == ("kept", None, 1)
        assert not session.has_changes()
        task.title = "later"

    assert [(entry.action, entry.changes["title"]) for entry in await change_entries(database, job, "task")] == [
        ("create", {"new": "kept"}),
        ("update", {"old": "kept", "new": "later"}),
    ]


async def test_a_failed_write_can_only_be_rolled_back(database: Database, job: RequestContext) -> None:
    async def go_on() -> None:
        async with database.unit_of_work(job) as session:
            session.add(Task(title="fine"))
            await session.flush()
            session.add(Task(title="wrong", assignee_id=new_id()))
            with suppress(IntegrityError):
                await session.flush()

    with pytest.raises(PendingRollbackError):
        await go_on()

    assert await count(database, job, Task) == 0


async def test_a_failed_write_within_a_savepoint_is_undone_with_it(database: Database, job: RequestContext) -> None:
    async with database.unit_of_work(job) as session:
        session.add(Task(title="fine"))
        with pytest.raises(IntegrityError):
            async with session.begin_nested():
                session.add(Task(title="wrong", assignee_id=new_id()))
        session.add(Task(title="fine too"))

    assert await count(database, job, Task) == 2


async def test_a_hook_that_refuses_a_change_is_asked_again(database: Database, job: RequestContext) -> None:
    async def refuse(_session: Session, changes: Sequence[Change]) -> None:
        if any(change.alters({"title"}) for change in changes):
            raise Conflict("no")

    async def go_on() -> None:
        async with database.unit_of_work(job) as session:
            (task,) = await load_all(session)
            task.title = "changed"
            with suppress(Conflict):
                await session.flush()

    await add_task(database, job, title="kept")
    database.hooks.before_write.append(refuse)
    with pytest.raises(Conflict):
        await go_on()
    database.hooks.before_write.remove(refuse)

    assert [entry.action for entry in await change_entries(database, job, "task")] == ["create"]


async def test_what_another_unit_loaded_is_not_deleted(database: Database, job: RequestContext) -> None:
    task = await add_task(database, job)
    async with database.unit_of_work(job) as session:
        with pytest.raises(InvalidRequestError, match="loaded elsewhere"):
            session.remove(task)


async def test_a_row_that_was_added_and_deleted_is_never_written(database: Database, job: RequestContext) -> None:
    async with database.unit_of_work(job) as session:
        task = Task(title="brief")
        session.add(task)
        session.remove(task)

    assert await change_entries(database, job, "task") == []


async def test_hidden_rows_are_shown_only_on_demand(database: Database, job: RequestContext) -> None:
    await add_task(database, job, title="hidden", deleted_at=now())
    async with database.unit_of_work(job) as session:
        hidden = await load_all(session)
        columns = await session.all(select(col(Task.id)))
        by_call = await session.execute(select(Task), execution_options={"include_deleted": True})
        by_statement = await session.execute(select(Task).execution_options(include_deleted=True))

        assert (hidden, columns) == ([], [])
        assert (len(by_call.all()), len(by_statement.all())) == (1, 1)


async def test_a_new_row_replaces_the_one_under_its_key(
    database: Database, job: RequestContext, signed_in_as: SignedInAs
) -> None:
    """It is one statement on PostgreSQL, which needs no transaction around it."""
    person = await signed_in_as()
    stored = select(table_of(LastSignIn).c.at).where(table_of(LastSignIn).c.id == person.id)
    for at in (now() - timedelta(days=1), now()):
        with statements_of(database) as sent:
            async with database.unit_of_work(job) as session:
                session.add(LastSignIn(id=person.id, at=at))

        assert (await database.read_session(job).all(stored)) == [(at,)]
        assert len(sent) == (3 if database.is_sqlite else 1), sent


async def test_a_row_is_replaced_beside_more_than_one_statement_takes(
    database: Database, job: RequestContext, signed_in_as: SignedInAs
) -> None:
    """Then each form of a row has a statement of its own."""
    person = await signed_in_as()
    for at in (now() - timedelta(days=1), now()):
        async with database.unit_of_work(job) as session:
            session.add_all([Task(title=f"task {number}") for number in range(AT_ONCE)])
            session.add(LastSignIn(id=person.id, at=at))

    stored = select(table_of(LastSignIn).c.at).where(table_of(LastSignIn).c.id == person.id)
    assert (await database.read_session(job).all(stored)) == [(at,)]
