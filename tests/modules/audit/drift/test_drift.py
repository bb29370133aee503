"""Drift: tables that are not what the change log says are found, by field, and nothing else is."""

import asyncio
import json
import random
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr
from sqlalchemy import delete, insert, select, update

from app.core.clock import new_id, now
from app.core.config import Settings
from app.core.context import RequestContext
from app.core.db.audited import audited_models
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.db.snapshot import read_snapshot
from app.main import open_database
from app.modules.audit.drift import recorded
from app.modules.audit.drift.command import drift
from app.modules.customers.models import Customer
from app.modules.tasks.models import Task
from app.modules.users import User
from tests.modules.audit.erasure import destroy_keys
from tests.modules.audit.sealer.sealed import run_sql, seal_all, sealer_of
from tests.modules.audit.test_every_update import USES
from tests.modules.auth.calls import sign_in_again
from tests.people import Person, SignedInAs

tasks, users, customers = table_of(Task), table_of(User), table_of(Customer)
CUSTOMER = {"first_name": "Carla", "last_name": "Canary", "email": "carla@example.com"}


@pytest.fixture(autouse=True)
def only_our_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests declare tables that this database does not have."""
    ours = {name: model for name, model in audited_models().items() if model.__module__.startswith("app.")}
    monkeypatch.setattr("app.modules.audit.drift.command.audited_models", lambda: ours)


async def run(database: Database, entity: str | None = None) -> tuple[int, list[dict[str, Any]]]:
    """The exit code, and all findings."""
    result = await drift(database, entity=entity, as_json=True)
    document = json.loads("\n".join(result.lines))
    return result.exit_code, [found for report in document["tables"] for found in report["findings"]]


async def make(person: Person, path: str, body: dict[str, Any]) -> str:
    return str((await person.post(path, body)).raise_for_status().json()["id"])


async def test_random_operations_leave_no_drift(
    signed_in_as: SignedInAs, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorded, "PIECE", 3)
    choices, root = random.Random(20261127), await signed_in_as(superuser=True)
    for use in choices.choices(USES, k=6):
        await use(await sign_in_again((person := await signed_in_as(superuser=True)).client, person))
    customer = await make(root, "/customers", CUSTOMER)
    await root.patch(f"/customers/{customer}", {"email": "other@example.com"})
    brand = await make(root, "/brands", {"name": "Lamps"})
    category = await make(root, "/categories", {"name": "Lamps"})
    lamp = {"sku": "L-1", "name": "Lamp", "price": "19.90", "currency": "EUR"}
    product = await make(root, "/products", {**lamp, "brand_id": brand, "category_id": category})
    await root.patch(f"/products/{product}", {"price": "20.5"})
    await root.post(f"/products/{product}/stock-movements", {"delta": 5, "reason": "Delivered"})
    for number in range(8):
        task = await make(root, "/tasks", {"title": f"Task {number}"})
        if number % 2:
            await root.delete(f"/tasks/{task}")

    result = await drift(database)

    assert result.exit_code == 0, result.lines
    assert "task: 9 rows compared" in result.lines or "task: 8 rows compared" in result.lines


async def test_a_change_past_the_application_is_named(signed_in_as: SignedInAs, database: Database) -> None:
    root = await signed_in_as(superuser=True)
    task = await make(root, "/tasks", {"title": "As it was"})
    await seal_all(sealer_of(database))
    await plant(database, update(tasks).values(title="Forged", priority="high", updated_at=tasks.c.updated_at))

    exit_code, (found,) = await run(database)

    assert exit_code == 1
    assert (found["kind"], found["entity"], found["entity_id"]) == ("differs", "task", task)
    assert sorted(found["fields"]) == ["priority", "title"]
    assert found["seq"] >= 1
    assert "Forged" not in "\n".join((await drift(database)).lines)


async def plant(database: Database, statement: Any) -> None:
    """Write as one does who knows how to get past every trigger."""
    await run_sql(database, statement)


async def test_secrets_and_personal_values_are_compared(signed_in_as: SignedInAs, database: Database) -> None:
    root = await signed_in_as(superuser=True)
    customer = await make(root, "/customers", CUSTOMER)
    assert (await run(database))[0] == 0

    swapped = {"password_hash": "swapped", "updated_at": users.c.updated_at}
    await plant(database, update(users).where(users.c.id == root.id).values(swapped))
    await plant(database, update(customers).values(email="other@example.com", updated_at=customers.c.updated_at))

    _, found = await run(database)
    assert {(each["entity"], each["entity_id"], *each["fields"]) for each in found} == {
        ("user", str(root.id), "password_hash"),
        ("customer", customer, "email"),
    }


async def test_rows_that_come_and_go_are_named(signed_in_as: SignedInAs, database: Database) -> None:
    root = await signed_in_as(superuser=True)
    gone = await make(root, "/tasks", {"title": "Gone"})
    added = new_id()
    values = {"id": added, "title": "Added", "status": "todo", "priority": "normal", "version": 1}
    await plant(database, delete(tasks))
    await plant(database, insert(tasks).values(**values, created_at=now(), updated_at=now()))

    _, found = await run(database, "task")

    assert {(each["kind"], each["entity_id"]) for each in found} == {("missing", gone), ("extra", str(added))}


async def test_without_a_master_key_it_cannot_tell(
    signed_in_as: SignedInAs, database: Database, settings: Settings
) -> None:
    root = await signed_in_as(superuser=True)
    await make(root, "/customers", CUSTOMER)
    another = [SecretStr("another master key, of 42 characters here!")]
    options = settings.audit.model_copy(update={"personal_key": another})
    other = open_database(database.settings.model_copy(update={"audit": options}))

    result = await drift(other, entity="customer")
    await other.dispose()

    assert result.exit_code == 2
    assert "cannot tell" in "\n".join(result.lines)


async def test_values_of_erased_people_are_skipped(signed_in_as: SignedInAs, database: Database) -> None:
    root = await signed_in_as(superuser=True)
    customer = await make(root, "/customers", CUSTOMER)
    await destroy_keys(database, UUID(customer))
    await plant(database, update(customers).values(email="x", updated_at=customers.c.updated_at))

    assert await run(database, "customer") == (0, [])


async def test_an_unknown_table_and_a_crash_exit_with_2(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await drift(database, entity="audit_change")).exit_code == 2

    async def crash(*_: object) -> None:
        raise ValueError("broken")

    monkeypatch.setattr("app.modules.audit.drift.command.compare_table", crash)
    assert (await drift(database)).exit_code == 2


async def test_a_snapshot_does_not_see_what_is_written_meanwhile(
    signed_in_as: SignedInAs, database: Database, job: RequestContext
) -> None:
    root = await signed_in_as(superuser=True)
    await make(root, "/tasks", {"title": "first"})
    async with read_snapshot(database, job) as session:
        before = await session.all(select(tasks.c.id))
        await make(root, "/tasks", {"title": "second"})
        assert await session.all(select(tasks.c.id)) == before
    assert len(await database.read_session(job).all(select(tasks.c.id))) == len(before) + 1


async def test_concurrent_writes_are_no_drift(
    signed_in_as: SignedInAs, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorded, "PIECE", 2)
    root = await signed_in_as(superuser=True)
    ids = [await make(root, "/tasks", {"title": f"Task {number}"}) for number in range(6)]

    async def write() -> None:
        for turn in range(10):
            await root.patch(f"/tasks/{ids[turn % 6]}", {"title": f"Turn {turn}"})
            await make(root, "/tasks", {"title": "more"})

    writing = asyncio.create_task(write())
    while not writing.done():
        assert (await run(database, "task"))[0] == 0
    await writing
