"""Reads on a real streaming replica, which applies changes a moment later: never stale to who wrote them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from app.core.config import DatabaseSettings, Settings
from app.core.db.replica import WRITTEN, Replica
from app.main import create_app
from scripts.servers import PATIENCE_SECONDS, free_port
from tests.fixtures.databases import prepare, settings_for
from tests.people import Person, person
from tests.replicas import ReplicatedServer

pytestmark = pytest.mark.timeout(300)

LAG_SECONDS = 2.0


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplicatedServer]:
    with ReplicatedServer(delay="150ms") as servers:
        servers.primary.ask("CREATE DATABASE attest")
        url = servers.primary.url("attest").replace("postgresql:", "postgresql+asyncpg:")
        prepare(settings_for(url, tmp_path_factory.mktemp("replicated")))
        yield servers


@pytest.fixture
def replicated(servers: ReplicatedServer, redis_url: str, tmp_path: Path) -> Iterator[Settings]:
    """The settings of an application that reads from the replica."""
    urls = [
        each.url("attest").replace("postgresql:", "postgresql+asyncpg:") for each in (servers.primary, servers.replica)
    ]
    options = DatabaseSettings(replica_url=SecretStr(urls[1]), replica_lag_seconds=LAG_SECONDS)
    yield settings_for(urls[0], tmp_path / "var", database=options, redis_url=SecretStr(redis_url))
    servers.replica.ask("SELECT pg_wal_replay_resume()")


@pytest.fixture
async def app(replicated: Settings) -> AsyncIterator[FastAPI]:
    async with started(replicated) as app:
        yield app


@asynccontextmanager
async def started(settings: Settings) -> AsyncIterator[FastAPI]:
    """An application that knows the position of its primary."""
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        await replica_of(app).sample()
        yield app


def replica_of(app: FastAPI) -> Replica:
    found: Replica = app.state.database.replica
    return found


def client_of(app: FastAPI) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://attest.test/api/v1")


class Reads:
    """The reads of tasks that went to the replica or, after it or at once, to the primary."""

    def __init__(self, app: FastAPI) -> None:
        self.asked: list[str] = []
        self.primary: list[str] = []
        database = app.state.database
        replica_of(app).reader.listeners.append(lambda sql, _: self.asked.append(sql))
        database.reader.listeners.append(lambda sql, _: self.primary.append(sql) if "FROM task" in sql else None)

    def of_replica(self) -> int:
        """How many the replica answered."""
        return len(self.asked) - len(self.primary)


async def write_and_read(writer: Person, reader: Person, number: int) -> bool:
    """Whether the reader, who may be the writer elsewhere, sees what was just written."""
    item = (await writer.post("/tasks", {"title": f"Task {number}"})).json()
    await writer.patch(f"/tasks/{item['id']}", {"title": f"Changed {number}"})
    found = await reader.get(f"/tasks/{item['id']}")
    page = await reader.get("/tasks", params={"limit": 1, "sort": "-created_at"})
    assert found.status_code in {200, 404}
    first = page.json()["items"][0]["id"] if page.json()["items"] else None
    return (found.json().get("title"), first) == (f"Changed {number}", item["id"])


async def test_a_writer_sees_what_it_wrote_in_every_process(app: FastAPI, replicated: Settings) -> None:
    async with started(replicated) as other, client_of(app) as here, client_of(other) as there:
        writer = await person(app, here, ("tasks:create", "tasks:update"))
        elsewhere = Person(writer.id, writer.username, there, writer.access_token, writer.refresh_token)
        reads = Reads(other)
        seen = [await write_and_read(writer, reader, n) for n in range(20) for reader in (writer, elsewhere)]
        await asyncio.sleep(1)
        before = reads.of_replica()
        late = [(await elsewhere.get("/tasks")).status_code for _ in range(5)]

    assert seen == [True] * 40
    assert late == [200] * 5
    assert reads.of_replica() - before == 5
    assert reads.primary, "no read was too early for the replica"


async def test_others_see_it_though_the_replica_stands_still(app: FastAPI, servers: ReplicatedServer) -> None:
    async with client_of(app) as client:
        writer = await person(app, client, ("tasks:create", "tasks:update"))
        other = await person(app, client, ("tasks:read",))
        servers.replica.ask("SELECT pg_wal_replay_pause()")
        own = [await write_and_read(writer, writer, number) for number in range(3)]
        item = (await writer.post("/tasks", {"title": "Paused"})).json()
        async with asyncio.timeout(PATIENCE_SECONDS):
            answer = await other.get(f"/tasks/{item['id']}")
            while answer.status_code == 404:
                answer = await other.get(f"/tasks/{item['id']}")

    assert own == [True] * 3
    assert answer.json()["title"] == "Paused"


async def test_without_the_positions_of_others_the_primary_answers(replicated: Settings) -> None:
    silent = SecretStr(f"redis://127.0.0.1:{free_port()}")
    async with started(replicated.model_copy(update={"redis_url": silent})) as app, client_of(app) as client:
        writer = await person(app, client, ("tasks:create", "tasks:update"))
        reads = Reads(app)
        seen = await write_and_read(writer, writer, 0)

    assert seen
    assert reads.asked == []


async def test_the_guard_asks_the_primary(app: FastAPI, servers: ReplicatedServer) -> None:
    servers.replica.ask("SELECT pg_wal_replay_pause()")
    async with client_of(app) as client:
        boss = await person(app, client, superuser=True)
        other = await person(app, client, ("tasks:read",))
        allowed = await other.get("/tasks")
        await boss.patch(f"/users/{other.id}", {"is_active": False})
        refused = await other.get("/tasks")

    assert (allowed.status_code, refused.status_code) == (200, 401)


async def test_a_replica_that_is_killed_is_replaced_by_the_primary(app: FastAPI, servers: ReplicatedServer) -> None:
    async with client_of(app) as client:
        writer = await person(app, client, ("tasks:create", "tasks:update"))
        await writer.get("/tasks")
        servers.replica.stop()
        try:
            seen = [await write_and_read(writer, writer, number) for number in range(5)]
            paused_until = replica_of(app).retry_at
        finally:
            servers.replica.start()
        replica_of(app).retry_at = 0.0
        await asyncio.sleep(1)
        reads = Reads(app)
        answer = await writer.get("/tasks")

    assert seen == [True] * 5
    assert paused_until > 0
    assert answer.status_code == 200
    assert reads.of_replica() == 1


async def test_a_server_that_is_no_replica_is_not_asked(app: FastAPI) -> None:
    """A replica that was promoted has another history than the primary."""
    database = app.state.database
    promoted = Replica(database.settings.database, database.reader, database.reader)
    await promoted.sample()

    assert await promoted.fetch(None, WRITTEN) is None
