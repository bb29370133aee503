"""A real server process: the flow, a graceful end, a hard one, and more clients than connections."""

import asyncio
import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import select

from app.core.config import Settings
from app.core.context import RequestContext
from app.core.db.entity import table_of
from app.main import open_database
from app.modules.audit.models import AuditAccess
from scripts import flood, kill_9, saturate
from scripts.servers import ROOT, UNLIMITED, Server
from tests.core.test_cli import described


def test_sigterm_answers_what_is_in_flight_and_leaves_nothing_open(settings: Settings, server: Server) -> None:
    """Sign-ins take a real hash each, so some are in flight when the signal comes."""

    def sign_in_until_closed(_: int) -> list[int]:
        statuses: list[int] = []
        with suppress(httpx.TransportError):  # refused, or closed before the server read anything
            while True:
                data = {"username": uuid4().hex, "password": "nothing"}
                answer = httpx.post(f"{server.url}/api/v1/auth/token", data=data, timeout=20)
                statuses.append(answer.status_code)
        return statuses

    with ThreadPoolExecutor(4) as clients:
        answers = [clients.submit(sign_in_until_closed, n) for n in range(4)]
        time.sleep(1.5)
        code = server.terminate()
        statuses = [status for answer in answers for status in answer.result()]

    assert code in (0, -signal.SIGTERM)
    assert set(statuses) == {401}
    assert asyncio.run(recorded(settings)) == statuses, "what was begun was answered and recorded"
    assert list((settings.state_dir / "spool").glob("*.spool")) == []


async def recorded(settings: Settings) -> list[int]:
    """The statuses of the sign-ins on the record."""
    database = open_database(settings)
    access = table_of(AuditAccess)
    statement = select(access.c.status).where(access.c.path == "/api/v1/auth/token")
    try:
        return [row.status for row in await database.read_session(RequestContext()).all(statement)]
    finally:
        await database.dispose()


def test_a_flood_of_sign_ins_leaves_others_served(settings: Settings) -> None:
    """A short form of `make flood`; how long others wait is printed, not judged."""
    result = asyncio.run(flood.run(described(settings) | UNLIMITED, clients=50, seconds=2.0, rounds=1))

    print(result.line())  # noqa: T201  # the evidence, with -s
    assert set(result.statuses) <= flood.ALLOWED
    assert len(result.flooded) > 10
    assert result.growth < flood.MAX_GROWTH


def test_kill_9_loses_no_acknowledged_write(settings: Settings, tmp_path: Path) -> None:
    """A short form of `make kill-9`."""
    result = asyncio.run(kill_9.run(described(settings), rounds=2, seconds=1.0))

    assert result.acknowledged > 20
    assert result.complaints == []


def test_more_clients_than_connections_stall_nobody(settings: Settings) -> None:
    """A short form of `make saturate`."""
    result = asyncio.run(saturate.run(described(settings), connections=32, seconds=4.0))

    assert set(result.statuses) <= saturate.ALLOWED
    assert result.succeeded >= 64, "every client got through more than once"
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
        env={**os.environ, **described(settings)},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with httpx.AsyncClient() as client:
            for _ in range(100):
                try:
                    answer = await client.get(f"http://127.0.0.1:{port}/readyz")
                    break
                except httpx.TransportError:
                    await asyncio.sleep(0.2)
            assert answer.json() == {"status": "ready"}
    finally:
        process.terminate()
        await process.wait()
