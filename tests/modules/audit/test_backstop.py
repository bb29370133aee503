"""What another program writes to audited tables leaves entries too (PostgreSQL)."""

import json
from typing import Any

import asyncpg
import pytest
from sqlalchemy import select
from sqlalchemy.engine import make_url

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.audited import audited_models
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.modules.audit.drift.command import drift
from app.modules.audit.entries.canonical import format_instant
from app.modules.audit.sealer.logs import Log
from app.modules.audit.verifier.command import verify
from app.modules.products.models import Product
from tests.modules.audit.entries import add_task, changes_table
from tests.modules.audit.sealer.sealed import read_all, seal_all, sealer_of
from tests.people import Person, SignedInAs
from tests.roles import as_owner

pytestmark = pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
ADDRESS = {"line1": "Straße 1", "city": "Köln", "country": "DE"}
CUSTOMER = {
    "first_name": "Carla",
    "last_name": "Canary",
    "email": "carla@example.com",
    "birth_date": "1990-02-03",
    "address": ADDRESS,
}


@pytest.fixture(autouse=True)
def only_our_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests declare tables that this database does not have."""
    ours = {name: model for name, model in audited_models().items() if model.__module__.startswith("app.")}
    monkeypatch.setattr("app.modules.audit.drift.command.audited_models", lambda: ours)


async def psql(database: Database, *statements: str, **options: str) -> None:
    """Run statements as a program that is not ours."""
    url = as_owner(database.settings).database_url.get_secret_value().replace("+asyncpg", "")
    connection = await asyncpg.connect(url, server_settings=options)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def external(database: Database) -> list[Any]:
    """The entries that triggers wrote."""
    found = select(changes_table).where(changes_table.c.source == "external").order_by(changes_table.c.id)
    return await read_all(database, found)


async def make(person: Person, path: str, body: dict[str, Any]) -> str:
    return str((await person.post(path, body)).raise_for_status().json()["id"])


async def test_a_change_of_another_program_has_an_entry(signed_in_as: SignedInAs, database: Database) -> None:
    root = await signed_in_as(superuser=True)
    task = await make(root, "/tasks", {"title": "Ours"})
    assert await external(database) == []

    theirs = "UPDATE task SET title = 'Theirs', search_words = 'theirs'"
    await psql(database, theirs, theirs)

    (entry,) = await external(database)
    assert (entry.entity, entry.entity_id, entry.action, entry.actor_kind) == ("task", task, "update", "service")
    assert entry.actor_name == make_url(as_owner(database.settings).database_url.get_secret_value()).username
    assert entry.changes == {"title": {"old": "Ours", "new": "Theirs"}}
    assert (await drift(database)).exit_code == 0
    at = {"at": format_instant(now())}
    assert "Theirs" in (await root.get(f"/tasks/{task}/as-of", params=at)).raise_for_status().text
    assert "Theirs" in (await root.get(f"/tasks/{task}/history")).raise_for_status().text


async def test_a_set_that_another_program_changes_later_is_what_it_was(
    signed_in_as: SignedInAs, database: Database
) -> None:
    """Regression: their entries have no call, and were taken for those of one call."""
    root = await signed_in_as(superuser=True)
    product = await make(root, "/products", {"sku": "L-1", "name": "Lamp", "price": "19.90", "currency": "EUR"})
    tag = await make(root, "/tags", {"name": "Sale"})
    await psql(database, "UPDATE product SET name = 'Theirs'")
    at = format_instant(now())
    columns, keys = "(id, created_at, updated_at, version, product_id, tag_id)", f"'{product}', '{tag}'"
    await psql(database, f"INSERT INTO product_tag {columns} SELECT gen_random_uuid(), now(), now(), 1, {keys}")

    before = (await root.get(f"/products/{product}/as-of", params={"at": at})).raise_for_status().json()
    since = (await root.get(f"/products/{product}/diff", params={"from": at})).raise_for_status().json()

    assert (before["name"], before["tag_ids"]) == ("Theirs", [])
    assert since["changes"] == {"tag_ids": {"old": [], "new": [tag]}}


async def test_rows_that_come_and_go_have_entries(signed_in_as: SignedInAs, database: Database) -> None:
    root = await signed_in_as(superuser=True)
    await make(root, "/tasks", {"title": "Ours"})
    copy = "SELECT gen_random_uuid(), created_at, updated_at, 1, 'Copy', status, priority FROM task"
    columns = "(id, created_at, updated_at, version, title, status, priority)"
    await psql(database, f"INSERT INTO task {columns} {copy}", "DELETE FROM task WHERE title = 'Ours'", "TRUNCATE task")

    found = [(entry.action, entry.changes["title"]) for entry in await external(database)]

    assert found == [
        ("create", {"new": "Copy"}),
        ("delete", {"old": "Ours"}),
        ("delete", {"old": "Copy"}),
    ]
    assert (await drift(database)).exit_code == 0


async def test_values_have_the_form_of_our_own_entries(signed_in_as: SignedInAs, database: Database) -> None:
    """Of every type: a row that another program removes and adds again is the same row for `drift`."""
    root = await signed_in_as(superuser=True)
    brand, category = await make(root, "/brands", {"name": "B"}), await make(root, "/categories", {"name": "C"})
    lamp = {"sku": "L-1", "name": "Lamp", "price": "19.90", "currency": "EUR"}
    await make(root, "/products", {**lamp, "brand_id": brand, "category_id": category})
    await make(root, "/customers", CUSTOMER)
    for table in ("product", "customer"):
        copy = f"CREATE TEMP TABLE copy AS TABLE {table}"
        await psql(database, copy, f"DELETE FROM {table}", f"INSERT INTO {table} TABLE copy")  # noqa: S608  # ours

    result = await drift(database)

    assert result.exit_code == 0, result.lines
    created = {entry.entity: entry.changes for entry in await external(database) if entry.action == "create"}
    assert created["product"]["price"]["new"] == str((await read_all(database, select(table_of(Product))))[0].price)
    assert set(created["customer"]["email"]["new"]) == {"$external", "$salt"}
    text = json.dumps([entry.changes for entry in await external(database)])
    assert "carla@example.com" not in text
    assert "Canary" not in text
    assert "Straße" not in text
    shown = (await root.get("/audit/changes", params={"entity": "customer"})).raise_for_status().json()["items"][0]
    assert shown["changes"]["email"]["new"] == {"$unreadable": True}


async def test_secrets_are_digests_that_drift_compares(signed_in_as: SignedInAs, database: Database) -> None:
    root = await signed_in_as(superuser=True)
    await psql(database, f"UPDATE \"user\" SET password_hash = 'swapped' WHERE id = '{root.id}'")  # noqa: S608  # ours

    (entry,) = await external(database)
    assert "swapped" not in json.dumps(entry.changes)
    assert entry.changes["password_hash"]["old"]["$salt"] == entry.changes["password_hash"]["new"]["$salt"]
    assert (await drift(database)).exit_code == 0

    await psql(database, "UPDATE \"user\" SET password_hash = 'again'", application_name="attest")
    assert (await drift(database)).exit_code == 1, "who takes the name of the application is found by drift"


async def test_entries_of_other_programs_are_sealed_and_verified(signed_in_as: SignedInAs, database: Database) -> None:
    root = await signed_in_as(superuser=True)
    await make(root, "/tasks", {"title": "Ours"})
    await psql(database, "UPDATE task SET title = 'Theirs'")
    for log in Log:
        await seal_all(sealer_of(database), log)

    assert (await verify(database)).exit_code == 0


async def test_a_user_without_rights_in_the_log_leaves_an_entry(signed_in_as: SignedInAs, database: Database) -> None:
    root = await signed_in_as(superuser=True)
    await make(root, "/tasks", {"title": "Ours"})
    role = f"clerk_{root.id.hex}"
    await psql(database, f"CREATE ROLE {role}", f"GRANT SELECT, UPDATE ON task TO {role}")
    try:
        await psql(database, f"SET ROLE {role}", "UPDATE task SET title = 'Theirs'")
    finally:
        await psql(database, f"DROP OWNED BY {role}", f"DROP ROLE {role}")

    assert [entry.action for entry in await external(database)] == ["update"]


async def test_work_of_the_application_has_one_entry(database: Database, job: RequestContext) -> None:
    await add_task(database, job)

    assert await external(database) == []
