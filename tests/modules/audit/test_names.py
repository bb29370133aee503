"""Entries have names beside ids: of items, users and owners, and of what changed fields refer to."""

import re
from typing import Any

import pytest

from app.core.db.engine import Database
from tests.modules.api_keys.test_api_keys import make_key
from tests.modules.audit.persons import erase
from tests.modules.audit.sealer.sealed import seal_all, sealer_of
from tests.modules.roles.policies import role
from tests.people import Person, SignedInAs


@pytest.fixture
async def auditor(signed_in_as: SignedInAs) -> Person:
    """A caller whose role has the audit log, and nothing else."""
    return await signed_in_as("audit:read")


@pytest.fixture
async def admin(signed_in_as: SignedInAs) -> Person:
    return await signed_in_as(superuser=True)


async def items(auditor: Person, path: str, **params: Any) -> list[Any]:
    answer = await auditor.get(path, params=params)
    assert answer.status_code == 200, answer.text
    found: list[Any] = answer.json()["items"]
    return found


async def test_requests_name_their_items_and_users(auditor: Person, admin: Person, signed_in_as: SignedInAs) -> None:
    owner = await signed_in_as("tasks:create", "tasks:read")
    key, _ = await make_key(owner, "tasks:create", "tasks:read")
    task = (await admin.post("/tasks", {"title": "Count the stock"})).json()["id"]
    (await admin.post(f"/users/{owner.id}/unlock")).raise_for_status()
    (await key.post("/tasks", {"title": "By a machine"})).raise_for_status()

    (made,) = await items(auditor, "/audit/access", item_id=task)
    (unlocked,) = await items(auditor, "/audit/access", subject_id=str(owner.id), method="POST")
    (by_key,) = await items(auditor, "/audit/access", owner_id=str(owner.id), method="POST")

    assert (made["actor_name"], made["item_name"], made["subject_name"]) == (admin.username, "Count the stock", None)
    assert (unlocked["item_name"], unlocked["subject_name"]) == (owner.username, owner.username)
    assert (by_key["owner_id"], by_key["owner_name"]) == (str(owner.id), owner.username)
    assert (by_key["actor_name"], by_key["item_name"]) == ("nightly export", "By a machine")


async def test_changes_name_their_items_and_what_they_refer_to(auditor: Person, admin: Person) -> None:
    await role(admin, "Stock keeper", {"module_slug": "products"})
    task = (await admin.post("/tasks", {"title": "Count the stock", "assignee_id": str(auditor.id)})).json()["id"]
    await admin.patch(f"/tasks/{task}", {"title": "Count it again"})
    await admin.delete(f"/tasks/{task}")

    granted, *_ = await items(auditor, "/audit/changes", entity="role_module")
    *_, made = await items(auditor, "/audit/changes", entity="task", entity_id=task)
    *_, again = await items(auditor, f"/tasks/{task}/history")

    assert granted["item_name"] is None
    assert set(granted["names"].values()) - {admin.username} == {"Products", "Stock keeper"}
    assert made["item_name"] == "Count it again", "the present name, of a hidden item too"
    assert made["names"][str(auditor.id)] == auditor.username
    assert again == made


async def test_the_history_of_a_role_names_the_modules_that_it_grants(auditor: Person, admin: Person) -> None:
    keeper = await role(admin, "Stock keeper", {"module_slug": "products"})

    granted, *_ = await items(auditor, f"/roles/{keeper}/history")

    assert granted["item_name"] == "Stock keeper"
    assert granted["names"][granted["changes"]["role_module"]["new"][0]["module_id"]] == "Products"


async def test_an_erased_person_has_no_name_anywhere(
    auditor: Person, admin: Person, database: Database, signed_in_as: SignedInAs
) -> None:
    gone = await signed_in_as("tasks:create", "tasks:read")
    key, _ = await make_key(gone, "tasks:create", "tasks:read")
    await key.post("/tasks", {"title": "For a while", "assignee_id": str(gone.id)})
    await gone.client.post("/auth/token", data={"username": gone.username, "password": "wrong"})
    (await erase(admin, f"/users/{gone.id}")).raise_for_status()
    await seal_all(sealer_of(database))

    pages = {
        path: await auditor.get(path)
        for path in (
            "/audit/access?limit=100",
            "/audit/changes?limit=100",
            "/audit/feed?limit=100",
            f"/audit/actors/{gone.id}/timeline?keys=true",
            f"/users/{gone.id}/history",
            "/audit/summary?by=actor,owner",
            "/audit/summary?log=access&by=actor,owner",
        )
    }
    about = await items(auditor, "/audit/access", subject_id=str(gone.id))

    for path, answer in pages.items():
        assert answer.status_code == 200, path
        assert not re.search(r'_name":"erased|"names":\{[^}]*"erased', answer.text), path
    assert {(each["item_name"], each["subject_name"], each["owner_name"]) for each in about} == {(None, None, None)}


async def test_names_are_read_by_one_select_for_each_log(auditor: Person, admin: Person, database: Database) -> None:
    async def count(path: str, limit: int) -> int:
        sent: list[str] = []
        database.reader.listeners.append(note := lambda sql, _values: sent.append(sql))
        try:
            assert len(await items(auditor, path, limit=limit)) == limit
        finally:
            database.reader.listeners.remove(note)
        return len([sql for sql in sent if "AS shown_name" in sql])

    for number in range(12):
        await admin.post("/tasks", {"title": f"task {number}", "assignee_id": str(auditor.id)})

    for path in ("/audit/changes", "/audit/access", f"/audit/actors/{admin.id}/timeline"):
        assert await count(path, 10) == (2 if "timeline" in path else 1), path


async def test_files_have_names_too(auditor: Person, admin: Person, database: Database) -> None:
    await admin.post("/tasks", {"title": "Count the stock"})
    await seal_all(sealer_of(database))

    answer = await auditor.get("/audit/changes", headers={"Accept": "text/csv"}, params={"entity": "task"})

    header, row, *_ = answer.text.splitlines()
    assert '"item_name"' in header
    assert '"Count the stock"' in row.split(',"{', 1)[0], "before the changes"


async def test_a_summary_names_the_actors(auditor: Person, admin: Person, database: Database) -> None:
    key, _ = await make_key(admin, "tasks:create", "tasks:read")
    await key.post("/tasks", {"title": "By a machine"})
    await seal_all(sealer_of(database))

    groups = await items(auditor, "/audit/summary", by="actor,owner", entity="task")

    assert [(each["actor_name"], each["owner_name"]) for each in groups] == [("nightly export", admin.username)]
