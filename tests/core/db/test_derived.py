"""Derived columns: filled in with their row, and no part of what is told of it."""

from typing import Any

import pytest
from sqlalchemy import Column, MetaData, String, Table, select

from app.core.db.derived import derivations, derive_from, derive_values, own_columns
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.db.full_text import COLUMN
from app.modules.audit.drift.command import drift
from app.modules.customers.models import Customer
from tests.modules.audit.persons import WHY
from tests.modules.audit.sealer.sealed import read_all
from tests.people import SignedInAs


def length_of_name(values: Any) -> int:
    return len(values["name"])


@pytest.fixture
def table() -> Table:
    made = Column("length", String, info=derive_from(length_of_name, ["name"]))
    return Table("of_a_test", MetaData(), Column("name", String), Column("size", String), made)


def test_a_derived_column_is_made_again_where_one_of_its_sources_changes(table: Table) -> None:
    values = {"name": "lamp", "size": "small"}

    assert derive_values(table, values, {"name", "size"}) == {"length": 4}
    assert derive_values(table, values, {"size"}) == {}


def test_own_columns_follow_from_no_others(table: Table) -> None:
    assert [column.name for column in own_columns(table)] == ["name", "size"]
    assert list(derivations(table)) == ["length"]


async def test_the_words_of_a_person_are_told_nowhere_and_erased(signed_in_as: SignedInAs, database: Database) -> None:
    auditor = await signed_in_as(superuser=True)
    body = {"first_name": "Ada", "last_name": "Quaternion", "email": "ada@example.com"}
    path = f"/customers/{(await auditor.post('/customers', body)).raise_for_status().json()['id']}"
    assert len((await auditor.get("/customers", params={"q": "quater"})).json()["items"]) == 1
    entries = (await auditor.get("/audit/changes", params={"entity": "customer"})).json()["items"]
    assert all(COLUMN not in entry["changes"] for entry in entries)
    assert COLUMN not in (await auditor.get(f"{path}/personal-data")).text
    assert (await drift(database, entity="customer")).exit_code == 0

    (await auditor.post(f"{path}/erase", headers=WHY)).raise_for_status()

    assert "quaternion" not in str(await read_all(database, select(table_of(Customer).c[COLUMN])))
    assert (await drift(database, entity="customer")).exit_code == 0
