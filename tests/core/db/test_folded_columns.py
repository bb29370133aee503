"""Folded columns: unique values are compared in a form that no locale of a database changes."""

import json
from random import Random
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import column, select, table, update

from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.fields.folding import fold_email, fold_text
from app.modules.audit.drift.command import drift
from app.modules.brands.models import Brand
from app.modules.customers.models import Customer
from tests.contract.resources import everything
from tests.modules.audit.persons import erase
from tests.modules.audit.sealer.sealed import read_all, run_sql
from tests.own_servers import EVERY_LOCALE
from tests.people import SignedInAs

pytestmark = pytest.mark.parametrize("backend", EVERY_LOCALE, indirect=True, scope="session")
brands, customers = table_of(Brand), table_of(Customer)
WIDEST = "".join(chr(choice) for choice in Random(1).choices([*range(0x3300, 0x3358), *[0xFDFA] * 88], k=200))
"""A name of 200 characters that become several each when they are folded."""


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("IKEA İstanbul", "ikea i\u0307STANBUL"),
        ("ΟΔΟΣ", "οδος"),
        ("Café", "CAFE\u0301"),
        ("가방", "\u1100\u1161\u1107\u1161\u11bc"),
        ("ACME", "ａｃｍｅ"),
        ("STRASSE", "straße"),
    ],
)
async def test_a_name_is_taken_in_all_its_spellings(signed_in_as: SignedInAs, name: str, same: str) -> None:
    person = await signed_in_as(*everything("brands"))
    made = (await person.post("/brands", {"name": name})).raise_for_status().json()

    taken = await person.post("/brands", {"name": same})
    imported = await person.post(
        "/brands/import?dry_run=true", content=f"name\n{same}\n", headers={"Content-Type": "text/csv"}
    )
    renamed = await person.patch(f"/brands/{made['id']}", {"name": same})

    assert (taken.status_code, taken.json()["detail"]) == (409, "The value of name is already taken.")
    assert "already" in imported.text, imported.text
    assert renamed.status_code == 200, "the row itself may have it"


async def test_letters_that_only_a_locale_folds_are_different(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as(*everything("brands"))

    statuses = [(await person.post("/brands", {"name": name})).status_code for name in ("INGRID", "ıngrid", "ingrid")]

    assert statuses == [201, 201, 409]


async def test_the_widest_name_is_stored(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as(*everything("brands"))

    assert len(fold_text(WIDEST).encode()) > 2704, "what an index of PostgreSQL takes, unless it is compressed"
    assert (await person.post("/brands", {"name": WIDEST})).status_code == 201
    assert (await person.post("/brands", {"name": WIDEST})).status_code == 409


async def test_a_folded_column_is_kept_and_is_in_no_answer(signed_in_as: SignedInAs, database: Database) -> None:
    root = await signed_in_as(superuser=True)
    item = (await root.post("/brands", {"name": "ONE"})).raise_for_status().json()["id"]
    await root.patch(f"/brands/{item}", {"description": "no name"})
    assert await folded(database, item) == "one"

    await root.patch(f"/brands/{item}", {"name": "TWO"})
    assert await folded(database, item) == "two"
    await root.delete(f"/brands/{item}")
    await root.post("/brands", {"name": "two"})
    assert (await root.post(f"/brands/{item}/restore")).status_code == 409

    answers = [
        await root.get(path, headers={"Accept": accept})
        for path, accept in (
            ("/brands", "application/json"),
            ("/brands", "text/csv"),
            (f"/brands/{item}/history", "application/json"),
            ("/audit/changes", "application/json"),
        )
    ]
    texts = [answer.raise_for_status().text for answer in answers]
    assert not [text for text in texts if "folded" in text]
    assert (await drift(database, entity="brand")).exit_code == 0


async def folded(database: Database, item: str) -> Any:
    (row,) = await read_all(database, select(brands.c.name_folded).where(brands.c.id == UUID(item)))
    return row.name_folded


async def test_drift_finds_a_folded_column_that_is_not_that_of_its_row(
    signed_in_as: SignedInAs, database: Database
) -> None:
    root = await signed_in_as(superuser=True)
    item = (await root.post("/brands", {"name": "ONE"})).raise_for_status().json()["id"]

    await run_sql(database, update(table("brand", column("name_folded"))).values(name_folded="another"))

    found = json.loads("\n".join((await drift(database, entity="brand", as_json=True)).lines))["tables"][0]["findings"]
    assert [(each["kind"], each["entity_id"], each["fields"]) for each in found] == [("differs", item, ["name_folded"])]


async def test_an_erasure_takes_the_folded_form_too(signed_in_as: SignedInAs, database: Database) -> None:
    root = await signed_in_as(superuser=True)
    body = {"first_name": "Ann", "last_name": "Example", "email": "ANN@example.com"}
    item = (await root.post("/customers", body)).raise_for_status().json()["id"]
    told = (await root.get(f"/customers/{item}/personal-data")).raise_for_status().text
    assert "folded" not in told

    (await erase(root, f"/customers/{item}")).raise_for_status()

    (row,) = await read_all(database, select(customers.c.email, customers.c.email_folded))
    assert "ann" not in f"{row.email} {row.email_folded}".lower()
    assert row.email_folded == fold_email(row.email)
