"""The product behind a real PgBouncer in transaction mode, whose pool has four connections."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from sqlalchemy import Integer, Select, func, literal, select

from app.core.config import DatabaseSettings, Settings
from app.core.context import RequestContext
from app.core.db import migrations
from app.core.db.engine import Database
from app.core.db.integrity import to_problem
from app.core.db.postgresql import connect_directly
from app.core.db.role_limits import RoleWithoutLimits, set_limits
from app.core.errors import Problem
from app.main import create_app, open_database
from app.modules.rbac.engine.invalidation import CHANNEL
from app.modules.rbac.engine.listener import Listener
from scripts.servers import PATIENCE_SECONDS, UNLIMITED, Server, signed_in
from tests.fixtures.databases import settings_for
from tests.fixtures.servers import environment_of, superuser_in
from tests.modules.audit.entries import add_task
from tests.people import person
from tests.poolers import POOL_SIZE, PgBouncer

pytestmark = [pytest.mark.parametrize("backend", ["postgresql"], indirect=True), pytest.mark.timeout(300)]

CLIENTS = 20
ROUNDS = 5


@pytest.fixture
def unlimited(settings: Settings, pooler: PgBouncer, tmp_path: Path) -> Settings:
    """The settings of an application behind the pooler, whose role has no time limits yet."""
    options = DatabaseSettings(
        pooler="transaction", direct_url=settings.database_url, statement_timeout_ms=1500, job_seconds=60
    )
    return settings_for(pooler.url, tmp_path / "pooled", database=options)


@pytest.fixture
async def pooled(unlimited: Settings) -> Settings:
    """The same with time limits."""
    await set_limits(unlimited, apply=True)
    return unlimited


@pytest.fixture
async def database(pooled: Settings) -> AsyncIterator[Database]:
    database = open_database(pooled)
    yield database
    await database.dispose()


def pooled_environment(settings: Settings) -> dict[str, str]:
    direct = settings.without_pooler.database_url.get_secret_value()
    options = {"DATABASE__POOLER": "transaction", "DATABASE__DIRECT_URL": direct}
    return environment_of(settings) | UNLIMITED | options


async def ask(settings: Settings, sql: str) -> Any:
    """The value of `sql`, past the pooler."""
    connection = await connect_directly(settings, "attest-test")
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def test_a_thousand_requests_of_twenty_clients_succeed_on_four_connections(
    pooled: Settings, tmp_path: Path
) -> None:
    with Server(pooled_environment(pooled), workers=2).start(log=tmp_path / "server.log") as server:
        async with signed_in(server, await superuser_in(pooled), timeout=PATIENCE_SECONDS) as api:
            found = await asyncio.gather(*(work(api, number) for number in range(CLIENTS)))
            sessions = await ask(pooled, OPEN_SESSIONS)
        server.terminate()

    answers = [answer for answers in found for answer in answers]
    assert Counter(answer.status_code for answer in answers if not answer.is_success) == {}
    assert len(answers) == 1000
    assert 1 <= sessions <= POOL_SIZE
    assert await ask(pooled, "SELECT count(*) FROM task WHERE deleted_at IS NULL") == CLIENTS * ROUNDS
    entries = "SELECT count(*) FROM audit_access WHERE path ~ '/api/v1/(tasks|brands|audit)' AND status < 300"
    assert await ask(pooled, entries) == 1000
    changes = "SELECT count(*) FROM audit_change WHERE entity = 'task' AND action = 'create'"
    assert await ask(pooled, changes) == 2 * CLIENTS * ROUNDS


OPEN_SESSIONS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'attest'"
)


async def work(api: httpx.AsyncClient, number: int) -> list[httpx.Response]:
    """Fifty requests of one client: reads, writes, retries with an idempotency key, files in and out."""
    answers = []
    for turn in range(ROUNDS):
        key = {"Idempotency-Key": f"{number}-{turn}"}
        created = await api.post("/tasks", json={"title": f"Task {number} {turn}"}, headers=key)
        again = await api.post("/tasks", json={"title": f"Task {number} {turn}"}, headers=key)
        gone = await api.post("/tasks", json={"title": "To delete"})
        assert created.json()["id"] == again.json()["id"]
        address, csv = f"/tasks/{created.json()['id']}", {"Content-Type": "text/csv"}
        lines = f"name\nBrand {number} {turn}\n"
        answers += [
            created,
            again,
            gone,
            await api.get(address),
            await api.patch(address, json={"title": f"Changed {number}"}, headers={"If-Match": '"1"'}),
            await api.get("/tasks", params={"q": "changed", "total": "true", "sort": "title"}),
            await api.get("/tasks", headers={"Accept": "text/csv"}),
            await api.post("/brands/import", content=lines.encode(), headers=csv),
            await api.delete(f"/tasks/{gone.json()['id']}"),
            await api.get("/audit/changes", params={"entity": "task"}),
        ]
    return answers


async def test_statements_are_cut_by_the_limit_of_the_role(database: Database) -> None:
    long: Select[Any] = select(func.pg_sleep(60))
    job = RequestContext.for_job("test")

    with pytest.raises(Exception) as read:  # noqa: PT011  # its problem is compared below
        await database.read_session(job).value(long)
    with pytest.raises(Exception) as written:  # noqa: PT011  # its problem is compared below
        async with database.unit_of_work(job) as session:
            await session.value(long)

    assert [code_of(read.value), code_of(written.value)] == ["request-timeout", "request-timeout"]
    assert await database.read_session(job).value(select(1)) == 1


def code_of(error: BaseException) -> str:
    problem = error if isinstance(error, Problem) else to_problem(error)  # type: ignore[arg-type]  # of SQLAlchemy
    assert problem is not None
    return problem.code


async def test_a_value_that_cannot_be_sent_holds_no_session(database: Database) -> None:
    """Regression: asyncpg parses the statement, then refuses the value, and a pooler waits for the end of both."""
    reader = database.read_session(RequestContext.for_job("test"))
    too_large: Select[Any] = select(literal(2**40, Integer))

    errors = await asyncio.gather(*(reader.value(too_large) for _ in range(2 * POOL_SIZE)), return_exceptions=True)

    assert {code_of(error) for error in errors if isinstance(error, Exception)} == {"invalid-fields"}
    assert await reader.value(select(1)) == 1


async def test_an_application_whose_role_has_no_limits_does_not_start(unlimited: Settings) -> None:
    app = create_app(unlimited)

    with pytest.raises(RoleWithoutLimits, match="lock_timeout, statement_timeout; run"):
        async with app.router.lifespan_context(app):
            pass


async def test_events_arrive_past_the_pooler(database: Database) -> None:
    """A pooler accepts LISTEN, and then no event arrives: only the poll would tell of revocations."""
    heard = asyncio.Event()
    listener = Listener(database, heard.set)
    await listener.ensure()
    heard.clear()

    await ask(database.settings, f"SELECT pg_notify('{CHANNEL}', '1')")
    async with asyncio.timeout(PATIENCE_SECONDS):
        await heard.wait()

    await listener.close()


async def test_a_revocation_in_one_process_reaches_another(pooled: Settings) -> None:
    first, second = create_app(pooled), create_app(pooled)
    async with (
        first.router.lifespan_context(first),
        second.router.lifespan_context(second),
        client_of(first) as one,
        client_of(second) as other,
    ):
        reader, boss = await person(first, other, ("tasks:read",)), await person(first, one, superuser=True)
        allowed = answer = await reader.get("/tasks")
        await boss.patch(f"/users/{reader.id}", {"is_active": False})
        async with asyncio.timeout(PATIENCE_SECONDS):
            while answer.is_success:
                answer = await reader.get("/tasks")

    assert (allowed.status_code, answer.status_code) == (200, 401)


def client_of(app: Any) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://attest.test/api/v1")


async def test_dead_sessions_of_the_pooler_are_unavailable_and_are_replaced(pooled: Settings) -> None:
    app = create_app(pooled)
    statuses = []
    async with app.router.lifespan_context(app), client_of(app) as client:
        worker = await person(app, client, ("tasks:create", "tasks:read"))
        for _ in range(5):
            await ask(pooled, END_SESSIONS)
            together = [worker.get("/tasks"), worker.post("/tasks", {"title": "one"})] * 3
            statuses += [answer.status_code for answer in await asyncio.gather(*(call for call in together))]
        afterwards = [(await worker.get("/tasks")).status_code for _ in range(pooled.database.readers + 1)]

    assert set(statuses + afterwards) <= {200, 201, 503}
    assert afterwards[-1] == 200


END_SESSIONS = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name = 'attest'"
)


async def test_migrations_lead_past_the_pooler(database: Database) -> None:
    """They change the limits of their session, and would leave that to the next user of a pooled one."""
    await asyncio.to_thread(migrations.upgrade, database.settings)

    shown: Select[Any] = select(*(func.current_setting(name) for name in ("statement_timeout", "lock_timeout")))
    found = {tuple(row) for _ in range(POOL_SIZE) for row in await database.read_session(RequestContext()).all(shown)}

    assert found == {("1500ms", "3s")}


async def test_the_backstop_tells_the_application_from_others(database: Database, unlimited: Settings) -> None:
    """Sessions of the pool serve both in turn, and the pooler passes on the name of each connection."""
    job, external = RequestContext.for_job("test"), "SELECT count(*) FROM audit_change WHERE source = 'external'"
    url = unlimited.database_url.get_secret_value().replace("+asyncpg", "")
    other = await asyncpg.connect(url, statement_cache_size=0, server_settings={"application_name": "psql"})
    try:
        for turn in range(1, 4):
            await asyncio.gather(*(add_task(database, job) for _ in range(2 * POOL_SIZE)))
            await other.execute("UPDATE task SET title = title || '!' WHERE id IN (SELECT id FROM task LIMIT 1)")
            assert await ask(unlimited, external) == turn
    finally:
        await other.close()
