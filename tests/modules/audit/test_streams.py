"""A streamed response has an entry on disk before its first byte, and exactly one in the end."""

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select
from starlette.responses import StreamingResponse

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.http.guards import public
from app.core.http.router import Router
from app.modules.audit.requests.models import AuditSpool
from app.modules.audit.requests.place import SpoolPlace, unfinished_entries
from app.modules.audit.requests.shipper import Shipper
from app.modules.audit.requests.spool import AuditLogUnavailable, Spool
from tests.modules.audit.entries import access_entries
from tests.people import Person, SignedInAs

LAST = b"last"


def streaming_route(before_the_end: Callable[[], Any], *, durable: bool = False) -> Router:
    """A route that streams two parts, and awaits `before_the_end()` between them."""
    router = Router(prefix="/streams")

    @router.get("", dependencies=[public(durable_audit=durable)])
    async def stream() -> StreamingResponse:
        async def parts() -> Any:
            yield b"first"
            await before_the_end()
            yield LAST

        return StreamingResponse(parts())

    return router


async def test_an_entry_is_synced_before_the_first_byte_of_an_export(
    app: FastAPI, signed_in_as: SignedInAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: an export left nothing on disk until it was complete."""
    person = await signed_in_as("tasks:read")
    shipper: Shipper = app.state.access_log
    await shipper.flush()
    synced: list[int] = []
    real = os.fdatasync

    def sync(descriptor: int) -> None:
        real(descriptor)
        synced.append(shipper.spool.size)

    monkeypatch.setattr("app.modules.audit.requests.spool.os.fdatasync", sync)
    seen: list[tuple[bool, int]] = []

    async def send(message: Any) -> None:
        seen.append((shipper.spool.size in synced, len(unfinished_entries(shipper.spool))))

    await app(export_scope(person), no_body, send)

    (is_synced, begun), *_ = seen
    assert (is_synced, begun) == (True, 1), "before the head"
    assert seen[-1] == (True, 0), "before the last message"
    row = (await access_entries(app))[-1]
    assert (row.path, row.status, row.error_code) == ("/api/v1/tasks", 200, None)


def export_scope(person: Person) -> dict[str, Any]:
    headers = [(b"authorization", f"Bearer {person.access_token}".encode()), (b"accept", b"text/csv")]
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "method": "GET",
        "scheme": "http",
        "path": "/api/v1/tasks",
        "raw_path": b"/api/v1/tasks",
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "client": ("192.0.2.7", 1),
    }


async def no_body() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


async def test_a_stream_that_outlives_its_spool_has_one_entry(
    app: FastAPI, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The spool is replaced while the response is sent; the old one is kept until its entry is complete and shipped."""
    shipper: Shipper = app.state.access_log
    first = shipper.spool

    async def replace() -> None:
        with monkeypatch.context() as patch:
            patch.setattr("app.modules.audit.requests.shipper.ROTATE_BYTES", 1)
            await shipper.flush()
        assert shipper.spool is not first
        assert first.path.exists()

    app.include_router(streaming_route(replace), prefix="/api/v1")

    answer = await client.get("/streams", headers={"X-Request-ID": "long"})

    assert answer.content.endswith(LAST)
    rows = [row for row in await access_entries(app) if row.request_id == "long"]
    assert [(row.status, row.bytes_out, row.error_code) for row in rows] == [(200, 9, None)]
    assert not first.path.exists()


async def test_a_stream_that_a_crash_cut_off_is_shipped_once_as_aborted(
    app: FastAPI, database: Database, client: httpx.AsyncClient
) -> None:
    """The process that adopts the spool dies too, after the commit: the next one ships nothing twice."""
    shipper: Shipper = app.state.access_log
    payloads = await copy_of_a_begun_entry(app, client)
    await stop_shipping(shipper)
    await shipper.flush()
    dead = Spool.create(shipper.folder)
    for payload in payloads:
        dead.append(payload)
    dead.leave()

    def lost(_session: Any) -> None:
        raise ConnectionError("after the commit")

    before = await count_positions(database)
    while await count_positions(database) < before + 2:  # the position of the entries, and that of the aborted ones
        database.hooks.after_commit.append(lost)
        await shipper.adopt()
        database.hooks.after_commit.remove(lost)
        assert dead.path.exists()
    await shipper.adopt()
    await shipper.adopt()

    assert not dead.path.exists()
    rows = [row for row in await access_entries(app) if row.request_id == "cut"]
    assert sorted(row.error_code or "" for row in rows) == ["", "aborted"], "the original and the copy"
    assert {(row.status, row.path, row.decision) for row in rows} == {(200, "/api/v1/streams", "public")}


async def copy_of_a_begun_entry(app: FastAPI, client: httpx.AsyncClient) -> list[bytes]:
    """What the spool holds while a response is streamed."""
    payloads: list[bytes] = []

    async def copy() -> None:
        payloads.extend(unfinished_entries(app.state.access_log.spool))

    app.include_router(streaming_route(copy), prefix="/api/v1")
    await client.get("/streams", headers={"X-Request-ID": "cut"})
    assert len(payloads) == 1
    return payloads


async def stop_shipping(shipper: Shipper) -> None:
    """Only the test ships from now on."""
    assert shipper.work
    await shipper.work.stop()


async def count_positions(database: Database) -> int:
    return int(
        await database.read_session(RequestContext()).value(select(func.count()).select_from(table_of(AuditSpool)))
    )


async def test_begun_entries_alone_do_not_stop_the_shipping(app: FastAPI, client: httpx.AsyncClient) -> None:
    async def flush() -> None:
        await app.state.access_log.flush()
        assert app.state.access_log.spool.unshipped_bytes == 0

    app.include_router(streaming_route(flush), prefix="/api/v1")

    await client.get("/streams", headers={"X-Request-ID": "between"})

    assert [row.request_id for row in await access_entries(app)] == ["between"]


async def test_a_client_that_goes_away_leaves_one_entry(app: FastAPI, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:read")
    before = len(await access_entries(app))

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            raise OSError("gone")

    await app(export_scope(person), no_body, send)

    rows = (await access_entries(app))[before:]
    assert [(row.status, row.error_code) for row in rows] == [(499, "response-cut-short")]


async def test_a_disk_that_does_not_sync_lets_no_byte_of_an_export_out(
    app: FastAPI, signed_in_as: SignedInAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await signed_in_as("tasks:read", "tasks:create")
    await person.post("/tasks", {"title": "canary"})

    def fail(_descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr("app.modules.audit.requests.spool.os.fdatasync", fail)
        refused = await person.get("/tasks", headers={"Accept": "text/csv", "X-Request-ID": "unsynced"})

    assert (refused.status_code, refused.json()["code"]) == (503, "audit-log-unavailable")
    assert "canary" not in refused.text
    rows = [row for row in await access_entries(app) if row.request_id == "unsynced"]
    assert [(row.status, row.error_code) for row in rows] == [(503, "audit-log-unavailable")]
    assert (await person.get("/tasks")).status_code == 200, "a new file took over"


async def test_an_entry_that_cannot_be_completed_stays_aborted(
    app: FastAPI, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk fails between the first and the last byte, and the process lives on."""
    real = SpoolPlace.append

    def fail(place: SpoolPlace, entry: dict[str, Any]) -> None:
        if place.begun_at is None:
            real(place, entry)
            return
        place.spool.is_broken = True
        raise AuditLogUnavailable

    async def nothing() -> None:
        await asyncio.sleep(0)

    app.include_router(streaming_route(nothing), prefix="/api/v1")
    with monkeypatch.context() as patch:
        patch.setattr(SpoolPlace, "append", fail)
        with suppress(AssertionError):  # the response stays incomplete
            await client.get("/streams", headers={"X-Request-ID": "half"})

    rows = [row for row in await access_entries(app) if row.request_id == "half"]
    assert [(row.status, row.error_code) for row in rows] == [(200, "aborted")]
