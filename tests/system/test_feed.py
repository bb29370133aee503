"""Readers who follow the changes of a real server: it stops, and they go away, while they wait."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from app.core.config import Settings
from app.core.context import RequestContext
from app.core.db.entity import table_of
from app.core.db.session import AnyRow
from app.main import open_database
from app.modules.audit.models import AuditAccess
from scripts.servers import PATIENCE_SECONDS, UNLIMITED, Server, signed_in
from tests.fixtures.servers import environment_of, superuser_in
from tests.roles import as_role

pytestmark = pytest.mark.timeout(300)
PROMPT_SECONDS = 15.0
"""Less than a wait, and than the time after which a server is killed; a busy machine needs some of it."""
access = table_of(AuditAccess)


@pytest.fixture
def server(settings: Settings, tmp_path: Path) -> Iterator[Server]:
    """A server that seals."""
    sealing = {"AUDIT__SEALER": "inline", "AUDIT__TICK": "0.1"}
    environment = environment_of(as_role(settings, "inline")) | UNLIMITED | sealing
    with Server(environment).start(log=tmp_path / "server.log") as server:
        yield server


@asynccontextmanager
async def reader_of(server: Server, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    async with signed_in(server, await superuser_in(settings), timeout=PATIENCE_SECONDS) as client:
        yield client


async def read_feed(reader: httpx.AsyncClient, **parameters: Any) -> dict[str, Any]:
    response = await reader.get("/audit/feed", params=parameters)
    assert response.status_code == 200, response.text
    page: dict[str, Any] = response.json()
    return page


async def end_of_feed(reader: httpx.AsyncClient) -> int:
    """The place behind all that is there now."""
    page = await read_feed(reader, limit=1000, wait=30)
    while page["items"]:
        page = await read_feed(reader, after=page["after"], limit=1000, wait=1)
    return int(page["after"])


async def feed_requests(settings: Settings) -> list[AnyRow]:
    """The access entries of requests for the feed, in their order."""
    database = open_database(settings)
    statement = select(access).where(access.c.path.startswith("/api/v1/audit/feed")).order_by(access.c.id)
    try:
        return list(await database.read_session(RequestContext()).all(statement))
    finally:
        await database.dispose()


async def wait_for_entry(settings: Settings, is_it: Callable[[AnyRow], bool]) -> None:
    """Wait until the server has written such an entry."""
    async with asyncio.timeout(PROMPT_SECONDS):
        while not any(map(is_it, await feed_requests(settings))):  # noqa: ASYNC110  # another process writes it
            await asyncio.sleep(0.1)


async def test_a_reader_who_waits_gets_what_is_committed(settings: Settings, server: Server) -> None:
    async with reader_of(server, settings) as reader:
        after = await end_of_feed(reader)
        waiting = asyncio.create_task(read_feed(reader, after=after, wait=30))
        await asyncio.sleep(0.5)
        began = time.monotonic()
        task = (await reader.post("/tasks", json={"title": "new"})).json()
        page = await waiting

    assert [entry["entity_id"] for entry in page["items"]] == [task["id"]]
    assert time.monotonic() - began < PROMPT_SECONDS


async def test_a_server_that_stops_lets_nobody_wait(settings: Settings, server: Server) -> None:
    async with reader_of(server, settings) as reader:
        after = await end_of_feed(reader)
        waiting = asyncio.create_task(read_feed(reader, after=after, wait=30))
        await asyncio.sleep(0.5)
        began = time.monotonic()
        code = await asyncio.to_thread(server.terminate)

        assert code in (0, -signal.SIGTERM)
        assert time.monotonic() - began < PROMPT_SECONDS
        assert await waiting == {"items": [], "after": after}
    assert list((settings.state_dir / "spool").glob("*.spool")) == []
    last = (await feed_requests(settings))[-1]
    assert (last.status, last.error_code) == (200, None)


async def test_a_reader_who_goes_away_waits_no_longer(settings: Settings, server: Server) -> None:
    async with reader_of(server, settings) as reader:
        after = await end_of_feed(reader)
        with pytest.raises(httpx.ReadTimeout):
            await reader.get("/audit/feed", params={"after": after, "wait": 30}, timeout=0.5)
        await wait_for_entry(settings, lambda entry: entry.status == 499)


async def test_a_stream_is_followed_until_the_server_stops(settings: Settings, server: Server) -> None:
    async with reader_of(server, settings) as reader:
        after = await end_of_feed(reader)
        async with reader.stream("GET", "/audit/feed/stream", params={"after": after}) as stream:
            lines = stream.aiter_lines()
            assert await anext(lines) == ": ping"
            ids = []
            for number in range(3):
                await reader.post("/tasks", json={"title": f"task {number}"})
                ids.append(await next_id(lines))
            began = time.monotonic()
            stopping = asyncio.create_task(asyncio.to_thread(server.terminate))
            assert [line async for line in lines if line and not line.startswith(":")] == []
            assert await stopping in (0, -signal.SIGTERM)

    assert ids == [after + 1, after + 2, after + 3]
    assert time.monotonic() - began < PROMPT_SECONDS
    last = (await feed_requests(settings))[-1]
    assert (last.status, last.error_code) == (200, None)


async def next_id(lines: AsyncIterator[str]) -> int:
    async for line in lines:
        if line.startswith("id: "):
            return int(line.removeprefix("id: "))
    raise AssertionError("the stream ended")


async def test_a_follower_who_goes_away_ends_its_stream(settings: Settings, server: Server) -> None:
    async with reader_of(server, settings) as reader:
        async with reader.stream("GET", "/audit/feed/stream") as stream:
            await anext(stream.aiter_bytes())
        await wait_for_entry(settings, lambda entry: entry.error_code == "response-cut-short")
