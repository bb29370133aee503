"""The timeline of an actor: requests, changes and sign-ins from both logs, in one list."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI

from app.core.db.connecting import create_engine
from app.core.db.engine import Database
from tests.modules.api_keys.test_api_keys import make_key
from tests.modules.audit.entries import access, access_entries, changes_table
from tests.modules.audit.test_windows import NOW
from tests.people import PASSWORD, Person, SignedInAs
from tests.roles import as_owner

Item = dict[str, Any]


async def timeline(auditor: Person, actor_id: UUID | str, **params: Any) -> list[Item]:
    """All items, page by page."""
    items: list[Item] = []
    cursor: str | None = None
    while True:
        answer = await auditor.get(
            f"/audit/actors/{actor_id}/timeline", params={**params, **({"cursor": cursor} if cursor else {})}
        )
        assert answer.status_code == 200, answer.text
        items += answer.json()["items"]
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            return items


def brief(item: Item) -> str:
    if item["kind"] == "change":
        return f"{item['change']['action']} {item['change']['entity']}"
    return f"{item['kind']} {item['request']['method']} {item['request']['status']}"


async def test_a_timeline_has_all_that_an_actor_did(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    auditor, root = await signed_in_as("audit:read"), await signed_in_as(superuser=True)
    worker = await signed_in_as("tasks:create", "tasks:read")
    await client.post("/auth/token", data={"username": worker.username, "password": "wrong-" + PASSWORD})
    await client.post("/auth/token", data={"username": worker.username, "password": PASSWORD})
    await root.post(f"/users/{worker.id}/unlock")
    await worker.post("/tasks", {"title": "a"})
    await worker.get("/users")

    items = await timeline(auditor, worker.id, limit=2)

    assert [brief(item) for item in items if "auth_session" not in brief(item)] == [
        "request GET 403",
        "create task",
        "request POST 201",
        "sign-in POST 200",
        "sign-in POST 401",
    ]
    assert items == sorted(items, key=lambda item: (item["at"], item["kind"], item["id"]), reverse=True)
    change = next(item for item in items if brief(item) == "create task")
    assert change["change"] == (await auditor.get(f"/audit/changes/{change['id']}")).json()
    assert change["request"] is None
    assert all(item["at"] == (item["request"] or item["change"])["at"] for item in items)
    assert await timeline(auditor, uuid4()) == []


async def test_what_keys_of_a_user_did_is_shown_on_request(signed_in_as: SignedInAs) -> None:
    auditor, owner = await signed_in_as("audit:read"), await signed_in_as("tasks:create", "tasks:read")
    robot, made = await make_key(owner, "tasks:create")
    await robot.post("/tasks", {"title": "a"})

    own, both = await timeline(auditor, owner.id), await timeline(auditor, owner.id, keys=True)
    of_key = await timeline(auditor, made["id"])

    assert [brief(item) for item in of_key] == ["create task", "request POST 201"]
    assert both == [*of_key, *own]
    assert of_key[0]["change"]["owner_id"] == str(owner.id)


async def test_a_period_limits_a_timeline(database: Database, signed_in_as: SignedInAs) -> None:
    auditor = await signed_in_as("audit:read")
    actor = uuid4()
    await add_acts(database, actor, count=6)

    found = await timeline(auditor, actor, at_gte="2026-01-01T00:00:01Z", at_lt="2026-01-01T00:00:02Z", limit=1)

    assert {item["at"] for item in found} == {"2026-01-01T00:00:01Z"}
    assert len(found) == 9
    assert (await auditor.get(f"/audit/actors/{actor}/timeline", params={"sort": "at"})).status_code == 422


async def add_acts(database: Database, actor: UUID, *, count: int, instant: int = 0) -> None:
    """Add entries of each kind, three at each instant, from `instant` on."""
    common = {"format": 2, "actor_kind": "user", "request_id": "x"}
    request = {"method": "GET", "path": "/", "status": 200, "duration_us": 1, "bytes_out": 0}
    flags = {"is_replay": False, "is_dry_run": False}
    change = {"source": "hook", "action": "create", "entity": "task", "entity_id": "1", "redaction_version": "x"}
    async with create_engine(as_owner(database.settings)).begin() as connection:
        for number in range(count):
            at = NOW.replace(2026, 1, 1, 0, 0, instant + number // 3)
            one = {**common, "at": at}
            for named in ({"actor_id": actor}, {"subject_id": actor, "decision": "public"}):
                await connection.execute(access.insert().values({**one, **request, **flags, **named}))
            await connection.execute(changes_table.insert().values({**one, **change, "actor_id": actor, "changes": {}}))


@pytest.mark.parametrize("limit", [1, 2, 7])
async def test_pages_lose_and_double_nothing_while_entries_arrive(
    database: Database, signed_in_as: SignedInAs, limit: int
) -> None:
    auditor, actor = await signed_in_as("audit:read"), uuid4()
    await add_acts(database, actor, count=9)
    before = {(item["kind"], item["id"]) for item in await timeline(auditor, actor, limit=100)}
    found: list[tuple[str, int]] = []
    cursor: str | None = None

    while cursor or not found:
        params = {"limit": limit, **({"cursor": cursor} if cursor else {})}
        page = (await auditor.get(f"/audit/actors/{actor}/timeline", params=params)).json()
        found += [(item["kind"], item["id"]) for item in page["items"]]
        cursor = page["next_cursor"]
        if len(found) < 20:
            await add_acts(database, actor, count=1, instant=30)

    assert len(found) == len(set(found))
    assert set(found) == before
    assert len(before) == 27


async def test_a_timeline_is_a_file_and_its_reading_is_logged(app: FastAPI, signed_in_as: SignedInAs) -> None:
    auditor, worker = await signed_in_as("audit:read"), await signed_in_as("tasks:create", "tasks:read")
    await worker.post("/tasks", {"title": "a"})

    path = f"/audit/actors/{worker.id}/timeline"
    answer = await auditor.get(path, headers={"Accept": "text/csv"})
    assert (await worker.get(path)).status_code == 403

    header, *lines = answer.text.splitlines()
    assert header.startswith('"at","kind","id","request.id"')
    assert len(lines) == 2
    row = (await access_entries(app))[-2]
    assert (row.route, row.item_id) == ("/api/v1/audit/actors/{id}/timeline", worker.id)
