"""Lists of the changes of a field or an action show what a look at each entry finds, however sorted and sealed."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from operator import attrgetter
from random import Random
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text

from app.core.clock import hour_of, now
from app.core.db.engine import Database
from app.core.db.session import AnyRow
from app.modules.audit.rollups.counting import shown_action
from app.modules.audit.sealer.logs import Log
from tests.modules.audit.sealer.sealed import (
    add_changes,
    change_values,
    past_the_application,
    read_all,
    run_sql,
    seal_all,
    sealer_of,
)
from tests.people import Person, SignedInAs

ACTORS = [UUID(int=number) for number in (1, 2)]
HOURS = 40
LAST = hour_of(now())
"""The last hour with entries."""


def make_changes(dice: Random, count: int) -> Iterator[dict[str, Any]]:
    """Change entries of two days, some at the edges of hours: of a frequent field, a rare one, and others."""
    for number in range(count):
        minutes = dice.choice([0, 0, 59.999_999, dice.randrange(60)])
        at = LAST - timedelta(hours=dice.randrange(HOURS), minutes=minutes)
        fields = {name: {"old": None, "new": "b"} for name in ("title", "name") if dice.randrange(3)}
        if number % 50 == 0:
            fields["sku"] = {"old": "a", "new": None}
        if dice.randrange(8) == 0:
            fields["deleted_at"] = {"old": None, "new": dice.choice([None, "2026-01-01T00:00:00Z"])}
        entity, actor = dice.choice(["task", "task", "brand", "session"]), dice.choice([*ACTORS, None])
        action = "delete" if number % 40 == 9 else dice.choice(["create", "update", "update"])
        yield change_values(at=at, changes=fields, entity=entity, actor_id=actor, action=action)


async def add_all(database: Database, changes: list[dict[str, Any]]) -> None:
    await run_sql(database, *(Log.changes.table.insert().values(each) for each in changes))


def is_wanted(row: AnyRow, params: dict[str, Any]) -> bool:
    """Whether an entry matches filters."""
    found = {"entity": row.entity, "actor_id": str(row.actor_id), "action": shown_action(row.action, row.changes)}
    start, end = (datetime.fromisoformat(params.get(name, far)) for name, far in EDGES.items())
    is_equal = all(params.get(name, value) == value for name, value in found.items())
    of_module = params.get("module", "tasks") == "tasks" and ("module" not in params or row.entity == "task")
    has_field = "field" not in params or row.changes.get(params["field"]) is not None
    return has_field and start <= row.at < end and is_equal and of_module


EDGES = {"at_gte": "2000-01-01T00:00:00Z", "at_lt": "2100-01-01T00:00:00Z"}


async def look_at_each(database: Database, params: dict[str, Any], sort: str = "-at,-id") -> list[int]:
    """The numbers of the entries that match, in the order of `sort`, without an index."""
    rows = [row for row in await read_all(database, select(Log.changes.table)) if is_wanted(row, params)]
    for name in reversed(sort.split(",")):
        rows.sort(key=attrgetter(name.removeprefix("-")), reverse=name.startswith("-"))
    return [row.id for row in rows]


async def read_pages(auditor: Person, params: dict[str, Any], limit: int) -> list[int]:
    """The numbers on all pages of a list."""
    found: list[int] = []
    page = {"next_cursor": None}
    while not found or page["next_cursor"]:
        cursor = {"cursor": page["next_cursor"]} if found else {}
        answer = await auditor.get("/audit/changes", params={**params, **cursor, "limit": limit})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        if not page["items"]:
            break
        found += [item["id"] for item in page["items"]]
    return found


PERIOD = {
    "at_gte": (LAST - timedelta(hours=21, minutes=30)).isoformat().replace("+00:00", "Z"),
    "at_lt": (LAST - timedelta(hours=7)).isoformat().replace("+00:00", "Z"),
}
KINDS: list[dict[str, Any]] = [
    *({"field": field} for field in ("title", "sku", "deleted_at", "absent")),
    *({"action": action} for action in ("create", "update", "delete", "restore")),
]
BESIDE: list[dict[str, Any]] = [
    {},
    {"actor_id": str(ACTORS[0])},
    {"entity": "brand"},
    {"module": "tasks"},
    {"action": "delete"},
    {"field": "title"},
    PERIOD,
    {**PERIOD, "entity": "task", "actor_id": str(ACTORS[1])},
]


@pytest.mark.parametrize(
    ("sort", "sealed"), [("-at,-id", 0.7), ("at,id", 0.7), ("-at,id", 0.7), ("id", 0.7), ("-at,-id", 0), ("at,id", 1)]
)
async def test_pages_are_what_a_look_at_each_entry_finds(
    database: Database, signed_in_as: SignedInAs, sort: str, sealed: float
) -> None:
    dice, auditor = Random(f"{sort} {sealed}"), await signed_in_as("audit:read")
    changes, sealer = list(make_changes(dice, 160)), sealer_of(database, batch=23)
    for begin, end in pairwise(range(0, int(len(changes) * sealed) + 1, 16)):
        await add_all(database, changes[begin:end])
        await seal_all(sealer)
    await add_all(database, changes[int(len(changes) * sealed) // 16 * 16 :])

    for kind in KINDS:
        for beside in BESIDE if kind != {"field": "absent"} else BESIDE[:1]:
            params = {**kind, **beside}
            expected = await look_at_each(database, params, sort)
            assert await read_pages(auditor, {**params, "sort": sort}, 10) == expected, params
    assert len(await look_at_each(database, {"field": "title"})) > 90
    assert 0 < len(await look_at_each(database, {"field": "sku"})) < 5


async def test_an_auditor_of_one_module_sees_its_changes_only(database: Database, signed_in_as: SignedInAs) -> None:
    auditor, sealer = await signed_in_as("tasks:audit"), sealer_of(database)
    changes = list(make_changes(Random(7), 80))
    await add_all(database, changes[:60])
    await seal_all(sealer)
    await add_all(database, changes[60:])

    for kind in KINDS:
        expected = await look_at_each(database, {**kind, "entity": "task"})
        assert await read_pages(auditor, kind, 5) == expected


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
async def test_what_was_sealed_in_another_order_is_found(database: Database, signed_in_as: SignedInAs) -> None:
    """A transaction that began first is committed after others were sealed, whose numbers and times are higher."""
    auditor, sealer = await signed_in_as("audit:read"), sealer_of(database)
    async with past_the_application(database) as connection:
        for minutes in (5, 50):
            late = change_values(at=LAST - timedelta(hours=3, minutes=minutes), changes={"sku": {"new": "a"}})
            await connection.execute(Log.changes.table.insert().values(late))
        await add_changes(database, 2, at=LAST - timedelta(hours=3, minutes=20), changes={"sku": {"new": "b"}})
        await seal_all(sealer)
        assert len(await read_pages(auditor, {"field": "sku"}, 2)) == 2
        await connection.commit()

    assert len(await read_pages(auditor, {"field": "sku"}, 2)) == 4, "they are not sealed yet"
    await seal_all(sealer)

    assert await read_pages(auditor, {"field": "sku"}, 2) == await look_at_each(database, {"field": "sku"})


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
async def test_a_seal_of_another_system_hides_nothing(database: Database, signed_in_as: SignedInAs) -> None:
    """A dump was restored into a system whose transactions have lower numbers."""
    auditor = await signed_in_as("audit:read")
    await add_changes(database, 3, xid=2**40)
    await seal_all(sealer_of(database))
    assert await read_pages(auditor, {"field": "title"}, 2) == await look_at_each(database, {"field": "title"})
    await run_sql(database, text("UPDATE audit_seal SET cluster = 'another/00000001'"))
    for xid in (1, None):
        await run_sql(database, Log.changes.table.insert().values(change_values(xid=xid)))

    found = await read_pages(auditor, {"field": "title"}, 2)

    await seal_all(sealer_of(database))

    assert len(found) >= 5
    assert await read_pages(auditor, {"field": "title"}, 2) == found
    assert found == await look_at_each(database, {"field": "title"})
