"""Bulk changes and imports take as many statements for many rows as for few."""

import json
import re
from typing import Any

import pytest

from app.core.db.engine import Database
from app.core.db.unit_of_work.writes import AT_ONCE
from tests.contract.resources import everything
from tests.core.db.test_unit_of_work import statements_of
from tests.people import Person, SignedInAs

FEW, MANY = AT_ONCE + 1, 60
NDJSON = {"Content-Type": "application/x-ndjson"}


@pytest.fixture
async def person(signed_in_as: SignedInAs) -> Person:
    return await signed_in_as(*everything("tasks"), *everything("products"))


def item_of(path: str, number: object) -> dict[str, Any]:
    if path == "/tasks":
        return {"title": f"task {number}"}
    return {"sku": f"sku-{number}", "name": "a", "price": "19.90", "currency": "EUR"}


def count_own(statements: list[str]) -> int:
    """How many are about the items and their change entries; others are of background tasks."""
    return len([statement for statement in statements if re.search(r"\b(task|product|audit_change)\b", statement)])


@pytest.mark.parametrize("path", ["/tasks", "/products"])
async def test_a_bulk_takes_a_fixed_number_of_statements(database: Database, person: Person, path: str) -> None:
    lengths: list[int] = []
    for number in (FEW, FEW, MANY):  # the first warms the caches of the guard
        with statements_of(database) as sent:
            create = [item_of(path, f"{len(lengths)}-{index}") for index in range(number)]
            answer = await person.post(f"{path}/bulk", {"create": create})
            created = answer.json()["created"]
            update = [{"id": item["id"], "version": 1, "changes": {"description": "all"}} for item in created]
            updated = await person.post(f"{path}/bulk", {"update": update})
            delete = [{"id": item["id"], "version": 2} for item in created]
            deleted = await person.post(f"{path}/bulk", {"delete": delete})
        assert [item["version"] for item in updated.json()["updated"]] == [2] * number
        assert (deleted.status_code, len(deleted.json()["deleted"])) == (200, number)
        lengths.append(count_own(sent))

    assert lengths[1] == lengths[2]


async def test_a_batch_of_an_import_takes_a_fixed_number_of_statements(database: Database, person: Person) -> None:
    lengths: list[int] = []
    for number in (FEW, FEW, MANY):
        lines = [json.dumps(item_of("/tasks", index)).encode() + b"\n" for index in range(number)]
        with statements_of(database) as sent:
            answer = await person.post("/tasks/import", content=b"".join(lines), headers=NDJSON)
        assert answer.json()["created"] == number
        lengths.append(count_own(sent))

    assert lengths[1] == lengths[2]


async def test_an_item_that_is_changed_twice_in_a_bulk_has_both_versions(person: Person) -> None:
    task = (await person.post("/tasks", {"title": "first"})).json()
    twice = [{"id": task["id"], "changes": {"title": title}} for title in ("second", "third")]

    answer = await person.post("/tasks/bulk", {"update": twice})
    stale = [{**operation, "version": 3} for operation in twice]
    refused = await person.post("/tasks/bulk", {"update": stale})

    assert [item["version"] for item in answer.json()["updated"]] == [3, 3]
    assert (refused.status_code, refused.json()["code"]) == (412, "stale-version")
    assert "/body/update/1" in refused.text
