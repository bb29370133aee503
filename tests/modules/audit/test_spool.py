"""The spool of the access log: every entry is shipped once, whatever crashes and when."""

import asyncio
import os
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.runtime.slices import SLICE
from app.main import create_app
from app.modules.audit.requests.models import AuditSpool
from app.modules.audit.requests.shipment import Shipment
from app.modules.audit.requests.shipper import Shipper, set_position
from app.modules.audit.requests.spool import HEADER, UNREADABLE_SUFFIX, AuditLogUnavailable, Spool
from tests.modules.audit.entries import access, access_entries
from tests.turns import count_in_turns


async def test_the_spool_of_a_dead_process_is_shipped_once(
    app: FastAPI, database: Database, client: httpx.AsyncClient
) -> None:
    """A spool without an owner: its entries arrive once, and the file is removed; a torn last one is set aside."""
    await client.get("/nothing", headers={"X-Request-ID": "template"})
    payload = app.state.access_log.spool.read(0, 10)[0][-1]
    dead = Spool.create(app.state.access_log.folder)
    for _ in range(3):
        dead.append(payload)
    os.pwrite(dead.descriptor, HEADER.pack(100, 1) + b"torn", dead.size)
    dead.leave()
    holed = Spool.create(app.state.access_log.folder)
    holed.append(payload)
    os.pwrite(holed.descriptor, bytes(4096) + b"behind a hole", holed.size)
    holed.leave()

    await app.state.access_log.adopt()
    await app.state.access_log.adopt()

    assert [row.request_id for row in await access_entries(app)].count("template") == 5
    for orphan in (dead, holed):
        assert not orphan.path.exists()
        assert orphan.path.with_suffix(".unreadable").exists(), "unreadable bytes are never deleted"


async def test_a_crash_after_the_commit_ships_no_entry_twice(
    app: FastAPI, database: Database, client: httpx.AsyncClient
) -> None:
    """The process dies between the commit and its confirmation: the next owner starts at the stored position."""
    await client.get("/nothing", headers={"X-Request-ID": "once"})
    await app.state.access_log.flush()
    owner: Spool = app.state.access_log.spool
    twin = Spool(owner.path, os.dup(owner.descriptor))

    shipped = await app.state.access_log.ship(twin)

    assert shipped == 0
    assert [row.request_id for row in await access_entries(app)].count("once") == 1
    os.close(twin.descriptor)


async def test_entries_wait_on_disk_while_the_database_is_unavailable(
    app: FastAPI, database: Database, client: httpx.AsyncClient, settings: Any
) -> None:
    def away(*_: Any) -> None:
        raise RuntimeError("the database is away")

    database.writers.listeners.append(away)
    await client.get("/nothing", headers={"X-Request-ID": "patient"})
    with pytest.raises(RuntimeError):
        await app.state.access_log.flush()
    assert app.state.access_log.spool.unshipped_bytes > 0
    database.writers.listeners.remove(away)

    rows = await access_entries(app)

    assert [row.request_id for row in rows].count("patient") == 1


async def test_a_full_spool_refuses_requests(app: FastAPI, client: httpx.AsyncClient) -> None:
    shipper: Shipper = app.state.access_log
    async with shipper.lock:
        shipper.options = shipper.options.model_copy(update={"spool_max_bytes": 1})
        await client.get("/nothing")
        refused = await client.get("/nothing")

    assert (refused.status_code, refused.json()["code"]) == (503, "audit-log-unavailable")
    assert refused.headers["retry-after"] == "5"
    await shipper.flush()
    assert (await client.get("/nothing")).status_code == 404


async def test_a_disk_that_refuses_turns_the_answer_into_a_503(
    app: FastAPI, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int, _data: bytes, _offset: int) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("app.modules.audit.requests.spool.os.pwrite", full)
        refused = await client.get("/nothing")

    assert (refused.status_code, refused.json()["code"]) == (503, "audit-log-unavailable")


def test_a_short_write_breaks_the_file_and_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests that hold a place go on; the file takes no new one."""
    spool = Spool.create(tmp_path)
    spool.append(b"whole")
    real = os.pwrite
    with monkeypatch.context() as patch:
        patch.setattr(
            "app.modules.audit.requests.spool.os.pwrite", lambda descriptor, data, at: real(descriptor, data[:5], at)
        )
        with pytest.raises(AuditLogUnavailable):
            spool.append(b"torn")

    spool.append(b"after")

    assert spool.read(0, 10)[0] == [b"whole", b"after"]
    with pytest.raises(AuditLogUnavailable):
        spool.reserve()
    spool.leave()


async def test_shipped_bytes_that_a_power_cut_lost_are_set_aside(
    app: FastAPI, database: Database, job: RequestContext
) -> None:
    """The position was committed, and the bytes before it never reached the disk: they read as zeros."""
    folder = app.state.settings.state_dir / "spool"
    lost = Spool.create(folder)
    async with database.unit_of_work(job) as session:
        await set_position(session, lost.id, 15)
    lost.leave()

    await app.state.access_log.adopt()

    assert not lost.path.exists()
    assert lost.path.with_suffix(UNREADABLE_SUFFIX).exists()


async def test_a_shipped_spool_is_replaced_when_it_has_grown(
    app: FastAPI, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.modules.audit.requests.shipper.ROTATE_BYTES", 1)
    first = app.state.access_log.spool
    await client.get("/nothing", headers={"X-Request-ID": "before"})

    await app.state.access_log.flush()
    await client.get("/nothing", headers={"X-Request-ID": "after"})

    assert app.state.access_log.spool is not first
    assert not first.path.exists()
    assert [row.request_id for row in await access_entries(app)] == ["before", "after"]


async def test_two_owners_of_one_spool_are_an_error(app: FastAPI, client: httpx.AsyncClient) -> None:
    await client.get("/nothing")
    await app.state.access_log.flush()
    await client.get("/nothing")
    stale = Spool(app.state.access_log.spool.path, os.dup(app.state.access_log.spool.descriptor))
    stale.shipped, stale.is_known = app.state.access_log.spool.shipped, True
    await app.state.access_log.flush()

    with pytest.raises(RuntimeError, match="moved under its owner"):
        await app.state.access_log.ship(stale)

    os.close(stale.descriptor)
    assert len(await access_entries(app)) == 2


async def test_nothing_is_left_behind_after_a_clean_stop(settings: Any) -> None:
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://attest.test") as client:
            await asyncio.gather(*(client.get("/") for _ in range(50)))

    again = create_app(settings)
    async with again.router.lifespan_context(again):
        count = await again.state.database.read_session(RequestContext()).value(
            select(func.count()).select_from(access)
        )
        positions = await again.state.database.read_session(RequestContext()).all(select(table_of(AuditSpool)))
        files = list((settings.state_dir / "spool").iterdir())

    assert count == 50
    assert len(positions) == 1
    assert len(files) == 1, "only the spool of the running process"


async def test_after_a_commit_whose_answer_was_lost_every_entry_is_shipped_once(
    app: FastAPI, database: Database, client: httpx.AsyncClient
) -> None:
    """The commit succeeded and its confirmation was lost: the process reads the position and continues after it."""
    await app.state.access_log.work.stop()  # only this test ships
    await client.get("/nothing", headers={"X-Request-ID": "first"})

    def lost(_session: Any) -> None:
        raise ConnectionError("after the commit")

    database.hooks.after_commit.append(lost)
    with pytest.raises(ConnectionError):
        await app.state.access_log.flush()
    database.hooks.after_commit.remove(lost)
    await client.get("/nothing", headers={"X-Request-ID": "second"})

    assert [row.request_id for row in await access_entries(app)] == ["first", "second"]


async def test_a_reader_who_goes_away_does_not_stop_the_shipping(app: FastAPI, client: httpx.AsyncClient) -> None:
    await client.get("/nothing", headers={"X-Request-ID": "kept"})
    waiting = asyncio.ensure_future(app.state.access_log.flush())
    await asyncio.sleep(0)
    waiting.cancel()

    rows = await access_entries(app)

    assert [row.request_id for row in rows] == ["kept"]


async def test_damage_in_the_own_spool_is_set_aside_and_shipping_goes_on(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    damaged: Spool = app.state.access_log.spool
    async with app.state.access_log.lock:
        damaged.size += 64  # a hole
    await client.get("/nothing", headers={"X-Request-ID": "behind"})
    await app.state.access_log.flush()

    await client.get("/nothing", headers={"X-Request-ID": "after"})

    assert [row.request_id for row in await access_entries(app)] == ["after"]
    assert damaged.path.with_suffix(".unreadable").exists()


async def test_requests_have_their_turn_while_many_entries_are_shipped(
    app: FastAPI, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.get("/nothing")
    shipper: Shipper = app.state.access_log
    payload = shipper.spool.read(0, 1)[0][0]
    for _ in range(3 * SLICE):
        shipper.spool.append(payload)

    async with count_in_turns() as (made, count):
        to_row = Shipment.to_row
        monkeypatch.setattr(Shipment, "to_row", lambda *given: count() or to_row(*given))
        await shipper.flush()

    assert made.total() >= 3 * SLICE
    assert max(made.values()) <= SLICE
