"""The summary: counts of entries from the roll-ups, with what they cover."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest
from fastapi import FastAPI

from app.core.db.engine import Database
from app.modules.audit.summary.guards import AT_THE_DOOR
from app.modules.rbac.engine.access import NetworkNotAllowed, PasswordChangeRequired, SecondFactorRequired
from tests.modules.api_keys.test_api_keys import make_key
from tests.modules.audit.sealer.sealed import add_changes, seal_all, sealed_ids, sealer_of
from tests.people import Person, SignedInAs

OLD = datetime(2026, 3, 1, 10, 30, tzinfo=UTC)
"""The time of entries that no default period has."""
MARCH = {"at_gte": "2026-02-20T00:00:00Z", "at_lt": "2026-03-20T00:00:00Z"}


async def ask(auditor: Person, by: str, **params: Any) -> dict[str, Any]:
    answer = await auditor.get("/audit/summary", params={"by": by, **params})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def groups_of(answer: dict[str, Any], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(item[name] for name in (*names, "count")) for item in answer["items"]]


async def add_requests(app: FastAPI, client: httpx.AsyncClient, *changed: dict[str, Any]) -> None:
    """Add access entries like that of a request, each with other values."""
    await client.get("/nothing")
    spool = app.state.access_log.spool
    entry = orjson.loads(spool.read(0, 1)[0][0])
    for values in changed:
        spool.append(orjson.dumps({**entry, "at": OLD.isoformat(), **values}))


async def test_changes_are_counted_by_what_they_changed(database: Database, signed_in_as: SignedInAs) -> None:
    worker = await signed_in_as("tasks:create", "tasks:update", "tasks:delete", "brands:create")
    task = (await worker.post("/tasks", {"title": "a"})).json()["id"]
    await worker.patch(f"/tasks/{task}", {"title": "b"})
    await worker.patch(f"/tasks/{task}", {"priority": "high"})
    await worker.delete(f"/tasks/{task}")
    await worker.post("/brands", {"name": "b"})
    auditor = await signed_in_as("audit:read")
    await seal_all(sealer_of(database))

    mine = await ask(auditor, "entity,action", actor_id=str(worker.id))
    by_field = await ask(auditor, "field", entity="task", limit=3)
    of_title = await ask(auditor, "day", entity="task", field="title")
    everything = await ask(auditor, "actor")

    assert groups_of(mine, "entity", "action") == [
        ("task", "update", 2),
        ("brand", "create", 1),
        ("task", "create", 1),
        ("task", "delete", 1),
    ]
    assert (mine["total"], mine["groups"], mine["by"]) == (5, 4, ["entity", "action"])
    assert {group for group in groups_of(by_field, "field") if group[1] == 4} == {("updated_at", 4), ("version", 4)}
    assert len(by_field["items"]) == 3 < by_field["groups"]
    assert groups_of(of_title, "day") == [(datetime.now(UTC).date().isoformat(), 2)]
    assert everything["total"] == everything["seq"] == len(await sealed_ids(database))
    assert ("user", str(worker.id), 5) in groups_of(everything, "actor_kind", "actor_id")
    assert any(kind == "system" and actor is None for kind, actor, _ in groups_of(everything, "actor_kind", "actor_id"))


async def test_groups_of_the_same_size_have_one_order(database: Database, signed_in_as: SignedInAs) -> None:
    """Regression: on SQLite, the group without a module came first."""
    auditor = await signed_in_as("audit:read")
    for entity in ("job", "task", "brand"):
        await add_changes(database, 2, entity=entity, at=OLD)
    await seal_all(sealer_of(database))

    answer = await ask(auditor, "module", limit=2, **MARCH)

    assert groups_of(answer, "module") == [("brands", 2), ("tasks", 2)]
    assert answer["groups"] == 3


async def test_a_change_counts_once_it_is_sealed(database: Database, signed_in_as: SignedInAs) -> None:
    root = await signed_in_as(superuser=True)
    assert (await ask(root, "entity"))["seq"] == 0
    await seal_all(sealer_of(database))
    before = await ask(root, "entity", entity="task")
    await root.post("/tasks", {"title": "a"})

    waiting = await ask(root, "entity", entity="task")
    await seal_all(sealer_of(database))
    after = await ask(root, "entity", entity="task")

    assert (before["total"], before["groups"], before["items"]) == (0, 0, [])
    assert (waiting["total"], waiting["seq"]) == (0, before["seq"])
    assert (after["total"], after["seq"]) == (1, before["seq"] + 1)
    assert before["counted_at"] < waiting["counted_at"] < after["counted_at"]


async def test_requests_are_counted_by_what_they_were(signed_in_as: SignedInAs) -> None:
    root, reader = await signed_in_as(superuser=True), await signed_in_as("tasks:read")
    robot, _ = await make_key(root, "tasks:read")
    for person in (root, reader, robot, robot):
        await person.get("/tasks")
    await reader.post("/tasks", {"title": "a"})

    by_route = await ask(root, "route,status", log="access", module="tasks")
    by_code = await ask(root, "error_code,actor", log="access", error_code="permission-denied")
    by_owner = await ask(root, "owner", log="access", owner_id=str(root.id))
    by_hour = await ask(root, "hour", log="access", route="/api/v1/tasks", sort="time")

    assert groups_of(by_route, "method", "route", "status") == [
        ("GET", "/api/v1/tasks", 2, 4),
        ("POST", "/api/v1/tasks", 4, 1),
    ]
    first = by_route["items"][0]
    assert 0 < first["mean_us"] <= first["longest_us"]
    assert first["bytes_out"] > 0
    assert (by_route["seq"], by_route["log"]) == (None, "access")
    assert groups_of(by_code, "error_code", "actor_id") == [("permission-denied", str(reader.id), 1)]
    assert (by_code["items"][0]["mean_us"], by_code["items"][0]["longest_us"]) == (None, None)
    assert groups_of(by_owner, "owner_id") == [(str(root.id), 2)]
    assert sum(count for _, count in groups_of(by_hour, "hour")) == 5
    assert by_hour["items"][0]["hour"].endswith(":00:00Z")


async def test_groups_of_one_time_follow_each_other(
    app: FastAPI, client: httpx.AsyncClient, database: Database, signed_in_as: SignedInAs
) -> None:
    auditor = await signed_in_as("audit:read")
    for day, count in ((0, 1), (1, 3), (2, 2)):
        await add_changes(database, count, at=OLD + timedelta(days=day))
    await seal_all(sealer_of(database))
    hours = [{"at": (OLD + timedelta(minutes=minutes)).isoformat()} for minutes in (0, 29, 30, 89, 90, 91)]
    await add_requests(app, client, *hours)

    days = ["2026-03-01", "2026-03-02", "2026-03-03"]
    for log, step, sort, expected in (
        ("changes", "day", "time", [(days[0], 1), (days[1], 3), (days[2], 2)]),
        ("changes", "day", "-time", [(days[2], 2), (days[1], 3), (days[0], 1)]),
        ("changes", "day", "-count", [(days[1], 3), (days[2], 2), (days[0], 1)]),
        ("access", "day", "time", [(days[0], 6)]),
        (
            "access",
            "hour",
            "-time",
            [(f"{days[0]}T{hour}:00:00Z", count) for hour, count in ((12, 2), (11, 2), (10, 2))],
        ),
    ):
        assert groups_of(await ask(auditor, step, log=log, sort=sort, **MARCH), step) == expected, (log, step, sort)


@pytest.mark.parametrize(
    ("by", "period", "start", "end"),
    [
        ("day", {"at_gte": "2026-03-01T10:00:00Z", "at_lt": "2026-03-02T00:00:00Z"}, "03-01T00", "03-02T00"),
        ("actor", {"at_gte": "2026-03-01T23:30:00-02:00"}, "03-02T00", "04-02T00"),
        ("error_code", {"at_lt": "2026-03-01T00:00:00.000001Z"}, "01-30T00", "03-02T00"),
        ("hour", {"at_gte": "2026-03-01T10:59:59Z", "at_lt": "2026-03-01T11:00:01Z"}, "03-01T10", "03-01T12"),
    ],
)
async def test_whole_days_or_hours_are_counted(
    signed_in_as: SignedInAs, by: str, period: dict[str, str], start: str, end: str
) -> None:
    answer = await ask(await signed_in_as("audit:read"), by, log="access", **period)

    assert (answer["start"], answer["end"]) == (f"2026-{start}:00:00Z", f"2026-{end}:00:00Z")


async def test_the_last_31_days_are_counted_by_default(signed_in_as: SignedInAs) -> None:
    answer = await ask(await signed_in_as("audit:read"), "day")

    start, end = (datetime.fromisoformat(answer[name]) for name in ("start", "end"))
    assert end - start == timedelta(days=31)
    assert timedelta() <= end - datetime.now(UTC) < timedelta(days=1)


async def test_refusals_are_counted_by_the_guard_that_refused(
    client: httpx.AsyncClient, signed_in_as: SignedInAs
) -> None:
    reader, auditor = await signed_in_as("tasks:read"), await signed_in_as("audit:read")
    await client.get("/tasks")
    await client.head("/brands")
    await reader.get("/brands")
    await reader.get("/brands", params={"limit": "1"})
    await reader.post("/tasks", {"title": "a"})
    await reader.get("/tasks", params={"limit": "none"})
    await reader.get("/nothing")
    await client.post("/auth/token", data={"username": "nobody", "password": "wrong"})

    by_guard = await ask(auditor, "guard", log="access", status=4)
    of_brands = await ask(auditor, "route,error_code", log="access", guard="brands:read")
    at_the_door = await ask(auditor, "route", log="access", guard="signed-in")

    assert groups_of(by_guard, "guard") == [
        (None, 3),
        ("brands:read", 2),
        ("signed-in", 2),
        ("tasks:create", 1),
    ]
    assert groups_of(of_brands, "method", "route", "error_code") == [("GET", "/api/v1/brands", "permission-denied", 2)]
    assert {route for route, _ in groups_of(at_the_door, "route")} == {"/api/v1/tasks", "/api/v1/brands"}


async def test_guards_are_named_as_entries_name_those_that_admit(
    app: FastAPI, client: httpx.AsyncClient, signed_in_as: SignedInAs
) -> None:
    auditor, other = await signed_in_as("audit:read", "tasks:read"), await signed_in_as()
    paths = ("/tasks", "/auth/me", "/audit/access", "/audit/summary?by=day")
    for path in paths:
        await auditor.get(path)
        await (other.get(path) if path != "/auth/me" else client.get(path))

    entries = (await auditor.get("/audit/access", params={"limit": 100})).json()["items"]
    admitted = {each["route"]: each["decision"] for each in entries if each["actor_id"] == str(auditor.id)}
    refused = await ask(auditor, "guard,route", log="access", status=4)

    found = dict(tuple(reversed(group[:2])) for group in groups_of(refused, "guard", "route"))
    assert found == {f"/api/v1{path.partition('?')[0]}": admitted[f"/api/v1{path.partition('?')[0]}"] for path in paths}


def test_every_restriction_of_a_caller_is_a_refusal_at_the_door() -> None:
    restrictions = {each.code for each in (PasswordChangeRequired, SecondFactorRequired, NetworkNotAllowed)}

    assert restrictions < set(AT_THE_DOOR)


REFUSED = [
    ({"by": "day", "at_gte": "2025-01-01T00:00:00Z", "at_lt": "2026-01-02T00:00:01Z"}, "range-required", "too-early"),
    ({"by": "hour", "log": "access", **MARCH, "at_gte": "2026-02-01T00:00:00Z"}, "range-required", "too-early"),
    ({"by": "route"}, "invalid-fields", "not-counted-by"),
    ({"by": "field,actor"}, "invalid-fields", "not-counted-by"),
    ({"by": "day", "field": "title", "action": "create"}, "invalid-fields", "not-counted-by"),
    ({"by": "hour,actor", "log": "access"}, "invalid-fields", "not-counted-by"),
    ({"by": "hour,guard", "log": "access"}, "invalid-fields", "not-counted-by"),
    ({"by": "guard"}, "invalid-fields", "not-counted-by"),
    ({"by": "day", "log": "access", "entity": "task"}, "invalid-fields", "not-counted-by"),
    ({"by": "actor", "sort": "time"}, "invalid-fields", "not-sortable"),
    ({"by": "colour"}, "invalid-fields", "enum"),
    ({"by": ""}, "invalid-fields", "enum"),
    ({}, "invalid-fields", "missing"),
    ({"by": "day", "limit": "1001"}, "invalid-fields", "less-than-equal"),
]


@pytest.mark.parametrize(("params", "code", "of_field"), REFUSED)
async def test_what_is_not_counted_is_refused(
    signed_in_as: SignedInAs, params: dict[str, str], code: str, of_field: str
) -> None:
    auditor = await signed_in_as("audit:read")

    answer = await auditor.get("/audit/summary", params=params)

    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    assert answer.json()["errors"][0]["code"] == of_field


async def test_a_year_is_counted(database: Database, signed_in_as: SignedInAs) -> None:
    auditor = await signed_in_as("audit:read")
    await add_changes(database, 2, at=OLD)
    await seal_all(sealer_of(database))
    year = {"sort": "-time", "at_gte": "2026-01-01T00:00:00Z", "at_lt": "2027-01-01T00:00:00Z"}

    answers = [await ask(auditor, by, **year) for by in ("day,entity", "day,field")]
    several = await auditor.get("/audit/summary", params={"by": ["day", "entity"], **year})

    assert [answer["items"][-1]["day"] for answer in answers] == ["2026-03-01", "2026-03-01"]
    assert several.json()["items"] == answers[0]["items"]


async def test_an_auditor_of_a_module_counts_its_entries_only(database: Database, signed_in_as: SignedInAs) -> None:
    worker = await signed_in_as("tasks:create", "brands:create")
    await worker.post("/tasks", {"title": "a"})
    await worker.post("/brands", {"name": "b"})
    await seal_all(sealer_of(database))
    auditor, both = await signed_in_as("tasks:audit"), await signed_in_as("tasks:audit", "brands:audit")
    everything = await signed_in_as("audit:read")

    assert groups_of(await ask(auditor, "module,entity"), "module", "entity") == [("tasks", "task", 1)]
    assert groups_of(await ask(auditor, "module", log="access"), "module") == [("tasks", 1)]
    assert groups_of(await ask(auditor, "actor", log="access"), "actor_id") == [(str(worker.id), 1)]
    assert {entity for entity, _ in groups_of(await ask(auditor, "entity,field"), "entity")} == {"task"}
    assert (await ask(auditor, "entity", entity="brand"))["total"] == 0
    assert (await ask(auditor, "module", log="access", module="brands"))["total"] == 0
    assert {entity for entity, _ in groups_of(await ask(both, "entity"), "entity")} == {"task", "brand"}
    modules = dict(groups_of(await ask(everything, "module"), "module"))
    assert modules.keys() >= {"tasks", "brands", None}
    assert (await ask(everything, "entity", module="brands"))["total"] == 1


async def test_who_audits_nothing_is_refused(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    reader = await signed_in_as("tasks:read")

    assert (await reader.get("/audit/summary", params={"by": "day"})).status_code == 403
    assert (await client.get("/audit/summary", params={"by": "day"})).status_code == 401
