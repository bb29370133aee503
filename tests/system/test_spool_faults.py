"""Faults of the disk and of the process, with real servers: nothing is lost, doubled, or done without an entry."""

import asyncio
import itertools
import resource
import signal
import socket
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest
from sqlalchemy import select

from app.core.config import Settings
from app.core.context import RequestContext
from app.core.db.entity import table_of
from app.core.db.session import AnyRow
from app.main import open_database
from app.modules.audit.entries.canonical import ENTRY_FORMAT
from app.modules.audit.models import AuditAccess, AuditChange
from app.modules.audit.requests.shipment import COLUMNS, access_table
from app.modules.audit.sealer.logs import Log
from app.modules.audit.sealer.sealer import Sealer
from app.modules.audit.sealer.signers import load_signers
from app.modules.tasks.models import Task
from scripts.servers import UNLIMITED, Server, signed_in
from tests.disks import small_disk
from tests.fixtures.databases import settings_for
from tests.fixtures.servers import environment_of, superuser_in
from tests.modules.audit.entries import select_with_callers
from tests.modules.audit.sealer.sealed import seal_all
from tests.roles import as_role

pytestmark = pytest.mark.timeout(300)

WRITERS = 8
CREATED, REFUSED = "created", "audit-log-unavailable"
LARGE_ENTRY = "/" + "%01" * 2000
"""A path whose entry is large."""
ROWS = 4000
"""With long paths: more bytes than fit into the buffers between a server and a client that does not read."""


class FullDisk(Protocol):
    """A folder whose disk can be filled under a server."""

    folder: Path

    def fill(self, server: Server) -> None: ...

    def free(self, server: Server) -> None: ...


class SmallFileSystem:
    """A file system of a few megabytes."""

    def __init__(self, folder: Path, fill: Any, free: Any) -> None:
        self.folder = folder
        self.fill = lambda _server: fill()
        self.free = lambda _server: free()


class FileSizeLimit:
    """No file of the server may grow beyond what its spool has, which any user may set."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, server: Server) -> None:
        spools = (self.folder / "var" / "spool").glob("*.spool")
        self.limit(server, max(path.stat().st_size for path in spools))

    def free(self, server: Server) -> None:
        self.limit(server, resource.RLIM_INFINITY)

    def limit(self, server: Server, size: int) -> None:
        _, hard = resource.prlimit(server.worker, resource.RLIMIT_FSIZE)
        resource.prlimit(server.worker, resource.RLIMIT_FSIZE, (size, hard))


@pytest.fixture
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FullDisk]:
    """A small file system beside PostgreSQL, and a limit of file sizes beside SQLite, which needs no permission."""
    if request.getfixturevalue("backend").name == "postgresql":
        with small_disk(tmp_path / "disk") as small:
            yield SmallFileSystem(small.folder, small.fill, small.free)
    elif sys.platform == "linux":
        yield FileSizeLimit(tmp_path)
    else:
        pytest.skip("the limits of another process can be set on Linux only")


async def test_a_full_disk_loses_and_doubles_nothing(database_url: str, disk: FullDisk, tmp_path: Path) -> None:
    """Regression: 54 of 54 writes were committed, answered with 503, and had no access entry."""
    settings = settings_for(database_url, disk.folder / "var")
    environment = environment_of(settings) | UNLIMITED | {"AUDIT__SHIP_INTERVAL": "2"}
    server = Server(environment)
    answers: dict[str, str] = {}
    names = map(str, itertools.count())
    with server.start(tmp_path / "server.log"):
        async with signed_in(server, await superuser_in(settings), timeout=60) as client:
            await write_together(client, names, answers)
            disk.fill(server)
            while list(answers.values()).count(REFUSED) < 20:
                await write_together(client, names, answers)
                assert (await client.get(f"{server.url}/healthz")).status_code == 200
            disk.free(server)
            while await write(client, next(names), answers) != CREATED:
                pass  # it recovers by itself
            await write_together(client, names, answers)
        assert server.terminate() in (0, -signal.SIGTERM)

    acknowledged = sorted(name for name, answer in answers.items() if answer == CREATED)
    assert set(answers.values()) <= {CREATED, REFUSED, "database-unavailable"}
    tasks, changes, accesses = await stored(settings)
    assert sorted(row.title for row in tasks) == acknowledged
    assert sorted(row.request_id for row in changes) == acknowledged
    assert sorted(row.request_id for row in accesses if row.status == 201) == acknowledged
    refused = {name for name, answer in answers.items() if answer == REFUSED}
    assert refused.isdisjoint(row.request_id for row in accesses)


async def write_together(client: httpx.AsyncClient, names: Iterator[str], answers: dict[str, str]) -> None:
    """Create tasks, several at once, beside requests whose entries are large."""
    writes = [write(client, next(names), answers) for _ in range(WRITERS)]
    await asyncio.gather(*writes, *(client.get(LARGE_ENTRY) for _ in range(WRITERS)))


async def write(client: httpx.AsyncClient, name: str, answers: dict[str, str]) -> str:
    """Create a task whose title and request id is `name`. Returns and stores what was answered."""
    answer = await client.post("/tasks", json={"title": name}, headers={"X-Request-ID": name})
    answers[name] = CREATED if answer.status_code == 201 else answer.json()["code"]
    return answers[name]


async def stored(settings: Settings) -> tuple[list[AnyRow], list[AnyRow], list[AnyRow]]:
    """The tasks, their change entries, and the access entries of their creation."""
    tasks, changes, accesses = table_of(Task), table_of(AuditChange), table_of(AuditAccess)
    database = open_database(settings)
    session = database.read_session(RequestContext())
    try:
        return (
            list(await session.all(select(tasks))),
            list(await session.all(select(changes).where(changes.c.entity == "task"))),
            list(await session.all(select(accesses).where(accesses.c.path == "/api/v1/tasks"))),
        )
    finally:
        await database.dispose()


async def test_an_export_that_kill_9_cut_off_is_in_the_access_log(settings: Settings, tmp_path: Path) -> None:
    """Regression: a thousand entries with personal data were read, the process was killed, and nothing told of it."""
    await add_rows(settings)
    server = Server(environment_of(settings) | UNLIMITED)
    with server.start(tmp_path / "server.log"):
        async with signed_in(server, await superuser_in(settings)) as client:
            me = (await client.get("/auth/me")).raise_for_status().json()
            with export(server, client.headers["Authorization"]) as reader:
                assert b"200 OK" in reader.recv(100), "the response began"
                server.kill()
    assert await entries_of_export(settings) == []

    for _ in range(2):  # the second one finds nothing more to ship
        server.start(tmp_path / "server.log")
        while not await entries_of_export(settings):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        assert server.terminate() in (0, -signal.SIGTERM)

    (entry,) = await entries_of_export(settings)
    assert (str(entry.actor_id), entry.actor_kind, entry.actor_name) == (me["id"], "user", me["username"])
    assert (entry.method, entry.path, entry.decision) == ("GET", "/api/v1/audit/access", "audit:read")
    assert (entry.status, entry.error_code, entry.bytes_out) == (200, "aborted", 0)
    assert list((settings.state_dir / "spool").iterdir()) == []


async def add_rows(settings: Settings) -> None:
    """Sealed access entries for an export that takes long."""
    row = dict.fromkeys(COLUMNS)
    row |= {"at": datetime.now(UTC), "request_id": "earlier", "actor_kind": "anonymous", "method": "GET"}
    row |= {"path": "/" + "x" * 2000, "status": 404, "duration_us": 1, "bytes_out": 1}
    row |= {"format": ENTRY_FORMAT, "is_replay": False, "is_dry_run": False}
    database = open_database(settings)
    async with database.unit_of_work(RequestContext.for_job("test")) as session:
        await session.copy(access_table, [row] * ROWS)
    await database.dispose()
    database = open_database(as_role(settings, "sealer"))
    await seal_all(Sealer(database, load_signers(settings)), Log.access)
    await database.dispose()


def export(server: Server, authorization: str) -> socket.socket:
    """A client that asks for the export, and reads nothing by itself."""
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.connect(("127.0.0.1", server.port))
    head = f"GET /api/v1/audit/access HTTP/1.1\r\nHost: x\r\nX-Request-ID: export\r\nAuthorization: {authorization}\r\n"
    reader.sendall(f"{head}Accept: application/x-ndjson\r\n\r\n".encode())
    return reader


async def entries_of_export(settings: Settings) -> list[AnyRow]:
    accesses = table_of(AuditAccess)
    database = open_database(settings)
    try:
        statement = select_with_callers(accesses).where(accesses.c.request_id == "export")
        return list(await database.read_session(RequestContext()).all(statement))
    finally:
        await database.dispose()
