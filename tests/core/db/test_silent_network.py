"""A network to PostgreSQL that goes silent: connections stay open, and nothing ever arrives on them again."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select
from sqlalchemy.engine import make_url

from app.core.config import AuditSettings, DatabaseSettings, Settings
from app.core.context import RequestContext
from app.core.db.entity import table_of
from app.core.errors import DatabaseUnavailable
from app.main import create_app
from app.modules.audit.models import AuditAccess, AuditChange
from app.modules.tasks.models import Task
from scripts.proxy import Proxy
from tests.fixtures.databases import settings_for
from tests.people import person

RETURN_SECONDS = 30
DATABASE = DatabaseSettings(readers=5, writers=5, job_seconds=1, silence_seconds=2, statement_timeout_ms=3000)


@pytest.fixture
async def proxy(settings: Settings) -> AsyncIterator[Proxy]:
    if settings.is_sqlite:
        pytest.skip("SQLite has no network")
    url = make_url(settings.database_url.get_secret_value())
    proxy = await Proxy(str(url.query.get("host") or url.host), int(url.port or 5432)).start()
    yield proxy
    await proxy.stop()


def through(proxy: Proxy, settings: Settings, folder: Path) -> Settings:
    """The same database by way of the proxy, with short limits."""
    url = make_url(settings.database_url.get_secret_value()).set(host="127.0.0.1", port=proxy.port, query={})
    limits = settings.limits.model_copy(update={"request_seconds": 3.0})
    text = url.render_as_string(hide_password=False)
    return settings_for(text, folder, database=DATABASE, limits=limits, audit=AuditSettings(ship_interval=5))


@pytest.mark.timeout(120)
async def test_every_acknowledged_write_has_its_entries_though_old_connections_stay_silent(
    proxy: Proxy, settings: Settings, tmp_path: Path
) -> None:
    app = create_app(through(proxy, settings, tmp_path / "proxied"))
    acknowledged: list[str] = []
    retried: list[str] = []

    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://attest.test/api/v1", timeout=60) as client:
            someone = await person(app, client, ("tasks:create",))

            async def write(number: int) -> None:
                headers = {"Idempotency-Key": f"write-{number}"}
                deadline = time.monotonic() + RETURN_SECONDS
                while True:
                    answer = await someone.post("/tasks", {"title": f"task {number}"}, headers=headers)
                    if answer.status_code == 201:
                        acknowledged.append(answer.headers["x-request-id"])
                        return
                    assert answer.status_code in (409, 503, 504), answer.text
                    assert time.monotonic() < deadline, "no retry succeeded in time"
                    retried.append(answer.json()["code"])
                    await asyncio.sleep(0.2)

            await asyncio.gather(*(write(number) for number in range(20)))
            silent = proxy.silence()
            began = time.monotonic()
            await ship(app, began + RETURN_SECONDS)
            flushed = time.monotonic() - began
            silent += proxy.silence()
            await asyncio.gather(*(write(number) for number in range(20, 40)))
        stopping = time.monotonic()
    stopped = time.monotonic() - stopping

    assert silent >= 3
    assert retried
    assert len(acknowledged) == 40
    assert flushed < RETURN_SECONDS
    assert stopped < RETURN_SECONDS
    assert await count_of(settings, tmp_path) == {"tasks": 40, "changes": 40, "accesses": 40}


async def ship(app: FastAPI, deadline: float) -> None:
    """Ship every entry, as the periodic task would: after a failure again. Raises TimeoutError."""
    while True:
        with suppress(DatabaseUnavailable):
            await asyncio.wait_for(app.state.access_log.flush(), deadline - time.monotonic())
            return


async def count_of(settings: Settings, folder: Path) -> dict[str, Any]:
    """Rows, change entries of creations, and access entries of acknowledged creations, without the proxy."""
    app = create_app(settings_for(settings.database_url.get_secret_value(), folder / "direct"))
    access, change = table_of(AuditAccess), table_of(AuditChange)
    created = select(func.count()).where(access.c.status == 201, access.c.path == "/api/v1/tasks")
    changed = select(func.count()).where(change.c.entity == "task", change.c.action == "create")
    async with app.router.lifespan_context(app):
        reader = app.state.database.read_session(RequestContext())
        return {
            "tasks": await reader.value(select(func.count()).select_from(table_of(Task))),
            "changes": await reader.value(changed),
            "accesses": await reader.value(created),
        }
