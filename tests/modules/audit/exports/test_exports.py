"""Exports of the logs: what is sealed, in the order of the log, with a trailer that covers every byte before it."""

import asyncio
import random
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.modules.audit.exports.places import PlaceOf, SortedPlaces
from app.modules.audit.sealer.logs import Log
from tests.modules.audit.entries import access_entries
from tests.modules.audit.exports.exported import CSV, KINDS, NDJSON, PARQUET, check_export, export, read_export
from tests.modules.audit.sealer.sealed import add_changes, seal_all, sealed_ids, sealer_of
from tests.people import SignedInAs


async def seal_both(app: FastAPI) -> None:
    await access_entries(app)
    for log in Log:
        await seal_all(sealer_of(app.state.database), log)


async def add_old_entries(database: Database) -> None:
    """Entries whose order by time is not that of the log, nor is that of their numbers on both sides of a seal."""
    for hours in (1, 5, 3, 4, 2):
        await add_changes(database, 2, at=now() - timedelta(hours=hours))
        await seal_all(sealer_of(database))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("log", list(Log))
async def test_an_export_is_the_sealed_log(app: FastAPI, signed_in_as: SignedInAs, log: Log, kind: str) -> None:
    database, admin = app.state.database, await signed_in_as(superuser=True)
    await admin.post("/tasks", json={"title": '=1+1 "quoted", #'})
    await add_old_entries(database)
    await seal_both(app)
    ids = await sealed_ids(database, log)
    await admin.post("/tasks", json={"title": "not sealed"})

    found = await export(admin, log, kind)

    await check_export(database, found, log)
    assert [int(row["id"]) for row in found.rows] == ids
    assert found.seqs == list(range(1, len(ids) + 1))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("path", "name", "value"),
    [
        ("changes", "entity", "brand"),
        ("changes", "action", "create"),
        ("access", "method", "POST"),
        ("access", "ip", "192.0.2.7"),
        ("access", "request_id", "chosen"),
    ],
)
async def test_an_export_has_the_filters_of_the_list(
    app: FastAPI, signed_in_as: SignedInAs, path: str, name: str, value: str, kind: str
) -> None:
    database, admin = app.state.database, await signed_in_as(superuser=True)
    for number in range(3):
        await admin.post("/tasks", json={"title": f"task {number}"}, headers={"X-Request-ID": "chosen"})
        await admin.post("/brands", json={"name": f"brand {number}"})
    await add_old_entries(database)
    await seal_both(app)

    found = await export(admin, path, kind, **{name: value})
    first = await export(admin, path, kind, limit=2, **{name: value})

    listed = (await admin.get(f"/audit/{path}", params={name: value, "limit": 100})).json()["items"]
    await check_export(database, found, Log(path))
    await check_export(database, first, Log(path))
    assert {int(row["id"]) for row in found.rows} == {row["id"] for row in listed if row["seq"]} != set()
    assert {row[name] for row in found.rows} == {value}
    assert first.rows == found.rows[:2]


@pytest.mark.parametrize("kind", KINDS)
async def test_an_export_of_nothing_has_a_trailer(app: FastAPI, signed_in_as: SignedInAs, kind: str) -> None:
    admin = await signed_in_as(superuser=True)
    await admin.post("/tasks", json={"title": "a"})
    await seal_both(app)

    found = await export(admin, "changes", kind, entity="customer")

    await check_export(app.state.database, found, Log.changes)
    assert (found.rows, found.trailer["count"], found.trailer["last_seq"]) == ([], 0, None)


@pytest.mark.parametrize("kind", KINDS)
async def test_before_the_first_seal_there_is_no_export(signed_in_as: SignedInAs, kind: str) -> None:
    admin = await signed_in_as(superuser=True)

    answer = await admin.get("/audit/changes", headers={"Accept": kind})

    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
    assert "no checkpoint" in answer.json()["detail"]


@pytest.mark.parametrize("parameter", [{"sort": "-at"}, {"cursor": "x"}])
async def test_an_export_has_no_other_order_and_no_other_beginning(
    app: FastAPI, signed_in_as: SignedInAs, parameter: dict[str, str]
) -> None:
    admin = await signed_in_as(superuser=True)
    await seal_both(app)

    answer = await admin.get("/audit/access", params=parameter, headers={"Accept": CSV})

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "not-sortable")


@pytest.mark.parametrize("kind", [NDJSON, PARQUET])
async def test_an_auditor_of_a_module_exports_that_module(app: FastAPI, signed_in_as: SignedInAs, kind: str) -> None:
    admin, auditor = await signed_in_as(superuser=True), await signed_in_as("tasks:read", "tasks:audit")
    await admin.post("/tasks", json={"title": "a"})
    await admin.post("/brands", json={"name": "b"})
    await seal_both(app)
    reader = await signed_in_as("tasks:read")

    changes, accesses = await export(auditor, "changes", kind), await export(auditor, "access", kind)

    assert {row["entity"] for row in changes.rows} == {"task"}
    assert {row["module"] for row in accesses.rows} == {"tasks"}
    for log, found in ((Log.changes, changes), (Log.access, accesses)):
        await check_export(app.state.database, found, log)
    assert (await reader.get("/audit/changes", headers={"Accept": kind})).status_code == 403


async def test_values_are_those_of_the_list(app: FastAPI, signed_in_as: SignedInAs) -> None:
    admin = await signed_in_as(superuser=True)
    await admin.post("/tasks", json={"title": "a"})
    await seal_both(app)

    listed = (await admin.get("/audit/access", params={"path": "/api/v1/tasks"})).json()["items"]
    lines = await export(admin, "access", NDJSON, path="/api/v1/tasks")
    columns = await export(admin, "access", PARQUET, path="/api/v1/tasks")

    assert lines.rows == listed
    [row], [one] = columns.rows, listed
    assert {name: value.isoformat().replace("+00:00", "Z") for name, value in row.items() if name in INSTANTS} == {
        name: one[name] for name in INSTANTS
    }
    assert {name: row[name] for name in row if name not in INSTANTS} == {
        name: one[name] for name in one if name not in INSTANTS
    }


INSTANTS = ("at", "stored_at")


@pytest.mark.parametrize("left", [[], [{"module_slug": "tasks", "can_audit": True}]], ids=["nothing", "tasks"])
async def test_who_may_no_longer_read_gets_no_trailer(
    app: FastAPI, signed_in_as: SignedInAs, left: list[dict[str, Any]]
) -> None:
    """Regression: the file of who may still read the entries of a module went on with those, and looked whole."""
    database, auditor = app.state.database, await signed_in_as("audit:read")
    admin = await signed_in_as(superuser=True)
    role = (await admin.post("/roles", {"name": "Auditors of tasks"})).json()["id"]
    assert (await admin.put(f"/roles/{role}/modules", {"modules": left})).status_code == 200
    for _ in range(3):
        await add_changes(database, 500, entity="brand")
    await seal_both(app)
    following, calls = app.state.authenticator.authenticate, 0

    async def admit(token: str, context: RequestContext) -> Any:
        nonlocal calls
        calls += token == auditor.access_token
        if calls == 3:
            calls += 1
            await admin.put(f"/users/{auditor.id}/roles", {"role_ids": [role]})
        return await following(token, context)

    app.state.authenticator.authenticate = admit
    answer = await auditor.get("/audit/changes", headers={"Accept": NDJSON})

    assert 0 < answer.text.count("\n") < 1500
    with pytest.raises(KeyError):
        read_export(NDJSON, answer.content)


@pytest.mark.parametrize("filters", [{}, {"entity": "task"}], ids=["walked", "sorted"])
@pytest.mark.parametrize("kind", [NDJSON, PARQUET])
async def test_entries_come_once_while_others_are_written(
    app: FastAPI, signed_in_as: SignedInAs, kind: str, filters: dict[str, str]
) -> None:
    database, admin = app.state.database, await signed_in_as(superuser=True)
    for _ in range(4):
        await add_changes(database, 400)
    await seal_both(app)
    size = len(await sealed_ids(database))

    async def go_on() -> None:
        for _ in range(3):
            await add_changes(database, 20)
            await seal_all(sealer_of(database))

    found, _ = await asyncio.gather(export(admin, "changes", kind, **filters), go_on())

    assert found.seqs == sorted(set(found.seqs))
    assert found.trailer["count"] == len(found.seqs)
    assert found.seqs[-1] <= size + 60
    if not filters:
        assert found.seqs == list(range(1, found.seqs[-1] + 1))
    assert {row["entity"] for row in found.rows} >= {"task"}


@pytest.mark.parametrize("in_memory", [1, 7, 1000, 5000])
def test_places_are_sorted_on_disk(in_memory: int) -> None:
    numbers = random.Random(1).sample(range(1, 2**62), 3000)
    places = SortedPlaces(in_memory)
    for at in range(0, 3000, 100):
        places.add(PlaceOf(number, number // 2) for number in numbers[at : at + 100])

    found: list[PlaceOf] = []
    while taken := places.take(128):
        found += taken
    places.close()

    assert found == [PlaceOf(number, number // 2) for number in sorted(numbers)]
