"""An auditor of some modules (`tasks:audit`) reads the entries of those modules, and no others."""

from typing import Any

import pytest

from app.core.db.engine import Database
from tests.modules.api_keys.test_api_keys import make_key
from tests.modules.audit.entries import access_entries
from tests.modules.audit.sealer.sealed import seal_all, sealer_of
from tests.modules.audit.test_windows import add_entries
from tests.people import Person, SignedInAs

Done = dict[str, Any]


async def work(signed_in_as: SignedInAs) -> tuple[Person, Done]:
    """A worker who changes items of two modules, and what came of it."""
    worker = await signed_in_as("tasks:create", "tasks:update", "brands:create", "brands:read")
    task, brand = await worker.post("/tasks", {"title": "a"}), await worker.post("/brands", {"name": "b"})
    await worker.get("/customers")
    return worker, {"task": task, "brand": brand}


async def read_all(auditor: Person, path: str, **params: Any) -> list[Any]:
    answer = await auditor.get(path, params={"limit": 100, **params})
    assert answer.status_code == 200, answer.text
    items: list[Any] = answer.json()["items"]
    return items


async def test_an_auditor_of_a_module_sees_its_entries_only(signed_in_as: SignedInAs) -> None:
    worker, done = await work(signed_in_as)
    auditor, both = await signed_in_as("tasks:audit"), await signed_in_as("tasks:audit", "brands:audit")

    assert {row["module"] for row in await read_all(auditor, "/audit/access")} == {"tasks"}
    assert {row["entity"] for row in await read_all(auditor, "/audit/changes")} == {"task"}
    assert {row["module"] for row in await read_all(both, "/audit/access")} == {"tasks", "brands"}
    assert {row["entity"] for row in await read_all(both, "/audit/changes")} == {"task", "brand"}
    assert await read_all(auditor, "/audit/changes", entity="brand") == []
    assert await read_all(auditor, "/audit/access", module="brands") == []
    assert await read_all(auditor, "/audit/access", ip="192.0.2.7", module="brands") == []
    assert {row["entity"] for row in await read_all(both, "/audit/changes", module="brands")} == {"brand"}
    found = await read_all(auditor, f"/audit/actors/{worker.id}/timeline")
    assert [(item["kind"], item["request"] and item["request"]["path"]) for item in found] == [
        ("change", None),
        ("request", "/api/v1/tasks"),
    ]
    assert await read_all(auditor, f"/audit/actors/{worker.id}/timeline", cursor="") == found
    assert done["brand"].status_code == 201


async def test_an_auditor_of_a_module_gets_no_entry_of_another_by_its_number(
    signed_in_as: SignedInAs,
) -> None:
    _, done = await work(signed_in_as)
    everything, auditor = await signed_in_as("audit:read"), await signed_in_as("tasks:audit")
    of = {row["entity"]: row["id"] for row in await read_all(everything, "/audit/changes")}

    async def status(path: str) -> int:
        return (await auditor.get(path)).status_code

    assert await status(f"/audit/changes/{of['task']}") == 200
    assert await status(f"/audit/changes/{of['brand']}") == 404
    assert await status(f"/audit/calls/{done['task'].headers['attest-call-id']}") == 200
    assert await status(f"/audit/calls/{done['brand'].headers['attest-call-id']}") == 404


async def test_an_auditor_of_a_module_sees_all_of_an_item(signed_in_as: SignedInAs) -> None:
    root, auditor = await signed_in_as(superuser=True), await signed_in_as("tasks:audit", "brands:read")
    task = (await root.post("/tasks", {"title": "a"})).json()["id"]
    brand = (await root.post("/brands", {"name": "b"})).json()["id"]
    for path in (f"/tasks/{task}", f"/brands/{brand}"):
        assert (await root.delete(path)).status_code == 204

    shown = await read_all(auditor, f"/tasks/{task}/history")

    assert [row["ip"] for row in shown] == ["192.0.2.7", "192.0.2.7"]
    assert (await auditor.get(f"/brands/{brand}/history")).status_code == 404


async def test_who_audits_no_module_is_refused(signed_in_as: SignedInAs) -> None:
    reader, auditor = await signed_in_as("tasks:read"), await signed_in_as("tasks:audit")
    blind, _ = await make_key(auditor, "tasks:audit")
    robot, _ = await make_key(auditor, "tasks:audit", "tasks:read")

    for caller, status in ((reader, 403), (blind, 403), (robot, 200)):
        for path in ("/audit/access", "/audit/changes", f"/audit/actors/{auditor.id}/timeline"):
            assert (await caller.get(path)).status_code == status, path


async def test_who_reads_some_items_audits_no_others(signed_in_as: SignedInAs) -> None:
    """Regression: a key that reads tasks in a scope, and audits them, read the histories of all."""
    auditor, other = await signed_in_as("tasks:audit", "tasks:create"), await signed_in_as("tasks:create")
    mine, theirs = [(await each.post("/tasks", {"title": "a"})).json()["id"] for each in (auditor, other)]
    robot, _ = await make_key(auditor, "tasks:audit", "tasks:read@own")

    shown = await read_all(robot, f"/tasks/{mine}/history")
    refused = [
        await robot.get(f"/tasks/{theirs}/{question}")
        for question in ("history", "as-of?at=9000-01-01T00:00:00Z", "diff?from=1")
    ]

    assert [(row["action"], row["ip"]) for row in shown] == [("create", None)]
    assert [answer.status_code for answer in refused] == [404, 404, 404]
    assert (await robot.get("/audit/changes")).status_code == 403


async def test_a_role_grants_an_audit_only_by_who_may_audit(signed_in_as: SignedInAs) -> None:
    manager, auditor = (
        await signed_in_as("roles:update", "tasks:read"),
        await signed_in_as("roles:update", "tasks:audit"),
    )
    role = (await (await signed_in_as(superuser=True)).post("/roles", {"name": "Auditors of tasks"})).json()["id"]
    grant = {"modules": [{"module_slug": "tasks", "can_audit": True}]}

    refused = await manager.put(f"/roles/{role}/modules", grant)
    granted = await auditor.put(f"/roles/{role}/modules", grant)

    assert (refused.status_code, refused.json()["code"]) == (403, "cannot-grant")
    assert (granted.status_code, granted.json()["modules"][0]["can_audit"]) == (200, True)


@pytest.mark.parametrize("kind", ["text/csv", "application/json"])
async def test_some_modules_are_read_in_a_window(database: Database, signed_in_as: SignedInAs, kind: str) -> None:
    """Entries of one module may be rare, and have no index."""
    auditor = await signed_in_as("tasks:audit")
    await add_entries(database, [1, 32])
    await seal_all(sealer_of(database))

    answer = await auditor.get("/audit/changes", headers={"Accept": kind})
    old = await auditor.get("/audit/changes", params={"entity": "task", "entity_id": "1"})

    assert "day-1" in answer.text
    assert "day-32" not in answer.text
    assert "audit-window" in answer.headers
    assert [row["request_id"] for row in old.json()["items"]] == ["day-1", "day-32"]
    assert "audit-window" not in old.headers


async def test_the_reading_of_an_auditor_of_a_module_is_logged(app: Any, signed_in_as: SignedInAs) -> None:
    auditor = await signed_in_as("tasks:audit", "products:audit")

    await auditor.get("/audit/changes")

    row = (await access_entries(app))[-1]
    assert (row.actor_id, row.module, row.decision) == (auditor.id, "audit", "products:audit")


async def test_timelines_of_some_modules_are_walked_in_their_window(signed_in_as: SignedInAs) -> None:
    worker, auditor = await signed_in_as("tasks:create", "tasks:read"), await signed_in_as("tasks:audit")
    for title in "abc":
        await worker.post("/tasks", {"title": title})
    path, items = f"/audit/actors/{worker.id}/timeline?limit=1", []
    answer = await auditor.get(path)
    first = answer.headers["audit-window"]

    while answer.links:
        items += answer.json()["items"]
        answer = await auditor.get(answer.links["next"]["url"].removeprefix("/api/v1"))
        assert answer.headers["audit-window"] == first

    assert len({(item["kind"], item["id"]) for item in [*items, *answer.json()["items"]]}) == 6
