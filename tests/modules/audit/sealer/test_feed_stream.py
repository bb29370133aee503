"""The feed as server-sent events: every committed change once and in order, for as long as the caller may read."""

import asyncio

import httpx
import pytest
from fastapi import FastAPI

from app.core.config import AuditSettings, LimitSettings, Settings
from app.core.db.engine import Database
from app.core.runtime.concurrency_limit import ConcurrencyLimit
from app.modules.audit.feed import router
from tests.core.db.plans import statements_of
from tests.modules.audit.entries import access_entries
from tests.modules.audit.sealer.followers import OpenRequest, growth_of, wait_until
from tests.modules.audit.sealer.sealed import add_changes, seal_all, sealed_ids, sealer_of
from tests.people import Person, SignedInAs

STREAM = "/audit/feed/stream"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"audit": AuditSettings(sealer="apart", tick=0.05)})


@pytest.fixture
async def reader(signed_in_as: SignedInAs) -> Person:
    return await signed_in_as("audit:read")


async def seal_some(database: Database, count: int = 1) -> int:
    """Seal so many changes at least, and return the place of the last one."""
    await add_changes(database, count)
    await seal_all(sealer_of(database))
    return len(await sealed_ids(database))


async def test_a_stream_has_what_is_there_and_what_comes(app: FastAPI, database: Database, reader: Person) -> None:
    size = await seal_some(database, 2 * router.STREAMED)

    async with OpenRequest(app, reader, STREAM) as stream:
        head = await stream.head()
        found = await stream.events(size)
        for _ in range(3):
            await wait_until(lambda: growth_of(reader).waiting == 1)
            size = await seal_some(database)
            found += await stream.events(1)

    assert (head["status"], dict(head["headers"])[b"content-type"]) == (200, b"text/event-stream; charset=utf-8")
    assert dict(head["headers"])[b"cache-control"] == b"no-store"
    assert [entry["seq"] for entry in found] == list(range(1, size + 1))
    assert [entry["id"] for entry in found] == await sealed_ids(database)
    assert found[0] == (await reader.get("/audit/feed?limit=1")).json()["items"][0]


async def test_a_stream_resumes_behind_the_last_event(app: FastAPI, database: Database, reader: Person) -> None:
    size = await seal_some(database, 5)

    async with OpenRequest(app, reader, STREAM, {"last-event-id": str(size - 2)}, after="1") as resumed:
        await resumed.head()
        assert [entry["seq"] for entry in await resumed.events(2)] == [size - 1, size]
    async with OpenRequest(app, reader, STREAM, after=str(size - 1)) as begun:
        await begun.head()
        assert [entry["seq"] for entry in await begun.events(1)] == [size]


async def test_a_stream_without_changes_stays_alive(
    settings: Settings, app: FastAPI, database: Database, reader: Person
) -> None:
    """Longer than a request may take, with a comment in between."""
    app.state.settings = settings.model_copy(update={"limits": LimitSettings(request_seconds=1)})

    async with OpenRequest(app, reader, STREAM) as stream:
        await stream.head()
        comments = [await stream.part() for _ in range(5)]
        await seal_some(database)
        assert (await stream.events(1))[0]["seq"] == 1

    assert comments == [": ping"] * 5


async def test_a_client_that_goes_away_ends_its_stream(app: FastAPI, reader: Person) -> None:
    async with OpenRequest(app, reader, STREAM) as stream:
        await stream.head()
        await wait_until(lambda: growth_of(reader).waiting == 1)

    assert growth_of(reader).waiting == 0
    assert not growth_of(reader).readers.slots.locked()
    assert [(row.status, row.error_code) for row in (await access_entries(app))[-1:]] == [(200, "response-cut-short")]


async def test_a_slow_client_gets_one_page_at_a_time(app: FastAPI, database: Database, reader: Person) -> None:
    size = await seal_some(database, 5 * router.STREAMED)

    async with OpenRequest(app, reader, STREAM) as stream:
        await stream.head()
        stream.may_send.clear()
        await asyncio.sleep(0.2)
        with statements_of(database, "audit_run") as statements:
            await asyncio.sleep(0.5)
        assert statements == []
        stream.may_send.set()
        assert [entry["seq"] for entry in await stream.events(size)] == list(range(1, size + 1))


async def test_a_stream_ends_with_the_session(app: FastAPI, database: Database, reader: Person) -> None:
    async with OpenRequest(app, reader, STREAM) as stream:
        await stream.head()
        assert await stream.part() == ": ping"
        await wait_until(lambda: growth_of(reader).waiting == 1)
        assert (await reader.post("/auth/logout")).status_code == 204
        await seal_some(database)
        assert await stream.part() is None

    last = next(row for row in reversed(await access_entries(app)) if row.path.endswith("/stream"))
    assert (last.status, last.error_code) == (200, None)


async def test_a_stream_ends_when_the_process_stops(app: FastAPI, reader: Person) -> None:
    async with OpenRequest(app, reader, STREAM) as stream:
        await stream.head()
        await wait_until(lambda: growth_of(reader).waiting == 1)
        for end in app.state.before_stop:
            end()
        assert [await stream.part(), await stream.part()] == [": ping", None]


async def test_too_many_streams_are_refused(app: FastAPI, reader: Person) -> None:
    growth_of(reader).readers = ConcurrencyLimit("readers of changes", 1, queue=0)

    async with OpenRequest(app, reader, STREAM) as stream:
        await stream.head()
        refused = await reader.get(STREAM)

    assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")


async def test_streaming_needs_the_permission(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    other = await signed_in_as("tasks:read")

    assert (await other.get(STREAM)).status_code == 403
    assert (await client.get(STREAM)).status_code == 401


@pytest.mark.parametrize("last", ["-1", "x", "", "1.5", str(2**63)])
async def test_a_bad_last_event_is_named(reader: Person, last: str) -> None:
    response = await reader.get(STREAM, headers={"Last-Event-ID": last})

    assert response.status_code == 422, response.text
    assert response.json()["errors"][0]["pointer"] == "/header/Last-Event-ID"


async def test_a_follower_who_has_more_than_the_log_is_told(database: Database, reader: Person) -> None:
    size = await seal_some(database)

    response = await reader.get(STREAM, headers={"Last-Event-ID": str(size + 1)})

    assert (response.status_code, response.json()["code"]) == (409, "ahead-of-log")
