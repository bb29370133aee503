"""The command line, run as a process where that matters."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Protocol

import httpx
import pytest
from typer.testing import CliRunner, Result

from app import cli
from app.core.config import Settings
from app.core.runtime import logging
from scripts.servers import Server, free_port
from tests.fixtures.servers import environment_of
from tests.modules.audit.master_keys import NEW, settings_with

ROOT = Path(__file__).parents[2]


def run(settings: Settings, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment_of(settings), **environment},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )


class Command(Protocol):
    def __call__(self, *arguments: str, **environment: str) -> Result: ...


@pytest.fixture
def command(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Command:
    """A command in this process, for what a process of its own would not do differently."""
    monkeypatch.setattr(cli, "settings", lambda: settings)
    monkeypatch.setattr(logging, "configure", lambda *_: None)

    def invoke(*arguments: str, **environment: str) -> Result:
        return CliRunner().invoke(cli.cli, arguments, env=environment)

    return invoke


def test_seeding_shows_passwords_once_and_changes_nothing_twice(settings: Settings) -> None:
    """Regression: seeding dropped tables."""
    first, second = run(settings, "seed", "--count", "3"), run(settings, "seed", "--count", "3")

    assert first.returncode == second.returncode == 0, first.stderr + second.stderr
    shown = dict(re.findall(r"^  (\w+) +(\S+)$", first.stdout, re.MULTILINE))
    assert set(shown) == {"admin", "office", "manager", "warehouse", "sales", "support", "reader", "auditor"}
    assert all(len(password) >= 20 for password in shown.values())
    assert "there already" in second.stdout
    with Server(environment_of(settings)).start() as server:
        answer = httpx.post(
            f"{server.url}/api/v1/auth/token", data={"username": "manager", "password": shown["manager"]}
        )
        token = answer.raise_for_status().json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        pages = [
            httpx.get(f"{server.url}/api/v1/{name}?total=true&limit=1", headers=headers).json()
            for name in ("tasks", "products", "customers", "brands", "categories")
        ]
    assert [page["total"] for page in pages] == [3, 3, 3, 20, 19]


async def test_a_renamed_or_deleted_demo_user_stays_so(settings: Settings) -> None:
    from sqlalchemy import select  # noqa: PLC0415  # only here

    from app.core.clock import now  # noqa: PLC0415  # only here
    from app.core.context import RequestContext  # noqa: PLC0415  # only here
    from app.main import open_database  # noqa: PLC0415  # only here
    from app.modules.users import User  # noqa: PLC0415  # only here

    assert run(settings, "seed", "--count", "3").returncode == 0
    database = open_database(settings)
    async with database.unit_of_work(RequestContext.for_job("test")) as session:
        people = {user.username: user for user in (await session.execute(select(User))).scalars()}
        people["reader"].username = "rita"
        people["auditor"].deleted_at = now()

    again = run(settings, "seed", "--count", "3")

    assert again.returncode == 0, again.stderr
    assert "there already" in again.stdout
    async with database.unit_of_work(RequestContext.for_job("test")) as session:
        names = {user.username for user in (await session.execute(select(User))).scalars()}
    await database.dispose()
    assert names == {"admin", "office", "manager", "warehouse", "sales", "support", "rita"}


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_demo_data_has_no_place_in_production(settings: Settings) -> None:
    secret = "kP3v-9sXw2_QeRt7uYb4NmZa6LcDf8Gh"
    production = {
        "ENVIRONMENT": "production",
        "SECRET_KEY": secret,
        "AUDIT__PERSONAL_KEY": secret[::-1],
        "AUDIT__SECRET_DIGEST_KEY": secret[5:] + secret[:5],
        "AUTH__SIGNING_KEY_FILES": '["/nowhere.pem"]',
    }

    refused = run(settings, "seed", **production)

    assert (refused.returncode, refused.stdout) == (1, "")
    assert "no place in production" in refused.stderr


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("password", "username", "reason"),
    [
        ("short", "boss", "12 to 128 characters"),
        ("passwordpassword", "boss", "anybody would try"),
        ("the boss is always right", "boss", "contains your name"),
        ("a long and quiet river", "b", "username"),
    ],
)
def test_a_superuser_obeys_the_policy(command: Command, password: str, username: str, reason: str) -> None:
    named = ("--username", username, "--email", "boss@example.com")
    refused = command("create-superuser", *named, SUPERUSER_PASSWORD=password)

    assert (refused.exit_code, type(refused.exception)) == (1, SystemExit), "refused, and not by a traceback"
    assert reason in refused.stderr
    assert password not in refused.stderr


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
async def test_limits_are_printed_and_set_on_request(settings: Settings) -> None:
    from app.core.db.postgresql import connect_directly  # noqa: PLC0415  # only here

    async def statement_timeout() -> str:
        connection = await connect_directly(settings, "attest-test")
        found: str = await connection.fetchval("SHOW statement_timeout")
        await connection.close()
        return found

    printed = run(settings, "limits", DATABASE__STATEMENT_TIMEOUT_MS="1500")
    before = await statement_timeout()
    applied = run(settings, "limits", "--apply", DATABASE__STATEMENT_TIMEOUT_MS="1500")

    assert printed.returncode == applied.returncode == 0, printed.stderr + applied.stderr
    assert re.search(r"^ALTER ROLE \w+ IN DATABASE \w+ SET statement_timeout = 1500;$", printed.stdout, re.MULTILINE)
    assert (before, applied.stdout, await statement_timeout()) == ("0", printed.stdout, "1500ms")


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_limits_that_cannot_be_set_are_refused_without_a_traceback(settings: Settings) -> None:
    direct = f"postgresql+asyncpg://attest:canary@127.0.0.1:{free_port()}/attest"

    refused = run(settings, "limits", "--apply", DATABASE__DIRECT_URL=direct)

    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("Refused: ")
    assert "Traceback" not in refused.stderr
    assert "canary" not in refused.stderr


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_sqlite_has_no_limits_to_set(command: Command) -> None:
    refused = command("limits")

    assert (refused.exit_code, "SQLite has no roles" in refused.stderr) == (1, True)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_server_logs_to_stdout_and_a_command_to_stderr(settings: Settings, tmp_path: Path) -> None:
    """Regression: a server logged to stderr, where no collector of logs looks."""
    out, err = tmp_path / "out", tmp_path / "err"
    environment = environment_of(settings) | {"DATABSE_URL": "canary"}
    with Server(environment).start(log=out, errors=err) as server:
        httpx.get(f"{server.url}/healthz")
        server.terminate()
    migrated = run(settings, "migrate", DEBUG="true")

    assert "unknown_setting" in out.read_text()
    assert "DATABSE_URL" in out.read_text()
    assert "canary" not in out.read_text() + err.read_text()
    assert err.read_text() == ""
    assert (migrated.returncode, migrated.stdout) == (0, "")


def create(settings: Settings, username: str, password: str) -> "subprocess.CompletedProcess[str]":
    named = ("--username", username, "--email", "boss@example.com")
    return run(settings, "create-superuser", *named, SUPERUSER_PASSWORD=password)


def test_a_superuser_is_made_once(settings: Settings) -> None:
    made = create(settings, "boss", "a long and quiet river")
    twice = create(settings, "boss", "a long and quiet river")
    silent = run(settings, "create-superuser", "--username", "other", "--email", "o@example.com")

    assert made.returncode == 0, made.stderr
    assert (twice.returncode, "already taken" in twice.stderr, "Traceback" in twice.stderr) == (1, True, False)
    assert silent.returncode != 0, "without a password and a terminal there is no superuser"


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_command_of_a_module_prints_its_lines_and_has_its_exit_code(
    settings: Settings, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = ("--username", "boss", "--email", "boss@example.com")
    assert command("create-superuser", *named, SUPERUSER_PASSWORD="a long and quiet river").exit_code == 0

    done = command("rewrap")
    monkeypatch.setattr(cli, "settings", lambda: settings_with(settings, NEW))
    failed = command("rewrap")

    assert (done.exit_code, done.stdout.count("0 of 1 keys were rewrapped")) == (0, 1)
    assert (failed.exit_code, failed.stdout.count("Cannot be opened: 1 keys")) == (1, 1)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_migrate_makes_an_empty_database_complete(settings: Settings, tmp_path: Path) -> None:
    """Regression: migrating an empty database missed tables."""
    import sqlite3  # noqa: PLC0415  # looks at the file itself

    from sqlmodel import SQLModel  # noqa: PLC0415  # only here

    path = tmp_path / "new" / "empty.db"
    url = f"sqlite+aiosqlite:///{path}"

    first = run(settings, "migrate", DATABASE_URL=url)
    second = run(settings, "migrate", DATABASE_URL=url)

    assert first.returncode == second.returncode == 0, first.stderr
    with sqlite3.connect(path) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    connection.close()
    expected = {table.name for table in SQLModel.metadata.tables.values() if not table.name.endswith("_of_a_test")}
    assert expected <= tables


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_the_openapi_document_is_printed(settings: Settings) -> None:
    printed = run(settings, "openapi", DATABSE_URL="x", ENVIRONMENT="development")
    document = json.loads(printed.stdout)

    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert len(operations) >= 30
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    assert all("default" in operation["responses"] for operation in operations)
    assert "Problem" in document["components"]["schemas"]
    update = document["components"]["schemas"]["TaskUpdate"]
    assert "required" not in update
    assert "default" not in update["properties"]["title"]
