"""Access rows: one for every request, whatever its end, exactly once, whatever crashes when."""

import asyncio
import os
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import event, func, select
from starlette.responses import StreamingResponse

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.db.session import AnyRow
from app.core.http.guards import public
from app.core.http.router import Router
from app.main import create_app
from app.modules.audit.models import AuditAccess, AuditSpool
from app.modules.audit.requests.shipper import Shipper
from app.modules.audit.requests.spool import HEADER, AuditLogUnavailable, Spool
from tests.conftest import SignedInAs

access = table_of(AuditAccess)


async def recorded(app: FastAPI) -> list[AnyRow]:
    await app.state.access_log.flush()
    statement = select(access).order_by(access.c.id)
    return list(await app.state.database.read_session(RequestContext()).all(statement))


def failing_routes() -> Router:
    router = Router(prefix="/ends")

    @router.get("/crash", dependencies=[public()])
    async def crash() -> None:
        raise RuntimeError("boom")

    @router.get("/stream", dependencies=[public()])
    async def stream() -> StreamingResponse:
        async def parts() -> Any:
            for _ in range(3):
                yield b"x" * 10

        return StreamingResponse(parts())

    @router.get("/broken-stream", dependencies=[public()])
    async def broken_stream() -> StreamingResponse:
        async def parts() -> Any:
            yield b"x"
            raise RuntimeError("half-way")

        return StreamingResponse(parts())

    @router.get("/unborn-stream", dependencies=[public()])
    async def unborn_stream() -> StreamingResponse:
        async def parts() -> Any:
            raise RuntimeError("before the first byte")
            yield b""  # type: ignore[unreachable]  # makes it a generator

        return StreamingResponse(parts())

    return router


async def test_every_end_leaves_one_row(app: FastAPI, signed_in_as: SignedInAs) -> None:
    """Regression: no access row when the handler crashes."""
    app.include_router(failing_routes(), prefix="/api/v1")
    person = await signed_in_as("tasks:create")
    before = len(await recorded(app))
    calls: list[tuple[str, str, dict[str, Any], int, str | None]] = [
        ("POST", "/tasks", {"json": {"title": "x"}}, 201, None),
        ("GET", "/tasks", {"headers": {"Authorization": ""}}, 401, "unauthenticated"),
        ("GET", "/users", {}, 403, "permission-denied"),
        ("GET", "/tasks/01890000-0000-7000-8000-000000000000", {}, 404, "not-found"),
        ("GET", "/nothing/here", {}, 404, "not-found"),
        ("PUT", "/tasks", {}, 405, "method-not-allowed"),
        ("POST", "/tasks", {"json": {}}, 422, "invalid-fields"),
        ("POST", "/tasks", {"content": b"x" * 2_000_000}, 413, "content-too-large"),
        ("GET", "/ends/crash", {}, 500, "internal-error"),
        ("GET", "/ends/stream", {}, 200, None),
        ("GET", "/ends/broken-stream", {}, 200, "response-cut-short"),
        ("GET", "/ends/unborn-stream", {}, 500, "internal-error"),
        ("OPTIONS", "/tasks", {}, 405, "method-not-allowed"),
        ("GET", "http://attest.test/healthz", {}, 200, None),
    ]

    for number, (method, path, options, status, _) in enumerate(calls):
        headers = {"X-Request-ID": f"end-{number}", **options.pop("headers", {})}
        try:
            answer = await person.call(method, path, headers=headers, **options)
            assert answer.status_code == status, (method, path, answer.text)
            assert answer.headers["x-request-id"] == f"end-{number}"
            assert status < 400 or answer.headers["content-type"] == "application/problem+json"
        except RuntimeError:
            assert path == "/ends/broken-stream"

    rows = (await recorded(app))[before:]
    assert [(row.request_id, row.status, row.error_code) for row in rows] == [
        (f"end-{number}", status, code) for number, (_, _, _, status, code) in enumerate(calls)
    ]
    assert rows[0].actor_id == person.id
    assert (rows[0].route, rows[3].route, rows[4].route) == ("/api/v1/tasks", "/api/v1/tasks/{id}", None)
    assert rows[0].decision == "tasks:create"
    assert rows[9].bytes_out == 30
    assert all(row.duration_us > 0 for row in rows)
    assert rows[2].actor_id == person.id, "a refusal names who was refused"


async def test_queries_are_kept_by_allow_list(app: FastAPI, signed_in_as: SignedInAs) -> None:
    """Regression: live tokens in the audit."""
    person = await signed_in_as("tasks:read")

    await person.get("/tasks", params={"q": "paper", "token": "canary", "limit": 5})
    await person.get("/tasks", params={"q": "paper", "limit": 5, "cursor": "canary"})
    await person.get("/nothing", params={"password": "canary"})

    rows = (await recorded(app))[-3:]
    assert [row.query for row in rows] == ["q=%5Bmasked%5D&limit=5"] * 2 + [None]
    assert "canary" not in str(rows)
    assert person.access_token not in str(rows)


async def test_hostile_text_is_storable(app: FastAPI, client: httpx.AsyncClient) -> None:
    await client.get("/%00%ff", headers={"User-Agent": "x" * 1000, "X-Request-ID": "bad id"})

    row = (await recorded(app))[-1]

    assert row.path == "/api/v1/\ufffd\ufffd"
    assert len(row.user_agent) == 400
    assert len(row.request_id) == 36


async def test_an_auditor_reads_what_was_answered_before(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    auditor = await signed_in_as("audit:read")
    for n in range(20):
        await client.get("/nothing", headers={"X-Request-ID": f"n-{n}"})

    found = (await auditor.get("/audit/access", params={"status": 404, "limit": 100})).json()["items"]

    assert [row["request_id"] for row in found] == [f"n-{n}" for n in reversed(range(20))]


async def test_filters_of_the_record(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    auditor, worker = await signed_in_as("audit:read"), await signed_in_as("tasks:create", "tasks:update")
    task = (await worker.post("/tasks", {"title": "a"}, headers={"X-Request-ID": "mine"})).json()
    await worker.patch(f"/tasks/{task['id']}", {"title": "b"})
    await client.get("/nothing")

    async def accesses(**params: Any) -> int:
        return len((await auditor.get("/audit/access", params=params)).json()["items"])

    async def changes(**params: Any) -> list[str]:
        answer = await auditor.get("/audit/changes", params=params)
        assert answer.status_code == 200, answer.text
        return [row["action"] for row in answer.json()["items"]]

    assert await accesses(actor_id=worker.id) == 2
    assert await accesses(actor_id=worker.id, method="POST") == 1
    assert await accesses(path="/api/v1/tasks") == 2
    assert await accesses(path="/api/v1/task%") == 0
    assert await accesses(status_gte=400) == 1
    assert await accesses(request_id="mine") == 1
    assert await accesses(ip="192.0.2.7", actor_id=worker.id) == 2
    assert await accesses(at_lt="2020-01-01T00:00:00Z") == 0
    assert await accesses(at_gte="2020-01-01T00:00:00Z", actor_id=worker.id) == 2
    assert await changes(entity="task", entity_id=task["id"]) == ["update", "create"]
    assert await changes(entity="task", action="create") == ["create"]
    assert await changes(actor_id=worker.id) == ["update", "create"]
    assert await changes(request_id="mine") == ["create"]
    assert await changes(entity="task", field="title") == ["update", "create"]
    assert await changes(entity="task", field="nothing") == []
    one = (await auditor.get("/audit/changes", params={"request_id": "mine"})).json()["items"][0]
    assert (await auditor.get(f"/audit/changes/{one['id']}")).json() == one
    assert (await auditor.get("/audit/changes/999999999")).status_code == 404
    assert (await auditor.get("/audit/access", params={"offset": 1})).status_code == 422
    assert (await worker.get("/audit/access")).status_code == 403


async def test_what_a_dead_process_spooled_is_shipped_once(
    app: FastAPI, database: Database, client: httpx.AsyncClient
) -> None:
    """A spool without an owner: its rows arrive once, a torn last record is left out, and the file goes."""
    await client.get("/nothing", headers={"X-Request-ID": "template"})
    payload = app.state.access_log.spool.read(0, 10)[0][-1]
    dead = Spool.create(app.state.access_log.folder)
    for _ in range(3):
        dead.append(payload)
    os.write(dead.descriptor, HEADER.pack(100, 1) + b"torn")
    dead.leave()
    zeroed = Spool.create(app.state.access_log.folder)
    zeroed.append(payload)
    os.write(zeroed.descriptor, bytes(4096))
    zeroed.leave()

    await app.state.access_log.adopt()
    await app.state.access_log.adopt()

    assert [row.request_id for row in await recorded(app)].count("template") == 5
    for orphan in (dead, zeroed):
        assert not orphan.path.exists()
        assert orphan.path.with_suffix(".unreadable").exists(), "bytes that nobody could read are never deleted"


async def test_a_crash_between_commit_and_the_next_read_doubles_nothing(
    app: FastAPI, database: Database, client: httpx.AsyncClient
) -> None:
    """The process dies after the rows were committed and before it knew: whoever takes over starts at the position."""
    await client.get("/nothing", headers={"X-Request-ID": "once"})
    await app.state.access_log.flush()
    owner: Spool = app.state.access_log.spool
    twin = Spool(owner.path, os.dup(owner.descriptor))

    shipped = await app.state.access_log.ship(twin)

    assert shipped == 0
    assert [row.request_id for row in await recorded(app)].count("once") == 1
    os.close(twin.descriptor)


async def test_rows_wait_on_disk_while_the_database_is_away(
    app: FastAPI, database: Database, client: httpx.AsyncClient, settings: Any
) -> None:
    def away(*_: Any) -> None:
        raise RuntimeError("the database is away")

    event.listen(database.engine.sync_engine, "begin", away)
    await client.get("/nothing", headers={"X-Request-ID": "patient"})
    with pytest.raises(RuntimeError):
        await app.state.access_log.flush()
    assert app.state.access_log.spool.waiting > 0
    event.remove(database.engine.sync_engine, "begin", away)

    rows = await recorded(app)

    assert [row.request_id for row in rows].count("patient") == 1


async def test_a_full_spool_refuses_rather_than_forgets(app: FastAPI, client: httpx.AsyncClient) -> None:
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
    def full(_descriptor: int, _data: bytes) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("app.modules.audit.requests.spool.os.write", full)
        refused = await client.get("http://attest.test/healthz")

    assert (refused.status_code, refused.json()["code"]) == (503, "audit-log-unavailable")


def test_a_short_write_leaves_the_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool.create(tmp_path)
    spool.append(b"whole")
    real = os.write
    with monkeypatch.context() as patch:
        patch.setattr("app.modules.audit.requests.spool.os.write", lambda descriptor, data: real(descriptor, data[:5]))
        with pytest.raises(AuditLogUnavailable):
            spool.append(b"torn")

    spool.append(b"after")

    assert spool.read(0, 10)[0] == [b"whole", b"after"]
    spool.leave()


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
    assert [row.request_id for row in await recorded(app)] == ["before", "after"]


async def test_two_owners_of_one_spool_are_an_error_not_a_double(app: FastAPI, client: httpx.AsyncClient) -> None:
    await client.get("/nothing")
    await app.state.access_log.flush()
    await client.get("/nothing")
    stale = Spool(app.state.access_log.spool.path, os.dup(app.state.access_log.spool.descriptor))
    stale.shipped, stale.is_known = app.state.access_log.spool.shipped, True
    await app.state.access_log.flush()

    with pytest.raises(RuntimeError, match="moved under its owner"):
        await app.state.access_log.ship(stale)

    os.close(stale.descriptor)
    assert len(await recorded(app)) == 2


async def test_nothing_is_left_behind_after_a_clean_stop(settings: Any) -> None:
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://attest.test") as client:
            await asyncio.gather(*(client.get("/healthz") for _ in range(50)))

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


async def test_a_commit_whose_answer_was_lost_neither_wedges_nor_doubles(
    app: FastAPI, database: Database, client: httpx.AsyncClient
) -> None:
    """The rows are in, the process does not know: it asks for the position and goes on behind it."""
    await app.state.access_log.work.stop()  # only this test ships
    await client.get("/nothing", headers={"X-Request-ID": "first"})

    def lost(_session: Any) -> None:
        raise ConnectionError("after the commit")

    event.listen(database.session_class, "after_commit", lost)
    with pytest.raises(ConnectionError):
        await app.state.access_log.flush()
    event.remove(database.session_class, "after_commit", lost)
    await client.get("/nothing", headers={"X-Request-ID": "second"})

    assert [row.request_id for row in await recorded(app)] == ["first", "second"]


async def test_a_reader_who_goes_away_does_not_stop_the_shipping(app: FastAPI, client: httpx.AsyncClient) -> None:
    await client.get("/nothing", headers={"X-Request-ID": "kept"})
    waiting = asyncio.ensure_future(app.state.access_log.flush())
    await asyncio.sleep(0)
    waiting.cancel()

    rows = await recorded(app)

    assert [row.request_id for row in rows] == ["kept"]


async def test_damage_in_the_own_spool_is_set_aside_and_shipping_goes_on(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    damaged: Spool = app.state.access_log.spool
    async with app.state.access_log.lock:
        os.write(damaged.descriptor, b"\x00" * 64)
        damaged.size += 64
    await client.get("/nothing", headers={"X-Request-ID": "behind"})
    await app.state.access_log.flush()

    await client.get("/nothing", headers={"X-Request-ID": "after"})

    assert [row.request_id for row in await recorded(app)] == ["after"]
    assert damaged.path.with_suffix(".unreadable").exists()


async def test_a_client_that_goes_away_while_it_sends_is_a_499(app: FastAPI, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:create")
    messages = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"authorization", f"Bearer {person.access_token}".encode()), (b"content-type", b"application/json")]
    address = {"path": "/api/v1/tasks", "raw_path": b"/api/v1/tasks", "query_string": b"", "root_path": ""}
    scope = {
        "type": "http",
        "method": "POST",
        "scheme": "http",
        "headers": headers,
        "client": ("192.0.2.7", 1),
        **address,
    }
    await app(scope, receive, send)

    assert sent == []
    row = (await recorded(app))[-1]
    assert (row.status, row.path, row.error_code) == (499, "/api/v1/tasks", "response-cut-short")
