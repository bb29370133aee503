"""Every failure has one shape, and says nothing that is ours."""

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from app.core.http.guards import public
from app.core.http.router import Router
from app.main import create_app
from tests.conftest import SignedInAs, test_settings
from tests.people import person

FORM = "application/x-www-form-urlencoded"
KEYS = {"type", "title", "status", "detail", "instance", "code", "request_id"}


def assert_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert set(body) - {"errors"} == KEYS
    assert (body["status"], body["code"], body["type"]) == (status, code, f"/problems/{code}")
    assert body["request_id"] == answer.headers["x-request-id"]
    assert body["detail"].endswith(".")
    return body


async def test_an_unknown_path(client: httpx.AsyncClient) -> None:
    for path in ("/nothing", "http://attest.test/", "/tasks/"):
        answer = await client.request("DELETE" if path.startswith("http") else "GET", path)
        if path.startswith("http"):
            assert_problem(answer, 405, "method-not-allowed")
        else:
            assert_problem(answer, 404, "not-found")


async def test_a_wrong_method_names_every_right_one(client: httpx.AsyncClient) -> None:
    one = await client.put("/tasks/01890000-0000-7000-8000-000000000000")
    many = await client.delete("/tasks")

    assert_problem(one, 405, "method-not-allowed")
    assert one.headers["allow"] == "DELETE, GET, PATCH"
    assert many.headers["allow"] == "GET, POST"


async def test_validation_never_repeats_the_input(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("users:create")

    answer = await person.post("/users", {"username": "x", "email": "no", "password": {"s3cret-canary": 1}})

    body = assert_problem(answer, 422, "invalid-fields")
    assert {error["pointer"] for error in body["errors"]} == {"/body/username", "/body/email", "/body/password"}
    assert all(set(error) == {"pointer", "detail", "code"} for error in body["errors"])
    assert "s3cret-canary" not in answer.text


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"title": "a", "title": "b"}',
        b'{"title": NaN}',
        b'{"title": "a\\u0000b"}',
        b'{"title": "\\ud800"}',
        b'{"title": "\xff"}',
        b'{"title": ' + b"[" * 21 + b"]" * 21 + b"}",
        b"[" * 100_000,
        b"\xef\xbb\xbf{}",
    ],
)
async def test_lenient_json_is_refused(signed_in_as: SignedInAs, body: bytes) -> None:
    person = await signed_in_as("tasks:create")

    answer = await person.call("POST", "/tasks", content=body, headers={"Content-Type": "application/json"})

    assert_problem(answer, 400, "malformed-request")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", 1),
        ("title", None),
        ("title", ""),
        ("title", "x" * 201),
        ("title", "two\nlines"),
        ("status", "unknown"),
        ("due_date", 20_000),
        ("due_date", "tomorrow"),
        ("assignee_id", 7),
    ],
)
async def test_values_are_not_coerced(signed_in_as: SignedInAs, field: str, value: object) -> None:
    person = await signed_in_as("tasks:create", "tasks:update")
    item = (await person.post("/tasks", {"title": "fine"})).json()

    created = await person.post("/tasks", {"title": "fine", field: value})
    changed = await person.patch(f"/tasks/{item['id']}", {field: value})

    for answer in (created, changed):
        assert assert_problem(answer, 422, "invalid-fields")["errors"][0]["pointer"] == f"/body/{field}"


async def test_a_flag_is_not_a_number(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("roles:create")

    answer = await person.post("/roles", {"name": "r", "is_active": 0})

    assert_problem(answer, 422, "invalid-fields")


async def test_credentials_are_judged_before_the_body(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:read")

    nobody = await client.post("/tasks", content=b"{", headers={"Content-Type": "application/json"})
    powerless = await person.call("POST", "/tasks", content=b"{", headers={"Content-Type": "application/json"})

    assert_problem(nobody, 401, "unauthenticated")
    assert nobody.headers["www-authenticate"] == "Bearer"
    assert_problem(powerless, 403, "permission-denied")


async def test_only_json_is_read(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:create")

    for kind in ("text/plain", "application/xml", "multipart/form-data"):
        answer = await person.call("POST", "/tasks", content=b"<x/>", headers={"Content-Type": kind})
        assert_problem(answer, 415, "unsupported-media-type")
    missing = await person.post("/tasks")
    assert_problem(missing, 422, "invalid-fields")


async def test_oversized_bodies_declared_or_chunked(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:create")
    big = json.dumps({"title": "x" * 1_100_000}).encode()

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(big), 65_536):
            yield big[start : start + 65_536]

    declared = await person.call("POST", "/tasks", content=big, headers={"Content-Type": "application/json"})
    chunked = await person.call("POST", "/tasks", content=chunks(), headers={"Content-Type": "application/json"})

    assert_problem(declared, 413, "content-too-large")
    assert_problem(chunked, 413, "content-too-large")


async def test_an_address_that_is_too_long(client: httpx.AsyncClient) -> None:
    assert_problem(await client.get("/tasks", params={"q": "x" * 9000}), 414, "uri-too-long")


async def test_a_taken_value_names_the_field_not_the_constraint(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("users:create", "users:delete")
    body = {"username": "casey", "email": "Casey@example.com", "password": "a long and quiet river"}
    first = (await person.post("/users", body)).json()

    same_email = await person.post("/users", {**body, "username": "other", "email": "casey@EXAMPLE.com"})
    same_name = await person.post("/users", {**body, "username": "CASEY", "email": "other@example.com"})

    for answer, field in ((same_email, "email"), (same_name, "username")):
        problem = assert_problem(answer, 409, "already-exists")
        assert field in problem["detail"]
        assert "uq_" not in answer.text
    await person.delete(f"/users/{first['id']}")
    assert (await person.post("/users", body)).status_code == 201, "a hidden row's value may be used again"


async def test_a_reference_to_nothing_is_the_clients_error(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:create")

    answer = await person.post("/tasks", {"title": "x", "assignee_id": "01890000-0000-7000-8000-000000000000"})

    problem = assert_problem(answer, 422, "invalid-fields")
    assert problem["errors"][0]["code"] == "unknown-reference"
    assert "fk_" not in answer.text


async def test_a_crash_says_its_request_id_and_nothing_else(app: FastAPI, client: httpx.AsyncClient) -> None:
    router = Router(prefix="/crash")

    @router.get("", dependencies=[public()])
    async def crash() -> None:
        raise RuntimeError("postgresql://user:s3cret-canary@host")

    app.include_router(router, prefix="/api/v1")

    answer = await client.get("/crash", headers={"X-Request-ID": "crash-1"})

    body = assert_problem(answer, 500, "internal-error")
    assert body["request_id"] == "crash-1"
    assert "canary" not in answer.text
    assert "Traceback" not in answer.text


async def test_a_success_that_no_guard_decided_on_is_an_error(app: FastAPI, client: httpx.AsyncClient) -> None:
    router = APIRouter(prefix="/open")  # no route of ours: those have a guard, or the import fails

    @router.get("")
    async def unguarded() -> dict[str, str]:
        return {"secret": "canary"}

    app.include_router(router, prefix="/api/v1")

    answer = await client.get("/open")

    assert_problem(answer, 500, "internal-error")
    assert "canary" not in answer.text


async def test_a_slow_request_ends(app: FastAPI, tmp_path: Path, database_url: str) -> None:
    import asyncio  # noqa: PLC0415  # only here

    limits = app.state.settings.limits.model_copy(update={"request_seconds": 0.05})
    slow = create_app(test_settings(database_url, tmp_path, limits=limits))
    router = Router(prefix="/slow")

    @router.get("", dependencies=[public()])
    async def sleep() -> None:
        await asyncio.sleep(5)

    slow.include_router(router, prefix="/api/v1")
    async with slow.router.lifespan_context(slow):
        transport = httpx.ASGITransport(slow, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://attest.test") as caller:
            answer = await caller.get("/api/v1/slow")

    assert_problem(answer, 504, "request-timeout")
    assert answer.headers["retry-after"] == "1"


@pytest.mark.parametrize(
    "url", ["postgresql+asyncpg://nobody@127.0.0.1:9/none", "sqlite+aiosqlite:////nowhere/at/all.db"]
)
async def test_a_database_that_is_away(tmp_path: Path, url: str) -> None:
    app = create_app(test_settings(url, tmp_path))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://attest.test") as client:
            ready = await client.get("/readyz")
            sign_in = await client.post("/api/v1/auth/token", data={"username": "a", "password": "b"})
            alive = await client.get("/healthz")

    for answer in (ready, sign_in):
        assert_problem(answer, 503, "database-unavailable")
        assert answer.headers["retry-after"] == "1"
        assert "127.0.0.1" not in answer.text
    assert alive.json() == {"status": "ok"}


HOSTILE: list[tuple[str, str, int]] = [
    ("GET", "/tasks?q=a%00b", 400),
    ("GET", "/audit/access?request_id=%00", 400),
    ("GET", "/audit/changes/9223372036854775808", 422),
    ("GET", "/audit/changes/0", 422),
    ("GET", "/audit/access?status_gte=99999999999999999999", 422),
    ("GET", "/audit/access?status=99999999999", 422),
    ("GET", "/audit/access?at_gte=2026-01-01T00:00:00", 422),
    ("GET", "/audit/access?at_gte=0001-01-01T00:00:00%2B14:00", 422),
    ("GET", "/audit/access?total=true", 422),
    ("GET", "/audit/access?total=false", 200),
    ("GET", "/tasks?due_date_lt=9999-12-31", 200),
    ("GET", "/tasks?q=%FF%FE", 200),
    ("GET", "/tasks/not-a-uuid", 404),
    ("GET", "/tasks/bulk", 405),
    ("GET", "/tasks?limit=99999999999999999999999999999999", 422),
]


@pytest.mark.parametrize(("method", "path", "status"), HOSTILE)
async def test_hostile_addresses_never_crash(signed_in_as: SignedInAs, method: str, path: str, status: int) -> None:
    person = await signed_in_as("tasks:read", "audit:read")

    answer = await person.call(method, path)

    assert answer.status_code == status, answer.text


async def test_hostile_sign_ins_never_crash(client: httpx.AsyncClient) -> None:
    nul = await client.post("/auth/token", content=b"username=a%00b&password=x", headers={"Content-Type": FORM})
    json_body = await client.post("/auth/token", json={"username": "a", "password": "b"})
    deep = base64.urlsafe_b64encode(b"[" * 2400).decode()
    token = await client.get("/tasks", headers={"Authorization": f"Bearer {deep}.e30.e30"})

    assert_problem(nul, 422, "invalid-fields")
    assert_problem(json_body, 415, "unsupported-media-type")
    assert_problem(token, 401, "unauthenticated")


async def test_much_garbage_gets_a_small_answer(client: httpx.AsyncClient) -> None:
    garbage = {f"m{n}": n for n in range(50_000)}

    answer = await client.post("/auth/token/refresh", json=garbage)

    body = assert_problem(answer, 422, "invalid-fields")
    assert len(body["errors"]) == 20
    assert "50001 invalid fields" in body["detail"]


async def test_a_body_is_not_even_read_for_a_stranger(client: httpx.AsyncClient) -> None:
    class Unread:
        async def __aiter__(self) -> AsyncIterator[bytes]:
            read.append(True)
            yield b"{}"

    read: list[bool] = []
    answer = await client.post("/tasks", content=Unread(), headers={"Content-Type": "application/json"})

    assert_problem(answer, 401, "unauthenticated")
    assert read == []


async def test_who_you_are_is_nobody_elses_cache_entry(signed_in_as: SignedInAs) -> None:
    first, second = await signed_in_as(), await signed_in_as()

    answers = [await person.get("/auth/me", headers={"If-None-Match": '"1"'}) for person in (first, second)]

    assert [answer.json()["username"] for answer in answers] == [first.username, second.username]
    assert all("etag" not in answer.headers and answer.headers["vary"] == "Authorization" for answer in answers)


@pytest.fixture
async def strict(app: FastAPI, tmp_path: Path, database_url: str) -> AsyncIterator[FastAPI]:
    """An application that asks for If-Match, and gives a statement a tenth of a second."""
    options = app.state.settings
    limits = options.limits.model_copy(update={"require_if_match": True})
    database = options.database.model_copy(update={"statement_timeout_ms": 100})
    made = create_app(test_settings(database_url, tmp_path, limits=limits, database=database))
    async with made.router.lifespan_context(made):
        yield made


async def test_a_change_must_say_of_which_version_where_that_is_asked_for(strict: FastAPI) -> None:
    transport = httpx.ASGITransport(strict, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://attest.test/api/v1") as caller:
        someone = await person(strict, caller, ("tasks:create", "tasks:update"))
        path = f"/tasks/{(await someone.post('/tasks', {'title': 'x'})).json()['id']}"

        refused = await someone.patch(path, {"title": "y"})
        changed = await someone.patch(path, {"title": "y"}, headers={"If-Match": '"1"'})

    assert_problem(refused, 428, "precondition-required")
    assert changed.status_code == 200


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
async def test_a_statement_that_takes_too_long_is_a_504(strict: FastAPI) -> None:
    router = Router(prefix="/slow")

    @router.get("", dependencies=[public()])
    async def sleep() -> None:
        async with strict.state.database.readers.connect() as connection:
            await connection.exec_driver_sql("SELECT pg_sleep(5)")

    strict.include_router(router, prefix="/api/v1")
    transport = httpx.ASGITransport(strict, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://attest.test") as caller:
        answer = await caller.get("/api/v1/slow")

    assert_problem(answer, 504, "request-timeout")
    assert answer.headers["retry-after"] == "1"


async def test_headers_have_a_limit(client: httpx.AsyncClient) -> None:
    assert_problem(await client.get("/tasks", headers={"X-Long": "x" * 17_000}), 431, "headers-too-large")
