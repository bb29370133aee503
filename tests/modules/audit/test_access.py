"""The access log: one entry for every request, however it ends."""

from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.responses import StreamingResponse

from app.core.db.engine import Database
from app.core.http.guards import public
from app.core.http.router import Router
from tests.modules.audit.entries import access, access_entries
from tests.modules.audit.sealer.sealed import access_values, run_sql
from tests.people import SignedInAs


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


async def test_every_request_leaves_one_entry(app: FastAPI, signed_in_as: SignedInAs) -> None:
    """Regression: a handler that crashed left no access entry."""
    app.include_router(failing_routes(), prefix="/api/v1")
    person = await signed_in_as("tasks:create")
    before = len(await access_entries(app))
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
        ("GET", "http://attest.test/", {}, 200, None),
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

    rows = (await access_entries(app))[before:]
    assert [(row.request_id, row.status, row.error_code) for row in rows] == [
        (f"end-{number}", status, code) for number, (_, _, _, status, code) in enumerate(calls)
    ]
    assert rows[0].actor_id == person.id
    assert (rows[0].route, rows[3].route, rows[4].route) == ("/api/v1/tasks", "/api/v1/tasks/{id}", None)
    assert rows[0].decision == "tasks:create"
    assert rows[9].bytes_out == 30
    assert all(row.duration_us > 0 for row in rows)
    assert rows[2].actor_id == person.id, "the entry of a refusal names the caller"


async def test_queries_are_kept_by_allow_list(app: FastAPI, signed_in_as: SignedInAs) -> None:
    """Regression: tokens in query strings were kept in the access log."""
    person = await signed_in_as("tasks:read")

    await person.get("/tasks", params={"q": "paper", "token": "canary", "limit": 5})
    await person.get("/tasks", params={"q": "paper", "limit": 5, "cursor": "canary"})
    await person.get("/nothing", params={"password": "canary"})

    rows = (await access_entries(app))[-3:]
    assert [row.query for row in rows] == ["q=%5Bmasked%5D&limit=5", "q=%5Bmasked%5D&limit=5", None]
    assert "canary" not in str(rows)
    assert person.access_token not in str(rows)


async def test_a_path_and_an_agent_keep_nothing_personal(app: FastAPI, signed_in_as: SignedInAs) -> None:
    """Regression: e-mail addresses, tokens and control characters in paths were kept as they came."""
    person = await signed_in_as("tasks:read", "audit:read")
    agent = f"curl/8 ines@example.com Bearer {person.access_token}"
    paths = {
        "/customers/ines%40example.com": "/customers/[masked]",
        "/customers/ines%2540example.com": "/customers/[masked]",
        f"/tasks/{person.access_token}": "/tasks/[masked]",
        f"/auth/token/{person.refresh_token}": "/auth/token/[masked]",
        "/customers/%2B4930901820": "/customers/[masked]",
        "/tasks/a%0D%0A%1B%5B2J%E2%80%AEb": "/tasks/a%0D%0A%1B[2J%E2%80%AEb",
        f"/tasks/{person.id}": f"/tasks/{person.id}",
        f"/tasks/{person.id.hex}": f"/tasks/{person.id.hex}",
        "/audit/changes/123456789": "/audit/changes/123456789",
    }

    for path in paths:
        await person.get(path, headers={"User-Agent": agent})
    await person.get("/audit/access", params={"path": "/api/v1/customers/ines@example.com", "method": "b@example.com"})

    rows = (await access_entries(app))[-len(paths) - 1 :]
    assert [row.path for row in rows[:-1]] == [f"/api/v1{kept}" for kept in paths.values()]
    assert {row.user_agent for row in rows[:-1]} == {"curl/8 [masked] [masked]"}
    assert rows[-1].query == "path=%2Fapi%2Fv1%2Fcustomers%2F%5Bmasked%5D&method=%5Bmasked%5D"


async def test_hostile_text_is_storable(app: FastAPI, client: httpx.AsyncClient) -> None:
    await client.get("/%00%ff", headers={"User-Agent": "x" * 1000, "X-Request-ID": "bad id"})

    row = (await access_entries(app))[-1]

    assert row.path == "/api/v1/%00\ufffd"
    assert len(row.user_agent) == 400
    assert len(row.request_id) == 36


async def test_an_auditor_reads_what_was_answered_before(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    auditor = await signed_in_as("audit:read")
    for n in range(20):
        await client.get("/nothing", headers={"X-Request-ID": f"n-{n}"})

    found = (await auditor.get("/audit/access", params={"status": 404, "limit": 100})).json()["items"]

    assert [row["request_id"] for row in found] == [f"n-{n}" for n in reversed(range(20))]


async def test_filters_of_the_audit_log(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
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
    for spelling in (task["id"].upper(), task["id"].replace("-", "")):  # regression: it found nothing
        assert await changes(entity="task", entity_id=spelling) == ["update", "create"]
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


async def test_the_letters_of_a_path_are_small_or_large(signed_in_as: SignedInAs) -> None:
    """Regression: on SQLite a path was found by large letters in place of small ones."""
    auditor = await signed_in_as("audit:read")
    paths = ["/api/v1/tasks", "/api/v1/TASKS"]
    for path in paths:
        await auditor.get(f"http://attest.test{path}")

    for path in paths:
        answer = await auditor.get("/audit/access", params={"path": path[:-1]})

        assert [row["path"] for row in answer.json()["items"]] == [path]


@pytest.mark.parametrize("code", ["aborted", "response-cut-short"])
async def test_responses_that_failed_on_the_way_are_found_by_their_code(
    database: Database, signed_in_as: SignedInAs, code: str
) -> None:
    """Regression: only those were found whose status is that of a failure."""
    auditor = await signed_in_as("audit:read")
    rows = [{**access_values(), "status": status, "error_code": code} for status in (200, 499)]
    await run_sql(database, access.insert().values(rows))

    answer = await auditor.get("/audit/access", params={"error_code": code, "sort": "id"})

    assert [row["status"] for row in answer.json()["items"]] == [200, 499]
    assert "audit-window" in answer.headers, "no index has the codes of successes"


async def test_requests_are_found_by_their_decision_and_session(
    client: httpx.AsyncClient, signed_in_as: SignedInAs
) -> None:
    auditor, worker = await signed_in_as("audit:read"), await signed_in_as("tasks:read")
    await worker.get("/tasks")
    await worker.get("/products")
    await client.get("/products")
    (session,) = (await auditor.get("/sessions", params={"user_id": str(worker.id)})).json()["items"]

    async def paths(**params: Any) -> list[tuple[str, int]]:
        answer = await auditor.get("/audit/access", params=params)
        assert answer.status_code == 200, answer.text
        return [(row["path"].removeprefix("/api/v1"), row["status"]) for row in answer.json()["items"]]

    assert await paths(session_id=session["id"]) == [("/products", 403), ("/tasks", 200)]
    assert await paths(session_id=session["id"], decision_null="true") == [("/products", 403)]
    assert await paths(session_id=session["id"], decision_null="false") == [("/tasks", 200)]
    assert await paths(decision="tasks:read") == [("/tasks", 200)]
    assert await paths(decision_null="true") == [("/products", 401), ("/products", 403)]
    assert await paths(session_id=str(worker.id)) == []
    long_ago = {"at_gte": "2020-01-01T00:00:00Z", "at_lt": "2030-01-01T00:00:00Z"}
    refused = await auditor.get("/audit/access", params={"decision_null": "false", **long_ago})
    assert refused.json()["code"] == "range-required"


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
    row = (await access_entries(app))[-1]
    assert (row.status, row.path, row.error_code) == (499, "/api/v1/tasks", "response-cut-short")
