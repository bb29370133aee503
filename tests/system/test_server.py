"""A real server process: SIGTERM, SIGKILL, a flood of sign-ins, and more clients than connections."""

import asyncio
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Barrier
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import select

from app.core.config import Settings
from app.core.context import RequestContext
from app.core.db.entity import table_of
from app.main import open_database
from app.modules.audit.models import AuditAccess
from scripts import flood, saturate
from scripts.servers import PATIENCE_SECONDS, ROOT, UNLIMITED, Server
from tests.fixtures.servers import environment_of

pytestmark = pytest.mark.timeout(300)
CLIENTS = 4


def test_sigterm_answers_what_is_in_flight_and_leaves_nothing_open(settings: Settings, server: Server) -> None:
    """Every sign-in computes a hash, so that some are in flight when the signal comes."""

    every_client_works = Barrier(CLIENTS + 1)

    def sign_in_until_closed(_: int) -> list[int]:
        statuses: list[int] = []
        with suppress(httpx.TransportError):  # refused, or closed before the server read the request
            while True:
                data = {"username": uuid4().hex, "password": "nothing"}
                answer = httpx.post(f"{server.url}/api/v1/auth/token", data=data, timeout=PATIENCE_SECONDS)
                statuses.append(answer.status_code)
                if len(statuses) == 2:
                    every_client_works.wait(PATIENCE_SECONDS)
        return statuses

    with ThreadPoolExecutor(CLIENTS) as clients:
        answers = [clients.submit(sign_in_until_closed, n) for n in range(CLIENTS)]
        every_client_works.wait(PATIENCE_SECONDS)
        code = server.terminate()
        statuses = [status for answer in answers for status in answer.result()]

    assert code in (0, -signal.SIGTERM)
    assert set(statuses) == {401}
    assert asyncio.run(logged_statuses(settings)) == statuses, "every request was answered and has its access entry"
    assert list((settings.state_dir / "spool").glob("*.spool")) == []


async def logged_statuses(settings: Settings) -> list[int]:
    """The statuses of the sign-ins in the access log."""
    database = open_database(settings)
    access = table_of(AuditAccess)
    statement = select(access.c.status).where(access.c.path == "/api/v1/auth/token")
    try:
        return [row.status for row in await database.read_session(RequestContext()).all(statement)]
    finally:
        await database.dispose()


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_a_flood_of_sign_ins_does_not_stop_other_requests(settings: Settings) -> None:
    """A short form of `make flood`; how long others wait is printed, not checked."""
    result = asyncio.run(flood.run(environment_of(settings) | UNLIMITED, clients=50, seconds=2.0, rounds=1))

    print(result.line())  # noqa: T201  # the evidence, with -s
    assert set(result.statuses) <= flood.ALLOWED
    assert len(result.flooded) > 10
    assert result.growth < flood.MAX_GROWTH


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_more_clients_than_connections_stall_no_request(settings: Settings) -> None:
    """A short form of `make saturate`."""
    result = asyncio.run(saturate.run(environment_of(settings), connections=32, seconds=4.0))

    assert set(result.statuses) <= saturate.ALLOWED
    assert result.successful_calls >= 64, "every client succeeded more than once"
    assert result.slowest < saturate.LONGEST


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "command",
    [
        ["uvicorn", "app.main:app"],
        ["fastapi", "dev", "app/main.py", "--no-reload"],
    ],
    ids=["uvicorn", "fastapi-dev"],
)
async def test_the_usual_launchers_work_too(settings: Settings, command: list[str]) -> None:
    from scripts.servers import free_port  # noqa: PLC0415  # only here

    port = free_port()
    program = str(Path(sys.executable).parent / command[0])
    process = await asyncio.create_subprocess_exec(
        program,
        *command[1:],
        "--port",
        str(port),
        cwd=ROOT,
        env={**os.environ, **environment_of(settings)},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with httpx.AsyncClient() as client:
            answer = None
            while answer is None and process.returncode is None:
                with suppress(httpx.TransportError):
                    answer = await client.get(f"http://127.0.0.1:{port}/readyz")
                await asyncio.sleep(0.1)
        assert answer is not None, f"{command[0]} ended with {process.returncode}"
        assert answer.json()["status"] == "ready"
    finally:
        process.terminate()
        await process.wait()
