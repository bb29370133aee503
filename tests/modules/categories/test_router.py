"""Rules of categories: a tree, and names that are unique among siblings."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlmodel import col

from app.core.db.connecting import create_engine
from app.core.db.engine import Database
from app.core.db.locks import lock_number
from app.core.db.session import Session
from app.modules.categories.models import Category
from app.modules.categories.repository import TREE_LOCK
from tests.answers import refusals, statuses
from tests.core.http.test_transaction import wait_for_a_lock
from tests.modules.categories.factory import PATH
from tests.people import Person, SignedInAs
from tests.roles import as_owner


async def made(person: Person, name: str, parent: dict[str, Any] | None = None) -> dict[str, Any]:
    answer = await person.post(PATH, {"name": name, "parent_id": parent["id"] if parent else None})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_category_is_never_below_itself(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("categories:create", "categories:update")
    top = await made(person, "top")
    middle = await made(person, "middle", top)
    bottom = await made(person, "bottom", middle)

    path, change = f"{PATH}/{top['id']}", {"parent_id": bottom["id"]}
    refused = {
        f"below {node['name']}": await person.patch(path, {"parent_id": node["id"]}) for node in (top, middle, bottom)
    }
    refused["in bulk"] = await person.post(f"{PATH}/bulk", {"update": [{"id": top["id"], "changes": change}]})
    moved = await person.patch(f"{PATH}/{bottom['id']}", {"parent_id": top["id"]})

    assert refusals(refused) == dict.fromkeys(refused, (409, "category-cycle"))
    assert moved.status_code == 200


async def test_a_name_is_unique_among_siblings(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("categories:create", "categories:update", "categories:delete")
    first, second = await made(person, "First"), await made(person, "Second")
    await made(person, "Same", first)

    elsewhere = await person.post(PATH, {"name": "same", "parent_id": second["id"]})
    sibling = await person.post(PATH, {"name": "SAME", "parent_id": first["id"]})
    root = await person.post(PATH, {"name": "first"})
    moved = await person.patch(f"{PATH}/{elsewhere.json()['id']}", {"parent_id": first["id"]})

    assert [answer.status_code for answer in (elsewhere, sibling, root, moved)] == [201, 409, 409, 409]


async def test_a_category_with_children_is_not_deleted(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("categories:create", "categories:delete")
    top = await made(person, "top")
    leaf = await made(person, "leaf", top)

    answers = {
        "delete the parent": await person.delete(f"{PATH}/{top['id']}"),
        "delete the leaf": await person.delete(f"{PATH}/{leaf['id']}"),
        "delete the former parent": await person.delete(f"{PATH}/{top['id']}"),
        "restore the leaf": await person.post(f"{PATH}/{leaf['id']}/restore"),
    }

    assert list(statuses(answers).values()) == [409, 204, 204, 409], statuses(answers)
    children = await person.get(PATH, params={"parent_id": top["id"]})
    assert children.json()["items"] == []


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
async def test_many_that_move_and_one_that_moves_lock_in_the_same_order(
    database: Database, signed_in_as: SignedInAs
) -> None:
    """Regression: many locked their rows before the tree, and one the tree before its row: a deadlock."""
    person = await signed_in_as("categories:create", "categories:update")
    top, leaf = await made(person, "top"), await made(person, "leaf")
    update = [{"id": leaf["id"], "changes": {"parent_id": top["id"]}}]
    attempts: list[Session] = []

    async def note(session: Session) -> None:
        if session.context.principal is not None:
            attempts.append(session)

    async with create_engine(as_owner(database.settings)).begin() as other:
        await other.exec_driver_sql("SET LOCAL deadlock_timeout = '60s'")  # so the request would be the victim
        await other.execute(select(func.pg_advisory_xact_lock(lock_number(TREE_LOCK))))
        database.hooks.after_begin.append(note)
        request = asyncio.create_task(person.post(f"{PATH}/bulk", {"update": update}))
        await wait_for_a_lock(database, request)
        await other.execute(select(col(Category.id)).where(col(Category.id) == leaf["id"]).with_for_update())
    answer = await request
    database.hooks.after_begin.remove(note)

    assert (answer.status_code, len(attempts)) == (200, 1), answer.text
