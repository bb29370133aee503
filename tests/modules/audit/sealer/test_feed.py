"""The feed: every committed change once, in the order of the log, for readers who wait for the next ones."""

import asyncio
import time
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.core.config import AuditSettings, LimitSettings, Settings
from app.core.db.engine import Database
from app.core.runtime.concurrency_limit import ConcurrencyLimit
from app.modules.audit.sealer.logs import Log
from tests.core.db.plans import statements_of
from tests.fixtures.application import client_of, started
from tests.modules.audit.entries import access_entries
from tests.modules.audit.sealer.followers import OpenRequest, growth_of, wait_until
from tests.modules.audit.sealer.sealed import (
    add_changes,
    change_values,
    past_the_application,
    seal_all,
    sealed_ids,
    sealer_of,
)
from tests.people import Person, SignedInAs, person

TICK = 0.05
LONG = {"wait": 30}
changes = Log.changes.table


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"audit": AuditSettings(sealer="apart", tick=TICK)})


@pytest.fixture
async def reader(signed_in_as: SignedInAs) -> Person:
    return await signed_in_as("audit:read")


async def read_feed(reader: Person, **parameters: Any) -> dict[str, Any]:
    response = await reader.get("/audit/feed", params=parameters)
    assert response.status_code == 200, response.text
    page: dict[str, Any] = response.json()
    return page


async def follow_feed(reader: Person, limit: int, after: int = 0) -> list[dict[str, Any]]:
    """Every change that is sealed now, page by page."""
    found: list[dict[str, Any]] = []
    while page := await read_feed(reader, after=after, limit=limit):
        if not page["items"]:
            return found
        found += page["items"]
        after = page["after"]
    return found


async def seal_some(database: Database, count: int = 1) -> None:
    await add_changes(database, count)
    await seal_all(sealer_of(database))


@pytest.mark.parametrize("limit", [1, 3, 1000])
async def test_every_change_comes_once_and_in_the_order_of_the_log(
    database: Database, reader: Person, limit: int
) -> None:
    """Also those that were committed behind others with higher numbers."""
    sealer = sealer_of(database)
    await add_changes(database, 2)
    if not database.settings.is_sqlite:
        async with past_the_application(database) as slow:
            await slow.execute(changes.insert().values(change_values()))
            await add_changes(database, 2)
            await seal_all(sealer)
            await slow.commit()
    await add_changes(database, 3)
    await seal_all(sealer)
    await add_changes(database, 1)

    found = await follow_feed(reader, limit)

    ids = await sealed_ids(database)
    assert [entry["seq"] for entry in found] == list(range(1, len(ids) + 1))
    assert [entry["id"] for entry in found] == ids
    assert ids == sorted(ids) or not database.settings.is_sqlite
    middle = len(ids) // 2
    assert [entry["id"] for entry in await follow_feed(reader, limit, after=middle)] == ids[middle:]


async def test_a_change_is_shown_as_in_the_list(database: Database, signed_in_as: SignedInAs) -> None:
    admin = await signed_in_as(superuser=True)
    await admin.post("/customers", {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.com"})
    await seal_all(sealer_of(database))

    fed = (await follow_feed(admin, 100))[-1]

    assert fed["changes"]["first_name"] == {"old": None, "new": "Ada"}
    assert fed == (await admin.get("/audit/changes")).json()["items"][0]


async def test_a_reader_who_waits_is_woken_within_a_tick(database: Database, reader: Person) -> None:
    await seal_some(database)
    after = (await read_feed(reader, limit=1000))["after"]
    waiting = asyncio.create_task(read_feed(reader, after=after, **LONG))
    await asyncio.sleep(0.3)
    assert not waiting.done()

    await seal_some(database)
    began = time.monotonic()
    page = await waiting

    assert [entry["seq"] for entry in page["items"]] == [after + 1]
    assert page["after"] == after + 1
    assert time.monotonic() - began < 20 * TICK, "many ticks on a busy machine, and far less than the wait"


async def test_a_wait_for_nothing_ends_with_an_empty_page(database: Database, reader: Person) -> None:
    await seal_some(database)
    after = (await read_feed(reader, limit=1000))["after"]

    began = time.monotonic()
    page = await read_feed(reader, after=after, wait=1)

    assert page == {"items": [], "after": after}
    assert 1 <= time.monotonic() - began < 10


async def test_before_the_first_seal_the_feed_is_empty(reader: Person) -> None:
    assert await read_feed(reader) == {"items": [], "after": 0}
    assert await read_feed(reader, wait=1) == {"items": [], "after": 0}


async def test_many_wait_without_a_connection_and_one_looks(database: Database, reader: Person) -> None:
    await seal_some(database)
    after = (await read_feed(reader, limit=1000))["after"]
    assert database.settings.database.readers < 20
    waiting = [asyncio.create_task(read_feed(reader, after=after, **LONG)) for _ in range(20)]
    await wait_until(lambda: growth_of(reader).waiting == len(waiting))

    with statements_of(database, "audit_checkpoint") as statements:
        await asyncio.sleep(10 * TICK)
    assert 1 <= len(statements) <= 11
    await seal_some(database)
    pages = await asyncio.gather(*waiting)

    assert {tuple(entry["seq"] for entry in page["items"]) for page in pages} == {(after + 1,)}
    with statements_of(database, "audit_checkpoint") as statements:
        await asyncio.sleep(5 * TICK)
    assert statements == [], "nobody waits"


async def test_a_client_that_goes_away_waits_no_longer(app: FastAPI, reader: Person) -> None:
    async with OpenRequest(app, reader, "/audit/feed", wait="30") as request:
        await wait_until(lambda: growth_of(reader).waiting == 1)

    assert growth_of(reader).waiting == 0
    assert request.messages.empty()
    assert [(row.status, row.error_code) for row in (await access_entries(app))[-1:]] == [(499, "response-cut-short")]


async def test_too_many_who_wait_are_refused(reader: Person) -> None:
    growth = growth_of(reader)
    growth.readers = ConcurrencyLimit("readers of changes", 1, queue=0)
    waiting = asyncio.create_task(read_feed(reader, **LONG))
    await wait_until(lambda: growth.waiting == 1)

    refused = await reader.get("/audit/feed", params=LONG)
    answered = await reader.get("/audit/feed")
    growth.end()

    assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
    assert refused.headers["retry-after"]
    assert answered.status_code == 200, "which does not wait"
    assert await waiting == {"items": [], "after": 0}, "a process that stops lets nobody wait"


async def test_the_time_limit_of_requests_does_not_end_a_wait(settings: Settings) -> None:
    short = settings.model_copy(update={"limits": LimitSettings(request_seconds=0.5)})
    async with started(short) as app, client_of(app) as client:
        reader = await person(app, client, ("audit:read",))

        assert await read_feed(reader, wait=1) == {"items": [], "after": 0}


async def test_a_caller_whose_session_ends_while_it_waits_reads_nothing(database: Database, reader: Person) -> None:
    await seal_some(database)
    after = (await read_feed(reader, limit=1000))["after"]
    waiting = asyncio.create_task(reader.get("/audit/feed", params={"after": after, **LONG}))
    await wait_until(lambda: growth_of(reader).waiting == 1)

    assert (await reader.post("/auth/logout")).status_code == 204
    await seal_some(database)

    assert (await waiting).status_code == 401


async def test_reading_the_feed_needs_the_permission(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    other = await signed_in_as("tasks:read", "tasks:delete")

    assert (await other.get("/audit/feed")).status_code == 403
    assert (await client.get("/audit/feed")).status_code == 401


@pytest.mark.parametrize(
    "parameters", ["after=-1", "after=x", "wait=31", "wait=-1", "limit=0", "limit=1001", "since=1", f"after={2**63}"]
)
async def test_bad_parameters_of_the_feed_are_named(reader: Person, parameters: str) -> None:
    response = await reader.get(f"/audit/feed?{parameters}")

    assert response.status_code == 422, response.text
    assert response.json()["errors"][0]["pointer"] == f"/query/{parameters.partition('=')[0]}"


async def test_a_reader_who_has_more_than_the_log_is_told(database: Database, reader: Person) -> None:
    """The database was restored: what follows is not what the reader misses."""
    await seal_some(database)
    size = (await read_feed(reader, limit=1000))["after"]

    response = await reader.get("/audit/feed", params={"after": size + 1, **LONG})

    assert (response.status_code, response.json()["code"]) == (409, "ahead-of-log")
    assert (await reader.get("/audit/feed", params={"after": 2**63 - 1})).status_code == 409
