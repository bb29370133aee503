"""A disk without room: what cannot be recorded is refused before it has an effect, and service resumes by itself."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EOPNOTSUPP
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.core.config import Settings
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.http.audit_reason import MAX_CHARACTERS
from app.core.http.guards import public
from app.core.http.router import Router
from app.main import create_app
from app.modules.audit.requests.middleware import AGENT_BYTES, PATH_BYTES, QUERY_BYTES
from app.modules.audit.requests.place import COMPLETES, SpoolPlace, encode
from app.modules.audit.requests.shipper import Shipper
from app.modules.audit.requests.spool import CHUNK_BYTES, ENTRY_BYTES, PLACE_BYTES, AuditLogUnavailable, Spool
from tests.disks import Disk, RefusingDisk, SmallDisk, small_disk
from tests.fixtures.databases import settings_for
from tests.modules.audit.entries import access_entries, change_entries
from tests.people import Person, SignedInAs

HEALTH, READINESS = "http://attest.test/healthz", "http://attest.test/readyz"
PLACES = CHUNK_BYTES // PLACE_BYTES
"""How many requests at once have room in what is allocated at first."""


@pytest.fixture(params=["tmpfs", "refusing"])
def disk(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    if request.param == "refusing":
        yield RefusingDisk(tmp_path, monkeypatch)
        return
    with small_disk(tmp_path / "disk") as disk:
        yield disk


@pytest.fixture
def settings(database_url: str, disk: Disk) -> Settings:
    """The spool is on the disk that runs full, the database is not."""
    return settings_for(database_url, disk.folder / "var")


async def write_until_refused(person: Person, titles: Iterator[str]) -> Counter[tuple[str, int]]:
    """Create tasks, four at once, until the audit log refuses. Returns what was answered, by title and status."""
    answers: Counter[tuple[str, int]] = Counter()

    async def write(title: str) -> None:
        answer = await person.post("/tasks", {"title": title}, headers={"X-Request-ID": title})
        answers[title, answer.status_code] += 1
        assert answer.status_code == 201 or answer.json()["code"] == "audit-log-unavailable"

    while not any(status == 503 for _, status in answers):
        await asyncio.gather(*(write(next(titles)) for _ in range(4)))
    return answers


@contextmanager
def other_requests(shipper: Shipper, count: int) -> Iterator[None]:
    """As many requests in flight, each with its place."""
    places = [shipper.reserve() for _ in range(count)]
    yield
    for place in places:
        place.release()


def take_every_place(shipper: Shipper) -> list[SpoolPlace]:
    """Let other requests take what is left of the room."""
    places: list[SpoolPlace] = []
    with suppress(AuditLogUnavailable):
        while True:
            places.append(shipper.reserve())
    return places


async def check_accounts(app: FastAPI, job: RequestContext, person: Person, answers: Counter[tuple[str, int]]) -> None:
    """Every acknowledged write has its row, its change entry and its access entry, and a refused one has nothing."""
    known = {title for title, _ in answers}
    acknowledged = {title: 1 for title, status in answers if status == 201}
    accesses = [row.request_id for row in await access_entries(app) if row.method == "POST" and row.status == 201]
    changes = [row.request_id for row in await change_entries(app.state.database, job, "task")]
    listing = await person.get("/tasks", headers={"Accept": "application/x-ndjson"})
    titles = [httpx.Response(200, text=line).json()["title"] for line in listing.text.splitlines()]
    assert Counter(titles) == acknowledged
    assert Counter(changes) == acknowledged
    assert Counter(name for name in accesses if name in known) == acknowledged


async def test_a_full_disk_refuses_before_the_effect_and_recovers(
    app: FastAPI, job: RequestContext, signed_in_as: SignedInAs, disk: Disk
) -> None:
    """Regression: writes were committed, answered with 503, and left no access entry; so was the health check."""
    person = await signed_in_as("tasks:create", "tasks:read")
    shipper: Shipper = app.state.access_log
    titles = (f"task-{n}" for n in range(100_000))
    await person.get(HEALTH)  # the spool takes its room at the first request
    disk.fill()

    async with shipper.lock:  # entries wait, as they do while the database is away
        with other_requests(shipper, PLACES - 6):
            answers = await write_until_refused(person, titles)
            places = take_every_place(shipper)
            answers += await write_until_refused(person, titles)
            alive = await person.get(HEALTH)
            ready = await person.get(READINESS)
    for place in places:
        place.release()

    assert (alive.status_code, alive.json()) == (200, {"status": "ok"})
    assert (ready.status_code, ready.json()["code"]) == (503, "audit-log-unavailable")
    assert ready.headers["retry-after"] == "5"
    disk.free()
    await shipper.run()
    answer = await person.post("/tasks", {"title": "after"}, headers={"X-Request-ID": "after"})
    answers["after", answer.status_code] += 1
    assert answer.status_code == 201
    await check_accounts(app, job, person, answers)


async def test_requests_in_flight_keep_their_place(app: FastAPI, client: httpx.AsyncClient, disk: Disk) -> None:
    """Every one of them was admitted, so every one of them gets its entry, though others took the rest of the disk."""
    admitted, finish = asyncio.Semaphore(0), asyncio.Event()
    router = Router(prefix="/slow")

    @router.get("/{name}", dependencies=[public()])
    async def wait(name: str) -> str:
        admitted.release()
        await finish.wait()
        return name

    app.include_router(router, prefix="/api/v1")
    shipper: Shipper = app.state.access_log
    names = [f"slow-{n}" for n in range(PLACES - 2)]
    slow = [asyncio.create_task(client.get(f"/slow/{name}", headers={"X-Request-ID": name})) for name in names]
    for _ in slow:
        await admitted.acquire()
    disk.fill()

    places = take_every_place(shipper)
    refused = await client.get("/nothing")
    finish.set()
    answers = await asyncio.gather(*slow)
    for place in places:
        place.release()

    assert refused.status_code == 503
    assert {answer.status_code for answer in answers} == {200}
    logged = [row.request_id for row in await access_entries(app) if row.request_id.startswith("slow")]
    assert sorted(logged) == sorted(names)


@pytest.mark.parametrize("disk", ["tmpfs"], indirect=True)
async def test_the_room_of_shipped_entries_is_used_again(
    app: FastAPI, job: RequestContext, signed_in_as: SignedInAs, disk: SmallDisk
) -> None:
    """Service goes on in the room that the spool has, as long as the database takes its entries."""
    person = await signed_in_as("tasks:create", "tasks:read")
    shipper: Shipper = app.state.access_log
    titles = (f"task-{n}" for n in range(100_000))
    await person.get(HEALTH)  # the spool takes its room at the first request
    disk.fill()
    answers: Counter[tuple[str, int]] = Counter()

    for _ in range(3):
        async with shipper.lock:
            with other_requests(shipper, PLACES - 6):
                answers += await write_until_refused(person, titles)
        await shipper.run()
        title = next(titles)
        answer = await person.post("/tasks", {"title": title}, headers={"X-Request-ID": title})
        answers[title, answer.status_code] += 1
        assert answer.status_code == 201

    await check_accounts(app, job, person, answers)


@pytest.mark.parametrize("disk", ["refusing"], indirect=True)
async def test_a_change_that_the_disk_does_not_sync_is_acknowledged_and_the_next_is_refused(
    app: FastAPI, database: Database, job: RequestContext, signed_in_as: SignedInAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is committed, and its entry is written; a 503 would say that nothing happened."""
    person = await signed_in_as(superuser=True)
    shipper: Shipper = app.state.access_log

    def fail(_descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr("app.modules.audit.requests.spool.os.fdatasync", fail)
        answers = [await person.post("/roles", {"name": "first"}, headers={"X-Request-ID": "first"})]
        await shipper.run()
        answers.append(await person.post("/roles", {"name": "second"}))
        assert (await person.get("/audit/access")).status_code == 503
        assert (await person.get(HEALTH)).status_code == 200
    await shipper.run()
    answers.append(await person.post("/roles", {"name": "third"}, headers={"X-Request-ID": "third"}))

    assert [answer.status_code for answer in answers] == [201, 503, 201]
    assert [row.request_id for row in await change_entries(database, job, "role")][-2:] == ["first", "third"]
    logged = [row.request_id for row in await access_entries(app) if row.path == "/api/v1/roles"]
    assert logged == ["first", "third"]


@pytest.mark.parametrize("disk", ["refusing"], indirect=True)
async def test_a_withheld_read_shows_nothing(
    app: FastAPI, signed_in_as: SignedInAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    auditor = await signed_in_as("audit:read")

    def fail(_descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr("app.modules.audit.requests.spool.os.fdatasync", fail)
        refused = await auditor.get("/audit/changes")

    assert (refused.status_code, refused.json()["code"]) == (503, "audit-log-unavailable")
    assert "items" not in refused.json()
    shipper: Shipper = app.state.access_log
    await shipper.run()
    assert (await auditor.get("/audit/changes")).status_code == 200


async def test_a_process_starts_on_a_full_disk(settings: Settings, disk: Disk) -> None:
    """A restart in a loop would not make room."""
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        pass  # development keys are made
    disk.fill()
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://attest.test") as client:
            assert (await client.get("/healthz")).status_code == 200
            assert (await client.get("/readyz")).status_code == 503
            disk.free()
            shipper: Shipper = app.state.access_log  # type: ignore[assignment]  # a wider interface there
            await shipper.run()
            assert (await client.get("/readyz")).status_code == 200


@pytest.mark.parametrize("disk", ["refusing"], indirect=True)
async def test_the_room_that_a_dead_process_allocated_is_no_damage(app: FastAPI, client: httpx.AsyncClient) -> None:
    await client.get("/nothing", headers={"X-Request-ID": "twice"})
    shipper: Shipper = app.state.access_log
    payload = shipper.spool.read(0, 10)[0][-1]
    dead = Spool.create(shipper.folder)
    dead.reserve()
    dead.append(payload)
    assert dead.path.stat().st_size == CHUNK_BYTES
    dead.leave()

    await shipper.adopt()

    assert [row.request_id for row in await access_entries(app)].count("twice") == 2
    assert [path.name for path in shipper.folder.iterdir()] == [shipper.spool.path.name]


def test_without_fallocate_the_room_is_taken_by_zeros(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(*_: Any) -> None:
        raise OSError(EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr("app.modules.audit.requests.spool.os.posix_fallocate", unsupported)
    with small_disk(tmp_path / "disk") as disk:
        spool = Spool.create(disk.folder)
        spool.reserve()
        assert spool.path.stat().st_blocks * 512 >= CHUNK_BYTES
        disk.fill()
        spool.append(b"reserved")
        for _ in range(PLACES - 1):
            spool.reserve()
        with pytest.raises(AuditLogUnavailable):
            spool.reserve()
        assert spool.read(0, 10)[0] == [b"reserved"]
        spool.leave()


def test_the_largest_entry_fits_its_place() -> None:
    """A character that JSON escapes takes two bytes; the middleware leaves no control characters."""
    longest = {"path": PATH_BYTES, "query": QUERY_BYTES, "user_agent": AGENT_BYTES, "route": 400, "decision": 200}
    longest |= {"actor_name": 200, "request_id": 64, "error_code": 64, "method": 16, "ip": 64, "module": 64}
    entry: dict[str, Any] = {name: '"' * length for name, length in longest.items()}
    entry |= dict.fromkeys(("actor_id", "owner_id", "session_id", "call_id", "item_id", "subject_id", "at"), "0" * 36)
    entry |= {"reason": "\U0001f600" * MAX_CHARACTERS, "trace_id": "0" * 32, "bytes_in": 2**60, "is_replay": False}

    payload = encode({"completes": 2**40, "duration_us": 2**60, "bytes_out": 2**60, "status": 500, **entry})

    assert len(payload) <= ENTRY_BYTES
    assert payload.startswith(COMPLETES)
