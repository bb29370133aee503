"""The roll-ups are what the logs come to, at every moment: after each batch, crash, and race of processes."""

import asyncio
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import orjson
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from alembic import command
from app.core.db import migrations
from app.core.db.engine import Database
from app.modules.audit.requests.shipper import Shipper
from app.modules.audit.sealer.logs import Log
from tests.modules.api_keys.test_api_keys import make_key
from tests.modules.audit.rollups.recount import check_rollups, hours_of_changes, read_rollups
from tests.modules.audit.sealer.sealed import add_changes, read_all, seal_all, sealer_of
from tests.people import Person, SignedInAs
from tests.roles import as_owner

BEFORE_ROLLUPS = "d92f6e31a08b"
DAYS = [datetime(2026, 3, day, hour, 59, 59, 999_999, tzinfo=UTC) for day in (1, 2, 31) for hour in (0, 23)]


@pytest.fixture
async def shipper(app: FastAPI) -> Shipper:
    """The shipper of the application, which ships only when it is told to."""
    await app.state.access_log.work.stop()
    shipper: Shipper = app.state.access_log
    return shipper


async def act(dice: Random, people: list[Person], tasks: list[str]) -> None:
    """Do one of many things: some fail, some change several rows or nothing."""
    person, number = dice.choice(people), dice.randrange(8)
    task = dice.choice(tasks)
    if number == 0:
        made = await person.post("/tasks", {"title": f"task {dice.random()}"})
        tasks.extend([made.json()["id"]] if made.is_success else [])
    elif number == 1:
        await person.patch(f"/tasks/{task}", {"title": f"again {dice.random()}", "priority": "high"})
    elif number == 2:
        await person.delete(f"/tasks/{task}")
    elif number == 3:
        await person.post(f"/tasks/{task}/restore")
    elif number == 4:
        await person.post("/brands", {"name": f"brand {dice.randrange(3)}"})
    elif number == 5:
        await person.client.get(f"/nothing/{dice.random()}")
    elif number == 6:
        await person.call(dice.choice(["BREW", "TRACE", "HEAD"]), "/tasks")
    else:
        await person.get("/tasks", params={"limit": dice.choice([1, 0])})


async def crew(signed_in_as: SignedInAs) -> list[Person]:
    root, reader = await signed_in_as(superuser=True), await signed_in_as("tasks:read")
    robot, _ = await make_key(root, "tasks:read", "tasks:update")
    return [root, root, reader, robot]


@pytest.mark.parametrize("seed", range(3))
async def test_they_are_the_groups_of_the_logs(
    shipper: Shipper, database: Database, signed_in_as: SignedInAs, seed: int
) -> None:
    dice, people = Random(seed), await crew(signed_in_as)
    tasks = [(await people[0].post("/tasks", {"title": "first"})).json()["id"]]
    await people[0].delete(f"/tasks/{tasks[0]}")
    await people[0].post(f"/tasks/{tasks[0]}/restore")
    await people[0].call("BREW", "/tasks")
    sealer = sealer_of(database, batch=7)

    for _ in range(10):
        for _ in range(dice.randrange(16)):
            await act(dice, people, tasks)
        if dice.randrange(2):
            await shipper.flush()
        else:
            await sealer.tick(dice.choice(list(Log)))
        await check_rollups(database)
    await shipper.flush()
    await seal_all(sealer)

    found = await check_rollups(database)
    assert {key[0] for key in found["audit_day"]} == {"access", "changes"}
    assert {key[-1] for key in found["audit_day"] if key[0] == "changes"} == {"create", "update", "delete", "restore"}
    assert "other" in {key[7] for key in found["audit_day"]}


async def test_a_day_and_an_hour_are_those_of_utc(shipper: Shipper, database: Database, client: Any) -> None:
    await client.get("/nothing")
    entry = orjson.loads(shipper.spool.read(0, 1)[0][0])
    for at in DAYS:
        shipper.spool.append(orjson.dumps({**entry, "at": at.isoformat()}))
        await add_changes(database, 2, at=at)

    await shipper.flush()
    await seal_all(sealer_of(database))

    found = await check_rollups(database)
    days = {(str(at.date())) for at in DAYS}
    assert {key[1] for key in found["audit_day"] if key[1] in days} == days
    assert len(found["audit_hour"]) == len(DAYS) + 1


async def test_a_later_batch_widens_the_hours_of_changes(database: Database) -> None:
    """Its entries can be older than those of the batch before."""
    start = datetime(2026, 3, 1, 10, tzinfo=UTC)
    for minutes in (30, 50, 10, 20, 0):
        await add_changes(database, 2, at=start + timedelta(minutes=minutes))
        await seal_all(sealer_of(database))
        await check_rollups(database)

    found = (await check_rollups(database))["audit_change_hour"]
    assert found["field", "title", str(start), "task"] == (start, start + timedelta(minutes=50))


@pytest.mark.parametrize("table", ["audit_day", "audit_hour", "audit_field", "audit_change_hour"])
async def test_a_crash_leaves_neither_entries_nor_counts(
    shipper: Shipper, database: Database, signed_in_as: SignedInAs, table: str
) -> None:
    """The connection is lost with the statement that counts, or with the one behind it."""
    people, dice = await crew(signed_in_as), Random(1)
    tasks = [(await people[0].post("/tasks", {"title": "first"})).json()["id"]]
    sealer = sealer_of(database)
    await shipper.flush()
    await seal_all(sealer)
    before = await check_rollups(database)
    lost: list[str] = []
    is_sealed = table in ("audit_field", "audit_change_hour")

    def fail(sql: str, _values: Any) -> None:
        is_behind = bool(lost) and "INSERT" not in sql
        if table in sql or is_behind:
            lost.append(sql)
        if is_behind:
            raise ConnectionError("lost")

    for _ in range(20):
        await act(dice, people, tasks)
    listeners = (sealer.database if is_sealed else database).writers.listeners
    listeners.append(fail)
    with pytest.raises(ConnectionError):
        await (sealer.tick(Log.changes) if is_sealed else shipper.flush())
    listeners.remove(fail)
    assert await check_rollups(database) == before

    await shipper.flush()
    await seal_all(sealer)
    assert await check_rollups(database) != before


async def test_shippers_of_several_processes_count_the_same_groups(
    shipper: Shipper, database: Database, client: Any
) -> None:
    """Each batch has all groups, in another order: processes that locked them in that order would deadlock."""
    await client.get("/nothing")
    entry, dice = orjson.loads(shipper.spool.read(0, 1)[0][0]), Random(2)
    shippers = [shipper, *(Shipper(database) for _ in range(3))]

    async def ship(each: Shipper) -> None:
        for _ in range(8):
            routes = [f"/route/{number}" for number in range(40)]
            dice.shuffle(routes)
            for route in routes:
                each.spool.append(orjson.dumps({**entry, "route": route}))
            await each.flush()

    await asyncio.gather(*map(ship, shippers))

    found = await check_rollups(database)
    assert {count for (_, _, route, *_), (count, *_) in found["audit_hour"].items() if route} == {32}
    for each in shippers[1:]:
        await each.stop()


async def test_the_migration_counts_what_is_there(
    shipper: Shipper, database: Database, signed_in_as: SignedInAs
) -> None:
    """Sealed changes and shipped requests; what waits is counted later. Hours of changes have both."""
    dice, people = Random(3), await crew(signed_in_as)
    tasks = [(await people[0].post("/tasks", {"title": "first"})).json()["id"]]
    await add_changes(database, 3, at=DAYS[0] + timedelta(hours=1))
    for _ in range(60):
        await act(dice, people, tasks)
    await shipper.flush()
    await seal_all(sealer_of(database))
    await people[0].post("/tasks", {"title": "not sealed"})
    before = await check_rollups(database)

    config = migrations.config(as_owner(database.settings))
    await asyncio.to_thread(command.downgrade, config, BEFORE_ROLLUPS)
    await asyncio.to_thread(command.upgrade, config, "head")

    hours = hours_of_changes(await read_all(database, select(Log.changes.table)))
    assert before["audit_change_hour"] != hours
    assert await read_rollups(database) == before | {"audit_change_hour": hours}
    await shipper.flush()
    await seal_all(sealer_of(database))
    await check_rollups(database)
