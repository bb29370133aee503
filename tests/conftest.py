"""Fixtures that every test may use, and the account of what ran on which database."""

import os
import shutil
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from redis import Redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry
from starlette.routing import BaseRoute

from app.core.clock import now
from app.core.config import Environment, RateLimitSettings, Settings
from app.core.context import RequestContext
from app.core.db import migrations
from app.core.db.engine import Database
from app.main import create_app, open_database
from app.modules.roles.hooks import synchronize_modules
from scripts.servers import UNLIMITED, Server, free_port
from tests.databases import BACKENDS, URL_VARIABLE, Backend, EmbeddedServer, in_a_thread
from tests.people import Person, person

os.environ["ENVIRONMENT"] = "test"

embedded: EmbeddedServer | None = None


def pytest_configure(config: pytest.Config) -> None:
    """The first process starts PostgreSQL where none is given; its workers use the same."""
    global embedded  # noqa: PLW0603  # pytest hooks share nothing else
    if not hasattr(config, "workerinput") and URL_VARIABLE not in os.environ:
        embedded = EmbeddedServer()
        os.environ[URL_VARIABLE] = embedded.url


def pytest_unconfigure() -> None:
    if embedded is not None:
        embedded.stop()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what ran where: a database that ran nothing is visible at once."""
    counts: Counter[tuple[str, str]] = Counter()
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.getreports(outcome):
            where = next(
                (name for name in BACKENDS if f"[{name}" in report.nodeid or f"-{name}" in report.nodeid), "no database"
            )
            counts[where, outcome] += 1
    terminalreporter.section("what ran on which database")
    for where in [*BACKENDS, "no database"]:
        parts = [f"{count} {outcome}" for (name, outcome), count in sorted(counts.items()) if name == where]
        version = f" {BACKENDS[where]().version()}" if where in BACKENDS else ""
        terminalreporter.write_line(f"{where}{version}: {', '.join(parts) or 'nothing ran'}")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session", params=list(BACKENDS))
def backend(request: pytest.FixtureRequest) -> Backend:
    return BACKENDS[request.param]()


@pytest.fixture(scope="session")
def template(backend: Backend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of a migrated database that every test of this process clones."""
    name = f"template_{uuid4().hex}"
    prepare(test_settings(backend.create(name), tmp_path_factory.mktemp("template")))
    yield name
    backend.drop(name)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Backend, str]]:
    """A migrated SQLite database, and where it is, for what clones its own."""
    backend, name = BACKENDS["sqlite"](), f"template_{uuid4().hex}"
    prepare(test_settings(backend.create(name), tmp_path_factory.mktemp("template")))
    yield backend, name
    backend.drop(name)


def prepare(settings: Settings) -> None:
    """Migrate a database and write its modules, as the first start of an application does."""

    async def sync() -> None:
        database = open_database(settings)
        await synchronize_modules(database, create_app(settings).state.modules)
        await database.dispose()

    migrations.upgrade(settings)
    in_a_thread(sync)


def test_settings(url: str, folder: Path, **changes: Any) -> Settings:
    values: dict[str, Any] = {
        "environment": Environment.test,
        "database_url": SecretStr(url),
        "secret_key": SecretStr("a root secret for tests only, 42 characters"),
        "state_dir": folder,
        "rate_limit": RateLimitSettings(enabled=False),
        **changes,
    }
    return Settings(_env_file=None, **values)


test_settings.__test__ = False  # type: ignore[attr-defined]  # a helper, whatever its name


@pytest.fixture
def database_url(backend: Backend, template: str) -> Iterator[str]:
    """A database of its own for one test."""
    name = f"test_{uuid4().hex}"
    yield backend.create(name, template)
    backend.drop(name)


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return test_settings(database_url, tmp_path / "var")


@cache
def built_routes() -> list[BaseRoute]:
    """The routes of the application. FastAPI builds them at their first request, which takes longer than most tests."""
    return create_app(test_settings("sqlite+aiosqlite:///:memory:", Path("unused"))).router.routes


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[FastAPI]:
    app = create_app(settings)
    app.router.routes[:] = built_routes()
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
def database(app: FastAPI) -> Database:
    found: Database = app.state.database
    return found


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Nobody in particular, calling the application in process."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=("192.0.2.7", 4711))
    async with httpx.AsyncClient(transport=transport, base_url="http://attest.test/api/v1") as client:
        yield client


SignedInAs = Callable[..., Awaitable[Person]]


@pytest.fixture
def signed_in_as(app: FastAPI, client: httpx.AsyncClient) -> SignedInAs:
    """`await signed_in_as("tasks:read", …)`: a person with exactly these permissions (`superuser=True` for all)."""

    async def sign_in(*permissions: str, superuser: bool = False) -> Person:
        return await person(app, client, permissions, superuser=superuser)

    return sign_in


@pytest.fixture
def pass_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """`pass_time(timedelta(days=1))`: it is a day later for whoever judges credentials."""

    def shift(ahead: timedelta) -> None:
        for module in ("access", "cache", "authenticator"):
            monkeypatch.setattr(f"app.modules.rbac.engine.{module}.now", lambda: now() + ahead)

    return shift


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Redis: the one that TEST_REDIS_URL names, or one of our own. REQUIRE_REDIS=1 fails where there is none."""
    if url := os.environ.get("TEST_REDIS_URL"):
        yield url
        return
    if shutil.which("redis-server") is None:
        if os.environ.get("REQUIRE_REDIS"):
            pytest.fail("redis-server is not installed")
        pytest.skip("neither TEST_REDIS_URL nor a redis-server is there")
    port, folder = free_port(), tmp_path_factory.mktemp("redis")
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        client = Redis(host="127.0.0.1", port=port, retry=Retry(ConstantBackoff(0.1), 100))
        client.ping()
        client.close()
        yield f"redis://127.0.0.1:{port}/0"
        process.terminate()


@pytest.fixture
def job() -> RequestContext:
    return RequestContext.for_job("test")


@pytest.fixture
def server(settings: Settings, tmp_path: Path) -> Iterator[Server]:
    """A real server process on the test's own database."""
    environment = {
        "ENVIRONMENT": "test",
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "SECRET_KEY": settings.secret_key.get_secret_value(),
        "STATE_DIR": str(settings.state_dir),
        **UNLIMITED,
    }
    with Server(environment).start(log=tmp_path / "server.log") as server:
        yield server
